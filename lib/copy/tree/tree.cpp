#include "copy/tree/tree.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <new>
#include <unistd.h>

#include "copy/conflict.h"
#include "copy/metadata.h"
#include "copy/method.h"
#include "copy/split_path.h"
#include "copy/tree/make_directory.h"
#include "copy/tree/member.h"
#include "copy/tree/sync.h"
#include "copy/tree/totals.h"
#include "io/descriptors.h"
#include "io/missing.h"

namespace arsync {

namespace {

// What is left to the whole: names and data are made durable at its end.
arsync_copy_options for_entries(const arsync_copy_options& options) {
    arsync_copy_options result = options;
    const bool atomic = options.replace == ARSYNC_REPLACE_ATOMIC;
    if (options.durability != ARSYNC_DURABILITY_NONE)
        result.durability = atomic ? ARSYNC_DURABILITY_FILE : ARSYNC_DURABILITY_NONE;
    return result;
}

} // namespace

static arsync_copy_options for_synced_entries(const arsync_copy_options& options) {
    arsync_copy_options result = options;
    result.durability = ARSYNC_DURABILITY_FILE;
    return result;
}

Tree::Tree(const FileCopy& roots, const arsync_copy_options& options, const Filter& filter,
           Control& control, Host& host)
    : roots_(roots), options_(options), entry_options_(for_entries(options)),
      synced_entry_options_(for_synced_entries(options)), filter_(filter), control_(control),
      host_(host), reports_all_(options.report == ARSYNC_REPORT_ALL), asks_(asks_first(options)),
      uid_(geteuid()), gid_(getegid()),
      directories_(std::make_shared<Directories>(descriptors::idle_directories())),
      links_(roots.links ? *roots.links : own_links_) {
    totals_.struct_size = sizeof totals_;
}

Task<void> Tree::run(Io io, Outcome& outcome, arsync_totals& totals) {
    control_.enter(ARSYNC_STAGE_OPEN_SOURCE);
    control_.counts().entries_total.fetch_add(1, std::memory_order_relaxed);
    control_.counts().walking.fetch_add(1, std::memory_order_relaxed);
    walks_.store(true, std::memory_order_relaxed);
    const AllFound at_end{*this};
    outcome.action = ARSYNC_ACTION_TREE;
    outcome.flags |= ARSYNC_COMPLETION_DIRECTORY;
    outcome.has_error_path = wants(options_, ARSYNC_WANT_ERROR_PATH); // "", of the root
    std::shared_ptr<const File> links_base;
    if (links_.shared())
        links_base = links_.base_of(io.files, roots_.base());
    Control part(control_);
    Member member(*this, io, part, host_);
    co_await member.open_roots();
    control_.enter(ARSYNC_STAGE_NONE);
    own_links_.ask_whether_names_recur([this, &files = io.files] { return has_mounts(files); });

    outcome.wanted.tell_source(*root_->facts, options_);
    Outcome of_root;
    of_root.action = root_->made ? ARSYNC_ACTION_MAKE_DIRECTORY : ARSYNC_ACTION_ENTER_DIRECTORY;
    of_root.flags = ARSYNC_COMPLETION_DIRECTORY;
    of_root.wanted = outcome.wanted;
    tell_destination_root(io.files, of_root);
    of_root.wanted.end(options_);
    control_.counts().entries_done.fetch_add(1, std::memory_order_relaxed);
    {
        const Lock lock(mutex_);
        totals_.entries = totals_.directories = 1;
    }
    if (reports_all_)
        host_.report({.path = {}, .outcome = of_root});
    push({root_, {}, false});
    co_await member.run();
    leave(member.totals());
    struct Helpers : Waiter {
        Tree& tree;
        Ring& ring;
        Helpers(Tree& all, Ring& own) : tree(all), ring(own) {}
        bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> waiting) {
            handle = waiting;
            const Lock lock(tree.mutex_);
            tree.ended_ = true;
            if (tree.helpers_ == 0)
                return false;
            tree.owner_ = {this, &ring};
            return true;
        }
        void await_resume() const noexcept {}
    };
    co_await Helpers(*this, io.ring);
    drop_units();
    all_found();

