#include "report.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "text.h"

namespace cp {

namespace {

using Json = nlohmann::ordered_json;
using Fields = std::initializer_list<std::pair<const char*, Json>>;

void add(Json& json, const Fields& fields) {
    for (const auto& [key, value] : fields)
        json[key] = value;
}

std::string line_of(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// A file's name may be any bytes. Where it is not valid UTF-8, which is shown by U+FFFD, a second
// field has all of them in hexadecimal.
void add_name(Json& json, const std::string& key, const std::string& name) {
    json[key] = name;
    try {
        (void)json[key].dump();
    } catch (const Json::type_error&) {
        std::string hex;
        for (const char c : name)
            hex += format("%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
        json[key + "_hex"] = hex;
    }
}

void add_names(Json& json, const Pair& pair, const std::string& outcome,
               const std::string& backup) {
    if (json["type"] != "extra")
        add_name(json, "source", pair.source.shown);
    add_name(json, "destination", pair.destination.shown);
    json["outcome"] = outcome;
    if (!backup.empty())
        add_name(json, "backup", backup);
}

void add_copy(Json& json, const arsync_completion& completion) {
    const auto has = [&](uint32_t flag) { return (completion.flags & flag) != 0; };
    add(json, {{"method", arsync_method_name(completion.method)},
               {"bytes", completion.bytes},
               {"hole_bytes", completion.hole_bytes},
               {"fallback", has(ARSYNC_COMPLETION_FALLBACK)},
               {"source_changed", has(ARSYNC_COMPLETION_SOURCE_CHANGED)},
               {"source_shrank", has(ARSYNC_COMPLETION_SOURCE_SHRANK)},
               {"verified_cached", has(ARSYNC_COMPLETION_VERIFIED_CACHED)},
               {"owner_lost", has(ARSYNC_COMPLETION_OWNER_LOST)}});
}

void add_failure(Json& json, const arsync_completion& completion, const std::string& message) {
    if (completion.result != 0)
        add(json, {{"errno", -completion.result}, {"stage", arsync_stage_name(completion.stage)}});
    if (!message.empty())
        json["message"] = message;
}

void add_totals(Json& json, const arsync_totals& totals) {
    add(json, {{"entries", totals.entries},
               {"directories", totals.directories},
               {"symbolic_links", totals.symlinks},
               {"specials", totals.specials},
               {"removed", totals.removed},
               {"errors", totals.errors}});
}

// What was made, or was to be made.
const char* type_of(const arsync_completion& completion) {
    if (completion.action == ARSYNC_ACTION_REMOVE)
        return "extra";
    if ((completion.flags & ARSYNC_COMPLETION_DIRECTORY) != 0)
        return "directory";
    switch (completion.action) {
    case ARSYNC_ACTION_MAKE_DIRECTORY:
    case ARSYNC_ACTION_ENTER_DIRECTORY:
        return "directory";
    case ARSYNC_ACTION_SYMBOLIC_LINK:
        return "symbolic-link";
    case ARSYNC_ACTION_MAKE_SPECIAL:
        return "special";
    default:
        return "file";
    }
}

const char* outcome_of(const arsync_completion& completion, bool refused) {
    if (completion.result != 0 || refused)
        return completion.result == -ECANCELED ? "cancelled" : "failed";
    switch (completion.action) {
    case ARSYNC_ACTION_HARD_LINK:
        return "linked";
    case ARSYNC_ACTION_SKIP:
        return "skipped";
    case ARSYNC_ACTION_ENTER_DIRECTORY:
        return "entered";
    case ARSYNC_ACTION_REMOVE:
        return "removed";
    case ARSYNC_ACTION_COPY:
        return "copied";
    default:
        return "made";
    }
}

} // namespace

std::string json_of(const Subject& subject, const std::string& backup,
                    const arsync_completion& completion, const std::string& message) {
    Json json{{"type", type_of(completion)}};
    // The library would have made it, but was told not to.
    const bool refused = completion.result == 0 && !message.empty();
    add_names(json, subject, outcome_of(completion, refused), backup);
    if (completion.action == ARSYNC_ACTION_COPY)
        add_copy(json, completion);
    add_failure(json, completion, message);
    return line_of(json);
}

std::string json_of(const Item& item) {
    Json json{{"type", item.totals ? "tree" : "file"}};
    add_names(json, item, outcome_names[static_cast<size_t>(item.outcome)], item.backup);
    if (item.totals) {
        add(json, {{"copied", item.totals->files},
                   {"linked", item.totals->hard_links},
                   {"skipped", item.totals->skipped},
                   {"bytes", item.totals->bytes},
                   {"hole_bytes", item.totals->hole_bytes}});
        add_totals(json, *item.totals);
    } else if (item.outcome == Outcome::copied || item.completion.result != 0) {
        add_copy(json, item.completion);
    }
    add_failure(json, item.completion, item.first_complaint);
    return line_of(json);
}

std::string json_of(const Totals& totals, const arsync_info& info, const arsync_stats& stats) {
    uint64_t files = 0;
    for (const uint64_t count : totals.outcomes)
        files += count;
    Json json{{"type", "summary"}, {"files", files}};
    for (size_t i = 0; i < outcome_names.size(); ++i)
        json[outcome_names[i]] = totals.outcomes[i];
    add(json, {{"bytes", totals.bytes}, {"hole_bytes", totals.hole_bytes}});
    add_totals(json, totals.trees);
    add(json, {{"seconds", std::round(totals.seconds * 1e6) / 1e6},
               {"exit_status", totals.exit_status},
               {"backend", arsync_backend_name(info.backend)},
               {"backend_reason", info.backend_reason},
               {"workers_started", info.workers_started},
               {"buffer_size", info.buffer_size},
               {"buffers_registered", info.buffers_registered},
               {"buffers_refused", info.buffers_refused},
               {"buffers_reason", info.buffers_reason},
               {"sqpoll", (info.flags & ARSYNC_POOL_SQPOLL) != 0},
               {"sqpoll_reason", info.sqpoll_reason},
               {"iopoll", (info.flags & ARSYNC_POOL_IOPOLL) != 0},
               {"iopoll_reason", info.iopoll_reason},
               {"kernel_features", info.kernel_features},
               {"bytes_read", stats.bytes_read},
               {"bytes_written", stats.bytes_written},
               {"bytes_reflinked", stats.bytes_reflinked},
               {"bytes_offloaded", stats.bytes_offloaded},
               {"bytes_copied_in_user_space", stats.bytes_copied_in_user_space}});
    return line_of(json);
}

} // namespace cp
