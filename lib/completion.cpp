#include "completion.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "copy/required.h"

namespace arsync {

arsync_completion completion_of(const Job& job, const Outcome& outcome) {
    arsync_completion completion = {};
    completion.job = job.id;
    completion.user_data = job.user_data;
    completion.bytes = outcome.bytes;
    completion.hole_bytes = outcome.hole_bytes;
    completion.result = outcome.result;
    completion.kind = ARSYNC_COMPLETION_JOB;
    completion.action = static_cast<uint16_t>(outcome.action);
    completion.flags = outcome.flags;
    if (is_not_required(outcome.result, outcome.stage, job.options))
        completion.flags |= ARSYNC_COMPLETION_NOT_REQUIRED;
    completion.stage = static_cast<uint16_t>(outcome.stage);
    completion.method = static_cast<uint16_t>(outcome.method);
    return completion;
}

static const char* text_or_null(const std::string& text) {
    return text.empty() ? nullptr : text.c_str();
}

bool fill_details(arsync_details& details, const Outcome& outcome) {
    const Wanted& wanted = outcome.wanted;
    details.struct_size = sizeof details;
    details.has |= wanted.has;
    details.backup = text_or_null(outcome.backup);
    details.name = text_or_null(outcome.name);
    details.source = wanted.source;
    details.destination = wanted.destination;
    std::copy(std::begin(wanted.digest), std::end(wanted.digest), details.digest);
    details.begin_ns = wanted.end_ns != 0 ? wanted.begin_ns : 0;
    details.end_ns = wanted.end_ns;
    if (outcome.has_error_path && outcome.result < 0) {
        details.error_path = outcome.error_path.c_str();
        details.has |= ARSYNC_WANT_ERROR_PATH;
    }
    details.other = outcome.other.value_or(0);
    if (outcome.kept && *outcome.kept)
        details.has |= ARSYNC_WANT_FD;
    return details.has != 0 || details.backup || details.name || outcome.other || details.buffers;
}

const arsync_details* details_of(Job& job) {
    arsync_details& details = job.details;
    if (const auto* grant = std::get_if<Grant>(&job.what); grant && grant->buffers()) {
        details.buffers = grant->buffers();
        details.buffer_count = grant->count();
    }
    const bool recursive = (job.options.flags & ARSYNC_COPY_RECURSIVE) != 0;
    if (job.has_entries() && wants(job.options, ARSYNC_WANT_TOTALS)) {
        details.totals = &job.totals;
        details.has |= ARSYNC_WANT_TOTALS;
    }
    // What is no tree has one entry, which is the source itself.
    if (recursive && wants(job.options, ARSYNC_WANT_ERROR_PATH) &&
        job.outcome.action != ARSYNC_ACTION_TREE && job.outcome.action != ARSYNC_ACTION_LIST)
        job.outcome.has_error_path = true;
    return fill_details(details, job.outcome) ? &details : nullptr;
}

void OwnDetails::take(std::unique_ptr<Job> over, Fd descriptor) {
    static_cast<arsync_details&>(*this) = over->details;
    kept = std::move(descriptor);
    job = std::move(over);
}

} // namespace arsync
