#include "caller/operation.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "copy/filesystem_kinds.h"

namespace arsync {

namespace {

// What a worker moves by one call: small enough that the processor's own cache still has it for the
// next call of the buffer, and that the kernel finds memory for it in one piece.
constexpr size_t call_max = 256 << 10;
// How much of one operation it moves before others have their turn.
constexpr size_t calls_in_a_row = 1 << 20;
// A write that takes longer has waited, for the disk or for its turn to make pages dirty. For a
// while the file's writes wait elsewhere.
constexpr std::chrono::milliseconds slow_write{10};
constexpr std::chrono::seconds slow_for{1};

class Moving {
public:
    Moving(Io world, const CallerOperation& what, Control& outside, Outcome& result)
        : io_(world), operation_(what), file_(*what.file), control_(outside), outcome_(result),
          reads_(what.what == ARSYNC_ACTION_READ),
          stage_(reads_ ? ARSYNC_STAGE_READ : ARSYNC_STAGE_WRITE) {}

    Task<void> run() {
        control_.enter(stage_);
        control_.set_total(operation_.length);
        if (operation_.length == 0)
            co_return;
        // A stream's wrong end would never be ready.
        if (file_.access != O_RDWR && file_.access != (reads_ ? O_RDONLY : O_WRONLY))
            throw Error{stage_, EBADF};
        if (operation_.offset == UINT64_MAX)
            co_await move_once();
        else
            co_await move_all();
        control_.set_total(outcome_.bytes);
        co_await keep_pace(io_, control_, outcome_.bytes);
    }

private:
    // What is left of the buffer's part; registered if that is worth it for all of it.
    Slice rest(size_t most) {
        const Slice all = io_.buffers.lent(operation_.use.number(), operation_.use.whole(),
                                           operation_.at, operation_.length);
        return {all.data + outcome_.bytes, std::min(all.length - outcome_.bytes, most),
                all.buffer_index};
    }

    Task<void> move_all() {
        const Route route = this->route();
        const bool may_call =
            route == Route::ring && S_ISREG(file_.kind) && (reads_ || !file_.synchronous);
        uint64_t turn_ends = calls_in_a_row;
        while (outcome_.bytes < operation_.length) {
            if (control_.held())
                co_await wait_while_held(io_, control_);
            control_.throw_if_cancelled();
            if (may_call && move_by_call()) {
                if (outcome_.bytes >= turn_ends && outcome_.bytes < operation_.length) {
                    turn_ends = outcome_.bytes + calls_in_a_row;
                    co_await io_.ring.yield();
                }
                continue;
            }
            const uint64_t offset = operation_.offset + outcome_.bytes;
            int64_t moved = 0;
            if (may_be_silent())
                moved = co_await transfer_when_ready(offset, route);
            else
                moved = co_await transfer(offset, 0, route);
            if (moved == -EAGAIN) { // the kernel was short of something for a moment
                co_await io_.ring.pause(1);
                continue;
            }
            if (moved == 0 || is_end(moved))
                break;
            add(moved);
            if (outcome_.bytes < operation_.length)
                io_.ring.counters().short_transfers.add(1);
        }
        if (!reads_ && outcome_.bytes < operation_.length)
            throw Error{stage_, EIO}; // no progress and no reason
    }

    // The next part through the page cache, by this thread, if that is not known to wait. False:
    // the ring is to move it, or to say what is the matter.
    bool move_by_call() {
        std::byte* const memory = operation_.use.whole().data + operation_.at + outcome_.bytes;
        const uint64_t offset = operation_.offset + outcome_.bytes;
        const auto length =
            static_cast<size_t>(std::min<uint64_t>(operation_.length - outcome_.bytes, call_max));
        const int64_t moved = reads_ ? io_.files.read_cached(file_.fd, memory, length, offset)
                                     : write_now(memory, length, offset);
        if (moved == 0 || moved == -EAGAIN || (moved < 0 && reads_))
            return false;
        Counters& counters = io_.ring.counters();
        (reads_ ? counters.reads : counters.writes).add(1);
        (reads_ ? counters.reads_inline : counters.writes_inline).add(1);
        const uint64_t before = outcome_.bytes;
        add(moved);
        (reads_ ? counters.bytes_read : counters.bytes_written).add(outcome_.bytes - before);
        if (outcome_.bytes - before < length)
            counters.short_transfers.add(1);
        return true;
    }

    int64_t write_now(const std::byte* data, size_t length, uint64_t offset) {
        using Clock = std::chrono::steady_clock;
        const Clock::time_point begin = Clock::now();
        if (begin < file_.slow_until.load(std::memory_order_relaxed))
            return -EAGAIN;
        const int64_t put = io_.files.write(file_.fd, data, length, offset);
        const Clock::time_point end = Clock::now();
        if (end - begin > slow_write)
            file_.slow_until.store(end + slow_for, std::memory_order_relaxed);
        return put;
    }

    // Of what comes once, and may wait for the next.
    bool takes_turns() const { return file_.streams || file_.by == CallerFile::By::waits; }
    bool may_be_silent() const { return file_.may_be_silent || file_.by == CallerFile::By::waits; }

