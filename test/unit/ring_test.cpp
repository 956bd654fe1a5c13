// The two real rings, one operation at a time: the same request gives the same result on both.
#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <linux/openat2.h>
#include <memory>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "copy/writers.h"
#include "io/buffers.h"
#include "io/error.h"
#include "io/fd.h"
#include "io/files.h"
#include "io/threads.h"
#include "io/turns.h"
#include "io/uring.h"
#include "skip.h"
#include "task.h"
#include "unit/failing.h"

using namespace arsync;

namespace {

struct World {
    std::string name;
    Counters counters;
    std::unique_ptr<Ring> ring;
};

UringOptions small() {
    UringOptions options;
    options.queue_depth = 4;
    options.buffer_count = 2;
    return options;
}

// As on a kernel before any operation that this library uses.
UringOptions bare() {
    UringOptions options = small();
    for (const auto op :
         {IORING_OP_READ, IORING_OP_WRITE, IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED,
          IORING_OP_FSYNC, IORING_OP_FALLOCATE, IORING_OP_SYNC_FILE_RANGE, IORING_OP_TIMEOUT,
          IORING_OP_POLL_ADD, IORING_OP_OPENAT2})
        options.without.set(op);
    return options;
}

UringOptions polled() {
    UringOptions options = small();
    options.iopoll = true;
    return options;
}

// Runs body on each kind of ring.
void on_every_ring(const std::function<void(Ring&)>& body) {
    const auto run = [&](const char* name, auto make) {
        World world;
        world.name = name;
        world.ring = make(world.counters);
        CAPTURE(world.name);
        body(*world.ring);
        CHECK(world.ring->in_flight() == 0);
    };
    const auto uring = [](const UringOptions& options) {
        return [options](Counters& counters) { return std::make_unique<Uring>(counters, options); };
    };
    run("threads", [](Counters& counters) { return std::make_unique<Threads>(counters); });
    if (Uring::probe() < 0)
        return; // said once, by a case of its own
    run("uring", uring(small()));
    run("uring without operations", uring(bare()));
    run("uring with iopoll", uring(polled()));
}

template <class Make, class Result>
Detached await(Make make, Result& result, bool& done) {
    result = co_await make();
    done = true;
}

// Start one operation, and wait for it as a worker does.
template <class Make>
auto run(Ring& ring, Make make) {
    decltype(make().await_resume()) result{};
    bool done = false;
    await(make, result, done);
    while (!done) {
        if (!ring.run_ready())
            ring.wait();
    }
    return result;
}

Fd temporary_file(const char* content = "") {
    char name[] = "/tmp/arsync-ring-XXXXXX";
    Fd fd(mkstemp(name));
    unlink(name);
    REQUIRE(write(fd.get(), content, strlen(content)) == static_cast<ssize_t>(strlen(content)));
    return fd;
}

Slice slice(char* data, size_t length) {
    return {reinterpret_cast<std::byte*>(data), length, -1};
}

} // namespace

TEST_CASE("a read gives bytes, then fewer, then none, then an error") {
    on_every_ring([](Ring& ring) {
        const Fd fd = temporary_file("hello");
        char data[8] = {};
        CHECK(run(ring, [&] { return ring.read(fd.get(), slice(data, 4), 0); }) == 4);
        CHECK(memcmp(data, "hell", 4) == 0);
        CHECK(run(ring, [&] { return ring.read(fd.get(), slice(data, 4), 4); }) == 1);
        CHECK(run(ring, [&] { return ring.read(fd.get(), slice(data, 4), 5); }) == 0);
        CHECK(run(ring, [&] { return ring.read(-1, slice(data, 4), 0); }) == -EBADF);
    });
}

