// The files of a directory on a disk that has to seek: those that are not in memory are read in the
// order in which they lie there, by one worker of a tree at a time.
#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>

#include "copy/disks.h"
#include "copy/file.h"
#include "copy/survey.h"
#include "copy/tree/part.h"

namespace arsync {

namespace {

// As much of a directory is put in order at once: some ten thousand names.
constexpr size_t listed_at_once = 256 << 10;
// Small files are read side by side, whole; then all of them are waited for.
constexpr uint64_t side_by_side = 8 << 20;
constexpr uint64_t small = 4 << 20;
// After so many that were cached the next is taken for cached, too, and not asked about; where that
// is wrong, one file is read out of order.
constexpr unsigned cached_enough = 8;

} // namespace

// Whether the directory's disk has to seek.
bool TreePart::seeks(const Directory& directory) {
    const struct statx& facts = *directory.facts;
    if (!io_.disks)
        return false;
    if (!disk_.known || disk_.major != facts.stx_dev_major || disk_.minor != facts.stx_dev_minor) {
        disk_ = {true, facts.stx_dev_major, facts.stx_dev_minor, false};
        const Filesystem kind = filesystem_of(io_, directory.source(), facts);
        disk_.seeks = kind.exact && !kind.in_memory && !kind.remote &&
                      io_.disks->seek(io_.files, directory.source(), facts);
    }
    return disk_.seeks;
}

size_t TreePart::listing_size(const Directory& directory) {
    return seeks(directory) ? listed_at_once : Listing::usual_size;
}

// Whether the files of a directory are to be read, all of them, in any order.
bool TreePart::sweeps(const Directory& directory) {
    constexpr uint32_t others = ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK |
                                ARSYNC_COPY_DRY_RUN | ARSYNC_COPY_ATTRIBUTES_ONLY;
    return (directory.made || job_.options.update == ARSYNC_UPDATE_ALL) &&
           (job_.options.flags & others) == 0 && !job_.asks && !tree_.keeps_order() &&
           seeks(directory) && reads_into_cache(directory);
}

// Not where blocks may be shared, which needs no data, nor where the cache is to be left alone.
bool TreePart::reads_into_cache(const Directory& directory) {
    const arsync_copy_options& options = job_.entry_options;
    const bool by_itself =
        options.method == ARSYNC_METHOD_AUTO || options.method == ARSYNC_METHOD_INLINE;
    if (!by_itself || options.cache > ARSYNC_CACHE_KEEP || options.reflink == ARSYNC_REFLINK_ALWAYS)
        return false;
    const struct statx& facts = *directory.facts;
    const NewFile& made = directory.new_file;
    const bool other_device = made.known && (made.device_major != facts.stx_dev_major ||
                                             made.device_minor != facts.stx_dev_minor);
    const Filesystem kind = filesystem_of(io_, directory.source(), facts);
    return !kind.reflinks || options.reflink == ARSYNC_REFLINK_NEVER || other_device ||
           memo_.refuses_reflink;
}

// Nothing is opened where that would wait. False: the entry has ended with an error.
bool TreePart::open_at_once(const Directory& directory, const std::string& name, Source& source) {
    Outcome outcome;
    outcome.wanted.begin(job_.options);
    try {
        const Scarcity::Busy busy(job_.scarcity);
        open_source_at_once(io_, names_of(directory, name), job_.options, control_, source);
        return true;
    } catch (const Error& error) {
        if (error.code == EMFILE || error.code == ENFILE || error.is_stale_handle())
            return true; // there it waits, or is tried again
        outcome.fail(error);
    }
    outcome.wanted.end(job_.options);
    end_entry(&directory, name, outcome);
    return false;
}

// Where nobody tells, by a byte at each end and one between: but to read what is not cached has it
// fetched, and not in the disk's order.
bool TreePart::is_cached(const Source& source) const {
    const int fd = source.file.get();
    const uint64_t size = source.facts.stx_size;
    PageCache pages;
    if (io_.files.page_cache(fd, 0, size, pages) >= 0)
        return pages.cached >= std::min<uint64_t>(size, source.facts.stx_blocks * 512);
    const auto has = [&](uint64_t at) {
        std::byte byte;
        return io_.files.read_cached(fd, &byte, 1, at) == 1;
    };
    return size == 0 || (has(0) && has(size / 2) && has(size - 1));
}

// False: it has to wait, but not for the disk.
bool TreePart::copies_or_leaves(const Batch& batch, const std::string& name, Source& source,
                                std::vector<ColdFile>& cold) {
    const Directory& directory = *batch.pin;
    const bool asks = cached_in_a_row_ < cached_enough;
    if (asks && leaves_to_sweep(directory, name, source, cold))
        return true;
    if (copies_at_once(directory)) {
        SmallFile file{name, std::move(source)};
        copy_at_once(batch, {&file, 1});
        if (file.done)
            return true;
        source = std::move(file.source);
    }
    return !asks && leaves_to_sweep(directory, name, source, cold);
}

// False: it is cached. True: it is not, and one of `cold`; or it has ended with an error.
bool TreePart::leaves_to_sweep(const Directory& directory, const std::string& name, Source& source,
                               std::vector<ColdFile>& cold) {
    if (!source.file && !open_at_once(directory, name, source))
        return true;
    if (source.file && is_cached(source)) {
        ++cached_in_a_row_;
        return false;
    }
    cached_in_a_row_ = 0;
    source = {};
    cold.push_back({name});
    return true;
}

// On a thread of its own: what is not in memory of their inodes is read, in their order.
void TreePart::find_places(const Directory& directory, std::vector<ColdFile>& files) {
    for (ColdFile& file : files) {
        if (tree_.stopping())
            return;
        const int fd = io_.files.open_beneath(directory.source(), file.name.c_str(),
                                              O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW,
                                              RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
        if (fd < 0)
            continue;
        file.place = io_.files.place_on_disk(fd);
        io_.files.close(fd);
    }
}

Task<void> TreePart::sweep(Batch& batch, std::vector<ColdFile> files) {
    const Line::Turn turn = co_await tree_.sweeps().take(io_.ring);
    const Directory& directory = *batch.pin;
    co_await io_.ring.call(true, [&] {
        find_places(directory, files);
        return 0;
    });
    std::stable_sort(files.begin(), files.end(),
                     [](const ColdFile& a, const ColdFile& b) { return a.place < b.place; });
    uint64_t begun = 0;
    // What was begun before may not end for long: a FIFO that nobody writes to.
    const unsigned parts_before = batch.parts;
    for (ColdFile& file : files) {
        if (tree_.stopping())
            co_return;
        if (++since_yield_ % 32 == 0)
            co_await io_.ring.yield();
        co_await wait_to_begin();
        Source source;
        if (!open_at_once(directory, file.name, source))
            continue;
        // Where there is no openat2(2) nothing can be opened at once, nor be read ahead.
        const uint64_t size = source.file ? source.facts.stx_size : side_by_side / 64;
        begun += size > small ? side_by_side : size; // what is large is alone
        if (source.file && size <= small)
            io_.files.read_ahead(source.file.get(), 0, size);
        begin_entry(batch, Unit{batch.pin.ref(), std::move(file.name), false}, DT_REG,
                    std::move(source), nullptr);
        if (begun < side_by_side)
            continue;
        begun = 0;
        while (batch.parts > parts_before)
            co_await Window::EntryEnd(window_);
    }
    while (batch.parts > parts_before)
        co_await Window::EntryEnd(window_);
}

} // namespace arsync
