#include "system/tree.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "system/command.h"
#include "system/content.h"

namespace live {

namespace {

namespace fs = std::filesystem;

void must(int result, const std::string& path) {
    if (result < 0)
        throw std::system_error(errno, std::generic_category(), path);
}

const char* kind_name(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "file";
    case S_IFDIR:
        return "directory";
    case S_IFLNK:
        return "link";
    case S_IFIFO:
        return "fifo";
    case S_IFSOCK:
        return "socket";
    case S_IFCHR:
        return "character device";
    default:
        return "block device";
    }
}

std::string kind_and_content(const std::string& path, const struct stat& facts) {
    std::string text = kind_name(facts.st_mode);
    if (S_ISREG(facts.st_mode))
        text += " " + read_file(path);
    if (S_ISLNK(facts.st_mode))
        text += " " + fs::read_symlink(path).string();
    if (S_ISCHR(facts.st_mode) || S_ISBLK(facts.st_mode))
        text += " " + std::to_string(facts.st_rdev);
    return text;
}

template <class Describe>
std::map<std::string, std::string> walk(const std::string& top, Describe describe_entry) {
    std::map<std::string, std::string> all;
    const auto add = [&](const std::string& path) {
        struct stat facts;
        must(lstat(path.c_str(), &facts), path);
        all[path.substr(top.size())] = describe_entry(path, facts);
        return S_ISDIR(facts.st_mode);
    };
    if (add(top))
        for (const auto& entry : fs::recursive_directory_iterator(top))
            add(entry.path().string());
    return all;
}

} // namespace

// ---- copying ----

Options recursive(uint32_t more_flags) {
    return Options().with_flags(ARSYNC_COPY_RECURSIVE | more_flags);
}

Options archive(uint32_t more_flags) {
    return recursive(more_flags).with_preserve(preserve_all);
}

std::vector<uint32_t> backends() {
    std::vector<uint32_t> all{ARSYNC_BACKEND_THREADS};
    if (has_io_uring())
        all.push_back(ARSYNC_BACKEND_URING);
    return all;
}

const Entry* TreeCopy::find(const std::string& path) const {
    const auto found = std::find_if(entries.begin(), entries.end(),
                                    [&](const Entry& entry) { return entry.path == path; });
    return found == entries.end() ? nullptr : &*found;
}

uint32_t TreeCopy::action_of(const std::string& path) const {
    const Entry* entry = find(path);
    return entry ? entry->action : 0;
}

std::set<std::pair<std::string, uint32_t>> TreeCopy::actions() const {
    std::set<std::pair<std::string, uint32_t>> all;
    for (const Entry& entry : entries)
        all.insert({entry.path, entry.action});
    return all;
}

std::vector<std::string> TreeCopy::errors() const {
    std::vector<std::string> all;
    for (const Entry& entry : entries)
        if (entry.result < 0)
            all.push_back(entry.path + ": " + arsync_stage_name(entry.stage) + ": " +
                          arsync_strerror(entry.result));
    std::sort(all.begin(), all.end());
    return all;
}

std::vector<Entry> TreeCopy::sorted() const {
    std::vector<Entry> all = entries;
    std::sort(all.begin(), all.end());
    return all;
}

TreeCopy take_all(Pool& pool) {
    TreeCopy copy;
    for (;;) {
        copy.job = pool.wait();
        if (copy.job.kind != ARSYNC_COMPLETION_ENTRY)
            break;
        const arsync_details* details = copy.job.details;
        copy.entries.push_back({copy.job.path, copy.job.result, copy.job.stage, copy.job.action,
                                copy.job.flags, copy.job.bytes,
                                details && details->backup ? details->backup : ""});
    }
    copy.has_totals = copy.job.details != nullptr && copy.job.details->totals != nullptr;
    if (copy.has_totals)
        copy.totals = *copy.job.details->totals;
    copy.job.details = nullptr;
    arsync_completion stray;
    while (copy.job.result != -ETIMEDOUT && arsync_poll(pool.get(), &stray, 1, 0) > 0)
        ++copy.strays;
    return copy;
}

TreeCopy copy_tree(Pool& pool, const std::string& from, const std::string& to,
                   const Options& options) {
    arsync_job job = 0;
    const int error = arsync_submit_copy(pool.get(), AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(),
                                         &options, 0, &job);
    if (error == 0)
        return take_all(pool);
    TreeCopy refused;
    refused.job.result = error;
    return refused;
}

std::string words(const TreeCopy& copy) {
    return words(copy.job) + "\n" + lines(copy.errors());
}