TEST_CASE("a move is a read and a write, or says which of them went wrong") {
    on_every_ring([](Ring& ring) {
        const Fd from = temporary_file("hello world");
        const Fd to = temporary_file();
        char data[8] = {};
        const auto move = [&](int source, uint64_t at, int destination, uint64_t to_offset) {
            const Ring::Pair moved = run(ring, [&] {
                return ring.move(source, at, slice(data, 8), destination, to_offset);
            });
            return std::pair(moved.read, moved.write);
        };
        CHECK(move(from.get(), 1, to.get(), 2) == std::pair<int64_t, int64_t>(8, 8));
        char written[11] = {};
        CHECK(pread(to.get(), written, sizeof written, 0) == 10);
        CHECK(memcmp(written, "\0\0ello wor", 10) == 0);
        CHECK(move(from.get(), 6, to.get(), 20) == std::pair<int64_t, int64_t>(5, -ECANCELED));
        CHECK(memcmp(data, "world", 5) == 0);
        CHECK(move(from.get(), 11, to.get(), 20) == std::pair<int64_t, int64_t>(0, -ECANCELED));
        CHECK(move(-1, 0, to.get(), 20) == std::pair<int64_t, int64_t>(-EBADF, -ECANCELED));
        CHECK(move(from.get(), 0, -1, 20) == std::pair<int64_t, int64_t>(8, -EBADF));
        CHECK(lseek(to.get(), 0, SEEK_END) == 10);
        CHECK(ring.counters().bytes_read.value() == 8 + 5 + 8);
        CHECK(ring.counters().bytes_written.value() == 8);
    });
}

TEST_CASE("moves side by side, more than the queue has room for, are all made") {
    constexpr unsigned count = 200;
    constexpr unsigned length = 100;
    std::string content;
    for (unsigned i = 0; i < count; ++i)
        content += std::string(length, static_cast<char>('a' + i % 26));
    content.resize(content.size() - length / 2); // the last one ends early
    const auto move_all = [&](Ring& ring) {
        const Fd from = temporary_file(content.c_str());
        const Fd to = temporary_file();
        std::vector<std::string> buffers(count, std::string(length, 'x'));
        std::vector<Ring::Pair> results(count);
        std::unique_ptr<bool[]> done(new bool[count]());
        for (unsigned i = 0; i < count; ++i)
            await(
                [&, i] {
                    return ring.move(from.get(), i * length, slice(buffers[i].data(), length),
                                     to.get(), i * length);
                },
                results[i], done[i]);
        const auto all_done = [&] { return std::all_of(&done[0], &done[count], std::identity()); };
        while (!all_done())
            if (!ring.run_ready())
                ring.wait();
        std::string written(content.size(), 0);
        CHECK(pread(to.get(), written.data(), written.size(), 0) == (count - 1) * length);
        CHECK(written.compare(0, (count - 1) * length, content, 0, (count - 1) * length) == 0);
        CHECK(results[count - 1].read == length / 2);
        CHECK(results[count - 1].write == -ECANCELED);
    };
    on_every_ring(move_all);
    if (Uring::probe() < 0)
        return;
    Counters counters;
    UringOptions narrow;
    narrow.queue_depth = 1; // no room for two
    Uring ring(counters, narrow);
    move_all(ring);
}

TEST_CASE("write, allocate, write back and sync reach the file") {
    on_every_ring([](Ring& ring) {
        const Fd fd = temporary_file();
        char data[] = "world";
        CHECK(run(ring, [&] { return ring.write(fd.get(), slice(data, 5), 3); }) == 5);
        CHECK(lseek(fd.get(), 0, SEEK_END) == 8);
        const int64_t allocated =
            run(ring, [&] { return ring.allocate(fd.get(), FALLOC_FL_KEEP_SIZE, 0, 1 << 20); });
        CHECK((allocated == 0 || allocated == -EOPNOTSUPP));
        CHECK(lseek(fd.get(), 0, SEEK_END) == 8);
        CHECK(run(ring, [&] { return ring.write_back(fd.get(), 0, 8); }) == 0);
        CHECK(run(ring, [&] { return ring.sync(fd.get(), true); }) == 0);
        CHECK(run(ring, [&] { return ring.sync(fd.get(), false); }) == 0);
    });
}

TEST_CASE("copy_file_range copies, reflink says what the filesystem says") {
    on_every_ring([](Ring& ring) {
        const Fd from = temporary_file("source");
        const Fd to = temporary_file();
        const auto copy = [&] { return ring.copy_file_range(from.get(), 2, to.get(), 1, 4); };
        CHECK(run(ring, copy) == 4);
        char data[6] = {};
        CHECK(pread(to.get(), data, 5, 0) == 5);
        CHECK(memcmp(data, "\0urce", 5) == 0);
        CHECK(run(ring, [&] { return ring.reflink(from.get(), 0, -1, 0, 0); }) == -EBADF);
    });
}

