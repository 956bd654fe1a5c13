// The ring on io_uring when io_uring_enter(2) does less than it was asked for: takes some of what
// is submitted, or is denied.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <fcntl.h>
#include <functional>
#include <liburing.h>
#include <memory>
#include <string>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "io/fd.h"
#include "io/uring.h"
#include "io/uring_denied.h"
#include "skip.h"
#include "task.h"
#include "unit/rings_here.h"

// liburing's, as this program sees it: what they do is chosen by the cases below.
namespace {

enum class Enters { as_usual, of_one_entry, denied } enters = Enters::as_usual;
int denied_with = -EPERM;
bool without_sqpoll = false;

using SetUp = int (*)(unsigned, io_uring*, io_uring_params*);
using Submit = int (*)(io_uring*);
using SubmitAndWait = int (*)(io_uring*, unsigned);

template <class Function>
Function real(const char* name) {
    return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

int enter_one(io_uring* ring, unsigned wait_for) {
    io_uring_sq& sq = ring->sq;
    io_uring_smp_store_release(sq.ktail, sq.sqe_tail);
    sq.sqe_head = sq.sqe_tail;
    const unsigned ready = sq.sqe_tail - io_uring_smp_load_acquire(sq.khead);
    const long result = syscall(__NR_io_uring_enter, ring->ring_fd, ready > 0 ? 1 : 0,
                                ready > 1 ? 0 : wait_for, IORING_ENTER_GETEVENTS, nullptr, 0);
    return result < 0 ? -errno : static_cast<int>(result);
}

// As a sandbox that knows which operations it wants: all but one, of which the kernel says EACCES.
int refuse(io_uring& ring, int operation) {
    std::vector<io_uring_restriction> allowed;
    const auto allow = [&](unsigned what, unsigned number) {
        io_uring_restriction one{};
        one.opcode = static_cast<uint16_t>(what);
        one.register_op = static_cast<uint8_t>(number); // a union of all kinds
        allowed.push_back(one);
    };
    for (int op = 0; op < IORING_OP_LAST; ++op)
        if (op != operation)
            allow(IORING_RESTRICTION_SQE_OP, static_cast<unsigned>(op));
    for (unsigned op = 0; op < IORING_REGISTER_LAST; ++op)
        allow(IORING_RESTRICTION_REGISTER_OP, op);
    allow(IORING_RESTRICTION_SQE_FLAGS_ALLOWED, UINT8_MAX);
    // Not every liburing has functions for these.
    const auto make = [&](unsigned what, void* of, size_t count) {
        return syscall(__NR_io_uring_register, ring.ring_fd, what, of, count);
    };
    const bool works = make(IORING_REGISTER_RESTRICTIONS, allowed.data(), allowed.size()) == 0 &&
                       make(IORING_REGISTER_ENABLE_RINGS, nullptr, 0) == 0;
    return works ? 0 : -errno;
}

} // namespace

arsync::RingsHere arsync::rings_here;
using arsync::rings_here;

// With DEFER_TASKRUN (1 << 13) the kernel gives out no more completions than there is room for.
extern "C" int io_uring_queue_init_params(unsigned entries, io_uring* ring,
                                          io_uring_params* params) {
    static const auto usual = real<SetUp>("io_uring_queue_init_params");
    if (rings_here.eager && (params->flags & (1u << 13)) != 0)
        return -EINVAL;
    if (without_sqpoll && (params->flags & IORING_SETUP_SQPOLL) != 0)
        return -EPERM;
    if (rings_here.queue > 0) {
        params->cq_entries = rings_here.queue;
        entries = std::min(entries, rings_here.queue);
    }
    if (rings_here.refused < 0)
        return usual(entries, ring, params);
    params->flags |= IORING_SETUP_R_DISABLED;
    const int error = usual(entries, ring, params);
    return error < 0 ? error : refuse(*ring, rings_here.refused);
}

extern "C" int io_uring_submit_and_wait(io_uring* ring, unsigned wait_for) {
    static const auto usual = real<SubmitAndWait>("io_uring_submit_and_wait");
    if (enters == Enters::denied)
        return denied_with;
    const int result =
        enters == Enters::as_usual ? usual(ring, wait_for) : enter_one(ring, wait_for);
    if (io_uring_cq_has_overflow(ring))
        rings_here.overflowed = true;
    return result;
}

extern "C" int io_uring_submit_and_get_events(io_uring* ring) {
    static const auto usual = real<Submit>("io_uring_submit_and_get_events");
    if (enters == Enters::denied)
        return denied_with;
    const int result = enters == Enters::as_usual ? usual(ring) : enter_one(ring, 0);
    if (io_uring_cq_has_overflow(ring))
        rings_here.overflowed = true;
    return result;
}

using namespace arsync;

namespace {

struct EntersAs {
    explicit EntersAs(Enters how, int error = -EPERM) {
        enters = how;
        denied_with = error;
    }
    ~EntersAs() { enters = Enters::as_usual; }
};

UringOptions small() {
    UringOptions options;
    options.queue_depth = 8;
    return options;
}

template <class Make, class Result>
Detached await(Make make, Result& result, bool& done) {
    result = co_await make();
    done = true;
}

void run_until(Ring& ring, const bool& done) {
    while (!done) {
        if (!ring.run_ready())
            ring.wait();
    }
}

// Look at what has completed, for long enough that whatever can go on has gone on.
void look_for_a_while(Ring& ring) {
    for (int i = 0; i < 20; ++i) {
        ring.look();
        ring.run_ready();
        usleep(1000);
    }
}

struct Pipe {
    Fd out, in;
    Pipe() {
        int ends[2];
        REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
        out = Fd(ends[0]);
        in = Fd(ends[1]);
    }
    void put(const char* text) const {
        REQUIRE(write(in.get(), text, strlen(text)) == static_cast<ssize_t>(strlen(text)));
    }
};

Fd temporary_file() {
    char name[] = "/tmp/arsync-uring-XXXXXX";
    Fd fd(mkstemp(name));
    REQUIRE(fd);
    unlink(name);
    return fd;
}

std::string content(const Fd& fd) {
    char data[64];
    const ssize_t got = pread(fd.get(), data, sizeof data, 0);
    return got < 0 ? strerror(errno) : std::string(data, static_cast<size_t>(got));
}

Slice slice(char* data, size_t length) {
    return {reinterpret_cast<std::byte*>(data), length, -1};
}

bool can_have_ring() {
    const int error = Uring::probe();
    if (error < 0)
        skip(std::string("io_uring: ") + strerror(-error));
    return error == 0;
}

} // namespace

TEST_CASE("of a pair whose second half the kernel did not take, it waits for the first") {
    if (!can_have_ring())
        return;
    Counters counters;
    Uring ring(counters, small());
    const Pipe pipe; // nothing to be read yet
    const Fd to = temporary_file();
    char buffer[] = "stale...";
    Ring::Pair moved{};
    bool done = false;
    const EntersAs short_of_memory(Enters::of_one_entry);
    await([&] { return ring.move(pipe.out.get(), 0, slice(buffer, 8), to.get(), 0); }, moved, done);
    look_for_a_while(ring);
    CHECK_FALSE(done);
    CHECK(content(to) == "");
    pipe.put("the data");
    run_until(ring, done);
    CHECK(moved.read == 8);
    CHECK(moved.write == 8);
    CHECK(content(to) == "the data");
    CHECK(ring.in_flight() == 0);
}

TEST_CASE("a queue full of pairs of which enters take one entry each is worked off") {
    if (!can_have_ring())
        return;
    Counters counters;
    Uring ring(counters, small());
    const Fd from = temporary_file();
    const Fd to = temporary_file();
    REQUIRE(write(from.get(), "0123456789abcdef", 16) == 16);
    constexpr size_t count = 8;
    char buffers[count][2];
    Ring::Pair moved[count] = {};
    bool done[count] = {};
    const EntersAs short_of_memory(Enters::of_one_entry);
    for (size_t i = 0; i < count; ++i)
        await(
            [&, i] { return ring.move(from.get(), i * 2, slice(buffers[i], 2), to.get(), i * 2); },
            moved[i], done[i]);
    for (size_t i = 0; i < count; ++i) {
        run_until(ring, done[i]);
        CHECK(moved[i].read == 2);
        CHECK(moved[i].write == 2);
    }
    CHECK(content(to) == "0123456789abcdef");
}

TEST_CASE("completions that the kernel's queue has no room for come all the same, once each") {
    if (!can_have_ring())
        return;
    Counters counters;
    rings_here.eager = true;
    Uring ring(counters, small());
    rings_here.eager = false;
    const Pipe pipe; // nothing to be read yet
    const Fd from = temporary_file();
    const Fd to = temporary_file();
    REQUIRE(write(from.get(), "12345678", 8) == 8);
    constexpr size_t count = 3000; // the queue has room for 512
    std::vector<int64_t> results(count, -1);
    std::unique_ptr<bool[]> done(new bool[count]());
    for (size_t i = 0; i < count; ++i)
        await([&] { return ring.wait_readable(pipe.out.get(), nullptr); }, results[i], done[i]);
    look_for_a_while(ring);
    CHECK(std::count(done.get(), done.get() + count, true) == 0);
    rings_here.overflowed = false;
    pipe.put("now"); // all of them at once
    char buffer[8];
    Ring::Pair moved{};
    bool moved_done = false;
    await([&] { return ring.move(from.get(), 0, slice(buffer, 8), to.get(), 0); }, moved,
          moved_done);
    run_until(ring, moved_done);
    for (size_t i = 0; i < count; ++i)
        run_until(ring, done[i]);
    CHECK(rings_here.overflowed);
    CHECK(std::all_of(results.begin(), results.end(), [](int64_t result) { return result >= 0; }));
    CHECK(moved.write == 8);
    CHECK(content(to) == "12345678");
    CHECK(ring.in_flight() == 0);
}

TEST_CASE("what another reader took before a wait was told of it ends no wait") {
    if (!can_have_ring())
        return;
    Counters counters;
    Uring ring(counters, small());
    const Pipe pipe;
    Request* wait = nullptr;
    int64_t result = 1;
    bool done = false;
    await([&] { return ring.wait_readable(pipe.out.get(), &wait); }, result, done);
    look_for_a_while(ring);
    for (int i = 0; i < 3; ++i) {
        pipe.put("!");
        char taken = 0;
        REQUIRE(read(pipe.out.get(), &taken, 1) == 1);
        look_for_a_while(ring);
        CHECK_FALSE(done);
    }
    SUBCASE("it goes on until there is something") {
        pipe.put("!");
        run_until(ring, done);
        CHECK(result > 0);
    }
    SUBCASE("it can be cancelled still") {
        ring.cancel(*wait);
        run_until(ring, done);
        CHECK(result == -ECANCELED);
    }
}

TEST_CASE("a ring that may not poll for submissions does without, and says why") {
    if (!can_have_ring())
        return;
    Counters counters;
    UringOptions options = small();
    options.sqpoll = true;
    without_sqpoll = true;
    const Uring ring(counters, options);
    without_sqpoll = false;
    CHECK_FALSE(ring.features().sqpoll);
    CHECK(ring.features().sqpoll_error == -EPERM);
    CHECK(ring.features().in_use.find("sqpoll") == std::string::npos);
}

TEST_CASE("with io_uring denied from the beginning of a request on, helpers make it") {
    if (!can_have_ring())
        return;
    for (const int error :
         {-EPERM, -ENOSYS, -EACCES, -EBADR}) { // the last: it has lost completions
        CAPTURE(error);
        Counters counters;
        Uring ring(counters, small());
        const Fd from = temporary_file();
        const Fd to = temporary_file();
        REQUIRE(write(from.get(), "12345678", 8) == 8);
        char buffer[8];
        const EntersAs denied(Enters::denied, error);
        Ring::Pair moved{};
        bool moved_done = false;
        int64_t synced = 1, paused = 1, allocated = 1;
        bool sync_done = false, pause_done = false, allocate_done = false;
        await([&] { return ring.move(from.get(), 0, slice(buffer, 8), to.get(), 0); }, moved,
              moved_done);
        await([&] { return ring.sync(from.get(), true); }, synced, sync_done);
        await([&] { return ring.pause(1); }, paused, pause_done);
        await([&] { return ring.allocate(from.get(), 0, 0, 8); }, allocated, allocate_done);
        run_until(ring, moved_done);
        run_until(ring, sync_done);
        run_until(ring, pause_done);
        run_until(ring, allocate_done);
        CHECK(moved.read == 8);
        CHECK(moved.write == 8);
        CHECK(content(to) == "12345678");
        CHECK(synced == 0);
        CHECK(paused == 0);
        CHECK((allocated == 0 || allocated == -EOPNOTSUPP));
        CHECK(ring.denied() == error);
        CHECK(ring.in_flight() == 0);
        CHECK(counters.enters.value() == 1);
    }
}

TEST_CASE(
    "what the kernel has begun when io_uring is denied ends before its memory is given back") {
    if (!can_have_ring())
        return;
    Counters counters;
    Uring ring(counters, small());
    const Pipe source, stream, silent;
    const Fd to = temporary_file();
    char moving[] = "stale...", streaming[] = "stale...";
    Ring::Pair moved{};
    int64_t streamed = 1, waited = 1;
    bool moved_done = false, streamed_done = false, waited_done = false;
    Request* wait = nullptr;
    await([&] { return ring.move(source.out.get(), 0, slice(moving, 8), to.get(), 0); }, moved,
          moved_done);
    await([&] { return ring.read(stream.out.get(), slice(streaming, 8), UINT64_MAX); }, streamed,
          streamed_done);
    await([&] { return ring.wait_readable(silent.out.get(), &wait); }, waited, waited_done);
    look_for_a_while(ring); // the kernel has them all now
    const EntersAs denied(Enters::denied);

    SUBCASE("reads from a place are made again, from a stream they fail, waits go on") {
        run_until(ring, streamed_done);
        CHECK(streamed == -EPERM); // nobody knows what was taken
        run_until(ring, moved_done);
        CHECK(moved.read == -ESPIPE); // of pread(2): a pipe has no places
        CHECK(moved.write == -ECANCELED);
        CHECK_FALSE(waited_done);
        silent.put("!");
        run_until(ring, waited_done);
        CHECK(waited > 0);
    }
    SUBCASE("a wait can be cancelled all the same") {
        ring.cancel(*wait);
        run_until(ring, waited_done);
        CHECK(waited == -ECANCELED);
        run_until(ring, moved_done);
        run_until(ring, streamed_done);
    }
    // All that is over: none of it takes what comes now.
    source.put("the data");
    stream.put("the data");
    usleep(20'000);
    CHECK(std::string(moving) == "stale...");
    CHECK(std::string(streaming) == "stale...");
    CHECK(content(to) == "");
    CHECK(ring.in_flight() == 0);
}

TEST_CASE("a ring that was denied wakes and sleeps, and does not spin") {
    if (!can_have_ring())
        return;
    Counters counters;
    Uring ring(counters, small());
    const EntersAs denied(Enters::denied);
    int64_t paused = 1;
    bool done = false;
    await([&] { return ring.pause(1); }, paused, done); // with nothing in flight no ring is asked
    run_until(ring, done);
    REQUIRE(ring.denied() == -EPERM);
    const auto cpu_ns = [] {
        timespec time;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return time.tv_sec * 1'000'000'000 + time.tv_nsec;
    };
    std::thread waker([&] {
        usleep(200'000);
        ring.wake();
    });
    const auto before = cpu_ns();
    ring.wait();
    CHECK(cpu_ns() - before < 50'000'000);
    waker.join();
    ring.wake(); // before the wait: not lost
    ring.wait();
}

TEST_CASE("an error that has no name has words all the same") {
    char text[64] = "";
    explain_backend(text, ARSYNC_BACKEND_AUTO, -4000);
    CHECK(std::string(text).find("Unknown error") != std::string::npos);
}

TEST_CASE(
    "a read of a stream that the kernel has begun can be cancelled, and one that waits to be") {
    if (!can_have_ring())
        return;
    Counters counters;
    Uring ring(counters, small());
    const Pipe silent;
    constexpr size_t count = 600; // more than are given to the kernel at a time
    std::vector<char> bytes(count);
    std::vector<int64_t> results(count, 1);
    std::vector<Request*> requests(count);
    const std::unique_ptr<bool[]> done(new bool[count]());
    for (size_t i = 0; i < count; ++i)
        await(
            [&, i] {
                return ring.read(silent.out.get(), slice(&bytes[i], 1), UINT64_MAX, 0, Route::ring,
                                 &requests[i]);
            },
            results[i], done[i]);
    look_for_a_while(ring);
    for (Request* request : requests)
        ring.cancel(*request);
    for (size_t i = 0; i < count; ++i)
        run_until(ring, done[i]);
    CHECK(std::all_of(results.begin(), results.end(),
                      [](int64_t result) { return result == -ECANCELED || result == -EINTR; }));
    CHECK(ring.in_flight() == 0);
}

TEST_CASE("what io_uring has an operation for is not left to helpers") {
    if (!can_have_ring())
        return;
    Counters counters;
    Uring ring(counters, small());
    const Fd from = temporary_file();
    const Fd to = temporary_file();
    REQUIRE(write(from.get(), "12345678", 8) == 8);
    char buffer[8];
    Ring::Pair moved{};
    bool moved_done = false, read_done = false, sync_done = false, pause_done = false;
    int64_t got = 0, synced = 1, paused = 1;
    await([&] { return ring.move(from.get(), 0, slice(buffer, 8), to.get(), 0); }, moved,
          moved_done);
    run_until(ring, moved_done);
    await([&] { return ring.read(to.get(), slice(buffer, 8), 0); }, got, read_done);
    await([&] { return ring.sync(to.get(), true); }, synced, sync_done);
    await([&] { return ring.pause(1); }, paused, pause_done);
    run_until(ring, read_done);
    run_until(ring, sync_done);
    run_until(ring, pause_done);
    CHECK(moved.write == 8);
    CHECK(got == 8);
    CHECK(synced == 0);
    CHECK(paused == 0);
    CHECK(counters.helper_calls.value() == 0);
}
