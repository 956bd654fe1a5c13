// faultfs - a filesystem that shows a directory and fails on demand, by libfuse.
//
//     faultfs BACKING MOUNTPOINT [OPTION...]
//
// It runs in the foreground, single operations side by side, and ends when it is unmounted. It can
// be mounted as root alone. Without options all goes through to BACKING, data by the page cache.
//
//     direct_io          files are opened with FOPEN_DIRECT_IO: no page cache, no mmap(MAP_SHARED)
//     nonseekable        files are opened with FOPEN_NONSEEKABLE: pread(2) gives ESPIPE
//     size=N             stat says that every regular file has N bytes
//     size_add=N         stat says N more (or with a minus sign fewer) bytes than there are
//     short_read=N       a read gives at most N bytes: the kernel hands that on with direct_io only
//     short_write=N      a write takes at most N bytes (the same)
//     sequential         writes go to where the last one ended, from 0; else ESPIPE. A file is
//                        emptied by open(O_TRUNC) alone, and not extended: truncate is EOPNOTSUPP
//     ordered_writes     the same of writes alone: a file may be truncated
//     truncating_opens[=ERRNO]
//                        a file is opened for writing with O_TRUNC or when it is created; else
//                        ERRNO, or EPERM
//     write_once         the same, and nothing that is there is opened for writing: EPERM
//     listed_as=KIND[:PART]
//                        a listing says that names which contain PART are of that kind: file,
//                        directory, link, fifo, socket, device
//     shown_as=KIND[:PART]
//                        stat says so of paths that contain PART, as which the kernel opens them
//     list_by_number     a position in a listing is the number of names before it: it is another
//                        when one of these goes
//     no_rename_flags    renameat2(2) with any flag is EINVAL
//     no_link            link(2) is EPERM
//     no_symlink, no_chmod, no_chown, no_utimens, no_xattr     the same of those (no_xattr:
//                        EOPNOTSUPP)
//     fold_case          "NAME" and "name" are one name; the first spelling stays
//     inode_by_name      a name's inode number is made of its path: two names of one file differ
//     inode_by_node      it is made anew whenever the kernel has forgotten the name
//     seconds=N          times are stored in steps of N seconds
//     fail=OP:ERRNO[:N]  OP fails, from its N-th call on (default 1): "fail=fsync:EIO:2". OP is a
//                        name of fuse_operations (open, read, write, fsync, fsyncdir, release,
//                        flush, copy_file_range, mkdir, ...). ERRNO is a name or a number
//     once=OP:ERRNO[:N]  only the N-th call of OP fails
//     told_by=FILE       what fails is told while it is mounted: FILE's content is "OP:ERRNO[:N]"
//     or
//                        "once=OP:ERRNO[:N]", or nothing, then a space and what makes it another
//                        than before. FILE.asked has "CALLS FAILED", of OP since it became so
//     hang=OP[:PART]     OP does not answer, of paths that contain PART, until BACKING/.go_on is
//                        there. A stuck caller can only be killed
//     slow=OP:MS         OP takes MS milliseconds longer
//     log=FILE           a line "OP PATH" is added to FILE for each operation
#define FUSE_USE_VERSION 31

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <functional>
#include <fuse3/fuse.h>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

namespace {

struct Fault {
    int error = 0;
    uint64_t from = 1;
    bool once = false;
    std::atomic<uint64_t> calls = 0;
};

// Of names that contain a part, it is said that they are of this kind.
struct Lie {
    mode_t kind = 0;
    std::string part;

    mode_t about(std::string_view name, mode_t mode) const {
        const bool lies = kind != 0 && name.find(part) != std::string_view::npos;
        return lies ? (mode & ~static_cast<mode_t>(S_IFMT)) | kind : mode;
    }
};

struct Settings {
    int backing = -1;
    bool direct_io = false, nonseekable = false, sequential = false, ordered_writes = false,
         fold_case = false;
    bool inode_by_name = false, inode_by_node = false;
    bool list_by_number = false;
    bool no_rename_flags = false;
    bool write_once = false;
    Lie listed_as, shown_as;
    int truncating_opens = 0; // what other opens for writing get, if anything
    bool has_size = false;
    int64_t size = 0;
    int64_t size_add = 0;
    size_t short_read = SIZE_MAX;
    size_t short_write = SIZE_MAX;
    time_t seconds = 0;
    std::map<std::string, Fault, std::less<>> faults;
    std::map<std::string, std::string, std::less<>> hangs;
    std::map<std::string, unsigned, std::less<>> slow;
    int log = -1;
};
Settings settings;

// By `told_by`.
class Told {
public:
    void open_files(const std::string& path);
    int enter(std::string_view name);

private:
    void look();
    void understand(std::string_view fault);

