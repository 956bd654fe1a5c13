// The small files that are in memory, of a directory that was made: copied without a coroutine, and
// some together, of which all are opened, then all are read, then each is made. The kernel's code
// of one call, and what the processor keeps of it, then serve all.
#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <new>

#include "copy/entry.h"
#include "copy/tree/part.h"

namespace arsync {

namespace {

// More content does not stay in the processor's cache from its reading to its writing.
constexpr uint64_t content_max = 64 << 10;

} // namespace

bool TreePart::copies_at_once(const Directory& directory) const {
    return directory.made && !job_.asks && !takes_turns_by_name();
}

// Those that turn out to take a coroutine each get one, at once: what is open waits for nothing.
Task<void> TreePart::begin_together(Batch& batch, std::vector<SmallFile>& files) {
    for (size_t begun = 0; begun < files.size();) {
        co_await wait_to_begin();
        const size_t count = std::min<size_t>(files.size() - begun, window_.room());
        const std::span some = std::span(files).subspan(begun, count);
        if (!tree_.stopping())
            copy_at_once(batch, some);
        for (SmallFile& file : some)
            if (!file.done && tree_.stopping())
                job_.control.counts().entries_total.fetch_sub(1, std::memory_order_relaxed);
            else if (!file.done)
                begin_entry(batch, Unit{batch.pin.ref(), std::move(file.name), false}, DT_REG,
                            std::move(file.source), nullptr);
        begun += count;
    }
    files.clear();
}

void TreePart::copy_at_once(const Batch& batch, std::span<SmallFile> files) {
    if (!together_)
        together_.reset(new (std::nothrow) Together);
    if (!together_)
        return;
    const Scarcity::Busy busy(job_.scarcity);
    const Links* const links = context_of(batch).links;
    const arsync_copy_options& options = job_.entry_options;
    const std::span all = together_->begin(files, control_);
    Together::step(all, [&](Together::One& one) {
        one.outcome.wanted.begin(job_.options);
        set_names(one.names, *batch.pin, one.file.name);
        one.names.fresh = true;
        return open_entry_at_once(io_, one.names, links, options, one.control, one.file.source);
    });
    SmallRoom room(io_.buffers);
    const auto content = [](const Together::One& one) {
        return one.goes_on ? std::min<uint64_t>(one.file.source.facts.stx_size, content_max) : 0;
    };
    for (size_t begin = 0, end = 0; begin < all.size(); begin = end) {
        for (uint64_t bytes = 0; end < all.size(); ++end) {
            bytes += content(*all[end]);
            if (end > begin && bytes > content_max)
                break;
        }
        const std::span some = all.subspan(begin, end - begin);
        Together::step(some, [&](Together::One& one) {
            one.copy.emplace(io_, one.names, one.file.source, options, one.control, one.outcome,
                             room);
            return one.copy->prepare();
        });
        // A kill is to find no more than one that is not whole, and so what gets attributes gets
        // them before the next is made.
        const size_t count = options.preserve == 0 ? some.size() : 1;
        for (size_t made = 0; made < some.size(); made += count)
            make_together(*batch.pin, some.subspan(made, count));
        room.clear();
    }
}

// One that fails may stop the tree; then no more is begun.
void TreePart::make_together(const Directory& directory,
                             std::span<std::optional<Together::One>> files) {
    for (std::optional<Together::One>& one : files) {
        Together::step({&one, 1}, [&](Together::One& next) {
            return !tree_.stopping() && next.copy->create() && next.copy->fill();
        });
        if (one->file.done)
            end_small_file(directory, *one);
    }
    for (std::optional<Together::One>& one : files) {
        const bool has_ended = one->file.done;
        Together::step({&one, 1}, [](Together::One& next) { return next.copy->finish(); });
        one->file.done = one->file.done || one->goes_on;
        if (one->file.done && !has_ended)
            end_small_file(directory, *one);
        one.reset();
    }
}

void TreePart::end_small_file(const Directory& directory, Together::One& one) {
    one.copy.reset();
    one.file.source = {};
    if (one.outcome.result == 0)
        window_.widen();
    one.outcome.wanted.end(job_.options);
    end_entry(&directory, one.file.name, one.outcome);
}

} // namespace arsync
