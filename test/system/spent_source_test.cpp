// What can be read once is read once: where a copy of it fails half-way, there is no second attempt
// that would find nothing more, and call that the copy.
#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.h"
#include "system/faulty_mount.h"
#include "system/list.h"
#include "system/tree.h"

namespace live {

namespace {

// A pipe that holds some bytes, and their end; and its path.
class FilledPipe {
public:
    explicit FilledPipe(const std::string& content) {
        int ends[2];
        REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
        fd_ = ends[0];
        const ssize_t put = write(ends[1], content.data(), content.size());
        close(ends[1]);
        REQUIRE(put == static_cast<ssize_t>(content.size()));
    }
    FilledPipe(const FilledPipe&) = delete;
    FilledPipe& operator=(const FilledPipe&) = delete;
    ~FilledPipe() { close(fd_); }

    std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

private:
    int fd_ = -1;
};

struct Fault {
    std::vector<std::string> mount;
    uint32_t sparse;
    uint32_t flags;
    int result;
};

const Fault faults[] = {
    // Of a destination that takes nothing but all of it in order.
    {{"ordered_writes"}, ARSYNC_SPARSE_ALWAYS, 0, -ESPIPE},
    // Of a server that has forgotten the file.
    {{"once=write:ESTALE:1"}, ARSYNC_SPARSE_AUTO, 0, -ESTALE},
    // Of descriptors that are short when the data has been moved.
    {{"once=open:EMFILE:1"}, ARSYNC_SPARSE_AUTO, ARSYNC_COPY_VERIFY, -EMFILE},
};

using Copy = std::function<int(Pool&, const std::string& from, const std::string& to,
                               const Options& options)>;

// A pool whose copies meet each fault; what becomes of them.
void fails_for_good(const Copy& copy) {
    std::string content = pattern(30'000);
    content.replace(8192, 12'288, 12'288, '\0');
    for (const Fault& fault : faults) {
        CAPTURE(fault.mount[0]);
        const FaultyMount mount(fault.mount);
        NEEDS(mount);
        const FilledPipe pipe(content);
        Pool pool;
        Options options;
        options.with_sparse(fault.sparse).with_flags(fault.flags | ARSYNC_COPY_SPECIAL);
        CHECK(copy(pool, pipe.path(), mount / "to", options) == fault.result);
        CHECK_FALSE(exists(mount.backing() + "/to/stream"));
        CHECK((!exists(mount.backing() + "/to") || S_ISDIR(kind_of(mount.backing() + "/to"))));
    }
}

} // namespace

TEST_CASE_FIXTURE(Clean, "a stream is read once by a copy") {
    fails_for_good([](Pool& pool, const std::string& from, const std::string& to,
                      const Options& options) { return pool.copy(from, to, options).result; });
}

TEST_CASE_FIXTURE(Clean, "a stream is read once by a list") {
    fails_for_good(
        [](Pool& pool, const std::string& from, const std::string& to, const Options& options) {
            return copy_list(pool, Items({{from, to}}), options).item(1).result;
        });
}

TEST_CASE_FIXTURE(Clean, "a stream is read once by a tree") {
    fails_for_good([](Pool& pool, const std::string& from, const std::string& to, Options options) {
        const Directory tree;
        make_symlink(from, tree / "stream");
        options.with_flags(options.flags | ARSYNC_COPY_RECURSIVE)
            .with_symlinks(ARSYNC_SYMLINKS_FOLLOW);
        return copy_tree(pool, tree.path(), to, options).job.result;
    });
}

} // namespace live