TEST_CASE("copy_cached moves what is in the page cache, and stops where it cannot go on") {
    on_every_ring([](Ring& ring) {
        std::string content;
        while (content.size() < 700'000)
            content += std::to_string(content.size()) + '\n';
        const Fd from = temporary_file(content.c_str());
        const Fd to = temporary_file();
        const auto copy = [&](uint64_t at, int destination, uint64_t length, uint64_t to_at = 1) {
            return run(
                ring, [&] { return ring.copy_cached(from.get(), at, destination, to_at, length); });
        };
        const auto copy_all = [&](uint64_t at) { // a busy machine may need several times 100 ms
            uint64_t moved = 0;
            while (const int64_t part = copy(at + moved, to.get(), 1 << 30, 1 + moved))
                moved += static_cast<uint64_t>(part);
            return static_cast<int64_t>(moved);
        };
        const auto rest = static_cast<int64_t>(content.size() - 2);
        CHECK(copy_all(2) == rest);
        std::string written(content.size(), 'x');
        CHECK(pread(to.get(), written.data(), written.size(), 1) == rest);
        written.resize(static_cast<size_t>(rest));
        CHECK(written == content.substr(2));
        CHECK(ring.counters().reads.value() == 3); // of 256 KiB
        CHECK(ring.counters().reads_inline.value() == 3);
        CHECK(ring.counters().writes_inline.value() == 3);
        CHECK(ring.counters().bytes_written.value() == content.size() - 2);
        CHECK(copy(5, to.get(), 3) == 3);
        CHECK(copy(content.size(), to.get(), 3) == 0);
        CHECK(copy(0, -1, 3) == 0);
        CHECK(copy(0, from.get(), 0) == 0);

        REQUIRE(fsync(from.get()) == 0);
        REQUIRE(posix_fadvise(from.get(), 300'000, 0, POSIX_FADV_DONTNEED) == 0);
        const int64_t moved = copy_all(0);
        CHECK(moved >= 300'000);
        CHECK(moved <= rest + 2); // all, if the kernel has read it again, or never dropped it
        char byte;
        const iovec part{&byte, 1};
        if (preadv2(from.get(), &part, 1, 650'000, RWF_NOWAIT) < 0 && errno == EAGAIN)
            CHECK(moved <= 650'000);
    });
}

TEST_CASE("a wait ends when there is something to read, or when it is cancelled") {
    on_every_ring([](Ring& ring) {
        const Fd event(eventfd(0, EFD_CLOEXEC));
        std::thread writer([&] {
            usleep(20'000);
            const uint64_t one = 1;
            CHECK(write(event.get(), &one, sizeof one) == sizeof one);
        });
        CHECK(run(ring, [&] { return ring.wait_readable(event.get(), nullptr); }) > 0);
        writer.join();

        const Fd never(eventfd(0, EFD_CLOEXEC));
        Request* waiting = nullptr;
        int64_t result = 0;
        bool done = false;
        await([&] { return ring.wait_readable(never.get(), &waiting); }, result, done);
        CHECK_FALSE(done);
        REQUIRE(waiting);
        ring.cancel(*waiting);
        while (!done) {
            if (!ring.run_ready())
                ring.wait();
        }
        CHECK(result == -ECANCELED);
        CHECK_FALSE(waiting);
    });
}

TEST_CASE("a pause ends after its time") {
    on_every_ring([](Ring& ring) { CHECK(run(ring, [&] { return ring.pause(5); }) == 0); });
}

TEST_CASE("for want of a thread nothing waits behind what may last for ever") {
    on_every_ring([](Ring& ring) {
        const Fd never(eventfd(0, EFD_CLOEXEC));
        const Fd over(eventfd(0, EFD_CLOEXEC));
        std::thread rescue([&] { // or this would last as long
            pollfd events{over.get(), POLLIN, 0};
            constexpr uint64_t one = 1;
            if (poll(&events, 1, 5000) == 0)
                CHECK(write(never.get(), &one, sizeof one) == sizeof one);
        });
        Request* waiting = nullptr;
        int64_t result = 0;
        bool done = false;
        await([&] { return ring.wait_readable(never.get(), &waiting); }, result, done);

        failing::after(failing::What::thread, 0, true);
        {
            const failing::Call call;
            CHECK(run(ring, [&] { return ring.pause(5); }) == 0);
        }
        failing::end(failing::What::thread);
        CHECK_FALSE(done);
        constexpr uint64_t one = 1;
        CHECK(write(over.get(), &one, sizeof one) == sizeof one);
        rescue.join();
        if (waiting)
            ring.cancel(*waiting);
        while (!done) {
            if (!ring.run_ready())
                ring.wait();
        }
    });
}

TEST_CASE("wake ends a wait in which nothing completes") {
    on_every_ring([](Ring& ring) {
        std::thread waker([&] {
            usleep(20'000);
            ring.wake();
        });
        ring.wait();
        waker.join();
        ring.wake(); // before the wait: not lost
        ring.wait();
    });
}

namespace {

// A directory that is gone, with all in it, at the end.
struct TemporaryDirectory {
    std::string path = "/tmp/arsync-ring-XXXXXX";
    Fd fd;

    TemporaryDirectory() {
        REQUIRE(mkdtemp(path.data()));
        fd = Fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        REQUIRE(fd);
    }
    ~TemporaryDirectory() { std::filesystem::remove_all(path); }
    void make_file(const char* name) const {
        CHECK(Fd(openat(fd.get(), name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)));
    }
};

} // namespace

TEST_CASE("open_beneath opens what is below the directory, and nothing that a link leads to") {
    const bool has_openat2 =
        SystemFiles().open_beneath(AT_FDCWD, "..", O_PATH, RESOLVE_BENEATH) == -EXDEV;
    if (!has_openat2)
        skip("openat2 is missing or denied here");
    on_every_ring([&](Ring& ring) {
        const TemporaryDirectory directory;
        const auto open = [&](const char* path, int flags, uint64_t resolve) {
            const int dirfd = directory.fd.get();
            return run(ring, [&] { return ring.open_beneath(dirfd, path, flags, resolve); });
        };
        directory.make_file("file");
        REQUIRE(mkdirat(directory.fd.get(), "inner", 0700) == 0);
        directory.make_file("inner/file");
        REQUIRE(symlinkat("inner", directory.fd.get(), "link") == 0);

        const Fd fd(static_cast<int>(open("inner/file", O_RDWR | O_CLOEXEC, RESOLVE_BENEATH)));
        REQUIRE(fd);
        CHECK((fcntl(fd.get(), F_GETFL) & O_ACCMODE) == O_RDWR);
        CHECK(fcntl(fd.get(), F_GETFD) == FD_CLOEXEC);
        CHECK(open("none", O_RDONLY, 0) == -ENOENT);
        CHECK(open("file", O_RDONLY | O_DIRECTORY, 0) == -ENOTDIR);
        CHECK(open("link", O_RDONLY, RESOLVE_NO_SYMLINKS) == -ELOOP);
        const Fd followed(static_cast<int>(open("link", O_RDONLY | O_CLOEXEC, 0)));
        CHECK(followed);
        if (has_openat2)
            CHECK(open("../file", O_RDONLY, RESOLVE_BENEATH) == -EXDEV);
    });
}

TEST_CASE("io_uring can be tried here") {
    if (const int error = Uring::probe(); error < 0)
        skip(std::string("all of these cases on io_uring: ") + strerror(-error));
}

TEST_CASE("sync and write_back are asked of the kernel, which knows no such descriptor") {
    on_every_ring([](Ring& ring) {
        const Fd fd = temporary_file("to be written");
        for (const bool datasync : {false, true}) {
            CHECK(run(ring, [&] { return ring.sync(fd.get(), datasync); }) == 0);
            CHECK(run(ring, [&] { return ring.sync(-1, datasync); }) == -EBADF);
        }
        CHECK(run(ring, [&] { return ring.write_back(fd.get(), 0, 4096); }) == 0);
        CHECK(run(ring, [&] { return ring.write_back(-1, 0, 4096); }) == -EBADF);
    });
}

TEST_CASE("settle_holes writes out what is in a file, be it open for reading only") {
    on_every_ring([](Ring& ring) {
        const Fd fd = temporary_file("to be written");
        const Fd reading(open(("/proc/self/fd/" + std::to_string(fd.get())).c_str(), O_RDONLY));
        CHECK(run(ring, [&] { return ring.settle_holes(reading.get()); }) == 0);
        CHECK(run(ring, [&] { return ring.settle_holes(-1); }) == -EBADF);
    });
}

TEST_CASE("sync_filesystem writes out what is on the filesystem of a descriptor") {
    on_every_ring([](Ring& ring) {
        const Fd fd = temporary_file("to be written");
        CHECK(run(ring, [&] { return ring.sync_filesystem(fd.get()); }) == 0);
        CHECK(run(ring, [&] { return ring.sync_filesystem(-1); }) == -EBADF);
    });
}

namespace {

Detached take_turns(Ring& ring, char name, std::string& order, unsigned& ended) {
    for (int i = 0; i < 3; ++i) {
        order += name;
        co_await ring.yield();
    }
    ++ended;
}

Detached yield_until(Ring& ring, const bool& raised, bool& ended) {
    while (!raised)
        co_await ring.yield();
    ended = true;
}

Detached sleep_until_posted(Waiter& waiter, std::vector<std::thread::id>& resumed) {
    struct Sleep {
        Waiter& waiter;
        bool await_ready() const { return false; }
        void await_suspend(std::coroutine_handle<> handle) { waiter.handle = handle; }
        void await_resume() const {}
    };
    co_await Sleep{waiter};
    resumed.push_back(std::this_thread::get_id());
}

Detached write_to(Writers& writers, const Identity& id, Ring& ring,
                  std::optional<Writers::Turn>& turn) {
    turn = co_await writers.take(id, ring);
}

} // namespace

TEST_CASE("one at a time writes to a file, in the order in which they came") {
    on_every_ring([](Ring& ring) {
        Writers writers;
        const Identity file{1, 2, 3};
        std::optional<Writers::Turn> first, second, third, later, of_another;
        const auto run_until = [&](const std::optional<Writers::Turn>& turn) {
            while (!turn)
                if (!ring.run_ready())
                    ring.wait();
        };
        write_to(writers, file, ring, first);
        write_to(writers, file, ring, second);
        write_to(writers, {1, 2, 4}, ring, of_another);
        REQUIRE(first);
        CHECK_FALSE(first->waited());
        CHECK(of_another);
        CHECK_FALSE(second);
        first.reset();
        run_until(second);
        CHECK(second->waited());
        write_to(writers, file, ring, third); // nobody else waited when the second had its turn
        CHECK_FALSE(third);
        second.reset();
        run_until(third);
        third.reset();
        write_to(writers, file, ring, later);
        REQUIRE(later);
        CHECK_FALSE(later->waited());
    });
}

TEST_CASE("those who yield take turns, and no wait blocks while one has") {
    on_every_ring([](Ring& ring) {
        std::string order;
        unsigned ended = 0;
        take_turns(ring, 'a', order, ended);
        take_turns(ring, 'b', order, ended);
        CHECK(order == "ab");
        CHECK_FALSE(ring.run_ready()); // not before a look at what has completed
        while (ended < 2) {
            if (!ring.run_ready())
                ring.wait();
        }
        CHECK(order == "ababab");
    });
}

TEST_CASE("what completes is taken in although somebody yields again and again") {
    on_every_ring([](Ring& ring) {
        const Fd fd = temporary_file("x");
        char data = 0;
        int64_t result = 0;
        bool done = false;
        bool ended = false;
        yield_until(ring, done, ended);
        await([&] { return ring.read(fd.get(), slice(&data, 1), 0); }, result, done);
        while (!ended) {
            if (!ring.run_ready())
                ring.wait();
        }
        CHECK(result == 1);
        CHECK(data == 'x');
    });
}

TEST_CASE("coroutines posted from other threads are resumed once each, on the ring's own") {
    on_every_ring([](Ring& ring) {
        constexpr size_t threads = 3;
        constexpr size_t each = 200;
        std::vector<Waiter> waiters(threads * each);
        std::vector<std::thread::id> resumed;
        for (Waiter& waiter : waiters)
            sleep_until_posted(waiter, resumed);
        std::vector<std::thread> posters;
        for (size_t i = 0; i < threads; ++i)
            posters.emplace_back([&ring, first = &waiters[i * each]] {
                usleep(5'000); // the ring is asleep by then
                for (size_t j = 0; j < each; ++j)
                    ring.post_from_outside(first[j]);
            });
        while (resumed.size() < waiters.size()) {
            if (!ring.run_ready())
                ring.wait();
        }
        for (std::thread& poster : posters)
            poster.join();
        CHECK_FALSE(ring.run_ready());
        CHECK(resumed == std::vector(waiters.size(), std::this_thread::get_id()));
    });
}

TEST_CASE("more requests than the ring has room for wait their turn") {
    on_every_ring([](Ring& ring) {
        const Fd fd = temporary_file("0123456789");
        constexpr size_t count = 500;
        std::vector<char> data(count);
        std::vector<int64_t> results(count);
        const auto done = std::make_unique<bool[]>(count);
        for (size_t i = 0; i < count; ++i)
            await([&ring, &fd, at = &data[i],
                   i] { return ring.read(fd.get(), slice(at, 1), i % 10); },
                  results[i], done[i]);
        for (size_t i = 0; i < count; ++i) {
            while (!done[i]) {
                if (!ring.run_ready())
                    ring.wait();
            }
            REQUIRE(results[i] == 1);
            REQUIRE(data[i] == static_cast<char>('0' + i % 10));
        }
        CHECK(ring.counters().queue_depth_max.value() == count);
    });
}

TEST_CASE("a direct read works on a polled ring whose device cannot be polled") {
    const Fd fd = temporary_file("direct");
    if (fcntl(fd.get(), F_SETFL, O_DIRECT) < 0) {
        skip("no O_DIRECT on the filesystem of /tmp");
        return;
    }
    on_every_ring([&](Ring& ring) {
        alignas(4096) char data[4096];
        const int64_t got =
            run(ring, [&] { return ring.read(fd.get(), slice(data, 4096), 0, 0, Route::polled); });
        CHECK(got == 6);
    });
}

namespace {

struct Hold {
    std::coroutine_handle<> handle;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> waiter) { handle = waiter; }
    void await_resume() const {}
};

Detached borrow(Buffers& buffers, Hold& hold, std::vector<int>& order, int number, int priority = 0,
                bool bulk = true) {
    const BufferLease lease = co_await buffers.lease(bulk, priority);
    order.push_back(number);
    co_await hold;
}

Detached take_turn(Turns& turns, Hold& hold, std::vector<int>& order, int number,
                   int priority = 0) {
    const Turns::Turn turn = co_await turns.take(priority);
    order.push_back(number);
    co_await hold;
}

} // namespace

TEST_CASE("so many have a turn at a time, and the others in order") {
    on_every_ring([](Ring& ring) {
        Flow flow({2, 4096}, {2, 4096}, [] { return uint64_t{0}; });
        Turns turns(ring, flow);
        Hold holds[5];
        std::vector<int> order;
        const auto take = [&](int number) { take_turn(turns, holds[number], order, number); };
        for (int i = 0; i < 4; ++i)
            take(i);
        CHECK(order == std::vector<int>{0, 1});
        holds[1].handle.resume();
        take(4); // whoever comes now does not go before who waits
        ring.run_ready();
        CHECK(order == std::vector<int>{0, 1, 2});
        holds[0].handle.resume();
        holds[2].handle.resume();
        ring.run_ready();
        CHECK(order == std::vector<int>{0, 1, 2, 3, 4});
        holds[3].handle.resume();
        holds[4].handle.resume();
        for (int i = 0; i < 3; ++i)
            take(i);
        CHECK(order == std::vector<int>{0, 1, 2, 3, 4, 0, 1});
        for (int i = 0; i < 3; ++i) {
            holds[i].handle.resume();
            ring.run_ready();
        }
        CHECK(order.size() == 8);

        order.clear();
        for (int i = 0; i < 2; ++i)
            take_turn(turns, holds[i], order, i);
        take_turn(turns, holds[2], order, 2, -1);
        take_turn(turns, holds[3], order, 3, 0);
        take_turn(turns, holds[4], order, 4, 1);
        for (const int number : {0, 4, 3, 1, 2}) {
            holds[number].handle.resume();
            ring.run_ready();
        }
        CHECK(order == std::vector<int>{0, 1, 4, 3, 2});
    });
}

TEST_CASE("buffers are lent to one at a time, and waiters are served in order") {
    on_every_ring([](Ring& ring) {
        Buffers buffers(ring, 2, 4096, false);
        Hold holds[4];
        std::vector<int> order;
        for (int i = 0; i < 4; ++i)
            borrow(buffers, holds[i], order, i);
        CHECK(order == std::vector<int>{0, 1});
        CHECK(buffers.leased() == 2);
        holds[1].handle.resume();
        ring.run_ready();
        CHECK(order == std::vector<int>{0, 1, 2});
        holds[0].handle.resume();
        ring.run_ready();
        CHECK(order == std::vector<int>{0, 1, 2, 3});
        holds[2].handle.resume();
        holds[3].handle.resume();
        CHECK(buffers.leased() == 0);
        CHECK(ring.counters().buffer_waits.value() == 2);
    });
}

TEST_CASE(
    "small copies one after the other have one buffer, and no memory is shared out for that") {
    on_every_ring([](Ring& ring) {
        unsigned asked = 0;
        Buffers buffers(ring, 2, 1 << 20, false, [&] {
            ++asked;
            return Buffers::Share{2, 1 << 20};
        });
        std::vector<int> order;
        for (int i = 0; i < 3; ++i) {
            Hold hold;
            borrow(buffers, hold, order, i, 0, false);
            CHECK(buffers.leased() == 1);
            hold.handle.resume();
            CHECK(buffers.leased() == 0);
        }
        CHECK(asked == 0);
        Hold holds[2]; // at once
        for (int i = 0; i < 2; ++i)
            borrow(buffers, holds[i], order, 3 + i, 0, false);
        CHECK(asked == 1);
        for (Hold& hold : holds)
            hold.handle.resume();
        CHECK(order == std::vector<int>{0, 1, 2, 3, 4});
    });
}

TEST_CASE("who is more urgent gets a buffer first") {
    on_every_ring([](Ring& ring) {
        Buffers buffers(ring, 1, 4096, false);
        constexpr int priorities[] = {0, 0, 5, -1, 5, 0, 9};
        Hold holds[7];
        std::vector<int> order;
        for (int i = 0; i < 7; ++i)
            borrow(buffers, holds[i], order, i, priorities[i]);
        for (size_t i = 0; i < 7; ++i) {
            REQUIRE(order.size() == i + 1);
            holds[order[i]].handle.resume();
            ring.run_ready();
        }
        CHECK(order == std::vector<int>{0, 6, 2, 4, 1, 5, 3});
        CHECK(buffers.leased() == 0);
    });
}

namespace {

Detached read_into_buffer(Ring& ring, Buffers& buffers, int fd, std::string& got, bool& fixed,
                          bool& done) {
    const BufferLease lease = co_await buffers.lease(true);
    const Slice to = lease.slice(0, 100);
    fixed = to.buffer_index >= 0;
    const int64_t count = co_await ring.read(fd, to, 0);
    if (count > 0)
        got.assign(reinterpret_cast<const char*>(lease.data()), static_cast<size_t>(count));
    done = true;
}

} // namespace

TEST_CASE("a registered buffer is read into by READ_FIXED, an unregistered one all the same") {
    on_every_ring([](Ring& ring) {
        Buffers buffers(ring, 2, 4096, false);
        const Fd fd = temporary_file("into a buffer");
        std::string got;
        bool fixed = false;
        bool done = false;
        read_into_buffer(ring, buffers, fd.get(), got, fixed, done);
        while (!done) {
            if (!ring.run_ready())
                ring.wait();
        }
        CHECK(got == "into a buffer");
        CHECK(ring.counters().reads_fixed.value() == (fixed ? 1 : 0));
        CHECK(fixed == (buffers.refusal() == 0));
    });
}
