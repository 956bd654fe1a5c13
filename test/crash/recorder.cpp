#define FUSE_USE_VERSION 31
#include "crash/recorder.h"

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <mutex>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "crash/log.h"
#include "crash/must.h"

namespace crash {

namespace {

// The server's.
int image = -1;
int log_fd = -1;

bool is_disk(const char* path) {
    return strcmp(path, "/disk") == 0;
}
bool is_mark(const char* path) {
    return strcmp(path, "/mark") == 0;
}

int write_down(const Event& event, const char* data) {
    const iovec parts[2] = {{const_cast<Event*>(&event), sizeof event},
                            {const_cast<char*>(data), event.length}};
    const ssize_t put = writev(log_fd, parts, 2);
    return put == static_cast<ssize_t>(sizeof event + event.length) ? 0 : -EIO;
}

int do_getattr(const char* path, struct stat* out, fuse_file_info*) {
    memset(out, 0, sizeof *out);
    out->st_nlink = 1;
    if (strcmp(path, "/") == 0)
        out->st_mode = S_IFDIR | 0700;
    else if (is_disk(path) || is_mark(path))
        out->st_mode = S_IFREG | 0600;
    else
        return -ENOENT;
    struct stat facts;
    if (is_disk(path) && fstat(image, &facts) == 0)
        out->st_size = facts.st_size;
    return 0;
}

int do_open(const char* path, fuse_file_info* info) {
    info->direct_io = is_mark(path);
    return is_disk(path) || is_mark(path) ? 0 : -ENOENT;
}

int do_read(const char* path, char* data, size_t size, off_t offset, fuse_file_info*) {
    const ssize_t got = is_disk(path) ? pread(image, data, size, offset) : 0;
    return got < 0 ? -errno : static_cast<int>(got);
}

int do_write(const char* path, const char* data, size_t size, off_t offset, fuse_file_info*) {
    if (is_mark(path)) {
        Event mark{What::mark, 0, 0};
        if (size != sizeof mark.at)
            return -EINVAL;
        memcpy(&mark.at, data, size);
        const int error = write_down(mark, nullptr);
        return error < 0 ? error : static_cast<int>(size);
    }
    const ssize_t put = pwrite(image, data, size, offset);
    if (put != static_cast<ssize_t>(size))
        return put < 0 ? -errno : -EIO;
    const Event event{What::write, static_cast<uint32_t>(size), static_cast<uint64_t>(offset)};
    const int error = write_down(event, data);
    return error < 0 ? error : static_cast<int>(size);
}

int do_fsync(const char* path, int, fuse_file_info*) {
    return is_disk(path) ? write_down({What::flush, 0, 0}, nullptr) : 0;
}

void* do_init(fuse_conn_info* connection, fuse_config* config) {
    connection->want &= ~static_cast<unsigned>(FUSE_CAP_WRITEBACK_CACHE);
    config->use_ino = 0;
    return nullptr;
}

// One request after the other: what is in the log is in its order.
int serve(const std::string& at) {
    fuse_operations operations = {};
    operations.init = do_init;
    operations.getattr = do_getattr;
    operations.open = do_open;
    operations.read = do_read;
    operations.write = do_write;
    operations.fsync = do_fsync;
    char name[] = "recorder";
    char option[] = "-ofsname=recorder";
    char* words[] = {name, option, nullptr};
    fuse_args arguments = FUSE_ARGS_INIT(2, words);
    fuse* const filesystem = fuse_new(&arguments, &operations, sizeof operations, nullptr);
    if (!filesystem || fuse_mount(filesystem, at.c_str()) != 0)
        return 1;
    const int result = fuse_loop(filesystem);
    fuse_unmount(filesystem);
    fuse_destroy(filesystem);
    return result == 0 ? 0 : 1;
}

pid_t start_server(const std::string& at) {
    const pid_t parent = getpid();
    const pid_t server = fork();
    if (server != 0)
        return server;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    // Whoever writes to the disk waits for this process, which is not to wait for them.
    prctl(PR_SET_IO_FLUSHER, 1);
    _exit(serve(at));
}

} // namespace

Recorder::Recorder(const std::string& image_path, const std::string& log, const std::string& at)
    : at_(at) {
    if (access("/dev/fuse", R_OK | W_OK) < 0) {
        why_ = "no /dev/fuse";
        return;
    }
    image = must(open(image_path.c_str(), O_RDWR | O_CLOEXEC), image_path);
    log_fd =
        must(open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600), log);
    server_ = start_server(at);
    close(image);
    close(log_fd);
    // It is mounted when the file is there, or never.
    for (int tries = 0; mark_ < 0 && tries < 6000; ++tries) {
        mark_ = open((at_ + "/mark").c_str(), O_WRONLY | O_CLOEXEC);
        if (mark_ < 0 && waitpid(server_, nullptr, WNOHANG) == server_) {
            server_ = -1;
            break;
        }
        if (mark_ < 0)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    if (mark_ < 0)
        why_ = "FUSE cannot be mounted here";
}

Recorder::~Recorder() {
    if (mark_ >= 0)
        close(mark_);
    if (server_ < 0)
        return;
    if (umount2(at_.c_str(), 0) < 0)
        kill(server_, SIGKILL); // something still stands on it
    waitpid(server_, nullptr, 0);
    umount2(at_.c_str(), MNT_DETACH);
}

void Recorder::mark(uint64_t number) const {
    must(pwrite(mark_, &number, sizeof number, 0), "mark");
}

} // namespace crash
