// A kernel that has all operations of io_uring, and refuses one whenever it is asked for (EACCES),
// as it does where a sandbox has restricted the ring: files, trees and lists are copied all the
// same, and what waits can be cancelled.
#include <doctest/doctest.h>

#include <arsync.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <liburing.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "io/uring.h"
#include "sanitized.h"
#include "skip.h"
#include "unit/place.h"
#include "unit/rings_here.h"

using namespace arsync;

namespace {

constexpr io_uring_op operations[] = {
    IORING_OP_READ,     IORING_OP_WRITE,     IORING_OP_READ_FIXED,      IORING_OP_WRITE_FIXED,
    IORING_OP_FSYNC,    IORING_OP_FALLOCATE, IORING_OP_SYNC_FILE_RANGE, IORING_OP_TIMEOUT,
    IORING_OP_POLL_ADD, IORING_OP_OPENAT2,   IORING_OP_ASYNC_CANCEL,    IORING_OP_NOP};

class RefusingPool {
public:
    explicit RefusingPool(io_uring_op operation) {
        rings_here.refused = operation;
        arsync_pool_options options = {};
        options.struct_size = sizeof options;
        options.backend = ARSYNC_BACKEND_AUTO; // without polls it goes on on threads
        options.workers = 1;
        options.buffer_size = 64 << 10;
        REQUIRE(arsync_pool_open(&options, &pool_) == 0);
    }
    RefusingPool(const RefusingPool&) = delete;
    RefusingPool& operator=(const RefusingPool&) = delete;
    ~RefusingPool() {
        CHECK(arsync_pool_close(pool_) == 0);
        rings_here.refused = -1;
    }
    arsync_pool* get() const { return pool_; }

    // The result of the job, or -ETIMEDOUT.
    int wait() const {
        arsync_completion done = {};
        do {
            if (arsync_poll(pool_, &done, 1, 20'000) != 1)
                return -ETIMEDOUT;
        } while (done.kind != ARSYNC_COMPLETION_JOB);
        return done.result;
    }
    uint64_t enters() const {
        arsync_stats stats = {};
        stats.struct_size = sizeof stats;
        CHECK(arsync_pool_stats(pool_, &stats) == 0);
        return stats.enters;
    }

private:
    arsync_pool* pool_ = nullptr;
};

arsync_copy_options with(uint32_t method, uint32_t durability) {
    arsync_copy_options options = {};
    options.struct_size = sizeof options;
    options.flags = ARSYNC_COPY_RECURSIVE;
    options.method = method;
    options.durability = durability;
    return options;
}

bool can_restrict_rings() {
    if (const int error = Uring::probe(); error < 0) {
        skip(std::string("io_uring: ") + strerror(-error));
        return false;
    }
    return true;
}

} // namespace

TEST_CASE("with any one operation of io_uring refused files, trees and lists are copied") {
    if (!can_restrict_rings())
        return;
    const Place place("/dev/shm/arsync-unit-XXXXXX"); // where it is quick to sync
    const char* const sources[] = {"from/large", "from/sparse", "from"};
    for (const io_uring_op refused : operations) {
        if (sanitized && refused % 3 != 0) // which takes a minute for all
            continue;
        const RefusingPool pool(refused);
        for (const auto& how : {std::pair(ARSYNC_METHOD_FIXED, ARSYNC_DURABILITY_NONE),
                                std::pair(ARSYNC_METHOD_HEAP, ARSYNC_DURABILITY_FULL)}) {
            const arsync_method method = how.first;
            const arsync_durability durability = how.second;
            CAPTURE(refused);
            CAPTURE(durability);
            CAPTURE(method);
            const arsync_copy_options options = with(method, durability);
            // What cannot be synced is not said to be.
            const int expected = refused == IORING_OP_FSYNC && durability != 0 ? -EACCES : 0;
            const std::string to = place.top / "to";
            fs::create_directory(to);
            std::vector<std::string> names;
            for (const char* source : sources) {
                CAPTURE(source);
                const std::string there = to + "/" + std::to_string(names.size());
                CHECK(arsync_submit_copy(pool.get(), AT_FDCWD, (place.top / source).c_str(),
                                         AT_FDCWD, there.c_str(), &options, 0, nullptr) == 0);
                const bool is_tree = fs::is_directory(place.top / source); // by syncfs(2)
                CHECK(pool.wait() == (is_tree ? 0 : expected));
                if (expected == 0 || is_tree)
                    CHECK(difference(place.top / source, there) == "");
                else
                    CHECK(!fs::exists(there));
                names.push_back(place.top / source);
                names.push_back(there + " of a list");
            }
            std::vector<arsync_item> items;
            for (size_t i = 0; i < names.size(); i += 2)
                items.push_back({names[i].c_str(), names[i + 1].c_str(), 0, 0});
            CHECK(arsync_submit_list(pool.get(), AT_FDCWD, AT_FDCWD, items.data(), items.size(),
                                     &options, 0, nullptr) == 0);
            CHECK(pool.wait() == expected);
            for (const arsync_item& item : items)
                if (expected == 0)
                    CHECK(difference(item.src, item.dst) == "");
            fs::remove_all(to);
        }
    }
}

TEST_CASE("with any one operation of io_uring refused what waits sleeps, and can be cancelled") {
    if (!can_restrict_rings())
        return;
    const Place place("/dev/shm/arsync-unit-XXXXXX");
    const std::string fifo = place.top / "fifo";
    REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
    const int writer = open(fifo.c_str(), O_RDWR | O_CLOEXEC);
    arsync_copy_options options = with(ARSYNC_METHOD_AUTO, ARSYNC_DURABILITY_NONE);
    options.flags = ARSYNC_COPY_SPECIAL;
    for (const io_uring_op refused : operations) {
        CAPTURE(refused);
        const RefusingPool pool(refused);
        arsync_job job = 0;
        REQUIRE(arsync_submit_copy(pool.get(), AT_FDCWD, fifo.c_str(), AT_FDCWD,
                                   (place.top / "to").c_str(), &options, 0, &job) == 0);
        usleep(20'000);
        const uint64_t before = pool.enters();
        usleep(50'000);
        CHECK(pool.enters() - before < 20);
        CHECK(arsync_job_cancel(pool.get(), job) == 0);
        CHECK(pool.wait() == -ECANCELED);
        CHECK(!fs::exists(place.top / "to"));
    }
    close(writer);
}
