#include "copy/move.h"

#include <cerrno>
#include <exception>

#include "copy/mover.h"

namespace arsync {

static Method choose(Survey& survey, const arsync_copy_options& options) {
    const Method method = choose_method(survey.grounds, options);
    if (method != ARSYNC_METHOD_REFLINK && survey.ask_cache())
        return choose_method(survey.grounds, options);
    return method;
}

// The facts, the choice by them, and the attempt; again while one fails that another may make good.
static Task<Moved> move_by_choice(Io io, Survey& survey, Mover& mover,
                                  const arsync_copy_options& options) {
    if (!survey.grounds.sized || survey.grounds.size > inline_size_max)
        io.buffers.settle_share();
    bool done = false;
    while (!done) {
        try {
            done = co_await mover.attempt(choose(survey, options));
        } catch (const Error& error) {
            if (!mover.refuses_disorder(error))
                throw;
            co_return mover.to_be_ordered();
        }
    }
    co_return co_await mover.finish();
}

Task<Moved> move_data(Io io, const Ends& ends, const arsync_copy_options& options, Control& control,
                      Digest* digest) {
    Survey survey(io, ends, options);
    Mover mover(io, ends, options, control, digest, survey);
    std::exception_ptr failure;
    try {
        co_return co_await move_by_choice(io, survey, mover, options);
    } catch (...) {
        failure = std::current_exception();
    }
    co_await mover.give_back();
    std::rethrow_exception(failure);
}

} // namespace arsync
