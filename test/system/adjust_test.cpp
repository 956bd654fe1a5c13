// Jobs whose terms change while they are queued or run: paused and resumed, slower and faster, more
// or less urgent.
#include <chrono>
#include <functional>
#include <memory>
#include <sys/stat.h>
#include <thread>
#include <vector>

#include "system/check.h"
#include "system/full.h"
#include "system/stream.h"
#include "system/tree.h"

namespace live {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

int adjust(Pool& pool, arsync_job job, uint32_t what, uint64_t byte_rate = 0, int priority = 0) {
    arsync_adjustment adjustment{};
    adjustment.struct_size = sizeof adjustment;
    adjustment.what = what;
    adjustment.byte_rate = byte_rate;
    adjustment.priority = priority;
    return arsync_job_adjust(pool.get(), job, &adjustment);
}

PoolOptions pool_with(uint32_t backend, uint32_t workers) {
    PoolOptions options(backend);
    options.workers = workers;
    return options;
}

struct State {
    uint64_t bytes, entries;
    bool operator==(const State&) const = default;
};
State state(const Pool& pool, arsync_job job) {
    const arsync_progress progress = pool.progress(job);
    return {progress.bytes_done, progress.entries_done};
}

// Whether nothing moves for a while, after a while in which what is under way may end.
bool stands_still(const Pool& pool, arsync_job job) {
    std::this_thread::sleep_for(milliseconds(250));
    const State before = state(pool, job);
    std::this_thread::sleep_for(milliseconds(150));
    return state(pool, job) == before;
}

// A job that has begun, and is slow: it is paused on its way, goes on and ends well.
void pause_and_resume(Pool& pool, arsync_job job) {
    REQUIRE(eventually([&] { return pool.progress(job).bytes_done > 0; }));
    CHECK(adjust(pool, job, ARSYNC_ADJUST_PAUSE) == 0);
    CHECK(adjust(pool, job, ARSYNC_ADJUST_BYTE_RATE) == 0); // nothing but the pause holds it up
    CHECK(stands_still(pool, job));
    const arsync_progress held = pool.progress(job);
    CHECK(held.state == ARSYNC_JOB_RUNNING);
    CHECK((held.flags & ARSYNC_PROGRESS_PAUSED) != 0);
    CHECK(held.entries_done < held.entries_total);
    CHECK(adjust(pool, job, ARSYNC_ADJUST_RESUME) == 0);
    arsync_completion done = next(pool);
    while (done.kind != ARSYNC_COMPLETION_JOB)
        done = next(pool);
    CHECK(done.job == job);
    CHECK(done.result == 0);
    CHECK(done.bytes > held.bytes_done);
}

void make_many(const std::string& path, int files, size_t size) {
    mkdir(path.c_str(), 0755);
    for (int i = 0; i < files; ++i) {
        const std::string directory = path + "/" + std::to_string(i % 7);
        mkdir(directory.c_str(), 0755);
        write_pattern(directory + "/" + std::to_string(i), size);
    }
}

} // namespace

TEST_CASE_FIXTURE(Clean, "a copy that is paused stands still until it is resumed") {
    for (const uint32_t backend : backends()) {
        for (const uint32_t method : {ARSYNC_METHOD_AUTO, ARSYNC_METHOD_INLINE, ARSYNC_METHOD_FIXED,
                                      ARSYNC_METHOD_COPY_FILE_RANGE, ARSYNC_METHOD_DIRECT}) {
            CAPTURE(backend_name(backend));
            CAPTURE(method_name(method));
            const Directory directory;
            write_pattern(directory / "from", 12'000'000);
            PoolOptions options = pool_with(backend, 1);
            options.buffer_size = 1 << 18;
            options.buffer_count = 4;
            Pool pool(options);
            Full full(pool, directory);
            const arsync_job job =
                pool.submit(directory / "from", directory / "to",
                            Options().with_method(method).with_reflink(ARSYNC_REFLINK_NEVER));
            CHECK(adjust(pool, job, ARSYNC_ADJUST_BYTE_RATE, 4'000'000) == 0);
            full.free();
            pause_and_resume(pool, job);
            CHECK(difference(directory / "from", directory / "to") == "");
        }
    }
}