std::string lines(const std::vector<std::string>& all) {
    std::string text;
    for (const std::string& line : all)
        text += line + "\n";
    return text;
}

std::string lines(const std::set<std::string>& all) {
    return lines(std::vector<std::string>(all.begin(), all.end()));
}

std::string lines(const std::set<std::pair<std::string, uint32_t>>& actions) {
    std::string text;
    for (const auto& [path, action] : actions)
        text += path + ": " + std::to_string(action) + "\n";
    return text;
}

// ---- making ----

void make_directories(const std::string& path) {
    fs::create_directories(path);
}

void make_files(const std::string& top, const std::vector<std::string>& paths,
                const std::string& more) {
    make_directories(top);
    for (const std::string& path : paths) {
        make_directories(top + "/" + path.substr(0, path.rfind('/') + 1));
        if (!path.ends_with("/"))
            write_file(top + "/" + path, path + more);
    }
}

void make_symlink(const std::string& text, const std::string& path) {
    must(symlink(text.c_str(), path.c_str()), path);
}

void make_hard_link(const std::string& old, const std::string& path) {
    must(linkat(AT_FDCWD, old.c_str(), AT_FDCWD, path.c_str(), 0), path);
}

void make_node(const std::string& path, mode_t mode, dev_t device) {
    must(mknod(path.c_str(), mode, device), path);
    if (!S_ISLNK(mode))
        must(chmod(path.c_str(), mode & 07777), path);
}

void set_mode(const std::string& path, mode_t mode) {
    must(chmod(path.c_str(), mode), path);
}

void set_owner(const std::string& path, unsigned user, unsigned group) {
    must(lchown(path.c_str(), user, group), path);
}

void set_mtime(const std::string& path, int64_t seconds, long nanoseconds) {
    const timespec times[2] = {{0, UTIME_OMIT}, {seconds, nanoseconds}};
    must(utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), path);
}

void remove_tree(const std::string& path) {
    output_of({"rm", "-rf", "--", path});
}

// ---- looking ----

mode_t kind_of(const std::string& path) {
    struct stat facts;
    return lstat(path.c_str(), &facts) == 0 ? facts.st_mode & S_IFMT : 0;
}

ino_t inode_of(const std::string& path) {
    struct stat facts;
    return lstat(path.c_str(), &facts) == 0 ? facts.st_ino : 0;
}

std::string text_of(const std::string& link) {
    char text[4096];
    const ssize_t size = readlink(link.c_str(), text, sizeof text);
    return size < 0 ? "no link" : std::string(text, static_cast<size_t>(size));
}

Names names_in(const std::string& top) {
    Names all;
    for (const auto& [path, what] : contents(top))
        if (!path.empty())
            all.insert(path.substr(1));
    return all;
}

// ---- comparing ----

std::map<std::string, std::string> contents(const std::string& top) {
    return walk(top, kind_and_content);
}

std::map<std::string, std::string> state(const std::string& top) {
    return walk(top, [](const std::string& path, const struct stat& facts) {
        return kind_and_content(path, facts) + "\n" + std::to_string(facts.st_mode) + " " +
               std::to_string(facts.st_uid) + ":" + std::to_string(facts.st_gid) + " " +
               std::to_string(facts.st_ino) + " " + std::to_string(facts.st_mtim.tv_sec) + "." +
               std::to_string(facts.st_mtim.tv_nsec);
    });
}

std::string difference(const std::map<std::string, std::string>& a,
                       const std::map<std::string, std::string>& b) {
    const auto shown = [](const std::string& text) {
        return text.size() < 200 ? text : text.substr(0, 200) + "...";
    };
    for (const auto& [path, what] : a) {
        const auto other = b.find(path);
        if (other == b.end())
            return path + ": only in the first, " + shown(what);
        if (other->second != what)
            return path + ": " + shown(what) + " and " + shown(other->second);
    }
    for (const auto& [path, what] : b)
        if (!a.contains(path))
            return path + ": only in the second, " + shown(what);
    return "";
}

std::string tree_difference(const std::string& a, const std::string& b) {
    return difference(contents(a), contents(b));
}

Counts count_tree(const std::string& top) {
    Counts counts;
    walk(top, [&](const std::string&, const struct stat& facts) {
        ++counts.entries;
        switch (facts.st_mode & S_IFMT) {
        case S_IFREG:
            ++counts.files;
            counts.bytes += static_cast<uint64_t>(facts.st_size);
            break;
        case S_IFDIR:
            ++counts.directories;
            break;
        case S_IFLNK:
            ++counts.symlinks;
            break;
        default:
            ++counts.specials;
        }
        return std::string();
    });
    return counts;
}

} // namespace live
