#include "summary.h"

#include "json.h"

namespace cp {

void add_tree(Totals& totals, const arsync_totals& tree) {
    auto count = [&](Outcome outcome) -> uint64_t& {
        return totals.outcomes[static_cast<size_t>(outcome)];
    };
    count(Outcome::copied) += tree.files;
    count(Outcome::linked) += tree.hard_links;
    count(Outcome::skipped) += tree.skipped;
    count(Outcome::failed) += tree.errors;
    totals.ended += tree.entries;
    totals.bytes += tree.bytes;
    totals.hole_bytes += tree.hole_bytes;
    totals.trees.entries += tree.entries;
    totals.trees.directories += tree.directories;
    totals.trees.symlinks += tree.symlinks;
    totals.trees.specials += tree.specials;
    totals.trees.removed += tree.removed;
    totals.trees.errors += tree.errors;
}

void add_file(Totals& totals, const Item& item) {
    ++totals.ended;
    ++totals.outcomes[static_cast<size_t>(item.outcome)];
    if (item.outcome == Outcome::copied) {
        totals.bytes += item.completion.bytes;
        totals.hole_bytes += item.completion.hole_bytes;
    }
    if (item.named)
        return;
    ++totals.trees.entries;
    totals.trees.errors += item.outcome == Outcome::failed ? 1 : 0;
}

std::string json_of(const Totals& totals, const arsync_info& info, const arsync_stats& stats) {
    JsonLine json;
    json.text("type", "summary");
    uint64_t files = 0;
    for (uint64_t count : totals.outcomes)
        files += count;
    json.number("files", files);
    for (Outcome outcome :
         {Outcome::copied, Outcome::linked, Outcome::skipped, Outcome::failed, Outcome::cancelled})
        json.number(outcome_name(outcome), totals.outcomes[static_cast<size_t>(outcome)]);
    json.number("bytes", totals.bytes);
    json.number("hole_bytes", totals.hole_bytes);
    add_totals(json, totals.trees);
    json.real("seconds", totals.seconds);
    json.number("exit_status", static_cast<uint64_t>(totals.exit_status));

    json.text("backend", arsync_backend_name(info.backend));
    json.text("backend_reason", info.backend_reason);
    json.number("workers_started", info.workers_started);
    json.number("buffer_size", info.buffer_size);
    json.number("buffers_registered", info.buffers_registered);
    json.number("buffers_refused", info.buffers_refused);
    json.text("buffers_reason", info.buffers_reason);
    json.boolean("sqpoll", (info.flags & ARSYNC_POOL_SQPOLL) != 0);
    json.text("sqpoll_reason", info.sqpoll_reason);
    json.boolean("iopoll", (info.flags & ARSYNC_POOL_IOPOLL) != 0);
    json.text("iopoll_reason", info.iopoll_reason);
    json.text("kernel_features", info.kernel_features);

    json.number("bytes_read", stats.bytes_read);
    json.number("bytes_written", stats.bytes_written);
    json.number("bytes_reflinked", stats.bytes_reflinked);
    json.number("bytes_offloaded", stats.bytes_offloaded);
    json.number("bytes_copied_in_user_space", stats.bytes_copied_in_user_space);
    return json.finish();
}

} // namespace cp
