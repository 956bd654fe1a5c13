// Where a file without a name may not be given one: it is copied to one that has a name.
#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"

namespace live {

namespace {

constexpr uint64_t size = 5'000'000;

// In a child: linkat(2) into a directory that is open is denied, which only a real link meets.
bool deny_linking(int error) {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_linkat, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(AT_FDCWD), 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{6, program};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

void copies_all_the_same(Report& report, const Directory& directory) {
    const std::string to = directory / "to";
    for (const uint32_t replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_EXCLUSIVE,
                                   ARSYNC_REPLACE_ATOMIC, ARSYNC_REPLACE_ATOMIC}) {
        if (replace != ARSYNC_REPLACE_ATOMIC)
            unlink(to.c_str()); // else one that is there is replaced too
        Pool pool;
        const arsync_completion done =
            pool.copy(directory / "from", to,
                      Options()
                          .with_replace(replace)
                          .with_durability(ARSYNC_DURABILITY_FULL)
                          .with_preserve(ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES)
                          .with_flags(ARSYNC_COPY_VERIFY));
        EXPECT_WITH(report, done.result == 0, words(done));
        EXPECT(report, done.bytes == size);
        EXPECT(report, difference(directory / "from", to) == "");
        EXPECT(report, directory.entries() == 2);
        struct stat from = {};
        struct stat copy = {};
        EXPECT(report, stat((directory / "from").c_str(), &from) == 0);
        EXPECT(report, stat(to.c_str(), &copy) == 0);
        EXPECT(report, from.st_mode == copy.st_mode && from.st_mtime == copy.st_mtime);
    }
}

} // namespace

TEST_CASE_FIXTURE(Clean, "a large file is copied where linkat(2) is denied altogether") {
    for (const int error : {EPERM, ENOSYS}) {
        CAPTURE(error);
        const Directory directory;
        write_pattern(directory / "from", size);
        chmod((directory / "from").c_str(), 0440);
        check_in_child([&](Report& report) {
            EXPECT(report, deny(__NR_linkat, error));
            copies_all_the_same(report, directory);
        });
    }
}

TEST_CASE_FIXTURE(Clean, "a large file is copied where linking turns out to be denied at its end") {
    for (const int error : {EPERM, EACCES}) {
        CAPTURE(error);
        const Directory directory;
        write_pattern(directory / "from", size);
        chmod((directory / "from").c_str(), 0440);
        check_in_child([&](Report& report) {
            EXPECT(report, deny_linking(error));
            copies_all_the_same(report, directory);
        });
    }
}

TEST_CASE_FIXTURE(Clean, "a stream is not lost where linking turns out to be denied at its end") {
    const Directory directory;
    const std::string content(300'000, 's');
    const std::string fifo = directory / "fifo";
    REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
    check_in_child([&](Report& report) {
        EXPECT(report, deny_linking(EPERM));
        Pool pool;
        EXPECT(report,
               pool.submit(fifo, directory / "to", Options().with_flags(ARSYNC_COPY_SPECIAL)) != 0);
        const int fd = open(fifo.c_str(), O_WRONLY | O_CLOEXEC);
        EXPECT(report,
               write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
        close(fd);
        const arsync_completion done = pool.wait();
        EXPECT_WITH(report, done.result == 0, words(done));
        EXPECT(report, done.bytes == content.size());
        EXPECT(report, read_file(directory / "to") == content);
    });
}

} // namespace live