    const bool dry = (options_.flags & ARSYNC_COPY_DRY_RUN) != 0;
    if (options_.durability != ARSYNC_DURABILITY_NONE && !dry && !control_.cancelled())
        co_await sync(io);
    tell_destination_root(io.files, outcome);
    // Helpers that come too late may keep this object, but no descriptors.
    links_.settle(root_, roots_.from_base(), links_base);
    root_.reset();
    above_root_ = File();
    const Lock lock(mutex_);
    other_filesystems_.clear();
    outcome.flags |= flags_.load(std::memory_order_relaxed);
    outcome.bytes = totals_.bytes;
    outcome.hole_bytes = totals_.hole_bytes;
    totals = totals_;
    if (control_.cancelled()) {
        outcome.fail(-ECANCELED, ARSYNC_STAGE_NONE);
        outcome.has_error_path = false;
    } else {
        outcome.fail(first_error_, first_stage_, first_side_);
        outcome.has_error_path = has_first_path_;
        outcome.error_path = std::move(first_path_);
    }
}

// By its name, for it may be closed by now.
void Tree::tell_destination_root(Files& files, Outcome& outcome) const {
    struct statx facts;
    if (wants(options_, ARSYNC_WANT_DESTINATION) && !root_->missing &&
        files.statx(roots_.destination_dirfd, roots_.destination.c_str(), 0, facts) == 0 &&
        identity(facts) == root_->destination_id)
        outcome.wanted.tell_destination(facts, options_);
}

Task<void> Tree::help(Io io, Control& own, Host& own_host) {
    {
        const Lock lock(mutex_);
        if (ended_ || helpers_ + 1 >= descriptors::members())
            co_return;
        ++helpers_;
    }
    own.join(control_);
    try {
        Member member(*this, io, own, own_host);
        co_await member.run();
        leave(member.totals());
    } catch (const std::bad_alloc&) { // for a frame; the others go on, and this one leaves as any
    }
    own.leave();
    const Lock lock(mutex_);
    if (--helpers_ == 0 && owner_.waiter)
        owner_.ring->post_from_outside(*owner_.waiter);
}

// Whether something is mounted below the source: it may be a part of what is copied anyway.
bool Tree::has_mounts(Files& files) const {
    std::vector<PlaceOnDevice> places;
    return files.places_of(root_->source(), places) < 0 || places.size() > 1;
}

// ---- the roots ----

DirectoryRef Tree::open_roots(Files& files) {
    auto root = std::make_shared<Directory>(directories_);
    root->facts = std::make_unique<struct statx>();
    struct statx& facts = *root->facts;
    int fd = open_source_root(files, O_RDONLY);
    root->shut = fd == -EACCES; // and made all the same, as below it
    if (root->shut)
        fd = open_source_root(files, O_PATH);
    check(ARSYNC_STAGE_OPEN_SOURCE, fd);
    File source(files, fd);
    check(ARSYNC_STAGE_OPEN_SOURCE, files.statx(fd, "", 0, facts));
    base_place_ = place_of_base(files);
    root->source_id = identity(facts);
    device_major_ = facts.stx_dev_major;
    device_minor_ = facts.stx_dev_minor;
    refuse_inside_itself(files, root->source_id);

    const char* path = roots_.destination.c_str();
    File destination;
    const bool dry = (options_.flags & ARSYNC_COPY_DRY_RUN) != 0;
    bool missing = false;
    if (dry) {
        struct statx found;
        const int there = files.statx(roots_.destination_dirfd, path, AT_SYMLINK_NOFOLLOW, found);
        missing = there == -ENOENT;
        if (!missing)
            check(ARSYNC_STAGE_MAKE_DIRECTORY, there); // or it would be made
    }
    if (missing) {
        refuse_missing_parent(files, roots_, options_, ARSYNC_STAGE_MAKE_DIRECTORY);
        root->made = root->missing = true;
    } else {
        const bool durable = options_.durability != ARSYNC_DURABILITY_NONE;
        const int unsyncable = durable ? open_above_root(files) : 0;
        MadeDirectory made = make_directory(
            files, roots_.destination_dirfd, path, facts, false,
            (options_.flags & ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK) != 0, false, options_, umask_);
        root->made = made.made;
        root->final_mode = made.final_mode;
        root->destination_id = identity(made.facts);
        root_destination_ = root->destination_id;
        root->new_file = new_file_in(files, made, options_, uid_, gid_);
        destination = std::move(made.directory);
        choose_sync(files, *root, destination.get());
        if (!root->made)
            above_root_ = File();
        else if (root->syncs_each)
            check(ARSYNC_STAGE_SYNC, unsyncable);
        know_names(files, *root, destination.get());
        if (root->destination_id == root->source_id)
            throw error_at(Side::conflict, ARSYNC_STAGE_CHECK, EINVAL);
        // A path with a slash at its end follows links, so what was opened may lie elsewhere.
        if (!made.made && may_meet(root->destination_id))
            refuse_below(files, destination.get(), root->source_id);
        if ((options_.flags & ARSYNC_COPY_MIRROR) != 0 && !made.made) {
            refuse_source_inside(files, source.get());
            refuse_overlap(files, source.get(), destination.get());
        }
    }
    directories_->add(*root, std::move(source), std::move(destination));
    return root;
}