TEST_CASE_FIXTURE(Clean, "so does that of a range") {
    const Directory directory;
    write_pattern(directory / "from", 12'000'000);
    write_file(directory / "to", "");
    PoolOptions options = pool_with(ARSYNC_BACKEND_AUTO, 1);
    options.buffer_size = 1 << 18;
    Pool pool(options);
    Full full(pool, directory);
    const int from = open((directory / "from").c_str(), O_RDONLY | O_CLOEXEC);
    const int to = open((directory / "to").c_str(), O_RDWR | O_CLOEXEC);
    const Options never = Options().with_reflink(ARSYNC_REFLINK_NEVER);
    arsync_job job = 0;
    REQUIRE(arsync_submit_copy_range(pool.get(), from, 0, to, 0, UINT64_MAX, &never, 0, &job) == 0);
    close(from);
    close(to);
    CHECK(adjust(pool, job, ARSYNC_ADJUST_BYTE_RATE, 4'000'000) == 0);
    full.free();
    pause_and_resume(pool, job);
    CHECK(difference(directory / "from", directory / "to") == "");
}

TEST_CASE_FIXTURE(Clean, "a stream that is paused while it is silent takes nothing that comes") {
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const Directory directory;
        Stream from(directory / "stream");
        Pool pool(pool_with(backend, 1));
        const arsync_job job =
            pool.submit(from.path(), directory / "to", Options().with_flags(ARSYNC_COPY_SPECIAL));
        REQUIRE(from.give_and_wait("before", pool, job));
        std::this_thread::sleep_for(milliseconds(50)); // so that it waits for more
        CHECK(adjust(pool, job, ARSYNC_ADJUST_PAUSE) == 0);
        REQUIRE(from.give(" and after"));
        std::this_thread::sleep_for(milliseconds(100));
        CHECK(pool.progress(job).bytes_done == 6);
        CHECK(adjust(pool, job, ARSYNC_ADJUST_RESUME) == 0);
        CHECK(eventually([&] { return pool.progress(job).bytes_done == 16; }));
        from.end();
        CHECK(pool.wait().result == 0);
    }
}

TEST_CASE_FIXTURE(Clean, "a tree that is paused stands still with all its workers") {
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const Directory directory;
        // All workers take part at once, so small that what they have under way ends soon: 3 times
        // 64 files at the pool's rate.
        make_many(directory / "from", 700, 6'000);
        PoolOptions options = pool_with(backend, 3);
        options.byte_rate = 10'000'000; // that it is not over before it is looked at
        Pool pool(options);
        const arsync_job job = pool.submit(directory / "from", directory / "to", recursive());
        CHECK(adjust(pool, job, ARSYNC_ADJUST_BYTE_RATE, 5'000'000) == 0);
        pause_and_resume(pool, job);
        CHECK(system(("diff -r " + directory / "from " + directory / "to").c_str()) == 0);
    }
}

TEST_CASE_FIXTURE(Clean, "what is paused before it has begun does nothing until it is resumed") {
    const Directory directory;
    write_pattern(directory / "from", 1000);
    Pool pool(pool_with(ARSYNC_BACKEND_AUTO, 1));
    Full full(pool, directory);
    const arsync_job paused = pool.submit(directory / "from", directory / "paused");
    const arsync_job cancelled = pool.submit(directory / "from", directory / "cancelled");
    const arsync_job other = pool.submit(directory / "from", directory / "other");
    CHECK(adjust(pool, paused, ARSYNC_ADJUST_PAUSE) == 0);
    CHECK(adjust(pool, cancelled, ARSYNC_ADJUST_PAUSE) == 0);
    full.free();
    CHECK(next(pool).job == other);
    std::this_thread::sleep_for(milliseconds(50));
    CHECK(pool.progress(paused).state == ARSYNC_JOB_QUEUED);
    CHECK((pool.progress(paused).flags & ARSYNC_PROGRESS_PAUSED) != 0);
    CHECK(arsync_job_cancel(pool.get(), cancelled) == 0);
    CHECK(next(pool).result == -ECANCELED);
    CHECK(adjust(pool, paused, ARSYNC_ADJUST_RESUME) == 0);
    CHECK(adjust(pool, paused, ARSYNC_ADJUST_RESUME) == 0); // again: nothing
    const arsync_completion done = next(pool);
    CHECK(done.job == paused);
    CHECK(done.result == 0);
    CHECK(!exists(directory / "cancelled"));
}

