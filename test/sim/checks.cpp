#include "sim/checks.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

#include "copy/digest.h"
#include "sim/changes.h"
#include "sim/stages.h"

namespace arsync::sim {

namespace {

using Unsynced = Disk::Unsynced;

bool keeps_holes(const Simulation& s) {
    return s.scenario.world.reports_holes || s.outcome().method == ARSYNC_METHOD_REFLINK;
}

enum class Want { data, hole, either };

// On a filesystem that is not known a file that takes no size before gets it as it is written.
bool size_was_refused(const Simulation& s) {
    return s.faults.has(Call::filesystem_type) && s.faults.has(Call::truncate);
}

// A hole that cannot be found, or not be made, is copied as zeros.
bool failed_at_holes(const Simulation& s) {
    return s.faults.has(Call::seek) || s.faults.has(Call::allocate) ||
           s.faults.has(Call::settle_holes) ||
           s.faults.has(Call::reopen) || // of a range's source, to look for them
           size_was_refused(s);
}

// Nor can it be said of blocks that the filesystem copied unseen.
bool offloaded_unseen(const Simulation& s) {
    return !s.scenario.world.reports_holes && s.outcome().method == ARSYNC_METHOD_COPY_FILE_RANGE;
}

Want wanted(const Simulation& s, const Content& content, uint64_t block) {
    const Content& source = s.original();
    const bool hole = !source.allocated(block);
    const bool unwritten = !hole && !source.has_data(block);
    const auto found = content.blocks().find(block);
    const bool zero = found == content.blocks().end() || all_zeros(found->second);
    if (s.scenario.hides_size && s.scenario.options.sparse != ARSYNC_SPARSE_NEVER)
        return Want::either; // a stream
    if (is_strange(s.scenario) && s.failed_step())
        return Want::either; // then it may have been written without holes
    switch (s.scenario.options.sparse) {
    case ARSYNC_SPARSE_NEVER:
        return Want::data;
    case ARSYNC_SPARSE_ALWAYS:
        if (block == block_of(source.size()) && zero)
            return Want::either; // a part of a block
        return zero ? Want::hole : Want::data;
    default:
        if (unwritten)
            return Want::either; // reads as a hole, counts as blocks
        if (hole && (failed_at_holes(s) || offloaded_unseen(s)))
            return Want::either;
        return hole && keeps_holes(s) ? Want::hole : Want::data;
    }
}

void check_holes(Simulation& s, const Content& content) {
    const uint64_t blocks = blocks_for(content.size());
    for (uint64_t block = 0; block < blocks; ++block) {
        const Want want = wanted(s, content, block);
        if (want == Want::hole && content.allocated(block))
            s.world.problem("no hole at block " + std::to_string(block));
        if (want == Want::data && !content.has_data(block))
            s.world.problem("a hole at block " + std::to_string(block));
        if ((want == Want::hole) == content.allocated(block) && want != Want::either)
            break;
    }
    if (!content.blocks().empty() && content.blocks().rbegin()->first >= blocks)
        s.world.problem("blocks are reserved past the end");
}

// Holes of a range are those of whole blocks, where source and destination are aligned alike.
void check_range_holes(Simulation& s, const Content& content) {
    const Scenario& scenario = s.scenario;
    const bool aligned = (scenario.source_offset | scenario.destination_offset) % block_size == 0;
    if (!aligned || scenario.options.sparse != ARSYNC_SPARSE_AUTO || !keeps_holes(s) ||
        failed_at_holes(s))
        return;
    const Range range = copied_range(scenario, s.original().size());
    const uint64_t first = block_of(range.begin), end = block_of(range.end);
    const uint64_t source_first = block_of(scenario.source_offset);
    for (uint64_t block = first; block < end; ++block) {
        const bool hole = !s.original().allocated(source_first + block - first);
        if (hole != !content.has_data(block)) {
            s.world.problem("data and holes differ at block " + std::to_string(block));
            return;
        }
    }
}

void check_counts(Simulation& s, const Content& content) {
    const Outcome& outcome = s.outcome();
    const Range range = copied_range(s.scenario, s.original().size());
    if (outcome.bytes != range.end - range.begin)
        s.world.problem("bytes: " + std::to_string(outcome.bytes));
    if (s.bytes_done() != outcome.bytes)
        s.world.problem("progress in the end: " + std::to_string(s.bytes_done()));
    if (s.scenario.hides_size)
        return;
    const bool known = !offloaded_unseen(s) && !failed_at_holes(s) &&
                       (s.scenario.world.reports_holes || outcome.method != ARSYNC_METHOD_REFLINK);
    const bool counted = known && s.scenario.layout != Layout::unwritten && !s.scenario.range;
    if (counted && outcome.hole_bytes != content.hole_bytes(range.begin, range.end - range.begin))
        s.world.problem("hole_bytes: " + std::to_string(outcome.hole_bytes));
}

void check_method(Simulation& s) {
    const Outcome& outcome = s.outcome();
    const arsync_copy_options& options = s.scenario.options;
    const bool fell_back = outcome.flags & ARSYNC_COMPLETION_FALLBACK;
    if (s.scenario.range && outcome.bytes == 0)
        return; // nothing to do, so nothing ran
    const bool wants_direct =
        options.method == ARSYNC_METHOD_AUTO && options.cache == ARSYNC_CACHE_DIRECT;
    // What the kernel does by itself comes first.
    const bool is_direct = outcome.method == ARSYNC_METHOD_DIRECT ||
                           outcome.method == ARSYNC_METHOD_REFLINK ||
                           outcome.method == ARSYNC_METHOD_COPY_FILE_RANGE;
    if (options.method == ARSYNC_METHOD_AUTO && fell_back != (wants_direct && !is_direct) &&
        outcome.bytes > 0)
        s.world.problem("method " + std::to_string(outcome.method) + " ran by itself" +
                        (fell_back ? ", said to be a fallback" : ""));
    if (options.method != ARSYNC_METHOD_AUTO &&
        (outcome.method == static_cast<Method>(options.method)) == fell_back)
        s.world.problem("method " + std::to_string(outcome.method) + " ran" +
                        (fell_back ? ", said to be a fallback" : ""));
    const uint64_t clones = s.counters.bytes_copied_in_user_space.value();
    const bool clones_all = outcome.method == ARSYNC_METHOD_MANAGED;
    const bool has_data = s.scenario.layout == Layout::dense && outcome.bytes > 0;
    const bool began_anew = is_strange(s.scenario) && (s.failed_step() || s.source_was_changed());
    if (clones_all ? clones == 0 && has_data : clones != 0 && !began_anew)
        s.world.problem("bytes copied in user space: " + std::to_string(clones));
}

// What is said to have been done, and to have been compared.
void check_told(Simulation& s) {
    const arsync_copy_options& options = s.scenario.options;
    arsync_action action = ARSYNC_ACTION_COPY;
    if (options.flags & ARSYNC_COPY_HARD_LINK)
        action = ARSYNC_ACTION_HARD_LINK;
    else if (options.flags & ARSYNC_COPY_SYMBOLIC_LINK)
        action = ARSYNC_ACTION_SYMBOLIC_LINK;
    if (s.outcome().action != action)
        s.world.problem("said to be done: " + std::to_string(s.outcome().action));
    const bool doubted = s.outcome().flags & ARSYNC_COMPLETION_VERIFIED_CACHED;
    if (doubted && !(options.flags & ARSYNC_COPY_VERIFY))
        s.world.problem("said to be verified");
    const WorldOptions& world = s.scenario.world;
    if (doubted && world.direct_offset_align != 0 && world.reports_residency &&
        !is_strange(s.scenario) && !s.failed_step())
        s.world.problem("said to be verified in the page cache alone");
}

void check_shares(Simulation& s, const Content& content) {
    const arsync_copy_options& options = s.scenario.options;
    const bool shares = content.shares_blocks_with(s.source().content);
    if (shares && options.reflink == ARSYNC_REFLINK_NEVER)
        s.world.problem("blocks are shared with the source");
    if (!shares && s.outcome().method == ARSYNC_METHOD_REFLINK && !s.scenario.range &&
        !content.blocks().empty())
        s.world.problem("no blocks are shared with the source");
}

void check_attributes(Simulation& s, const Inode& inode) {
    const arsync_copy_options& options = s.scenario.options;
    const Attributes& from = s.source().attributes;
    const Attributes& to = inode.attributes;
    const bool lost = s.outcome().flags & ARSYNC_COMPLETION_OWNER_LOST;
    const bool atomic = options.replace == ARSYNC_REPLACE_ATOMIC;
    const bool was_file = s.old_inode() != 0 && s.scenario.existing != Existing::link;
    const bool in_place = s.old_inode() != 0 && !gives_way(s.scenario);
    mode_t mode = from.mode & 0777 & ~s.world.options.umask;
    if (options.flags & ARSYNC_COPY_DEFAULT_MODE)
        mode = 0666 & ~s.world.options.umask;
    if (in_place || (atomic && was_file))
        mode = existing_mode;
    if (options.preserve & ARSYNC_PRESERVE_MODE)
        mode = from.mode & (lost ? 01777 : 07777);
    // Whose group cannot be kept must not be open to another.
    if (s.faults.has(Call::chown))
        mode &= to.mode | 0700;
    if ((to.mode & 07777) != mode)
        s.world.problem("mode: " + std::to_string(to.mode & 07777) + " is not " +
                        std::to_string(mode));
    if ((options.preserve & ARSYNC_PRESERVE_OWNER) && !lost && to.uid != from.uid)
        s.world.problem("owner: " + std::to_string(to.uid));
    if ((options.preserve & ARSYNC_PRESERVE_OWNER) && !lost && to.gid != from.gid)
        s.world.problem("group: " + std::to_string(to.gid));
    if (lost && s.world.options.privileged && !s.failed_step())
        s.world.problem("owner said to be lost");
    const auto same = [](const timespec& a, const timespec& b) {
        return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
    };
    if ((options.preserve & ARSYNC_PRESERVE_TIMES) && !s.source_was_changed() &&
        !same(to.modified, from.modified))
        s.world.problem("modification time is not the source's");
    if ((options.preserve & ARSYNC_PRESERVE_TIMES) && !s.source_was_changed() &&
        !same(to.accessed, from.accessed))
        s.world.problem("access time is not the source's");
    const bool flags_kept = (options.preserve & ARSYNC_PRESERVE_FLAGS) != 0 && !s.failed_step();
    if (flags_kept && to.flags != from.flags)
        s.world.problem("file flags: " + std::to_string(to.flags));
    if ((options.preserve & ARSYNC_PRESERVE_PROJECT) && !s.failed_step() &&
        to.project != from.project)
        s.world.problem("project: " + std::to_string(to.project));
    std::map<std::string, std::string> xattrs;
    for (const auto& [name, value] : from.xattrs) {
        const bool acl = name == "system.posix_acl_access";
        if (options.preserve & (acl ? ARSYNC_PRESERVE_MODE : ARSYNC_PRESERVE_XATTR))
            xattrs[name] = value;
    }
    const bool none_here = s.faults.has(Call::list_xattrs) || s.faults.has(Call::get_xattr);
    if (to.xattrs != xattrs && !none_here)
        s.world.problem("extended attributes are not those that were to be kept");
}

void check_cache(Simulation& s, const Inode& inode) {
    if (s.failed_step() || s.outcome().method == ARSYNC_METHOD_REFLINK || s.scenario.range ||
        s.source_was_changed()) // whoever wrote to it has brought it there
        return;
    const std::set<uint64_t>& before = s.source_cached_before();
    const std::set<uint64_t>& after = s.source().cached;
    const bool verify = s.scenario.options.flags & ARSYNC_COPY_VERIFY;
    if (s.scenario.options.cache == ARSYNC_CACHE_DROP) {
        // Of a source that was there before a little more may be.
        if (before.empty() && !after.empty() && s.scenario.world.reports_residency)
            s.world.problem("the source is in the page cache and was not before");
        if (!inode.cached.empty())
            s.world.problem("the destination is in the page cache");
    }
    const bool by_name = s.scenario.options.method != ARSYNC_METHOD_AUTO; // which counts for more
    if (s.scenario.options.cache == ARSYNC_CACHE_KEEP && !verify && !by_name)
        for (const auto& [block, data] : inode.content.blocks())
            if (data && !inode.in_cache(block)) {
                s.world.problem("the destination is not in the page cache");
                return;
            }
}

bool right_after_crash(const Simulation& s, const Disk& disk) {
    const Names& names = disk.at(s.directory()).names;
    auto found = names.find("target");
    if (s.scenario.options.flags & ARSYNC_COPY_SYMBOLIC_LINK)
        return found != names.end() && disk.at(found->second).target == "/in/source";
    if (found != names.end() && disk.at(found->second).is_link())
        found = names.find(disk.at(found->second).target);
    // Of a source that changed: what has become of it.
    const Inode* now = s.source_was_changed() && found != names.end()
                           ? s.world.disk.find(s.directory(), found->first)
                           : nullptr;
    return found != names.end() &&
           disk.at(found->second).content == (now ? now->content : s.expected());
}

// With its name, what preserve names is to last.
void check_durable_attributes(Simulation& s, const Disk& after) {
    uint32_t preserve = s.scenario.options.preserve;
    if (s.outcome().stage == ARSYNC_STAGE_FLAGS) // they come last, and their loss is told
        preserve &= ~(ARSYNC_PRESERVE_FLAGS | ARSYNC_PRESERVE_PROJECT);
    const Inode* const now = s.world.disk.find(s.directory(), "target");
    if (s.scenario.range || !now || !now->is_file() || !after.exists(now->number))
        return;
    const Attributes& was = now->attributes;
    const Attributes& is = after.at(now->number).attributes;
    const bool right =
        (!(preserve & ARSYNC_PRESERVE_MODE) || was.mode == is.mode) &&
        (!(preserve & ARSYNC_PRESERVE_OWNER) || (was.uid == is.uid && was.gid == is.gid)) &&
        (!(preserve & ARSYNC_PRESERVE_TIMES) || (was.modified.tv_sec == is.modified.tv_sec &&
                                                 was.modified.tv_nsec == is.modified.tv_nsec &&
                                                 was.accessed.tv_sec == is.accessed.tv_sec &&
                                                 was.accessed.tv_nsec == is.accessed.tv_nsec)) &&
        (!(preserve & ARSYNC_PRESERVE_XATTR) || was.xattrs == is.xattrs) &&
        (!(preserve & ARSYNC_PRESERVE_FLAGS) || was.flags == is.flags) &&
        (!(preserve & ARSYNC_PRESERVE_PROJECT) || was.project == is.project);
    if (!right)
        s.world.problem("a crash after the completion loses what was preserved");
}

// The completion has arrived; then the power goes.
void check_durable(Simulation& s, const Disk& disk) {
    const uint32_t durability = s.scenario.options.durability;
    if (durability == ARSYNC_DURABILITY_NONE)
        return;
    Random random(s.scenario.world.seed);
    const bool name_too = durability == ARSYNC_DURABILITY_FULL;
    for (const Unsynced data : {Unsynced::lost, Unsynced::kept, Unsynced::mixed})
        if (!right_after_crash(s, disk.recover(data, Unsynced::kept, random)) ||
            (name_too && !right_after_crash(s, disk.recover(data, Unsynced::lost, random))))
            s.world.problem("a crash after the completion loses the file");
    if (name_too && !makes_links(s.scenario))
        check_durable_attributes(s, disk.recover(Unsynced::lost, Unsynced::lost, random));
}

bool temporary(const std::string& name) {
    const std::string start = ".target.arsync-";
    return name.compare(0, start.size(), start) == 0;
}

// What is in the directory when the copy has done what it was to do.
Names names_after(const Simulation& s) {
    Names names = s.names_before();
    const Names& now = s.world.disk.at(s.directory()).names;
    const std::string backup = s.backup();
    if (!backup.empty() && s.named_before() != 0)
        names[backup] = s.named_before();
    const auto found = now.find("target");
    if (found != now.end() && (gives_way(s.scenario) || s.named_before() == 0))
        names["target"] = found->second;
    return names;
}

// Whether the old file may be gone before the new one is there.
bool removes_first(const Scenario& scenario) {
    return (scenario.options.replace == ARSYNC_REPLACE_REMOVE || scenario.unwritable ||
            makes_links(scenario)) &&
           scenario.options.backup == ARSYNC_BACKUP_NONE && !replaces_at_once(scenario);
}

// The flags say what became of the old file.
void check_flags(Simulation& s) {
    const Names& names = s.world.disk.at(s.directory()).names;
    const auto leads_to_old = [&](const std::string& name) {
        const auto found = names.find(name);
        return found != names.end() && found->second == s.named_before();
    };
    const arsync_copy_options& options = s.scenario.options;
    const bool was_there = s.named_before() != 0;
    const bool removed = was_there && gives_way(s.scenario) && !leads_to_old("target") &&
                         options.backup == ARSYNC_BACKUP_NONE &&
                         options.replace != ARSYNC_REPLACE_ATOMIC;
    const bool backed_up =
        was_there && options.backup != ARSYNC_BACKUP_NONE && leads_to_old(s.backup());
    if (((s.outcome().flags & ARSYNC_COMPLETION_REPLACED) != 0) != removed)
        s.world.problem(removed ? "not said to be removed" : "said to be removed");
    if (((s.outcome().flags & ARSYNC_COMPLETION_BACKED_UP) != 0) != backed_up)
        s.world.problem(backed_up ? "not said to be backed up" : "said to be backed up");
}

void check_link(Simulation& s) {
    const Inode* inode = s.world.disk.find(s.directory(), "target");
    const bool hard = (s.scenario.options.flags & ARSYNC_COPY_HARD_LINK) != 0;
    if (!inode || (hard ? inode->number != s.world.source : inode->target != "/in/source"))
        s.world.problem("no link to the source at the destination's name");
    check_durable(s, s.world.disk);
}

// An attribute that could not be kept costs no file.
bool only_lost_attributes(const Simulation& s) {
    if (s.outcome().result == -ECANCELED)
        return false;
    switch (s.outcome().stage) {
    case ARSYNC_STAGE_OWNER:
    case ARSYNC_STAGE_XATTR:
    case ARSYNC_STAGE_MODE:
    case ARSYNC_STAGE_TIMES:
    case ARSYNC_STAGE_FLAGS:
        return true;
    default:
        return false;
    }
}

// The file is complete, by its name and with its content; and that is said.
void check_complete(Simulation& s) {
    const Inode* inode = s.destination();
    if (s.world.disk.at(s.directory()).names != names_after(s) || !inode ||
        (!s.source_was_changed() && inode->content != s.expected()))
        s.world.problem("the loss of an attribute costs more");
    else if (!s.source_was_changed()) {
        check_holes(s, inode->content);
        check_counts(s, inode->content);
        check_shares(s, inode->content);
        check_method(s);
    }
    if (!(s.outcome().flags & ARSYNC_COMPLETION_COPIED))
        s.world.problem("a complete copy is not said to be one");
}

// The old file of a copy that gives it a backup is there after a crash, whole, whether by its own
// name or by the backup's; and by the backup's if the name is the new one's.
void check_backup_after_crash(Simulation& s, const Disk& after) {
    const Names& names = after.at(s.directory()).names;
    const auto named = names.find("target"), kept = names.find(s.backup());
    const bool is_named = named != names.end() && named->second == s.named_before();
    const bool is_kept = kept != names.end() && kept->second == s.named_before();
    if (!is_named && !is_kept)
        s.world.problem("a crash loses the old file");
    if (!(after.at(s.old_inode()).content == s.old_content()))
        s.world.problem("a crash damages the old file");
}

} // namespace

static std::vector<std::byte> bytes_of(const Content& content, uint64_t size) {
    std::vector<std::byte> bytes(size);
    content.read(0, bytes.data(), size);
    return bytes;
}

// What was said to be copied is what the source was. After it there is what was there, or, of what
// was copied out of order, what the source had.
static bool is_part_of_range(Simulation& s, const Content& content) {
    const Content whole = expected_content(s.scenario, s.original());
    const Range range = copied_range(s.scenario, s.original().size());
    const uint64_t size = std::max({content.size(), whole.size(), s.old_content().size()});
    const std::vector<std::byte> is = bytes_of(content, size),
                                 was = bytes_of(s.old_content(), size),
                                 copied = bytes_of(whole, size);
    const uint64_t told_end = range.begin + s.outcome().bytes;
    const uint64_t left = copied_range(s.scenario, s.source().content.size()).end;
    const uint64_t least = s.outcome().bytes == 0 ? 0 : told_end; // of a size
    bool right = told_end <= range.end && content.size() <= whole.size() &&
                 content.size() >= std::max(least, s.old_content().size());
    if (s.outcome().result >= 0)
        right = right && told_end >= std::min(range.end, left);
    for (uint64_t i = 0; i < size; ++i) {
        const bool old_one = is[i] == was[i] && (i < range.begin || i >= told_end);
        const bool new_one = is[i] == copied[i] && i >= range.begin && i < range.end;
        right = right && (old_one || new_one);
    }
    return right;
}

// What the source was, or what it has become, and nothing in between.
static void check_changed(Simulation& s, const Content& content) {
    const auto is_of = [&](const Content& source) {
        return content == expected_content(s.scenario, source);
    };
    // Of what shrinks, some may have been read that is not there any more; then that is told.
    // But what has no blocks may be made up by the kernel, where sizes may be untrue.
    const bool told = (s.outcome().flags & ARSYNC_COMPLETION_SOURCE_CHANGED) != 0 ||
                      (is_strange(s.scenario) && s.original().blocks().empty() &&
                       s.source().content.blocks().empty());
    Content cut = s.original();
    cut.resize(std::min(cut.size(), content.size()));
    const bool is_cut =
        told && (s.scenario.range ? is_part_of_range(s, content)
                                  : content == cut && content.size() >= s.source().content.size());
    if (!is_cut && !is_of(s.original()) && !is_of(s.source().content) &&
        !(s.source_was_taken() && is_of(content_of(another_content))))
        s.world.problem("neither what the source was nor what it is: " +
                        std::to_string(content.size()) + " bytes" + (told ? ", told" : ""));
}

// Where somebody changes something a copy may fail, but as that has it.
static bool is_of_change(const Simulation& s) {
    const Outcome& outcome = s.outcome();
    const bool gone = outcome.result == -ENOENT || outcome.result == -ESTALE;
    return gone && (s.directory_was_moved() ||
                    (s.source_was_taken() && outcome.stage == ARSYNC_STAGE_OPEN_SOURCE));
}

// Of a disk that does not keep what it was given: with verify that is said.
static void check_damaged(Simulation& s) {
    const Outcome& outcome = s.outcome();
    const Inode* inode = s.scenario.range ? &s.world.disk.at(s.old_inode()) : s.destination();
    const bool verified = (s.scenario.options.flags & ARSYNC_COPY_VERIFY) != 0 &&
                          (outcome.flags & ARSYNC_COMPLETION_VERIFIED_CACHED) == 0;
    if (outcome.result == 0 && verified && inode && inode->number == s.world.damaged_inode &&
        !s.source_was_changed() && !(World::on_device(*inode) == s.expected()))
        s.world.problem("damaged, and not said to be");
    if (outcome.result == -EILSEQ && outcome.stage != ARSYNC_STAGE_VERIFY)
        s.world.problem("damage is found, but not by verifying");
}

// What is told of a source that changed is of the copy that came of it.
static void check_told_of_change(Simulation& s, const Content& content) {
    const Outcome& outcome = s.outcome();
    if (s.bytes_done() != outcome.bytes)
        s.world.problem("progress in the end: " + std::to_string(s.bytes_done()));
    if (outcome.hole_bytes > outcome.bytes)
        s.world.problem("more bytes in holes than there are: " +
                        std::to_string(outcome.hole_bytes));
    if (s.scenario.range)
        return;
    if (outcome.bytes != content.size())
        s.world.problem("bytes: " + std::to_string(outcome.bytes));
    const bool shrank = (outcome.flags & ARSYNC_COMPLETION_SOURCE_SHRANK) != 0;
    if (shrank && content.size() >= s.original().size())
        s.world.problem("the source is said to have shrunk");
}

// What was wanted besides, of a source that is as it was.
static void check_wanted(Simulation& s, const Inode& inode) {
    const uint32_t want = s.scenario.options.want;
    const Wanted& told = s.outcome().wanted;
    if ((told.has & ~want) != 0)
        s.world.problem("told, and not wanted: " + std::to_string(told.has & ~want));
    const uint32_t always = ARSYNC_WANT_SOURCE | ARSYNC_WANT_DESTINATION | ARSYNC_WANT_TIMES;
    if (!s.failed_step() && (want & always & ~told.has) != 0)
        s.world.problem("wanted, and not told: " + std::to_string(want & always & ~told.has));
    if ((told.has & ARSYNC_WANT_SOURCE) != 0 &&
        (told.source.inode != s.world.source ||
         (told.source.size != s.original().size() && !s.scenario.hides_size)))
        s.world.problem("other facts of the source");
    if ((told.has & ARSYNC_WANT_DESTINATION) != 0 &&
        (told.destination.inode != inode.number || told.destination.size != inode.content.size() ||
         told.destination.mode != inode.attributes.mode))
        s.world.problem("other facts of the destination");
    const uint32_t verify = s.scenario.options.flags & ARSYNC_COPY_VERIFY;
    if (verify && (want & ~told.has & ARSYNC_WANT_DIGEST) != 0 && s.outcome().bytes > 0)
        s.world.problem("compared, and no digest of it told");
    if ((told.has & ARSYNC_WANT_DIGEST) == 0)
        return;
    const Range range = copied_range(s.scenario, s.original().size());
    const std::vector<std::byte> all = bytes_of(inode.content, range.end);
    Digest digest;
    digest.add(0, all.data() + range.begin, range.end - range.begin);
    if (digest.low() != told.digest[0] || digest.high() != told.digest[1])
        s.world.problem("another digest");
}

void check_success(Simulation& s) {
    if (s.outcome().stage != ARSYNC_STAGE_NONE)
        s.world.problem("success with a stage");
    constexpr uint32_t of_errors = ARSYNC_COMPLETION_NOT_REQUIRED | ARSYNC_COMPLETION_AT_SOURCE |
                                   ARSYNC_COMPLETION_AT_DESTINATION | ARSYNC_COMPLETION_CONFLICT;
    if ((s.outcome().flags & of_errors) != 0)
        s.world.problem("success with the flags of an error");
    if (!s.scenario.range && !(s.outcome().flags & ARSYNC_COMPLETION_COPIED))
        s.world.problem("a complete copy is not said to be one");
    if (s.world.disk.at(s.directory()).names != names_after(s))
        s.world.problem("names are left in the directory, or gone");
    if (!s.scenario.range)
        check_flags(s);
    check_told(s);
    if (makes_links(s.scenario)) {
        check_link(s);
        return;
    }
    const Inode* inode = s.scenario.range ? &s.world.disk.at(s.old_inode()) : s.destination();
    if (!inode || !inode->is_file()) {
        s.world.problem("no file at the destination's name");
        return;
    }
    if (s.source_was_changed() && !s.source_was_changed_twice())
        check_changed(s, inode->content);
    if (s.source_was_changed())
        check_told_of_change(s, inode->content);
    if (s.source_was_taken() || s.directory_was_moved())
        return; // which of two was opened, and what of it was found by name, is chance
    if (!s.source_was_changed()) {
        if (!(inode->content == s.expected()))
            s.world.problem("the destination's content is not the source's");
        else if (s.scenario.range)
            check_range_holes(s, inode->content);
        else
            check_holes(s, inode->content);
        check_counts(s, inode->content);
        if (s.outcome().flags &
            (ARSYNC_COMPLETION_SOURCE_CHANGED | ARSYNC_COMPLETION_SOURCE_SHRANK))
            s.world.problem("the source is said to have changed");
    }
    if (!s.source_was_changed()) {
        check_shares(s, inode->content);
        check_wanted(s, *inode);
    }
    check_method(s);
    if (!s.scenario.range)
        check_attributes(s, *inode);
    check_cache(s, *inode);
    check_durable(s, s.world.disk);
}

// What fails before it has opened the destination, or is not to touch it, leaves it as it was.
static void check_untouched(Simulation& s) {
    const Stage stage = s.outcome().stage;
    const bool before = stage == ARSYNC_STAGE_QUEUE || stage == ARSYNC_STAGE_OPEN_SOURCE ||
                        stage == ARSYNC_STAGE_CHECK;
    const bool excluded = s.scenario.options.replace == ARSYNC_REPLACE_EXCLUSIVE;
    const bool began = s.faults.gave(ESTALE); // and begins anew after that
    if (s.old_inode() != 0 && ((before && !began) || excluded) &&
        !(s.world.disk.at(s.old_inode()).content == s.old_content()))
        s.world.problem("what was there is changed by what never began");
}

// Of several calls that fail, or when it is cancelled, a later one may be of the cleaning up.
static bool may_fail_to_clean_up(const Simulation& s) {
    return (s.faults.several() || s.cancelled()) &&
           (s.faults.has(Call::unlink) || s.faults.has(Call::rename) ||
            s.faults.has(Call::make_link) || s.faults.has(Call::statx));
}

void check_failure(Simulation& s) {
    const Outcome& outcome = s.outcome();
    if (outcome.stage == ARSYNC_STAGE_NONE || outcome.result > 0)
        s.world.problem("failure without a stage");
    if (s.scenario.range && !s.source_was_changed() &&
        !is_part_of_range(s, s.world.disk.at(s.old_inode()).content))
        s.world.problem("a range that failed has touched what is not in it");
    check_untouched(s);
    if (refused(s) && s.failed_step())
        return; // two things failed, and one may have been the cleaning up
    if (!s.scenario.range)
        check_flags(s);
    if (only_lost_attributes(s)) {
        check_complete(s);
        check_durable(s, s.world.disk);
        return;
    }
    if ((s.outcome().flags & ARSYNC_COMPLETION_COPIED) && outcome.stage != ARSYNC_STAGE_SYNC)
        s.world.problem("a failed copy is said to be complete");
    const Names& names = s.world.disk.at(s.directory()).names;
    Names before = s.names_before();
    if (!names.count(s.backup()))
        before.erase(s.backup()); // an older backup, whose place was taken for a while
    if (names == before)
        return; // and the old content was looked at after each step
    // Once the new file has replaced the old one there is no way back.
    const bool replaced =
        replaces_at_once(s.scenario) && s.named_before() != 0 && outcome.stage == ARSYNC_STAGE_SYNC;
    if (replaced && names == names_after(s))
        return;
    before.erase("target");
    const bool removed =
        removes_first(s.scenario) && outcome.stage != ARSYNC_STAGE_OPEN_SOURCE && names == before;
    if (!removed && !may_fail_to_clean_up(s) && !s.directory_was_moved())
        s.world.problem("a failed copy left names in the directory, or took them");
}

bool refused(const Simulation& s) {
    const Scenario& scenario = s.scenario;
    const Outcome& outcome = s.outcome();
    if (scenario.options.replace == ARSYNC_REPLACE_EXCLUSIVE && outcome.result == -EEXIST)
        return scenario.existing != Existing::nothing;
    return scenario.options.reflink == ARSYNC_REFLINK_ALWAYS && outcome.result < 0 &&
           outcome.stage == ARSYNC_STAGE_REFLINK;
}

// Its own file, which it could not remove before it began anew.
static bool meets_itself(const Simulation& s) {
    return s.outcome().result == -EEXIST && s.faults.gave(ESTALE) &&
           (s.faults.has(Call::unlink) || s.faults.has(Call::statx));
}

// A file that is to have the old one's rights is given to its group first, and to its owner then.
static bool is_given_again(const Simulation& s, const Step& step, int error) {
    return step.call == Call::chown && error == EPERM && s.old_inode() != 0 &&
           s.scenario.options.replace == ARSYNC_REPLACE_ATOMIC &&
           !(s.scenario.options.preserve & ARSYNC_PRESERVE_MODE) &&
           !(s.outcome().flags & ARSYNC_COMPLETION_OWNER_LOST);
}

// Of several that fail one is told of, or the cancel, and none is dropped.
static void check_several_injected(Simulation& s) {
    const Outcome& outcome = s.outcome();
    if (s.cancelled() && outcome.result == -ECANCELED)
        return;
    bool told = false;
    for (const Failure& one : s.faults.happened()) {
        const std::string what = name_of_result(-one.error) + " of " + describe(one.step);
        // After that it begins anew; and so it does with a file that is opened once more to be
        // emptied, whatever the descriptor said that had written to it.
        if (outcome.result == 0 && !s.faults.gave(ESTALE) &&
            !(one.step.call == Call::close && s.was_emptied_after(one.step)) &&
            !(one.step.call == Call::truncate && size_was_refused(s)) &&
            !is_given_again(s, one.step, one.error) &&
            !may_survive(s.scenario, one.step, one.error))
            s.world.problem("an error was not reported: " + what);
        told = told || (outcome.result == -one.error && fits(one.step, outcome.stage) &&
                        !must_survive(one.step, one.error));
    }
    if (outcome.result < 0 && !told && !meets_itself(s))
        s.world.problem(
            "an error that nobody gave was reported: " + name_of_result(outcome.result) +
            " at stage " + arsync_stage_name(outcome.stage));
}

// Where nothing failed a copy fails only for what is at its destination.
static void check_uninjected(Simulation& s) {
    const Outcome& outcome = s.outcome();
    const Existing existing = s.scenario.existing;
    const bool is_cancel = outcome.result == -ECANCELED && s.cancelled();
    const bool is_source = existing == Existing::source && outcome.result == -EINVAL;
    const bool dangles = existing == Existing::dangling_link && outcome.result == -ENOENT;
    const bool is_full =
        outcome.result == -ENOSPC && s.scenario.world.capacity != WorldOptions().capacity;
    const bool is_unwritable = s.scenario.unwritable && outcome.result == -EACCES;
    const bool is_link =
        (s.scenario.options.flags & ARSYNC_COPY_NOFOLLOW) != 0 && outcome.result == -ELOOP;
    if (outcome.result < 0 && !is_cancel && !is_source && !dangles && !is_full && !is_link &&
        !is_unwritable && !s.refuse)
        s.world.problem(
            "an error that nobody gave was reported: " + name_of_result(outcome.result) +
            " at stage " + arsync_stage_name(outcome.stage));
}

void check_injected(Simulation& s) {
    const Outcome& outcome = s.outcome();
    if (refused(s))
        return;
    if (!s.failed_step()) {
        check_uninjected(s);
        return;
    }
    if ((s.faults.several() && !s.denied) || s.cancelled()) {
        check_several_injected(s);
        return;
    }
    const Step& step = *s.failed_step();
    const std::string what = name_of_result(-s.fail_with) + " of " + describe(step) +
                             ", the copy ended with " + name_of_result(outcome.result) +
                             " at stage " + arsync_stage_name(outcome.stage);
    if (outcome.result == 0) {
        if (!may_survive(s.scenario, step, s.fail_with) && !is_given_again(s, step, s.fail_with))
            s.world.problem("an error was not reported: " + what);
        return;
    }
    // What is open with O_DIRECT takes no part of a block, and was not to be had otherwise.
    const bool of_source = step.subject == Subject::source;
    const bool is_direct =
        of_source ? s.scenario.source_direct : (s.scenario.destination_flags & O_DIRECT) != 0;
    if (is_direct && step.call == Call::reopen && outcome.result == -EINVAL &&
        outcome.stage == (of_source ? ARSYNC_STAGE_READ : ARSYNC_STAGE_WRITE))
        return;
    if (must_survive(step, s.fail_with))
        s.world.problem("not an error to fail of: " + what);
    else if ((outcome.result != -s.fail_with || !fits(step, outcome.stage)) &&
             !s.faults.says_lost(outcome))
        s.world.problem("another error was reported: " + what);
    if (step.call == Call::link || step.call == Call::rename)
        return; // of a source that is linked or renamed, which is both ends
    const bool blames_source = (outcome.flags & ARSYNC_COMPLETION_AT_SOURCE) != 0;
    const bool blames_destination = (outcome.flags & ARSYNC_COMPLETION_AT_DESTINATION) != 0;
    if (step.subject == Subject::source ? blames_destination : blames_source)
        s.world.problem("the wrong end is said to be at fault: " + what);
    const bool says_what_is_there = s.fail_with == EEXIST || s.fail_with == ELOOP ||
                                    s.fail_with == ETXTBSY || s.fail_with == ENXIO ||
                                    s.fail_with == EISDIR || s.fail_with == ENOTEMPTY;
    if ((outcome.flags & ARSYNC_COMPLETION_CONFLICT) != 0 && !says_what_is_there)
        s.world.problem("something is said to be in the way: " + what);
}

void check_crash(Simulation& s) {
    const arsync_copy_options& options = s.scenario.options;
    const Disk& disk = *s.world.crashed();
    if (s.outcome().result == 0)
        check_durable(s, disk); // it had completed, but for what does not matter
    const bool keeps_old = options.backup != ARSYNC_BACKUP_NONE && s.old_inode() != 0;
    const bool atomic =
        options.replace == ARSYNC_REPLACE_ATOMIC && options.durability != ARSYNC_DURABILITY_NONE;
    if (!keeps_old && !atomic)
        return;
    constexpr Unsynced policies[] = {Unsynced::lost, Unsynced::kept, Unsynced::mixed};
    Random random(s.scenario.world.seed);
    for (unsigned i = 0; i < 12; ++i) {
        const Disk after = disk.recover(policies[i % 3], policies[i / 3 % 3], random);
        const Names& names = after.at(s.directory()).names;
        if (keeps_old)
            check_backup_after_crash(s, after);
        if (!atomic)
            continue;
        for (const auto& [name, number] : names)
            if (!s.names_before().count(name) && name != "target" && !temporary(name) &&
                name != s.backup())
                s.world.problem("after a crash there is a file called " + name);
        const auto now = names.find("target"), before = s.names_before().find("target");
        const bool had_one = before != s.names_before().end();
        if (now == names.end()
                ? had_one
                : !(had_one && now->second == before->second) && !right_after_crash(s, after))
            s.world.problem("a crash leaves neither the old file nor the new one");
        if (s.old_inode() != 0 && had_one && now != names.end() && now->second == before->second &&
            !(after.at(s.old_inode()).content == s.old_content()))
            s.world.problem("a crash damages the old file");
    }
}

static bool tells_true_sizes(const World& world) {
    const uint64_t type = world.options.filesystem_type;
    return type == ext4_magic || type == xfs_magic || type == btrfs_magic || type == tmpfs_magic;
}

// What is said to be done has the source's bytes. But where sizes are true, as they are on all
// filesystems of disks, one is believed: what is past it is not looked for, and what has fewer
// blocks than it takes ends in a hole.
bool is_right_by_lie(const World& world, const Content& copy, const Content& source) {
    if (copy == source || world.lie == Lie::kind)
        return true;
    if (!tells_true_sizes(world))
        return false;
    const uint64_t size = source.size();
    const bool has_hole = source.blocks_allocated() * block_size < size + world.lied_bytes;
    Content told = source;
    if (world.lie == Lie::smaller)
        told.resize(size - std::min(size, world.lied_bytes));
    else if (world.lie == Lie::larger && has_hole)
        told.resize(size + world.lied_bytes);
    return copy == told;
}

static void check_lied(Simulation& s) {
    const int result = s.outcome().result;
    const Inode* const inode = s.destination();
    const bool links =
        (s.scenario.options.flags & (ARSYNC_COPY_HARD_LINK | ARSYNC_COPY_SYMBOLIC_LINK)) != 0;
    if (result < 0 || s.change_at != never || s.scenario.range || links)
        return;
    if (!inode || (inode->is_file() && !is_right_by_lie(s.world, inode->content, s.original())))
        s.world.problem("done, and not the source's content");
}

void check_result(Simulation& s) {
    if (s.world.lies_told > 0) {
        if (!s.world.crashed() && !s.world.damaged)
            check_lied(s);
        return;
    }
    if (s.world.crashed()) {
        check_crash(s);
        return;
    }
    if (s.world.damaged) {
        check_damaged(s);
        return;
    }
    if (s.outcome().result == 0)
        check_success(s);
    else
        check_failure(s);
    if (!s.source_was_changed() && !s.directory_was_moved())
        check_injected(s);
    else if (s.outcome().result < 0 && !refused(s) && !s.cancelled() && !is_of_change(s) &&
             !meets_itself(s) && !s.faults.gave(-s.outcome().result))
        s.world.problem(
            "an error that nobody gave was reported: " + name_of_result(s.outcome().result) +
            " at stage " + arsync_stage_name(s.outcome().stage));
}

std::string report(const Simulation& s) {
    if (s.world.problems.empty())
        return {};
    std::string text = describe(s.scenario);
    const auto at = [&](const char* what, uint64_t step) {
        if (step != never)
            text += std::string("; ") + what + " at step " + std::to_string(step);
    };
    at("failed", s.fail_at);
    at("cancelled", s.cancel_at);
    at("crashed", s.crash_at);
    text += "\n    result " + std::to_string(s.outcome().result) + " stage " +
            std::to_string(s.outcome().stage) + " method " + std::to_string(s.outcome().method);
    for (const std::string& problem : s.world.problems)
        text += "\n    " + problem;
    return text;
}

} // namespace arsync::sim