int Tree::open_source_root(Files& files, int access) const {
    const bool follows = options_.symlinks == ARSYNC_SYMLINKS_FOLLOW ||
                         options_.symlinks == ARSYNC_SYMLINKS_FOLLOW_TOP;
    return files.open(roots_.source_dirfd, roots_.source.c_str(),
                      access | O_DIRECTORY | (follows ? 0 : O_NOFOLLOW), 0);
}

// A directory that is made in what is being copied would be copied too, and again in it.
void Tree::refuse_inside_itself(Files& files, const Identity& source) const {
    std::string path = roots_.destination;
    while (path.size() > 1 && path.ends_with('/'))
        path.pop_back();
    struct statx facts;
    const bool is_there = files.statx(roots_.destination_dirfd, path.c_str(), 0, facts) == 0;
    if (is_there && !S_ISDIR(facts.stx_mode))
        throw Error{ARSYNC_STAGE_MAKE_DIRECTORY, ENOTDIR};
    if (is_there && identity(facts) == source)
        throw error_at(Side::conflict, ARSYNC_STAGE_CHECK, EINVAL);
    if (is_there && !may_meet(identity(facts)))
        return;
    const bool dry = (options_.flags & ARSYNC_COPY_DRY_RUN) != 0;
    int fd = -ENOENT;
    do { // a dry run has not made the directories on the way
        path = split_path(path).parent;
        while (path.size() > 1 && path.ends_with('/'))
            path.pop_back();
        fd = files.open(roots_.destination_dirfd, path.empty() ? "." : path.c_str(),
                        O_PATH | O_DIRECTORY, 0);
    } while (dry && fd == -ENOENT && !path.empty());
    refuse_unknown(fd);
    const File up(files, fd);
    if (!up)
        return;
    check(ARSYNC_STAGE_CHECK, files.statx(fd, "", 0, facts));
    if (may_meet(identity(facts)))
        refuse_below(files, fd, source);
}

// One file system is left where another is mounted: so a disk that is mounted in a system can be
// given a copy of it.
bool Tree::may_meet(const Identity& destination) const {
    return (options_.flags & ARSYNC_COPY_ONE_FILE_SYSTEM) == 0 ||
           (destination.major == device_major_ && destination.minor == device_minor_);
}

// What is above may not be ours to see; but for want of descriptors, or in a mirror, which would
// remove its own source, not to know is not good enough.
void Tree::refuse_unknown(int result) const {
    const bool mirrors = (options_.flags & ARSYNC_COPY_MIRROR) != 0;
    if (result == -EMFILE || result == -ENFILE || result == -ENOMEM || mirrors)
        check(ARSYNC_STAGE_CHECK, result);
}

// In a mirror of itself the source is extra.
void Tree::refuse_source_inside(Files& files, int source) const {
    const int fd = files.open(source, "..", O_PATH | O_DIRECTORY, 0);
    check(ARSYNC_STAGE_OPEN_SOURCE, fd);
    const File up(files, fd);
    refuse_below(files, fd, root_destination_);
}