TEST_CASE_FIXTURE(Clean, "what is paused may be cancelled, and its pool closed") {
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const Directory directory;
        write_pattern(directory / "from", 8'000'000);
        make_many(directory / "tree", 200, 20'000);
        Pool pool(pool_with(backend, 2));
        for (int round = 0; round < 2; ++round) {
            std::vector<arsync_job> jobs;
            jobs.push_back(pool.submit(directory / "from", directory / "to",
                                       Options().with_reflink(ARSYNC_REFLINK_NEVER)));
            jobs.push_back(pool.submit(directory / "tree", directory / "copy", recursive()));
            for (const arsync_job job : jobs)
                CHECK(adjust(pool, job, ARSYNC_ADJUST_PAUSE) == 0);
            if (round > 0)
                break; // and close
            std::this_thread::sleep_for(milliseconds(100));
            for (const arsync_job job : jobs)
                CHECK(arsync_job_cancel(pool.get(), job) == 0);
            for (size_t i = 0; i < jobs.size(); ++i) {
                const arsync_completion done = pool.wait();
                CHECK((done.result == -ECANCELED || done.result == 0));
            }
        }
        CHECK(pool.close() == 0);
    }
}

TEST_CASE_FIXTURE(Clean, "a job's own limit holds for all of it, and is lifted at once") {
    for (const uint32_t backend : backends()) {
        for (const bool tree : {false, true}) {
            CAPTURE(backend_name(backend));
            CAPTURE(tree);
            const Directory directory;
            if (tree)
                make_many(directory / "from", 120, 20'000);
            else
                write_pattern(directory / "from", 2'400'000);
            PoolOptions two = pool_with(backend, 2);
            two.byte_rate = 8'000'000; // it takes 300 ms by this
            Pool pool(two);
            Full full(pool, directory, 2);
            const Options options = recursive().with_reflink(ARSYNC_REFLINK_NEVER);
            const arsync_job limited =
                pool.submit(directory / "from", directory / "limited", options);
            CHECK(adjust(pool, limited, ARSYNC_ADJUST_BYTE_RATE, 4'000'000) == 0);
            const Clock::time_point begun = Clock::now();
            full.free();
            CHECK(next(pool).result == 0);
            CHECK(Clock::now() - begun > milliseconds(420));

            const arsync_job slow = pool.submit(directory / "from", directory / "slow", options);
            CHECK(adjust(pool, slow, ARSYNC_ADJUST_BYTE_RATE, 1'000) == 0); // an hour
            std::this_thread::sleep_for(milliseconds(100));
            CHECK(adjust(pool, slow, ARSYNC_ADJUST_BYTE_RATE, 0) == 0);
            CHECK(next(pool).result == 0);
            CHECK(Clock::now() - begun < milliseconds(20'000));

            const Clock::time_point again = Clock::now();
            const arsync_job high = pool.submit(directory / "from", directory / "high", options);
            CHECK(adjust(pool, high, ARSYNC_ADJUST_BYTE_RATE, 1'000'000'000) == 0);
            CHECK(next(pool).result == 0);
            CHECK(Clock::now() - again > milliseconds(150)); // the pool's holds all the same
        }
    }
}

TEST_CASE_FIXTURE(Clean, "queued jobs of a higher priority are begun first") {
    const Directory directory;
    write_pattern(directory / "from", 1000);
    Pool pool(pool_with(ARSYNC_BACKEND_AUTO, 1));
    Full full(pool, directory);
    const std::vector<int> priorities = {0, -3, 7, 0, 7, 2};
    for (size_t i = 0; i < priorities.size(); ++i) {
        const arsync_job job =
            pool.submit(directory / "from", directory / ("to" + std::to_string(i)), Options(), i);
        CHECK(adjust(pool, job, ARSYNC_ADJUST_PRIORITY, 0, priorities[i]) == 0);
    }
    full.free();
    std::vector<uint64_t> order;
    while (order.size() < priorities.size()) {
        const arsync_completion done = next(pool);
        REQUIRE(done.result == 0);
        order.push_back(done.user_data);
    }
    CHECK(order == std::vector<uint64_t>{2, 4, 5, 0, 3, 1});
}

TEST_CASE_FIXTURE(Clean, "of what waits for the pool's limit the more urgent goes first") {
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const Directory directory;
        write_pattern(directory / "from", 4'000'000);
        PoolOptions options = pool_with(backend, 1);
        options.byte_rate = 8'000'000;
        options.buffer_size = 1 << 16;
        Pool pool(options);
        Full full(pool, directory);
        const Options never = Options().with_reflink(ARSYNC_REFLINK_NEVER);
        const arsync_job low = pool.submit(directory / "from", directory / "low", never, 1);
        const arsync_job high = pool.submit(directory / "from", directory / "high", never, 2);
        CHECK(adjust(pool, high, ARSYNC_ADJUST_PRIORITY, 0, 1) == 0);
        full.free();
        const arsync_completion first = next(pool);
        const uint64_t low_done = pool.progress(low).bytes_done;
        CHECK(first.job == high);
        CHECK(low_done < 2'000'000); // without it, about all
        CHECK(next(pool).result == 0);
    }
}

// One worker has a job that does not move for now, as it is slow and hold() has been called with
// it, and another one of the same kind.
static void copies_beside_one_that_is_held(uint64_t byte_rate,
                                           const std::function<void(Pool&, arsync_job)>& hold,
                                           uint32_t chunks = 0) {
    for (const uint32_t backend : backends())
        for (const uint32_t method : {ARSYNC_METHOD_FIXED, ARSYNC_METHOD_DIRECT}) {
            CAPTURE(backend_name(backend));
            CAPTURE(method_name(method));
            const Directory directory;
            write_pattern(directory / "from", 40'000'000);
            Pool pool(pool_with(backend, 1));
            Full full(pool, directory);
            const Options how = Options().with_method(method);
            const arsync_job held = pool.submit(directory / "from", directory / "held",
                                                Options(how).with_chunks(chunks), 1);
            CHECK(adjust(pool, held, ARSYNC_ADJUST_BYTE_RATE, byte_rate) == 0);
            full.free();
            hold(pool, held);
            const arsync_job other = pool.submit(directory / "from", directory / "other", how, 2);
            const arsync_completion first = next(pool);
            CHECK(first.job == other);
            CHECK(first.result == 0);
            CHECK(difference(directory / "from", directory / "other") == "");
            CHECK(arsync_job_cancel(pool.get(), held) == 0);
            CHECK(next(pool).result == -ECANCELED);
        }
}

TEST_CASE_FIXTURE(Clean, "a job that is held to a rate keeps no other from moving its chunks") {
    copies_beside_one_that_is_held(100'000, [](Pool&, arsync_job) {});
}

TEST_CASE_FIXTURE(Clean,
                  "nor does it keep the buffers, however many chunks it may have in flight") {
    copies_beside_one_that_is_held(
        100'000, [](Pool&, arsync_job) {}, 64);
}

TEST_CASE_FIXTURE(Clean, "nor does one that is paused") {
    copies_beside_one_that_is_held(4'000'000, [](Pool& pool, arsync_job held) {
        REQUIRE(eventually([&] { return pool.progress(held).bytes_done > 0; }));
        CHECK(adjust(pool, held, ARSYNC_ADJUST_PAUSE) == 0);
        CHECK(adjust(pool, held, ARSYNC_ADJUST_BYTE_RATE) == 0); // nothing but the pause
        CHECK(stands_still(pool, held));
    });
}

TEST_CASE_FIXTURE(Clean, "nobody waits for what a cancelled job was to move") {
    for (const uint32_t backend : backends())
        for (const uint32_t method : {ARSYNC_METHOD_FIXED, ARSYNC_METHOD_DIRECT}) {
            CAPTURE(backend_name(backend));
            CAPTURE(method_name(method));
            const Directory directory;
            make_directories(directory / "from");
            for (int i = 0; i < 64; ++i)
                write_pattern(directory / ("from/" + std::to_string(i)), 4'000'000);
            PoolOptions options = pool_with(backend, 1);
            options.byte_rate = 8'000'000; // half a minute for all
            Pool pool(options);
            const Options how = recursive().with_method(method);
            const arsync_job tree = pool.submit(directory / "from", directory / "to", how, 1);
            REQUIRE(eventually([&] { return pool.progress(tree).bytes_done > 0; }));
            CHECK(arsync_job_cancel(pool.get(), tree) == 0);
            CHECK(next(pool).result == -ECANCELED);
            const auto begun = std::chrono::steady_clock::now();
            pool.submit(directory / "from/1", directory / "single", how, 2);
            CHECK(next(pool).result == 0);
            CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(3));
        }
}

} // namespace live
