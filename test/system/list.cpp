#include "system/list.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <set>
#include <unistd.h>

#include "system/opened.h"

namespace live {

Items Items::entries(const std::vector<std::string>& paths) {
    Items items;
    for (const std::string& path : paths)
        items.add(path, path);
    return items;
}

std::vector<arsync_item> Items::shown() const {
    std::vector<arsync_item> shown;
    for (const auto& [from, to] : names_)
        shown.push_back({from.c_str(), to.c_str(), shown.size() + 1, 0});
    return shown;
}

Told ListCopy::item(uint64_t number) const {
    const auto is_it = [&](const Told& told) {
        return told.kind == ARSYNC_COMPLETION_ITEM && told.user_data == number;
    };
    const auto found = std::find_if(all.begin(), all.end(), is_it);
    return std::count_if(all.begin(), all.end(), is_it) == 1 ? *found : Told();
}

size_t ListCopy::count(uint32_t kind) const {
    return static_cast<size_t>(
        std::count_if(all.begin(), all.end(), [&](const Told& told) { return told.kind == kind; }));
}

std::vector<std::string> ListCopy::paths(uint32_t kind, uint64_t user_data) const {
    std::vector<std::string> result;
    for (const Told& told : all)
        if (told.kind == kind && told.user_data == user_data)
            result.push_back(told.path);
    std::sort(result.begin(), result.end());
    return result;
}

std::vector<std::string> ListCopy::paths(uint32_t kind) const {
    std::vector<std::string> result;
    for (const Told& told : all)
        if (told.kind == kind)
            result.push_back(told.path);
    return result;
}

static Told told_by(const arsync_completion& done) {
    Told told{.kind = done.kind,
              .user_data = done.user_data,
              .path = done.path ? done.path : "",
              .result = done.result,
              .stage = done.stage,
              .action = done.action,
              .flags = done.flags,
              .bytes = done.bytes,
              .backup = {},
              .name = {},
              .other = 0,
              .totals = {}};
    if (const arsync_details* details = done.details) {
        told.backup = details->backup ? details->backup : "";
        told.name = details->name ? details->name : "";
        told.other = details->other;
        told.begin_ns = details->begin_ns;
        told.end_ns = details->end_ns;
        if (details->totals)
            told.totals = *details->totals;
    }
    return told;
}

ListCopy take_list(Pool& pool, const Answerer& answerer) {
    ListCopy copy;
    std::set<arsync_job> jobs;
    bool stopped = false;
    for (;;) {
        copy.job = pool.wait();
        jobs.insert(copy.job.job);
        if (copy.job.kind == ARSYNC_COMPLETION_JOB || copy.job.result == -ETIMEDOUT)
            break;
        copy.all.push_back(told_by(copy.job));
        if (copy.job.kind != ARSYNC_COMPLETION_QUESTION)
            continue;
        const uint32_t answer = answerer ? answerer(copy.job) : uint32_t{ARSYNC_ANSWER_SKIP};
        const int result = arsync_answer(pool.get(), copy.job.details->question, answer);
        CHECK((result == 0 || (stopped && result == -ENOENT)));
        stopped = stopped || answer == ARSYNC_ANSWER_STOP;
    }
    if (copy.job.details && copy.job.details->totals)
        copy.totals = *copy.job.details->totals;
    const char* error_path = copy.job.details ? copy.job.details->error_path : nullptr;
    copy.error_path = error_path ? error_path : "none";
    CHECK(jobs == std::set<arsync_job>{copy.job.job});
    copy.job.details = nullptr;
    arsync_completion stray;
    while (copy.job.result != -ETIMEDOUT && arsync_poll(pool.get(), &stray, 1, 0) > 0)
        ++copy.strays;
    return copy;
}

static ListCopy copy_list_at(Pool& pool, int from, int to, const Items& items,
                             const Options& options, const Answerer& answerer) {
    const std::vector<arsync_item> shown = items.shown();
    const int error = arsync_submit_list(pool.get(), from, to, shown.data(), shown.size(), &options,
                                         999, nullptr);
    if (error == 0)
        return take_list(pool, answerer);
    ListCopy refused;
    refused.job.result = error;
    return refused;
}

ListCopy copy_list(Pool& pool, const Items& items, const Options& options,
                   const Answerer& answerer) {
    return copy_list_at(pool, AT_FDCWD, AT_FDCWD, items, options, answerer);
}

ListCopy copy_list_between(Pool& pool, const std::string& from, const std::string& to,
                           const Items& items, const Options& options, const Answerer& answerer) {
    const Opened source(from);
    const Opened destination(to);
    return copy_list_at(pool, source.get(), destination.get(), items, options, answerer);
}

arsync_job open_list(Pool& pool, const Options& options, uint64_t user_data) {
    arsync_job job = 0;
    CHECK(arsync_list_open(pool.get(), AT_FDCWD, AT_FDCWD, &options, user_data, &job) == 0);
    return job;
}

int add(Pool& pool, arsync_job job, const Items& items) {
    const std::vector<arsync_item> shown = items.shown();
    return arsync_list_add(pool.get(), job, shown.data(), static_cast<uint32_t>(shown.size()));
}

unsigned copy_in_turn(Pool& pool, const Items& items, const Options& options) {
    unsigned failures = 0;
    for (size_t i = 0; i < items.size(); ++i)
        failures += pool.copy(items.names(i).first, items.names(i).second, options).result < 0;
    return failures;
}

std::string words(const ListCopy& copy) {
    std::string text = words(copy.job) + "\n";
    for (const Told& told : copy.all)
        text += std::string(arsync_completion_kind_name(told.kind)) + " " +
                std::to_string(told.user_data) + " " + told.path + ": " +
                arsync_stage_name(told.stage) + ": " + arsync_strerror(told.result) + ", " +
                arsync_action_name(told.action) + ", flags " + std::to_string(told.flags) + "\n";
    return text;
}

} // namespace live