// A mirror must not remove its own source, nor what is mounted in it, and may come to it through
// any mount: ".." of a bind mount leads to where it is mounted, not to the directory that it shows.
// So no place in a file system may be reached from both roots. Where that is not to be known, both
// are at least of one mount, in which ".." tells the truth, or of different file systems.
void Tree::refuse_overlap(Files& files, int source, int destination) const {
    std::vector<PlaceOnDevice> from;
    std::vector<PlaceOnDevice> to;
    int result = files.places_of(source, from);
    if (result == 0)
        result = files.places_of(destination, to);
    if (result == -EMFILE || result == -ENFILE)
        check(ARSYNC_STAGE_CHECK, result);
    if (result == 0) {
        if ((options_.flags & ARSYNC_COPY_ONE_FILE_SYSTEM) != 0)
            std::erase_if(from, [&, own = from[0].device](const PlaceOnDevice& place) {
                return place.device != own;
            });
        if (overlap(from, to))
            throw error_at(Side::destination, ARSYNC_STAGE_CHECK, ELOOP);
        return;
    }
    struct statx one;
    struct statx other;
    check(ARSYNC_STAGE_CHECK, files.statx(source, "", 0, one));
    check(ARSYNC_STAGE_CHECK, files.statx(destination, "", 0, other));
    const bool same_device =
        one.stx_dev_major == other.stx_dev_major && one.stx_dev_minor == other.stx_dev_minor;
    if (same_device && one.stx_mnt_id != other.stx_mnt_id)
        throw error_at(Side::destination, ARSYNC_STAGE_CHECK, ELOOP);
}

// Neither the open directory nor any above it may be `root`.
void Tree::refuse_below(Files& files, int directory, const Identity& root) const {
    struct statx facts;
    File up;
    Identity last;
    while (files.statx(directory, "", 0, facts) == 0 && identity(facts) != last) {
        last = identity(facts);
        if (last == root)
            throw error_at(Side::destination, ARSYNC_STAGE_CHECK, ELOOP);
        directory = files.open(directory, "..", O_PATH | O_DIRECTORY, 0);
        refuse_unknown(directory);
        if (directory < 0)
            return;
        up = File(files, directory);
    }
}

// To be synced at the end. What is just made is where its parent is.
void Tree::remember_filesystem(Files& files, const Directory& directory, int destination) {
    const Identity& id = directory.destination_id;
    const auto is_on = [&](const auto& place) {
        return place.major == id.major && place.minor == id.minor;
    };
    if (directory.made || options_.durability == ARSYNC_DURABILITY_NONE || is_on(root_destination_))
        return;
    const Lock lock(mutex_);
    if (std::any_of(other_filesystems_.begin(), other_filesystems_.end(), is_on))
        return;
    const int fd = files.reopen(destination, O_RDONLY | O_DIRECTORY);
    check(ARSYNC_STAGE_MAKE_DIRECTORY, fd);
    other_filesystems_.push_back({id.major, id.minor, File(files, fd)});
}

// Before the root is made: what is tried again after that would not know that it is new. 0, or why
// its name cannot be synced.
int Tree::open_above_root(Files& files) {
    std::string path = roots_.destination;
    while (path.size() > 1 && path.ends_with('/'))
        path.pop_back();
    const int fd = files.open(roots_.destination_dirfd, split_path(path).directory(),
                              O_RDONLY | O_DIRECTORY, 0);
    if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
        check(ARSYNC_STAGE_OPEN_DESTINATION, fd);
    above_root_ = File(files, fd);
    return std::min(fd, 0);
}

// How what is in a directory becomes durable. What a descriptor that is opened now is told by
// syncfs(2) in the end are the losses from now on, and those that nobody was told of before.
void Tree::choose_sync(Files& files, Directory& directory, int destination) {
    if (options_.durability == ARSYNC_DURABILITY_NONE)
        return;
    const Directory* above = directory.parent.get();
    const Identity& id = directory.destination_id;
    if (above && above->destination_id.major == id.major &&
        above->destination_id.minor == id.minor) {
        directory.syncs_each = above->syncs_each;
    } else {
        uint64_t magic = 0;
        files.filesystem_type(destination, magic);
        directory.syncs_each = !syncs_whole(filesystem(magic)) || !files.may_sync_filesystems();
    }
    if (above && !directory.syncs_each)
        remember_filesystem(files, directory, destination);
}

Task<void> Tree::sync(Io io) {
    control_.enter(ARSYNC_STAGE_SYNC);
    int failed = 0;
    try {
        if (root_->syncs_each)
            co_await sync_above_root(io);
        co_await sync_by_filesystem(io);
    } catch (const Error& error) {
        failed = -error.code;
    }
    if (failed < 0 && failed != -ECANCELED)
        note_error(failed, ARSYNC_STAGE_SYNC, Side::by_stage);
}

Task<void> Tree::sync_above_root(Io io) {
    if (above_root_)
        co_await sync_one(io, above_root_.get());
}

