#include "caller/operation.h"

#include <cerrno>
#include <sys/stat.h>
#include <sys/uio.h>

#include "copy/method.h"

namespace arsync {

namespace {

class Moving {
public:
    Moving(Io world, const CallerOperation& what, Control& outside, Outcome& result)
        : io_(world), operation_(what), file_(*what.file), control_(outside), outcome_(result),
          reads_(what.what == ARSYNC_ACTION_READ),
          stage_(reads_ ? ARSYNC_STAGE_READ : ARSYNC_STAGE_WRITE) {}

    Task<void> run() {
        control_.enter(stage_);
        control_.set_total(operation_.length);
        memory_ = io_.buffers.lent(operation_.use.number(), operation_.use.whole(), operation_.at,
                                   operation_.length);
        if (operation_.length == 0)
            co_return;
        if (operation_.offset == UINT64_MAX)
            co_await move_once();
        else
            co_await move_all();
        co_await keep_pace(io_, control_, outcome_.bytes);
    }

private:
    bool has_offsets() const { return S_ISREG(file_.kind) || S_ISBLK(file_.kind); }

    Slice rest() const {
        return {memory_.data + outcome_.bytes, memory_.length - outcome_.bytes,
                memory_.buffer_index};
    }

    Task<void> move_all() {
        const Route route = this->route();
        while (outcome_.bytes < operation_.length) {
            if (control_.held())
                co_await wait_while_held(io_, control_);
            control_.throw_if_cancelled();
            const int64_t moved = co_await transfer(operation_.offset + outcome_.bytes, 0, route);
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

    Ring::Operation transfer(uint64_t offset, uint32_t flags, Route route) {
        return reads_ ? io_.ring.read(file_.fd, rest(), offset, flags, route)
                      : io_.ring.write(file_.fd, rest(), offset, flags, route);
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
            file_.by = is_exact() ? CallerFile::By::ring : CallerFile::By::calls;
        if (file_.by == CallerFile::By::calls)
            return Route::plain;
        return file_.direct ? Route::polled : Route::ring;
    }

    bool is_exact() const {
        uint64_t magic = 0;
        return !S_ISREG(file_.kind) ||
               (io_.files.filesystem_type(file_.fd, magic) == 0 && filesystem(magic).exact);
    }

    // By a call that does not wait, after a wait that a cancel can end. What knows no such call
    // waits in it.
    Task<void> move_once() {
        for (;;) {
            if (control_.held())
                co_await wait_while_held(io_, control_);
            if (!has_offsets())
                co_await wait_for_stream();
            control_.throw_if_cancelled();
            const bool nowait = !has_offsets() && file_.takes_nowait;
            const int64_t moved = co_await transfer(UINT64_MAX, nowait ? RWF_NOWAIT : 0,
                                                    has_offsets() ? Route::plain : Route::ring);
            if (moved == -EAGAIN) { // somebody else was quicker
                co_await io_.ring.pause(1);
                continue;
            }
            if (moved == -EOPNOTSUPP && nowait) {
                file_.takes_nowait = false;
                continue;
            }
            add(moved);
            co_return;
        }
    }

    Task<void> wait_for_stream() {
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
    Slice memory_{nullptr, 0, -1};
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
