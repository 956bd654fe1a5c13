// Where no thread can be had: a pool that runs its jobs in poll, and a ring whose owner makes every
// call itself. What has to wait for another fails or gives way; it keeps nobody from his turn.
#include <doctest/doctest.h>

#include <algorithm>
#include <arsync.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <string>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

#include "io/fd.h"
#include "io/threads.h"
#include "task.h"
#include "unit/failing.h"

using namespace arsync;

namespace {

using failing::Call;
using failing::What;

struct Place {
    std::string path;
    Place() {
        char name[] = "/tmp/arsync-unit-XXXXXX";
        path = mkdtemp(name);
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { std::filesystem::remove_all(path); }
};

arsync_pool* open_without_thread() {
    failing::after(What::thread, 0, true);
    arsync_pool* pool = nullptr;
    const Call call;
    REQUIRE(arsync_pool_open(nullptr, &pool) == 0);
    return pool;
}

arsync_job open_list(arsync_pool* pool) {
    arsync_job list = 0;
    const Call call;
    REQUIRE(arsync_list_open(pool, AT_FDCWD, AT_FDCWD, nullptr, 0, &list) == 0);
    return list;
}

void wait_until_it_runs(arsync_pool* pool, arsync_job job) {
    arsync_progress progress = {};
    progress.struct_size = sizeof progress;
    while (progress.state != ARSYNC_JOB_RUNNING) {
        REQUIRE(arsync_job_progress(pool, job, &progress) == 0);
        usleep(1000);
    }
    usleep(20'000); // and who polls has nothing more to do for it
}

Detached pause_often(Ring& ring, unsigned& paused) {
    while (paused < 10) {
        co_await ring.pause(1);
        ++paused;
    }
}

template <class Make>
Detached await(Make make, int64_t& result) {
    result = co_await make();
}

template <class Make>
int64_t result_of(Ring& ring, Make make) {
    int64_t result = 1 << 30;
    await(make, result);
    while (result == 1 << 30) {
        ring.look();
        ring.run_ready();
    }
    return result;
}

} // namespace

TEST_CASE("without a thread a job is cancelled although whoever polls sleeps") {
    arsync_pool* const pool = open_without_thread();
    const arsync_job list = open_list(pool);
    arsync_completion done = {};
    int polled = -1;
    std::thread poller([&] { polled = arsync_poll(pool, &done, 1, 10'000); });
    wait_until_it_runs(pool, list);
    {
        const Call call;
        CHECK(arsync_job_cancel(pool, list) == 0);
    }
    poller.join();
    CHECK(polled == 1);
    CHECK(done.result == -ECANCELED);
    CHECK(failing::end(What::thread));
    CHECK(arsync_pool_close(pool) == 0);
}

// It has told itself of jobs to take, for which it has no room.
TEST_CASE("without a thread a poll ends in time with as many jobs under way as there may be") {
    arsync_pool* const pool = open_without_thread();
    for (int i = 0; i < 70; ++i)
        open_list(pool);
    arsync_completion done = {};
    {
        const Call call;
        CHECK(arsync_poll(pool, &done, 1, 100) == 0);
    }
    CHECK(failing::end(What::thread));
    CHECK(arsync_pool_close(pool) == 0);
}

static bool is_readable(int fd) {
    pollfd entry{fd, POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
}

TEST_CASE(
    "without a thread the event descriptor is readable only while a poll has something to do") {
    const Place place;
    std::ofstream(place.path + "/from") << "content";
    arsync_pool* const pool = open_without_thread();
    const Call call;
    const int fd = arsync_pool_event_fd(pool);
    arsync_completion done = {};
    const auto adjust = [&](arsync_job job, uint32_t what) {
        arsync_adjustment adjustment = {};
        adjustment.struct_size = sizeof adjustment;
        adjustment.what = what;
        return arsync_job_adjust(pool, job, &adjustment);
    };
    CHECK(!is_readable(fd));

    SUBCASE("a job is paused") {
        arsync_job job = 0;
        REQUIRE(arsync_submit_copy(pool, AT_FDCWD, (place.path + "/from").c_str(), AT_FDCWD,
                                   (place.path + "/to").c_str(), nullptr, 0, &job) == 0);
        CHECK(is_readable(fd));
        CHECK(adjust(job, ARSYNC_ADJUST_PAUSE) == 0);
        CHECK(arsync_poll(pool, &done, 1, 0) == 0);
        CHECK(!is_readable(fd));
        CHECK(adjust(job, ARSYNC_ADJUST_RESUME) == 0);
        CHECK(is_readable(fd));
    }
    SUBCASE("a list waits for items") {
        const arsync_job list = open_list(pool);
        CHECK(is_readable(fd));
        CHECK(arsync_poll(pool, &done, 1, 0) == 0);
        CHECK(!is_readable(fd));
        CHECK(arsync_list_end(pool, list) == 0);
        CHECK(is_readable(fd));
    }
    SUBCASE("a question waits for its answer") {
        std::ofstream(place.path + "/to") << "before";
        arsync_copy_options options = {};
        options.struct_size = sizeof options;
        options.update = ARSYNC_UPDATE_ASK;
        REQUIRE(arsync_submit_copy(pool, AT_FDCWD, (place.path + "/from").c_str(), AT_FDCWD,
                                   (place.path + "/to").c_str(), &options, 0, nullptr) == 0);
        CHECK(arsync_poll(pool, &done, 1, 0) == 1);
        REQUIRE(done.kind == ARSYNC_COMPLETION_QUESTION);
        CHECK(arsync_poll(pool, &done, 1, 0) == 0);
        CHECK(!is_readable(fd));
        CHECK(arsync_pool_shutdown(pool, ARSYNC_SHUTDOWN_CANCEL) == 0);
        CHECK(is_readable(fd));
    }
    CHECK(arsync_poll(pool, &done, 1, 1000) == 1);
    CHECK(failing::end(What::thread));
    CHECK(arsync_pool_close(pool) == 0);
}

TEST_CASE("a pool that began without a thread goes on without, though there are some by now") {
    const Place place;
    std::filesystem::create_directory(place.path + "/from");
    for (int i = 0; i < 500; ++i) // enough for others to be called
        std::ofstream(place.path + "/from/" + std::to_string(i)) << i;
    arsync_pool* const pool = open_without_thread();
    arsync_copy_options options = {};
    options.struct_size = sizeof options;
    options.flags = ARSYNC_COPY_RECURSIVE;
    options.report = ARSYNC_REPORT_NONE;
    const auto submit = [&](int number) {
        return arsync_submit_copy(pool, AT_FDCWD, (place.path + "/from").c_str(), AT_FDCWD,
                                  (place.path + "/to" + std::to_string(number)).c_str(), &options,
                                  0, nullptr);
    };
    {
        const Call call;
        CHECK(submit(0) == 0);
    }
    CHECK(failing::end(What::thread));
    CHECK(submit(1) == 0);
    CHECK(submit(2) == 0);
    for (int i = 0; i < 3; ++i) {
        arsync_completion done = {};
        REQUIRE(arsync_poll(pool, &done, 1, 20'000) == 1);
        CHECK(done.result == 0);
    }
    arsync_info info = {};
    info.struct_size = sizeof info;
    CHECK(arsync_pool_info(pool, &info) == 0);
    CHECK(info.workers_started == 0);
    CHECK(strstr(info.backend_reason, "arsync_poll"));
    CHECK(arsync_pool_close(pool) == 0);
}

TEST_CASE("without a thread a file larger than allowed is an error, and no signal to who polls") {
    const Place place;
    constexpr rlim_t allowed = 1 << 20;
    std::ofstream(place.path + "/from") << std::string(3 * allowed, 'x');
    arsync_pool* const pool = open_without_thread();
    rlimit before;
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    const rlimit small{allowed, before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    {
        const Call call;
        CHECK(arsync_submit_copy(pool, AT_FDCWD, (place.path + "/from").c_str(), AT_FDCWD,
                                 (place.path + "/to").c_str(), nullptr, 0, nullptr) == 0);
    }
    CHECK(failing::end(What::thread));
    arsync_completion done = {};
    CHECK(arsync_poll(pool, &done, 1, 20'000) == 1);
    CHECK(done.result == -EFBIG);
    CHECK(arsync_pool_close(pool) == 0);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK_FALSE(std::filesystem::exists(place.path + "/to"));
}

TEST_CASE("who pauses without a thread gives others their turn each time") {
    Counters counters;
    Threads ring(counters, -EAGAIN);
    unsigned paused = 0;
    pause_often(ring, paused);
    for (unsigned round = 1; round <= 10; ++round) {
        ring.look();
        CHECK(ring.run_ready());
        CHECK(paused == round);
    }
    CHECK(ring.in_flight() == 0);
}

TEST_CASE("without a thread a wait ends if it is over, and what may last for ever fails") {
    Counters counters;
    Threads ring(counters, -EPERM);
    const Fd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    CHECK(result_of(ring, [&] { return ring.wait_readable(event.get(), nullptr); }) == -EPERM);
    CHECK(result_of(ring, [&] { return ring.wait_writable(event.get(), nullptr); }) == POLLOUT);
    CHECK(result_of(ring, [&] { return ring.pause(1, true); }) == -EPERM);
    CHECK(result_of(ring, [&] { return ring.pause(1); }) == 0);
}

TEST_CASE("a crew for what may last for ever queues nothing behind that") {
    const Fd silent(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    Request first(Op::wait_readable, silent.get());
    Request second(Op::wait_readable, silent.get());
    Helpers crew(
        1, [] {}, {}, true);
    CHECK(crew.submit(first) == 0);
    CHECK(crew.submit(second) == -EAGAIN);
    for (Request* request : {&first, &second})
        std::atomic_ref(request->cancelled).store(true);
}

TEST_CASE("what comes to a crew at once does not count on the same idle thread") {
    const Fd silent(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    const Fd ready(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
    for (int round = 0; round < 10; ++round) { // the thread may be quicker than the second of them
        Request before(Op::wait_readable, ready.get());
        Request lasting(Op::wait_readable, silent.get());
        Request over(Op::wait_readable, ready.get());
        Helpers crew(
            4, [] {}, {}, true);
        const auto ends = [&](const Request& request) {
            for (int ms = 0; ms < 10'000; ++ms, usleep(1000))
                for (Request* done = crew.take_finished(); done;
                     done = static_cast<Request*>(done->next))
                    if (done == &request)
                        return true;
            return false;
        };
        CHECK(crew.submit(before) == 0);
        CHECK(ends(before));
        usleep(5000); // until its thread waits for more
        CHECK(crew.submit(lasting) == 0);
        CHECK(crew.submit(over) == 0);
        CHECK(ends(over));
        std::atomic_ref(lasting.cancelled).store(true);
    }
}

TEST_CASE("a crew that there is less memory for than it may have threads makes do with fewer") {
    const Fd silent(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    for (const unsigned most : {1u, 2u, 5u}) {
        CAPTURE(most);
        unsigned asked = 0;
        Request requests[4] = {
            Request(Op::wait_readable, silent.get()), Request(Op::wait_readable, silent.get()),
            Request(Op::wait_readable, silent.get()), Request(Op::wait_readable, silent.get())};
        Helpers crew(
            3, [] {},
            [&] {
                ++asked;
                return most;
            },
            true);
        struct EndWaits { // before the crew is waited for, whatever happens
            Request (&all)[4];
            ~EndWaits() {
                for (Request& request : all)
                    std::atomic_ref(request.cancelled).store(true);
            }
        } const at_end{requests};
        for (unsigned i = 0; i < std::size(requests); ++i)
            CHECK(crew.submit(requests[i]) == (i < std::min(most, 3u) ? 0 : -EAGAIN));
        CHECK(asked == 1);
    }
}