// All, whatever one says: 0, or an error.
Task<int64_t> Tree::sync_filesystems(Io io, const std::vector<int>& all) {
    int64_t failed = 0;
    for (const int fd : all) {
        const int64_t result = co_await io.ring.sync_filesystem(fd);
        if (result < 0)
            failed = result;
    }
    co_return failed;
}

// What syncfs(2) reports may be another program's loss, or one of before this tree: then each file
// and directory is to say for itself. An inode's loss is told to whoever opens it first. Where one
// cannot be asked, the loss counts as this tree's. What has no data of its own, such as a symbolic
// link, another syncfs writes, for a loss is told once.
Task<void> Tree::sync_by_filesystem(Io io) {
    std::vector<int> all;
    if (!root_->syncs_each)
        all.push_back(root_->destination());
    {
        const Lock lock(mutex_);
        for (const OtherFilesystem& other : other_filesystems_)
            all.push_back(other.directory.get());
    }
    const int64_t failed = co_await sync_filesystems(io, all);
    if (failed == 0)
        co_return;
    bool lost = false;
    try {
        co_await sync_all_in(io, control_, root_->destination());
        co_await sync_above_root(io);
        const int64_t again = co_await sync_filesystems(io, all);
        lost = again < 0 && !is_missing(static_cast<int>(-again)); // denied since it began
    } catch (const Error&) {
        lost = true;
    }
    if (lost)
        check(ARSYNC_STAGE_SYNC, failed);
}

// ---- units ----

void Tree::push(Unit unit) {
    bool call = false;
    {
        const Lock lock(mutex_);
        stack_.push_back(std::move(unit));
        wake_one_under_lock();
        // A tree of a few entries is done before another thread has begun.
        constexpr uint64_t small_tree = 64;
        call = control_.counts().entries_total.load(std::memory_order_relaxed) > small_tree;
    }
    if (call && !called_.exchange(true))
        host_.call_helpers(shared_from_this());
}

std::optional<Unit> Tree::take_back() {
    const Lock lock(mutex_);
    if (std::unique_ptr<AskedEntry> answered = take_answered_under_lock())
        return Unit{nullptr, {}, false, std::move(answered)};
    if (stack_.empty())
        return std::nullopt;
    std::optional<Unit> unit = std::move(stack_.back());
    stack_.pop_back();
    return unit;
}

bool Tree::over() {
    const Lock lock(mutex_);
    if (stopping())
        wake_all_under_lock(); // whoever stopped it may not have seen who fell asleep since
    return stopping() || over_under_lock();
}

void Tree::all_found() {
    if (walks_.exchange(false, std::memory_order_relaxed))
        control_.counts().walking.fetch_sub(1, std::memory_order_relaxed);
}

void Tree::drop_units() {
    const Lock lock(mutex_);
    stack_.clear();
}

void Tree::unit_ended() {
    const Lock lock(mutex_);
    if (--active_ > 0)
        return;
    if (stack_.empty()) // every entry has been found, and the last ones are under way
        all_found();
    if (stack_.empty() || stopping())
        wake_all_under_lock();
}

void Tree::wake_one_under_lock() {
    if (sleepers_.empty())
        return;
    const Sleeper sleeper = sleepers_.back();
    sleepers_.pop_back();
    sleeper.ring->post_from_outside(*sleeper.waiter);
}

void Tree::wake_all_under_lock() {
    for (const Sleeper& sleeper : sleepers_)
        sleeper.ring->post_from_outside(*sleeper.waiter);
    sleepers_.clear();
}

void Tree::stop() {
    stopped_.store(true, std::memory_order_relaxed);
    withdraw_questions();
    const Lock lock(mutex_);
    wake_room_sleepers_under_lock();
    wake_all_under_lock();
}

// ---- what came of it ----

void Tree::note_error(int result, Stage stage, Side side, std::string* path) {
    control_.counts().errors.fetch_add(1, std::memory_order_relaxed);
    {
        const Lock lock(mutex_);
        ++totals_.errors;
        if (first_error_ == 0) {
            first_error_ = result;
            first_stage_ = stage;
            first_side_ = side;
            has_first_path_ = path;
            if (path)
                first_path_ = std::move(*path);
        }
    }
    if ((options_.flags & ARSYNC_COPY_STOP_ON_ERROR) == 0)
        return;
    stopped_.store(true, std::memory_order_relaxed);
    withdraw_questions();
}

void Tree::leave(const arsync_totals& part) {
    const Lock lock(mutex_);
    add(totals_, part);
}

} // namespace arsync