    // What may be silent a cancel ends where the kernel waits for it.
    Ring::Operation transfer(uint64_t offset, uint32_t flags, Route route, size_t most = SIZE_MAX) {
        Request** const cancellable = file_.may_be_silent ? &control_.interruptible : nullptr;
        return reads_ ? io_.ring.read(file_.fd, rest(most), offset, flags, route, cancellable)
                      : io_.ring.write(file_.fd, rest(most), offset, flags, route, cancellable);
    }

    // A stream's flag, if it is wanted and nobody else has it.
    class Taken {
    public:
        Taken(std::atomic_flag& flag, bool wanted)
            : flag_(wanted && !flag.test_and_set() ? &flag : nullptr) {}
        Taken(const Taken&) = delete;
        Taken& operator=(const Taken&) = delete;
        ~Taken() {
            if (flag_)
                flag_->clear();
        }
        explicit operator bool() const { return flag_ != nullptr; }

    private:
        std::atomic_flag* const flag_;
    };

    // By a call that does not wait, after a wait that a cancel can end.
    Task<int64_t> transfer_when_ready(uint64_t offset, Route route) {
        for (;;) {
            if (control_.held())
                co_await wait_while_held(io_, control_);
            co_await wait_until_ready();
            if (control_.held()) // meanwhile
                continue;
            // A file that is not cached would say again and again that it is not ready.
            const bool nowait = file_.may_be_silent && file_.takes_nowait;
            // There is room for so much, if there is any: for more, a write would wait inside.
            const size_t most = !reads_ && !nowait && file_.waits_for_room ? PIPE_BUF : SIZE_MAX;
            std::atomic_flag& taken = reads_ ? file_.reading : file_.writing;
            int64_t moved = -EAGAIN; // somebody else was quicker
            {
                const Taken takes(taken, !nowait && takes_turns());
                if (nowait || !takes_turns() || (takes && is_ready()))
                    moved = co_await transfer(offset, nowait ? RWF_NOWAIT : 0, route, most);
            }
            if (moved < 0)
                control_.throw_if_cancelled();
            if (moved == -EAGAIN)
                co_await io_.ring.pause(1);
            else if (moved == -EOPNOTSUPP && nowait)
                file_.takes_nowait = false;
            else
                co_return moved;
        }
    }

    bool is_ready() const {
        return !is_silent(Request(reads_ ? Op::wait_readable : Op::wait_writable, file_.fd));
    }

    void add(int64_t moved) {
        const auto bytes = static_cast<uint64_t>(check(stage_, moved));
        outcome_.bytes += bytes;
        control_.add_done(bytes);
    }

    // A read by O_DIRECT that ended off the grid has come to the file's end. To ask on from there
    // is refused.
    bool is_end(int64_t moved) const {
        struct statx now;
        return moved == -EINVAL && reads_ && outcome_.bytes > 0 &&
               io_.files.statx(file_.fd, "", 0, now) == 0 &&
               now.stx_size <= operation_.offset + outcome_.bytes;
    }

    Route route() {
        if (file_.by == CallerFile::By::unknown)
            file_.by = way();
        if (file_.by != CallerFile::By::ring)
            return Route::plain;
        const bool on_disk = file_.direct && !file_.may_be_silent;
        return on_disk ? Route::polled : Route::ring;
    }

    CallerFile::By way() const {
        uint64_t magic = 0;
        if (!S_ISREG(file_.kind))
            return CallerFile::By::ring;
        if (io_.files.filesystem_type(file_.fd, magic) < 0)
            return CallerFile::By::calls;
        const Filesystem kind = filesystem(magic);
        if (kind.exact)
            return CallerFile::By::ring;
        const bool waits = kind.polls_truly() && !kind.caches_below;
        return waits ? CallerFile::By::waits : CallerFile::By::calls;
    }

    Task<void> move_once() {
        int64_t moved = -EAGAIN;
        const Route route = this->route();
        if (may_be_silent())
            moved = co_await transfer_when_ready(UINT64_MAX, route);
        while (moved == -EAGAIN) {
            if (control_.held())
                co_await wait_while_held(io_, control_);
            control_.throw_if_cancelled();
            moved = co_await transfer(UINT64_MAX, 0, Route::plain);
            if (moved == -EAGAIN) // the kernel was short of something for a moment
                co_await io_.ring.pause(1);
        }
        add(moved);
    }

    Task<void> wait_until_ready() {
        control_.throw_if_cancelled();
        int64_t result = 0;
        if (reads_)
            result = co_await io_.ring.wait_readable(file_.fd, &control_.interruptible);
        else
            result = co_await io_.ring.wait_writable(file_.fd, &control_.interruptible);
        control_.throw_if_cancelled();
        check(stage_, result);
    }

    const Io io_;
    const CallerOperation& operation_;
    CallerFile& file_;
    Control& control_;
    Outcome& outcome_;
    const bool reads_;
    const Stage stage_;
};

} // namespace

Task<void> run_operation(Io io, const CallerOperation& operation, Control& control,
                         Outcome& outcome) {
    outcome.action = operation.what;
    if (operation.what == ARSYNC_ACTION_SYNC) {
        control.enter(ARSYNC_STAGE_SYNC);
        const int64_t result = co_await io.ring.sync(operation.file->fd, operation.datasync);
        check(ARSYNC_STAGE_SYNC, result);
        co_return;
    }
    Moving moving(io, operation, control, outcome);
    co_await moving.run();
}

} // namespace arsync
