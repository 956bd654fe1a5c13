#include "copy/tree/totals.h"

#include <iterator>

namespace arsync {

namespace {

// What failed there did not cost the entry.
bool is_attribute(Stage stage) {
    switch (stage) {
    case ARSYNC_STAGE_OWNER:
    case ARSYNC_STAGE_XATTR:
    case ARSYNC_STAGE_CONTEXT:
    case ARSYNC_STAGE_MODE:
    case ARSYNC_STAGE_TIMES:
    case ARSYNC_STAGE_FLAGS:
        return true;
    default:
        return false;
    }
}

} // namespace

void count(arsync_totals& totals, const Outcome& outcome) {
    ++totals.entries;
    // A directory that may not be listed is made all the same.
    const bool is_there =
        outcome.result == 0 || is_attribute(outcome.stage) || outcome.stage == ARSYNC_STAGE_LIST;
    if (!is_there)
        return;
    totals.bytes += outcome.bytes;
    totals.hole_bytes += outcome.hole_bytes;
    switch (outcome.action) {
    case ARSYNC_ACTION_COPY:
        ++totals.files;
        ++totals.files_by_method[outcome.method];
        break;
    case ARSYNC_ACTION_MAKE_DIRECTORY:
    case ARSYNC_ACTION_ENTER_DIRECTORY:
        ++totals.directories;
        break;
    case ARSYNC_ACTION_SYMBOLIC_LINK:
        ++totals.symlinks;
        break;
    case ARSYNC_ACTION_HARD_LINK:
        ++totals.hard_links;
        break;
    case ARSYNC_ACTION_MAKE_SPECIAL:
        ++totals.specials;
        break;
    case ARSYNC_ACTION_SKIP:
        ++totals.skipped;
        break;
    default:
        break;
    }
}

void add(arsync_totals& totals, const arsync_totals& part) {
    totals.entries += part.entries;
    totals.files += part.files;
    totals.directories += part.directories;
    totals.symlinks += part.symlinks;
    totals.hard_links += part.hard_links;
    totals.specials += part.specials;
    totals.skipped += part.skipped;
    totals.removed += part.removed;
    totals.bytes += part.bytes;
    totals.hole_bytes += part.hole_bytes;
    for (size_t i = 0; i < std::size(totals.files_by_method); ++i)
        totals.files_by_method[i] += part.files_by_method[i];
}

void add_whole(arsync_totals& totals, const arsync_totals& whole) {
    add(totals, whole);
    totals.errors += whole.errors;
}

} // namespace arsync
