#include "copy/mover.h"

#include <cerrno>

namespace arsync {

Mover::Mover(Io io, const Ends& ends, const arsync_copy_options& options, Control& control,
             Digest* digest, Survey& survey)
    : io_(io), ends_(ends), options_(options), control_(control), digest_(digest),
      verifies_((options.flags & ARSYNC_COPY_VERIFY) != 0 && digest), survey_(survey),
      holes_(io_, ends_, options_, control_, survey_, ends_.in_order) {
    moved_.exact_destination = survey_.to().exact || !has_offsets(destination());
    if (ends_.in_order && digest_ && !survey_.source_ends_where_it_says())
        grounds_.sized = false; // it is read once, whatever its size turns out to be
}

// False: choose again, and begin anew.
Task<bool> Mover::attempt(Method method) {
    method_ = method;
    control_.set_method(method_);
    control_.restart();
    if (digest_)
        *digest_ = {};
    if (method_ == ARSYNC_METHOD_REFLINK)
        co_return co_await reflink();
    if (!grounds_.sized)
        co_return co_await stream();
    bool done = false;
    if (method_ == ARSYNC_METHOD_COPY_FILE_RANGE)
        done = co_await offload();
    else
        done = co_await pipeline_through_buffers();
    if (done && may_go_on())
        done = co_await go_on_past_size();
    if (done && verifies_ && unseen_) {
        *digest_ = {};
        co_await digest_source();
    }
    co_return done;
}

// A server that takes a file from its beginning to its end alone refuses what comes before its
// turn, and what comes after a hole.
bool Mover::refuses_disorder(const Error& error) const {
    if (error.stage != ARSYNC_STAGE_WRITE || !disorderly_ || survey_.to().exact || !ends_.fresh ||
        ends_.in_order)
        return false;
    return error.code != ENOSPC && error.code != EDQUOT && error.code != ENOMEM &&
           error.code != ECANCELED;
}

Moved Mover::to_be_ordered() {
    moved_.wants_order = true;
    return moved_;
}

Task<Moved> Mover::finish() {
    look_at_source_again();
    co_await set_size();
    reserving_ = false;
    moved_.has_digest = digest_ && (verifies_ || (!unseen_ && digest_holds()));
    if (verifies_ && !digest_holds())
        co_await digest_what_there_is();
    if (options_.cache == ARSYNC_CACHE_DROP)
        co_await drop_cache();
    co_return moved_;
}

} // namespace arsync
