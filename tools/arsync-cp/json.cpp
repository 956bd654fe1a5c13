#include "run.h"

#include <cerrno>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "terminal.h"

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

// But for the counts of files, which a tree has in place of an outcome.
void add_counts(Json& json, const Counts& counts, size_t from) {
    for (size_t i = from; i < counts.size(); ++i)
        json[count_names[i]] = counts[i];
}

// By arsync_action: what was made, or was to be made, and what is said of it where all went well.
constexpr struct {
    const char* type;
    const char* outcome;
} words[] = {{"file", "made"},         {"file", "copied"},        {"directory", "made"},
             {"directory", "entered"}, {"symbolic-link", "made"}, {"file", "linked"},
             {"special", "made"},      {"file", "skipped"},       {"extra", "removed"}};

} // namespace

std::string json_of(const Story& story) {
    const arsync_completion& completion = story.completion;
    const bool is_named = story.outcome != nullptr;
    const bool went_wrong = completion.result != 0 || (!is_named && !story.message.empty());
    const bool is_extra = completion.action == ARSYNC_ACTION_REMOVE;
    const bool is_directory = (completion.flags & ARSYNC_COMPLETION_DIRECTORY) != 0 && !is_extra;
    const auto& [type_of_it, outcome_of_it] =
        words[completion.action < std::size(words) ? completion.action : 0];
    const char* const type = is_named       ? (story.counts != nullptr ? "tree" : "file")
                             : is_directory ? "directory"
                                            : type_of_it;
    Json json{{"type", type}};
    if (is_named || !is_extra)
        add_name(json, "source", story.source);
    add_name(json, "destination", story.destination);
    json["outcome"] = is_named                          ? story.outcome
                      : completion.result == -ECANCELED ? "cancelled"
                      : went_wrong                      ? "failed"
                                                        : outcome_of_it;
    if (!story.backup.empty())
        add_name(json, "backup", story.backup);
    if (story.counts != nullptr) {
        add(json, {{"copied", (*story.counts)[copied]},
                   {"linked", (*story.counts)[linked]},
                   {"skipped", (*story.counts)[skipped]}});
        add_counts(json, *story.counts, bytes);
    } else if (is_named ? story.outcome == count_names[copied] || completion.result != 0
                        : completion.action == ARSYNC_ACTION_COPY) {
        add_copy(json, completion);
    }
    if (completion.result != 0)
        add(json, {{"errno", -completion.result}, {"stage", arsync_stage_name(completion.stage)}});
    if (!story.message.empty())
        json["message"] = story.message;
    return line_of(json);
}

std::string json_of(const Counts& counts, double seconds, int exit_status, const arsync_info& info,
                    const arsync_stats& stats) {
    Json json{{"type", "summary"},
              {"files", std::accumulate(&counts[copied], &counts[bytes], uint64_t{0})}};
    add_counts(json, counts, copied);
    add(json, {{"seconds", std::round(seconds * 1e6) / 1e6},
               {"exit_status", exit_status},
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
