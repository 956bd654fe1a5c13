// Structs of any size with anything in them, ids, numbers and names at random: each call gives an
// error or does what it says, each job that was taken has one completion, and a pool closes.
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <map>
#include <memory>
#include <unistd.h>
#include <vector>

#include "arsync.h"
#include "fuzz/fuzz.h"
#include "fuzz/place.h"

namespace fuzz {

namespace {

constexpr const char* names[] = {"a",  "d", "l",   "d/b", "",  ".",
                                 "d/", "n", "n/m", "a/b", "h", "d/e"};
constexpr const char* suffixes[] = {"~", "", ".old", "/", "a/b"};
constexpr const char* filters[] = {"*", "!a", "d/\n!d/b", "[", "\\", "**/c\n#"};

// A struct in memory of its own, of just the size that it says it has.
template <class Struct>
class Wild {
public:
    explicit Wild(Bytes& bytes) {
        Struct value{};
        if (bytes.below(4) == 0)
            bytes.take(&value, sizeof value);
        constexpr uint32_t own = sizeof(Struct);
        const uint32_t sizes[] = {own,
                                  own,
                                  own,
                                  own,
                                  own - 4,
                                  own + 8,
                                  bytes.number<uint16_t>(),
                                  bytes.number<uint32_t>()};
        value.struct_size = sizes[bytes.below(8)];
        const size_t readable = value.struct_size <= 4096 ? value.struct_size : own;
        memory_ = std::make_unique<std::byte[]>(readable < 4 ? 4 : readable);
        std::memset(memory_.get(), 0, readable);
        std::memcpy(memory_.get(), &value, readable < own ? readable : own);
        // Fields one by one are more than all at once.
        for (size_t fields = bytes.below(5); fields > 0 && readable >= own; --fields) {
            const uint32_t word =
                bytes.below(3) == 0 ? bytes.number<uint32_t>() : bytes.number<uint8_t>();
            std::memcpy(memory_.get() + 4 + 4 * bytes.below(own / 4 - 1), &word, sizeof word);
        }
        whole = readable >= own;
        readable_ = readable;
    }
    // As far as the field is in this memory.
    void point_to(const char* Struct::*field, const char* text) {
        static constexpr Struct any{};
        const auto at = static_cast<size_t>(reinterpret_cast<const char*>(&(any.*field)) -
                                            reinterpret_cast<const char*>(&any));
        if (at + sizeof text <= readable_)
            std::memcpy(memory_.get() + at, &text, sizeof text);
    }
    Struct* get() { return reinterpret_cast<Struct*>(memory_.get()); }
    Struct* operator->() { return get(); }
    bool whole; // all fields are there

private:
    std::unique_ptr<std::byte[]> memory_;
    size_t readable_ = 0;
};

constexpr const char* maps[] = {"0:1", "", "0:0,1:2", "x:y", "0:1,", "4294967295:0", "*:5"};

Wild<arsync_copy_options> copy_options(Bytes& bytes) {
    Wild<arsync_copy_options> options(bytes);
    const size_t suffix = bytes.below(16);
    const size_t filter = bytes.below(16);
    const size_t map = bytes.below(32);
    // A pointer that leads nowhere is no matter of the library's.
    options.point_to(&arsync_copy_options::backup_suffix, suffix < 5 ? suffixes[suffix] : nullptr);
    options.point_to(&arsync_copy_options::filter, filter < 6 ? filters[filter] : nullptr);
    options.point_to(&arsync_copy_options::user_map, map < 7 ? maps[map] : nullptr);
    options.point_to(&arsync_copy_options::group_map, map % 7 == 3 ? maps[map % 7] : nullptr);
    return options;
}

// As wild as they come, but for what would take all the machine has.
Wild<arsync_pool_options> pool_options(Bytes& bytes) {
    Wild<arsync_pool_options> options(bytes);
    if (!options.whole)
        return options;
    if (options->buffer_size > 65'536)
        options->buffer_count = options->buffer_count > 1'024 ? options->buffer_count : 2;
    if (options->workers <= ARSYNC_WORKERS_MAX)
        options->workers %= 5;
    options->flags &= ~ARSYNC_POOL_SQPOLL; // a thread of the kernel that spins
    return options;
}

class Session {
public:
    Session(Bytes& bytes, Place& place, arsync_pool* pool)
        : bytes_(bytes), place_(place), pool_(pool) {
        source_ = openat(place.in(), "a", O_RDONLY | O_CLOEXEC);
        destination_ = openat(place.out(), "r", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        unsigned steps = 0;
        while (!bytes.empty() && ++steps <= 32)
            step();
        end();
    }
    ~Session() {
        close(source_);
        close(destination_);
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

private:
    // A job's user_data is its number, and items have larger ones. By reference: it is set by the
    // call that gives the result.
    void submitted(int result, const arsync_job& job) {
        expect(result <= 0 && result > -4096, "no result of a submit");
        if (result < 0)
            return;
        expect(job != 0, "no id of a job");
        jobs_.push_back(job);
        ended_[user_data_++] = 0;
    }

    void step() {
        switch (bytes_.below(16)) {
        case 0:
        case 1:
        case 2:
            return copy();
        case 3:
            return range();
        case 4:
        case 5:
            return whole_list();
        case 6:
            return open_list();
        case 7:
            return add_to_list();
        case 8:
            return transfer();
        case 9:
            return acquire();
        case 10:
            return poll(0);
        case 11:
            expect(arsync_job_cancel(pool_, any_job()) <= 0, "cancel");
            return;
        case 12:
            return adjust();
        case 13:
            return ask();
        case 14:
            return describe();
        default:
            return numbers();
        }
    }

    const char* name() { return bytes_.below(32) == 0 ? nullptr : names[bytes_.below(12)]; }
    int source_dirfd() {
        const int all[] = {place_.in(), place_.in(), place_.in(), source_, -1, place_.out()};
        return all[bytes_.below(6)];
    }
    int destination_dirfd() {
        const int all[] = {place_.out(), place_.out(), destination_, -7};
        return all[bytes_.below(4)];
    }
    arsync_job any_job() {
        if (jobs_.empty() || bytes_.below(8) == 0)
            return bytes_.wild();
        return jobs_[bytes_.below(jobs_.size())];
    }

    void copy() {
        auto options = copy_options(bytes_);
        arsync_job job = 0;
        const bool plain = bytes_.below(4) == 0;
        const char* const from = name();
        const char* const to = name();
        const int source = source_dirfd();
        const int destination = destination_dirfd();
        submitted(arsync_submit_copy(pool_, source, from, destination, to,
                                     plain ? nullptr : options.get(), user_data_, &job),
                  job);
    }
    void range() {
        auto options = copy_options(bytes_);
        const uint64_t from = bytes_.wild();
        const uint64_t to = bytes_.wild();
        const uint64_t length = bytes_.wild();
        arsync_job job = 0;
        submitted(arsync_submit_copy_range(pool_, source_, from, destination_, to, length,
                                           options.get(), user_data_, &job),
                  job);
    }

    std::vector<arsync_item> items() {
        std::vector<arsync_item> items(bytes_.below(9));
        for (auto& item : items) {
            item.src = name();
            item.dst = name();
            item.user_data = (uint64_t{1} << 32) + bytes_.number<uint8_t>();
            item.reserved = bytes_.below(64) == 0 ? 1 : 0;
        }
        return items;
    }
    void whole_list() {
        auto options = copy_options(bytes_);
        const auto all = items();
        arsync_job job = 0;
        const int source = source_dirfd();
        const int destination = destination_dirfd();
        submitted(arsync_submit_list(pool_, source, destination, all.data(), all.size(),
                                     options.get(), user_data_, &job),
                  job);
    }
    void open_list() {
        auto options = copy_options(bytes_);
        arsync_job job = 0;
        const int source = source_dirfd();
        const int destination = destination_dirfd();
        submitted(arsync_list_open(pool_, source, destination, options.get(), user_data_, &job),
                  job);
    }
    void add_to_list() {
        const auto all = items();
        const arsync_job job = any_job();
        arsync_list_add(pool_, job, all.data(), static_cast<uint32_t>(all.size()));
        if (bytes_.coin())
            arsync_list_end(pool_, job);
    }

    void transfer() {
        arsync_file file = 0;
        arsync_file_open(pool_, bytes_.coin() ? source_ : destination_,
                         bytes_.below(8) == 0 ? bytes_.number<uint32_t>() : 0, &file);
        arsync_buffer buffer{};
        arsync_buffer_acquire(pool_, 1, &buffer);
        const uint64_t offset = bytes_.wild();
        const uint64_t at = bytes_.wild();
        const uint64_t size = bytes_.wild();
        const uint64_t id = bytes_.below(16) == 0 ? bytes_.wild() : buffer.id;
        const uint32_t flags = bytes_.below(8) == 0 ? bytes_.number<uint8_t>() : 0;
        for (const auto submit : {arsync_submit_read, arsync_submit_write}) {
            arsync_job job = 0;
            if (bytes_.coin())
                submitted(submit(pool_, file, offset, id, at, size, flags, user_data_, &job), job);
        }
        arsync_job job = 0;
        if (bytes_.coin())
            submitted(arsync_submit_sync(pool_, file, bytes_.number<uint8_t>(), user_data_, &job),
                      job);
        if (bytes_.coin())
            arsync_file_close(pool_, file);
        if (bytes_.coin())
            arsync_buffer_release(pool_, id);
    }
    void acquire() {
        arsync_job job = 0;
        submitted(
            arsync_submit_acquire(pool_, static_cast<uint32_t>(bytes_.wild()), user_data_, &job),
            job);
    }

    void adjust() {
        Wild<arsync_adjustment> adjustment(bytes_);
        expect(arsync_job_adjust(pool_, any_job(), adjustment.get()) <= 0, "adjust");
    }
    void ask() {
        Wild<arsync_progress> progress(bytes_);
        Wild<arsync_info> info(bytes_);
        Wild<arsync_stats> stats(bytes_);
        arsync_job_progress(pool_, any_job(), progress.get());
        arsync_pool_info(pool_, info.get());
        arsync_pool_stats(pool_, stats.get());
        arsync_answer(pool_, bytes_.wild(), bytes_.number<uint8_t>());
    }
    void describe() {
        auto completion = bytes_.number<arsync_completion>();
        completion.path = nullptr;
        completion.details = nullptr;
        auto options = copy_options(bytes_);
        const size_t size = bytes_.below(100);
        std::vector<char> text(size, '?');
        if (arsync_describe(&completion, options.get(), place_.in(), names[bytes_.below(12)],
                            place_.out(), names[bytes_.below(12)], text.data(), size) == 0 &&
            size > 0)
            expect(std::memchr(text.data(), 0, size) != nullptr, "a sentence without an end");
        char why[40];
        const int result = arsync_options_check(options.get(), why, bytes_.below(41));
        expect(result <= 0, "options_check");
    }
    void numbers() {
        const auto number = bytes_.number<uint32_t>();
        for (const auto name_of : {arsync_stage_name, arsync_method_name, arsync_backend_name,
                                   arsync_action_name, arsync_completion_kind_name})
            expect(name_of(number) != nullptr, "no name");
        expect(arsync_strerror(static_cast<int>(number)) != nullptr, "no text");
        expect(arsync_pool_event_fd(pool_) >= 0, "no descriptor");
        arsync_link_set set = 0;
        if (arsync_link_set_open(pool_, &set) == 0 && bytes_.coin())
            arsync_link_set_close(pool_, set);
        if (bytes_.below(16) == 0)
            arsync_pool_shutdown(pool_, number % 4);
    }

    void poll(int timeout_ms) {
        arsync_completion all[8];
        const uint32_t most = 1 + static_cast<uint32_t>(bytes_.below(8));
        const int count = arsync_poll(pool_, all, most, timeout_ms);
        expect(count <= static_cast<int>(most), "more than was asked for");
        for (int i = 0; i < count; ++i) {
            const arsync_completion& one = all[i];
            expect(one.result <= 0 && one.result > -4096, "no result");
            if (one.kind == ARSYNC_COMPLETION_QUESTION && one.details && bytes_.coin())
                arsync_answer(pool_, one.details->question, 1 + bytes_.number<uint8_t>() % 4u);
            const auto known = ended_.find(one.user_data);
            if (one.kind == ARSYNC_COMPLETION_JOB) {
                expect(known != ended_.end(), "a completion of no job");
                expect(++known->second == 1, "two completions of a job");
                ++count_;
            }
        }
    }

    void end() {
        for (const arsync_job job : jobs_)
            arsync_job_cancel(pool_, job);
        if (bytes_.number<uint8_t>() % 4u == 1) // what has not ended the pool ends
            return;
        const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (count_ < jobs_.size()) {
            poll(1000);
            expect(std::chrono::steady_clock::now() < limit, "a job does not end");
        }
    }

    Bytes& bytes_;
    Place& place_;
    arsync_pool* const pool_;
    int source_ = -1;
    int destination_ = -1;
    std::vector<arsync_job> jobs_;
    std::map<uint64_t, unsigned> ended_; // of each job, by its user_data
    uint64_t user_data_ = 1;
    size_t count_ = 0;
};

} // namespace

void abi(const uint8_t* data, size_t size) {
    static Place place;
    place.empty_out();
    Bytes bytes(data, size);
    auto options = pool_options(bytes);
    arsync_pool* pool = nullptr;
    const int result = arsync_pool_open(options.get(), &pool);
    expect(result <= 0 && (result == 0) == (pool != nullptr), "a pool, or an error");
    if (!pool)
        return;
    Session(bytes, place, pool);
    expect(arsync_pool_close(pool) == 0, "a pool that does not close");
    place.expect_in_untouched();
}

} // namespace fuzz