    std::mutex mutex_;
    int file_ = -1, asked_ = -1;
    std::string text_;
    std::string operation_;
    int error_ = 0;
    uint64_t from_ = 1;
    bool once_ = false;
    uint64_t calls_ = 0, failed_ = 0;
};
Told told;

// Where the next write of an open file is to go, for `sequential`.
struct OpenFile {
    int fd;
    std::mutex mutex;
    off_t written = 0;
};

OpenFile& opened(const fuse_file_info* info) {
    return *reinterpret_cast<OpenFile*>(info->fh);
}

// Below BACKING, whose root is ".".
std::string folded(std::string_view path) {
    std::string below = path == "/" ? "." : std::string(path.substr(1));
    if (!settings.fold_case || path == "/")
        return below;
    std::string real = ".";
    for (size_t at = 0; at < below.size();) {
        const size_t end = std::min(below.find('/', at), below.size());
        const std::string part = below.substr(at, end - at);
        at = end + 1;
        const int fd = openat(settings.backing, real.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        std::string found = part;
        if (DIR* directory = fd < 0 ? nullptr : fdopendir(fd)) {
            while (const dirent* entry = readdir(directory))
                if (strcasecmp(entry->d_name, part.c_str()) == 0)
                    found = entry->d_name;
            closedir(directory);
        }
        real += "/" + found;
    }
    return real;
}

// What every operation does first: it is noted, and may wait or fail. 0 or a negative errno.
int enter(const char* operation, const char* path) {
    if (settings.log >= 0)
        dprintf(settings.log, "%s %s\n", operation, path ? path : "");
    if (const auto wait = settings.slow.find(operation); wait != settings.slow.end())
        usleep(wait->second * 1000);
    if (const auto hang = settings.hangs.find(operation); hang != settings.hangs.end())
        if (path && strstr(path, hang->second.c_str()))
            while (faccessat(settings.backing, ".go_on", F_OK, 0) != 0)
                usleep(10'000);
    const auto fault = settings.faults.find(operation);
    if (fault == settings.faults.end())
        return told.enter(operation);
    const uint64_t call = ++fault->second.calls;
    const bool fails = fault->second.once ? call == fault->second.from : call >= fault->second.from;
    return fails ? -fault->second.error : 0;
}

int negative_errno(int64_t result) {
    return result < 0 ? -errno : static_cast<int>(result);
}

// A call on a path, after `enter`. A file that is open and has no name any more has no path.
template <class Call>
int on(const char* operation, const char* path, Call call) {
    if (const int error = enter(operation, path); error < 0)
        return error;
    return negative_errno(call(path ? folded(path).c_str() : ""));
}

// The same by an open file, if there is one, and there alone where it has no name.
template <class ByFile, class ByPath>
int on_file(const char* operation, const char* path, const fuse_file_info* info, ByFile by_file,
            ByPath by_path) {
    return on(operation, path, [&](const char* real) {
        if (info)
            return by_file(opened(info).fd);
        if (path)
            return by_path(real);
        errno = ENOENT;
        return -1;
    });
}

std::string proc_path(const char* path) {
    return "/proc/self/fd/" + std::to_string(settings.backing) + "/" + folded(path);
}

void lie(const char* path, struct stat* out) {
    if (path)
        out->st_mode = settings.shown_as.about(path, out->st_mode);
    if (S_ISREG(out->st_mode)) {
        if (settings.has_size)
            out->st_size = settings.size;
        out->st_size = std::max<off_t>(0, out->st_size + settings.size_add);
    }
    if (settings.inode_by_name && path)
        out->st_ino = std::hash<std::string_view>()(path) | 1;
}

int do_getattr(const char* path, struct stat* out, fuse_file_info* info) {
    const int result = on_file(
        "getattr", path, info, [&](int fd) { return fstat(fd, out); },
        [&](const char* real) {
            return fstatat(settings.backing, real, out, AT_SYMLINK_NOFOLLOW);
        });
    if (result == 0)
        lie(path, out);
    return result;
}

int do_readlink(const char* path, char* text, size_t size) {
    const int result = on("readlink", path, [&](const char* real) {
        return readlinkat(settings.backing, real, text, size - 1);
    });
    if (result < 0)
        return result;
    text[result] = '\0';
    return 0;
}

// What is made belongs to whoever asked for it.
int give_to_caller(const char* path) {
    const fuse_context* caller = fuse_get_context();
    return negative_errno(fchownat(settings.backing, folded(path).c_str(), caller->uid, caller->gid,
                                   AT_SYMLINK_NOFOLLOW));
}

int do_mknod(const char* path, mode_t mode, dev_t device) {
    const int result = on("mknod", path, [&](const char* real) {
        return mknodat(settings.backing, real, mode, device);
    });
    return result < 0 ? result : give_to_caller(path);
}

int do_mkdir(const char* path, mode_t mode) {
    const int result =
        on("mkdir", path, [&](const char* real) { return mkdirat(settings.backing, real, mode); });
    return result < 0 ? result : give_to_caller(path);
}

int do_unlink(const char* path) {
    return on("unlink", path,
              [&](const char* real) { return unlinkat(settings.backing, real, 0); });
}

int do_rmdir(const char* path) {
    return on("rmdir", path,
              [&](const char* real) { return unlinkat(settings.backing, real, AT_REMOVEDIR); });
}

int do_symlink(const char* text, const char* path) {
    const int result = on(
        "symlink", path, [&](const char* real) { return symlinkat(text, settings.backing, real); });
    return result < 0 ? result : give_to_caller(path);
}

int do_rename(const char* from, const char* to, unsigned flags) {
    if (flags != 0 && settings.no_rename_flags)
        return -EINVAL;
    return on("rename", from, [&](const char* real) {
        return renameat2(settings.backing, real, settings.backing, folded(to).c_str(), flags);
    });
}

int do_link(const char* from, const char* to) {
    return on("link", from, [&](const char* real) {
        return linkat(settings.backing, real, settings.backing, folded(to).c_str(), 0);
    });
}

int do_chmod(const char* path, mode_t mode, fuse_file_info* info) {
    return on_file(
        "chmod", path, info, [&](int fd) { return fchmod(fd, mode); },
        [&](const char* real) {
            return fchmodat(settings.backing, real, mode, AT_SYMLINK_NOFOLLOW);
        });
}

int do_chown(const char* path, uid_t uid, gid_t gid, fuse_file_info* info) {
    return on_file(
        "chown", path, info, [&](int fd) { return fchown(fd, uid, gid); },
        [&](const char* real) {
            return fchownat(settings.backing, real, uid, gid, AT_SYMLINK_NOFOLLOW);
        });
}

// What was said to be a file may be a link, or a FIFO that nobody writes to.
constexpr int never_elsewhere = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

int do_truncate(const char* path, off_t size, fuse_file_info* info) {
    if (settings.sequential)
        return -EOPNOTSUPP;
    return on_file(
        "truncate", path, info, [&](int fd) { return ftruncate(fd, size); },
        [&](const char* real) {
            const int fd = openat(settings.backing, real, O_WRONLY | never_elsewhere);
            const int result = fd < 0 ? -1 : ftruncate(fd, size);
            if (fd >= 0)
                close(fd);
            return result;
        });
}

int open_backing(const char* operation, const char* path, mode_t mode, fuse_file_info* info) {
    // The page cache reads what it will write parts of; what is appended it has placed already.
    int flags = info->flags & ~(O_DIRECT | O_APPEND);
    if ((flags & O_ACCMODE) == O_WRONLY)
        flags = (flags & ~O_ACCMODE) | O_RDWR;
    const int fd = on(operation, path, [&](const char* real) {
        return openat(settings.backing, real, flags | never_elsewhere, mode);
    });
    if (fd < 0)
        return fd;
    info->fh = reinterpret_cast<uint64_t>(new OpenFile{fd, {}, 0});
    info->direct_io = settings.direct_io;
    info->nonseekable = settings.nonseekable;
    return 0;
}

int do_open(const char* path, fuse_file_info* info) {
    const bool writes = (info->flags & O_ACCMODE) != O_RDONLY;
    if (settings.truncating_opens != 0 && writes && (info->flags & O_TRUNC) == 0)
        return -settings.truncating_opens;
    if (settings.write_once && writes)
        return -EPERM;
    return open_backing("open", path, 0, info);
}

int do_create(const char* path, mode_t mode, fuse_file_info* info) {
    const int result = open_backing("create", path, mode, info);
    return result < 0 ? result : give_to_caller(path);
}

int do_read(const char* path, char* data, size_t size, off_t offset, fuse_file_info* info) {
    return on("read", path, [&](const char*) {
        return pread(opened(info).fd, data, std::min(size, settings.short_read), offset);
    });
}

int do_write(const char* path, const char* data, size_t size, off_t offset, fuse_file_info* info) {
    OpenFile& file = opened(info);
    std::lock_guard lock(file.mutex);
    const bool ordered = settings.sequential || settings.ordered_writes;
    if (ordered && offset != file.written)
        return -ESPIPE;
    const int put = on("write", path, [&](const char*) {
        return pwrite(file.fd, data, std::min(size, settings.short_write), offset);
    });
    if (put > 0)
        file.written = offset + put;
    return put;
}

int do_statfs(const char* path, struct statvfs* out) {
    return on("statfs", path, [&](const char*) { return fstatvfs(settings.backing, out); });
}

int do_flush(const char* path, fuse_file_info*) {
    return on("flush", path, [](const char*) { return 0; });
}

int do_release(const char* path, fuse_file_info* info) {
    const int result = on("release", path, [](const char*) { return 0; });
    close(opened(info).fd);
    delete &opened(info);
    return result;
}

int do_fsync(const char* path, int datasync, fuse_file_info* info) {
    return on("fsync", path, [&](const char*) {
        return datasync ? fdatasync(opened(info).fd) : fsync(opened(info).fd);
    });
}

int do_opendir(const char* path, fuse_file_info*) {
    return on("opendir", path, [](const char*) { return 0; });
}

int do_fsyncdir(const char* path, int, fuse_file_info*) {
    return on("fsyncdir", path, [](const char*) { return 0; });
}

int do_setxattr(const char* path, const char* name, const char* value, size_t size, int flags) {
    return on("setxattr", path, [&](const char*) {
        return lsetxattr(proc_path(path).c_str(), name, value, size, flags);
    });
}

int do_getxattr(const char* path, const char* name, char* value, size_t size) {
    return on("getxattr", path,
              [&](const char*) { return lgetxattr(proc_path(path).c_str(), name, value, size); });
}

int do_listxattr(const char* path, char* names, size_t size) {
    return on("listxattr", path,
              [&](const char*) { return llistxattr(proc_path(path).c_str(), names, size); });
}

int do_removexattr(const char* path, const char* name) {
    return on("removexattr", path,
              [&](const char*) { return lremovexattr(proc_path(path).c_str(), name); });
}

int do_readdir(const char* path, void* buffer, fuse_fill_dir_t fill, off_t begin, fuse_file_info*,
               fuse_readdir_flags) {
    const int fd = on("readdir", path, [](const char* real) {
        return openat(settings.backing, real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    });
    if (fd < 0)
        return fd;
    DIR* directory = fdopendir(fd);
    off_t number = 0;
    while (const dirent* entry = readdir(directory)) {
        if (settings.list_by_number && ++number <= begin)
            continue;
        struct stat facts = {};
        facts.st_ino = entry->d_ino;
        facts.st_mode =
            settings.listed_as.about(entry->d_name, static_cast<mode_t>(DTTOIF(entry->d_type)));
        if (fill(buffer, entry->d_name, &facts, number, static_cast<fuse_fill_dir_flags>(0)) != 0)
            break;
    }
    closedir(directory);
    return 0;
}

int do_utimens(const char* path, const timespec times[2], fuse_file_info* info) {
    timespec stored[2] = {times[0], times[1]};
    for (timespec& time : stored)
        if (settings.seconds > 0 && time.tv_nsec < 1'000'000'000)
            time = {time.tv_sec - time.tv_sec % settings.seconds, 0};
    return on_file(
        "utimens", path, info, [&](int fd) { return futimens(fd, stored); },
        [&](const char* real) {
            return utimensat(settings.backing, real, stored, AT_SYMLINK_NOFOLLOW);
        });
}

int do_fallocate(const char* path, int mode, off_t offset, off_t length, fuse_file_info* info) {
    if (settings.sequential)
        return -EOPNOTSUPP;
    return on("fallocate", path,
              [&](const char*) { return fallocate(opened(info).fd, mode, offset, length); });
}

ssize_t do_copy_file_range(const char* path, fuse_file_info* from_info, off_t from, const char*,
                           fuse_file_info* to_info, off_t to, size_t size, int flags) {
    return on("copy_file_range", path, [&](const char*) {
        return copy_file_range(opened(from_info).fd, &from, opened(to_info).fd, &to, size,
                               static_cast<unsigned>(flags));
    });
}

off_t do_lseek(const char* path, off_t offset, int whence, fuse_file_info* info) {
    if (const int error = enter("lseek", path); error < 0)
        return error;
    const off_t result = lseek(opened(info).fd, offset, whence);
    return result < 0 ? -errno : result;
}

void* do_init(fuse_conn_info*, fuse_config* config) {
    config->use_ino = !settings.inode_by_node;
    config->nullpath_ok = 0;
    config->hard_remove = 1;
    // What a path looked like a moment ago is asked again: tests change what is behind it.
    config->entry_timeout = config->attr_timeout = config->negative_timeout = 0;
    return nullptr;
}

// ---- options ----

[[noreturn]] void refuse(std::string_view option) {
    fprintf(stderr, "faultfs: what is \"%.*s\"?\n", static_cast<int>(option.size()), option.data());
    exit(2);
}

template <class Number>
Number number(std::string_view option, std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        refuse(option);
    return value;
}

int errno_of(std::string_view option, std::string_view text) {
    if (!text.empty() && text[0] >= '0' && text[0] <= '9')
        return number<int>(option, text);
    for (int value = 1; value < 134; ++value) {
        const char* name = strerrorname_np(value);
        if (name && text == name)
            return value;
    }
    if (text == "ENOTSUP")
        return EOPNOTSUPP;
    refuse(option);
}

std::vector<std::string_view> split(std::string_view text, char by) {
    std::vector<std::string_view> parts;
    for (;;) {
        const size_t end = text.find(by);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos)
            return parts;
        text.remove_prefix(end + 1);
    }
}

void add_fault(std::string_view operation, int error, uint64_t from, bool once) {
    Fault& fault = settings.faults[std::string(operation)];
    fault.error = error;
    fault.from = from;
    fault.once = once;
}

void understand_fault(std::string_view option, std::string_view value, bool once) {
    const std::vector<std::string_view> parts = split(value, ':');
    if (parts.size() < 2 || parts.size() > 3)
        refuse(option);
    const uint64_t from = parts.size() == 3 ? number<uint64_t>(option, parts[2]) : 1;
    add_fault(parts[0], errno_of(option, parts[1]), from, once);
}

void Told::open_files(const std::string& path) {
    file_ = open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0666);
    asked_ = open((path + ".asked").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
}

int Told::enter(std::string_view name) {
    if (file_ < 0)
        return 0;
    const std::lock_guard lock(mutex_);
    look();
    if (name != operation_)
        return 0;
    ++calls_;
    const bool fails = once_ ? calls_ == from_ : calls_ >= from_;
    failed_ += fails;
    const std::string counts = std::to_string(calls_) + " " + std::to_string(failed_) + "\n";
    static_cast<void>(pwrite(asked_, counts.data(), counts.size(), 0) < 0);
    return fails ? -error_ : 0;
}

void Told::look() {
    char text[128];
    const ssize_t size = pread(file_, text, sizeof text, 0);
    const std::string_view now(text, size < 0 ? 0 : static_cast<size_t>(size));
    if (now == text_)
        return;
    text_ = now;
    understand(now.substr(0, now.find(' ')));
}

void Told::understand(std::string_view fault) {
    operation_.clear();
    calls_ = failed_ = 0;
    if (fault.empty())
        return;
    once_ = fault.starts_with("once=");
    const std::vector<std::string_view> parts = split(fault.substr(once_ ? 5 : 0), ':');
    if (parts.size() < 2 || parts.size() > 3)
        refuse(fault);
    operation_ = parts[0];
    error_ = errno_of(fault, parts[1]);
    from_ = parts.size() == 3 ? number<uint64_t>(fault, parts[2]) : 1;
}

bool understand_word(std::string_view option) {
    const std::map<std::string_view, bool*> switches = {
        {"direct_io", &settings.direct_io},
        {"nonseekable", &settings.nonseekable},
        {"sequential", &settings.sequential},
        {"ordered_writes", &settings.ordered_writes},
        {"fold_case", &settings.fold_case},
        {"inode_by_name", &settings.inode_by_name},
        {"inode_by_node", &settings.inode_by_node},
        {"list_by_number", &settings.list_by_number},
        {"no_rename_flags", &settings.no_rename_flags},
        {"write_once", &settings.write_once},
    };
    if (const auto found = switches.find(option); found != switches.end()) {
        *found->second = true;
        settings.sequential |= settings.write_once;
        return true;
    }
    for (const char* operation : {"link", "symlink", "chmod", "chown", "utimens"}) {
        if (option == std::string("no_") + operation) {
            add_fault(operation, EPERM, 1, false);
            return true;
        }
    }
    if (option == "truncating_opens") {
        settings.truncating_opens = EPERM;
        return true;
    }
    if (option != "no_xattr")
        return false;
    for (const char* operation : {"setxattr", "getxattr", "listxattr", "removexattr"})
        add_fault(operation, EOPNOTSUPP, 1, false);
    return true;
}

Lie lie_of(std::string_view option, const std::vector<std::string_view>& parts) {
    static const std::map<std::string_view, mode_t> kinds = {
        {"file", S_IFREG}, {"directory", S_IFDIR}, {"link", S_IFLNK},
        {"fifo", S_IFIFO}, {"socket", S_IFSOCK},   {"device", S_IFCHR},
    };
    const auto found = kinds.find(parts[0]);
    if (found == kinds.end() || parts.size() > 2)
        refuse(option);
    return {found->second, parts.size() > 1 ? std::string(parts[1]) : ""};
}

void understand(std::string_view option) {
    if (understand_word(option))
        return;
    const size_t equals = option.find('=');
    if (equals == std::string_view::npos)
        refuse(option);
    const std::string_view name = option.substr(0, equals);
    const std::string_view value = option.substr(equals + 1);
    const std::vector<std::string_view> parts = split(value, ':');
    if (name == "size") {
        settings.size = number<int64_t>(option, value);
        settings.has_size = true;
    } else if (name == "truncating_opens") {
        settings.truncating_opens = errno_of(option, value);
    } else if (name == "size_add") {
        settings.size_add = number<int64_t>(option, value);
    } else if (name == "short_read") {
        settings.short_read = number<size_t>(option, value);
    } else if (name == "short_write") {
        settings.short_write = number<size_t>(option, value);
    } else if (name == "told_by") {
        told.open_files(std::string(value));
    } else if (name == "listed_as") {
        settings.listed_as = lie_of(option, parts);
    } else if (name == "shown_as") {
        settings.shown_as = lie_of(option, parts);
    } else if (name == "seconds") {
        settings.seconds = number<time_t>(option, value);
    } else if (name == "fail" || name == "once") {
        understand_fault(option, value, name == "once");
    } else if (name == "hang") {
        settings.hangs[std::string(parts[0])] = parts.size() > 1 ? parts[1] : "";
    } else if (name == "slow" && parts.size() == 2) {
        settings.slow[std::string(parts[0])] = number<unsigned>(option, parts[1]);
    } else if (name == "log") {
        settings.log =
            open(std::string(value).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (settings.log < 0)
            refuse(option);
    } else {
        refuse(option);
    }
}

fuse_operations operations() {
    fuse_operations all = {};
    all.getattr = do_getattr;
    all.readlink = do_readlink;
    all.mknod = do_mknod;
    all.mkdir = do_mkdir;
    all.unlink = do_unlink;
    all.rmdir = do_rmdir;
    all.symlink = do_symlink;
    all.rename = do_rename;
    all.link = do_link;
    all.chmod = do_chmod;
    all.chown = do_chown;
    all.truncate = do_truncate;
    all.open = do_open;
    all.read = do_read;
    all.write = do_write;
    all.statfs = do_statfs;
    all.flush = do_flush;
    all.release = do_release;
    all.fsync = do_fsync;
    all.setxattr = do_setxattr;
    all.getxattr = do_getxattr;
    all.listxattr = do_listxattr;
    all.removexattr = do_removexattr;
    all.opendir = do_opendir;
    all.readdir = do_readdir;
    all.fsyncdir = do_fsyncdir;
    all.init = do_init;
    all.create = do_create;
    all.utimens = do_utimens;
    all.fallocate = do_fallocate;
    all.copy_file_range = do_copy_file_range;
    all.lseek = do_lseek;
    return all;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: faultfs BACKING MOUNTPOINT [OPTION...]\n");
        return 2;
    }
    settings.backing = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (settings.backing < 0) {
        perror(argv[1]);
        return 1;
    }
    for (int i = 3; i < argc; ++i)
        understand(argv[i]);
    umask(0);
    std::string words[] = {argv[0], "-f", "-o",
                           "allow_other,default_permissions,dev,suid,fsname=faultfs", argv[2]};
    std::vector<char*> arguments;
    for (std::string& word : words)
        arguments.push_back(word.data());
    const fuse_operations all = operations();
    return fuse_main(static_cast<int>(arguments.size()), arguments.data(), &all, nullptr);
}
