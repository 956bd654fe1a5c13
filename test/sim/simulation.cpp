#include "sim/simulation.h"
#include "copy/no_host.h"
#include "copy/pace.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

#include "sim/changes.h"
#include "sim/opening.h"
#include "sim/stages.h"
#include "sim/transfer.h"

namespace arsync::sim {

// More steps than any copy here needs: one that goes on is looping.
static constexpr uint64_t steps_max = 200'000;

Detached start(Io io, Job& job, unsigned& completions) {
    NoHost host;
    co_await run_job(io, job, host);
    ++completions;
}

Simulation::Simulation(const Scenario& what)
    : scenario(what), world(what.world), ring(world, counters), files_(world) {
    build();
    buffers_ = std::make_unique<Buffers>(ring, scenario.buffer_count, scenario.buffer_size, false);
    describe_job();
}

// Buffers that a coroutine still holds, in a run that got stuck, are better leaked than freed.
Simulation::~Simulation() {
    if (begun_ && completions_ == 0)
        static_cast<void>(buffers_.release());
}

void Simulation::build() {
    original_ = source_content(scenario);
    old_content_ = existing_content(scenario);
    const InodeNumber in = add_directory(world, world.disk.root().number, "in");
    directory_ = add_directory(world, world.disk.root().number, "out");

    world.source = add_file(world, in, "source", original_, scenario.source_mode);
    Inode& from = source();
    from.attributes.uid = scenario.source_uid;
    from.attributes.gid = scenario.source_uid;
    from.attributes.flags = scenario.source_flags;
    from.attributes.project = scenario.source_project;
    if (scenario.xattrs)
        from.attributes.xattrs = {{"user.note", "a note"},
                                  {"user.empty", ""},
                                  {"security.capability", "all"},
                                  {"system.posix_acl_access", "some"}};
    if (scenario.hides_size)
        world.without_size = world.source;
    if (scenario.source_cached)
        for (const auto& [block, data] : from.content.blocks())
            if (!scenario.in_patches || world.random.percent(90))
                from.cached.insert(block);
    if (scenario.source_dirty)
        from.dirty = from.cached;
    source_cached_ = from.cached;
    source_attributes_ = from.attributes;

    if (scenario.existing == Existing::source)
        add_name(world, directory_, "target", world.source);
    const bool link =
        scenario.existing == Existing::link || scenario.existing == Existing::dangling_link;
    if (scenario.existing == Existing::smaller || scenario.existing == Existing::larger)
        old_inode_ = add_file(world, directory_, "target", old_content_, existing_mode);
    if (scenario.existing == Existing::link)
        old_inode_ = add_file(world, directory_, "linked", old_content_, existing_mode);
    if (link)
        add_symlink(world, directory_, "target", "linked");
    const auto stays_as_it_is = [&](InodeNumber number) {
        attributes_before_[number] = world.disk.at(number).attributes;
    };
    if (scenario.old_backup)
        stays_as_it_is(
            add_file(world, directory_, scenario.old_backup, content_of("an older one"), 0600));
    if (old_inode_ != 0 && !scenario.range && gives_way(scenario))
        stays_as_it_is(old_inode_);
    if (scenario.unwritable)
        world.unwritable = old_inode_;
    names_before_ = world.disk.at(directory_).names;
    last_file_ = world.disk.numbers().back();
    expected_ = expected();
}

void Simulation::describe_job() {
    job_.options = scenario.options;
    job_.options.struct_size = sizeof job_.options;
    if (scenario.range && scenario.by_name) {
        job_.options.range_offset = scenario.source_offset;
        job_.options.range_length = scenario.length;
        job_.what = FileCopy{AT_FDCWD, "in/source", AT_FDCWD, "out/target"};
    } else if (scenario.range) {
        RangeCopy range;
        range.source_flags = O_RDONLY | (scenario.source_direct ? O_DIRECT : 0);
        range.source = world.add_descriptor(world.source, range.source_flags);
        range.source_offset = scenario.source_offset;
        range.destination_flags = O_RDWR | scenario.destination_flags;
        range.destination = world.add_descriptor(old_inode_, range.destination_flags);
        range.destination_offset = scenario.destination_offset;
        range.length = scenario.length;
        job_.what = range;
    } else if (scenario.by_directory) {
        const InodeNumber in = world.disk.find(world.disk.root().number, "in")->number;
        job_.what = FileCopy{world.add_descriptor(in, O_RDONLY | O_DIRECTORY), "source",
                             world.add_descriptor(directory_, O_RDONLY | O_DIRECTORY), "target"};
    } else {
        // A link's text that is relative leads to the source from the working directory alone.
        const bool links = (scenario.options.flags & ARSYNC_COPY_SYMBOLIC_LINK) != 0;
        job_.what = FileCopy{AT_FDCWD, links ? "/in/source" : "in/source", AT_FDCWD, "out/target"};
    }
    own_descriptors_ = world.open_descriptors();
}

void Simulation::run() {
    world.before = [this](const Step& step) { return before(step); };
    world.after = [this](const Step& step, int64_t) { after(step); };
    if (lie != Lie::none) {
        world.lie = lie;
        world.lied_about = world.source;
        world.lied_bytes = Random(world.options.seed).of({1ul, 777ul, 4096ul, 5000ul, 70'000ul});
        source_was_changed_ = true; // as far as anybody can see
    }
    job_.control.set_terms(job_.terms);
    Pace pace(rate);
    begun_ = true;
    start({files_, ring, *buffers_, rate > 0 ? &pace : nullptr}, job_, completions_);
    while (completions_ == 0 && !ring.stuck() && world.steps() < steps_max) {
        if (ring.run_ready() || completions_ > 0)
            continue;
        if (ring.in_flight() > 0 || !resume())
            ring.wait();
    }
    if (completions_ == 0)
        world.problem("the copy does not end");
    while (ring.run_ready()) // whatever should not be there any more
        ;
    check_leaks();
    if (!world.crashed() && (!source_was_changed_ || (lie != Lie::none && change_at == never)) &&
        !(source().content == original_))
        world.problem("the source's content was changed");
    check_source_attributes();
    check_what_gave_way();
    world.before = {};
    world.after = {};
}

// But for when it was read, and linked or renamed.
void Simulation::check_source_attributes() {
    Attributes now = source().attributes;
    now.accessed = source_attributes_.accessed;
    now.changed = source_attributes_.changed;
    if (source_was_changed_)
        now.modified = source_attributes_.modified;
    if (!(now == source_attributes_))
        world.problem("the source's attributes were changed");
}

// What has another name now, or none, is as it was; and so is what had a backup's name before.
void Simulation::check_what_gave_way() {
    for (const auto& [number, attributes] : attributes_before_)
        if (world.disk.exists(number)) {
            Attributes now = world.disk.at(number).attributes;
            now.changed = attributes.changed;
            now.accessed = attributes.accessed;
            if (!(now == attributes) || world.disk.at(number).version != 0)
                world.problem("what gave way was changed");
        }
}

// Whether it was paused.
bool Simulation::resume() {
    if (!job_.terms.paused())
        return false;
    world.note("resumed");
    job_.terms.resume();
    return true;
}

void Simulation::cancel() {
    job_.control.cancel();
    job_.terms.let_go();
    if (job_.control.interruptible)
        ring.cancel(*job_.control.interruptible);
}

void Simulation::change() {
    Random random(scenario.world.seed + change_at);
    const InodeNumber root = world.disk.root().number;
    const InodeNumber in = world.disk.root().names.at("in");
    const uint64_t size = source().content.size();
    const auto take = [&] { // somebody has it open
        own_descriptors_.push_back(world.add_descriptor(world.source, O_PATH));
        world.change_names(in, {{"source", std::nullopt}});
        source_was_changed_ = source_was_taken_ = true;
    };
    switch (random.below(5)) {
    case 0:
        world.note("the source grows");
        extend_source(size + 5000);
        break;
    case 1:
        world.note("the source shrinks");
        truncate_source(size / 2);
        break;
    case 2:
        world.note("the source vanishes");
        take();
        break;
    case 3:
        world.note("the source is replaced");
        take();
        world.sources.insert(add_file(world, in, "source", content_of(another_content), 0600));
        break;
    default:
        world.note("the destination's directory moves away");
        world.change_names(root, {{"out", std::nullopt}, {"out moved away", directory_}});
        directory_was_moved_ = true;
        break;
    }
}

int Simulation::before(const Step& step) {
    check_open(world, step);
    if (step.index == crash_at)
        world.crash();
    if (step.index == cancel_at)
        cancel();
    if (step.index == pause_at) {
        world.note("paused");
        job_.terms.pause();
    }
    if (step.index == change_at)
        change();
    if (meanwhile)
        meanwhile(step);
    if (const int refused = refuse ? refuse(step) : 0; refused < 0)
        return refused;
    const bool fails =
        (step.index == fail_at || step.call == denied) && can_fail_with(step, fail_with);
    const int error = fails ? fail_with : faults.draw(step);
    if (error == 0)
        return 0;
    faults.note(step, error);
    if (!failed_step_) {
        failed_step_ = step;
        fail_with = error;
    }
    return -error;
}

void Simulation::after(const Step& step) {
    if (step.call == Call::reopen && step.subject == Subject::destination &&
        (step.flags & O_TRUNC) != 0)
        emptied_at_ = step.index;
    if (cancelled() && (step.call == Call::read || step.call == Call::read_cached ||
                        step.call == Call::copy_cached))
        ++reads_after_cancel_;
    if (source().version != source_version_)
        world.problem("the source was written to");
    source_version_ = source().version;
    if (!scenario.range)
        check_old();
    check_visible();
    for (const InodeNumber number : world.disk.numbers())
        if (number > last_file_)
            check_access(world.disk.at(number));
}

Inode* Simulation::destination() {
    Inode* inode = world.disk.find(directory_, "target");
    return inode && inode->is_link() ? world.disk.find(directory_, inode->target) : inode;
}

// 0 as well when it was replaced and forgotten.
uint64_t Simulation::old_version() const {
    const std::vector<InodeNumber> numbers = world.disk.numbers();
    const bool there = std::binary_search(numbers.begin(), numbers.end(), old_inode_);
    return there ? world.disk.at(old_inode_).version : 0;
}

void Simulation::truncate_source(uint64_t size) {
    truncate(world, source(), size);
    source_version_ = source().version;
    source_was_changed_ = true;
    ++source_sizes_;
}

void Simulation::extend_source(uint64_t size) {
    const std::vector<std::byte> more(size - source().content.size(), std::byte{0x77});
    source().content.write(source().content.size(), more.data(), more.size());
    source().attributes.modified = world.now();
    source_was_changed_ = true;
    ++source_sizes_;
}

InodeNumber Simulation::named_before() const {
    const auto before = names_before_.find("target");
    return before == names_before_.end() ? 0 : before->second;
}

std::string Simulation::backup() const {
    const bool is_denied = failed_step_ && failed_step_->call == Call::open &&
                           (failed_step_->flags & O_DIRECTORY) != 0 && fail_with == EACCES;
    if (is_denied) { // to list it, or afterwards to sync it
        Scenario unlisted = scenario;
        unlisted.old_backup = nullptr;
        const std::string first = backup_name(unlisted);
        const Names& names = world.disk.at(directory_).names;
        const auto kept = names.find(first);
        if (kept != names.end() && kept->second == named_before())
            return first;
    }
    return backup_name(scenario);
}

// What gives way to another is not written to, and with a backup has a name all the time.
void Simulation::check_old() {
    if (!gives_way(scenario) || old_inode_ == 0)
        return;
    if (old_version() != 0)
        world.problem("the old file was written to");
    if (scenario.options.backup == ARSYNC_BACKUP_NONE)
        return;
    const Inode* named = world.disk.find(directory_, "target");
    const Inode* kept = world.disk.find(directory_, backup());
    if (!(named && named->number == named_before()) && !(kept && kept->number == named_before()))
        world.problem("the old file has neither its name nor its backup's");
}

// Once a new file was seen to be complete at the name it is not compared again until it changes.
void Simulation::check_visible() {
    if (!replaces_at_once(scenario) || scenario.range)
        return;
    const Names& names = world.disk.at(directory_).names;
    const auto before = std::as_const(names_before_).find("target");
    const auto now = names.find("target");
    if (now == names.end()) {
        if (before != names_before_.end())
            world.problem("the old file's name is gone");
        return;
    }
    const Inode& inode = world.disk.at(now->second);
    if (before != names_before_.end() && before->second == now->second)
        return;
    const std::pair<InodeNumber, uint64_t> seen{inode.number, inode.version};
    if (visible_complete_ == seen)
        return;
    const bool links = makes_links(scenario);
    if (visible_complete_.first == seen.first && !links)
        world.problem("the new file was written to after it had its name");
    visible_complete_ = seen;
    if (source_was_changed_)
        return;
    const bool whole = (scenario.options.flags & ARSYNC_COPY_SYMBOLIC_LINK) != 0
                           ? inode.target == "/in/source"
                           : inode.content == expected_;
    if (!whole)
        world.problem("an incomplete file can be seen at the destination's name");
}

// Whoever may not read the source may not read the copy at any time, and so on.
void Simulation::check_access(const Inode& inode) {
    if (!inode.is_file())
        return;
    const mode_t mode = inode.attributes.mode & 07777;
    mode_t allowed = scenario.source_mode;
    if (scenario.options.replace == ARSYNC_REPLACE_ATOMIC && old_inode_ != 0)
        allowed |= existing_mode;
    if (scenario.options.flags & ARSYNC_COPY_DEFAULT_MODE)
        allowed |= 0666 & ~world.options.umask;
    allowed |= 0600; // its owner's
    if ((mode & ~allowed) != 0)
        world.problem("the new file is open wider than the source");
    // Without the owner the bits are kept as asked, as cp --preserve=mode does.
    if ((scenario.options.preserve & ARSYNC_PRESERVE_OWNER) && (mode & (S_ISUID | S_ISGID)) != 0 &&
        inode.attributes.uid != scenario.source_uid)
        world.problem("the new file is set-user-ID of another user");
}

void Simulation::check_leaks() {
    if (completions_ > 1)
        world.problem("more than one completion");
    if (ring.in_flight() > 0)
        world.problem("still in flight: " + std::to_string(ring.in_flight()));
    if (buffers_->leased() > 0)
        world.problem("buffers still leased: " + std::to_string(buffers_->leased()));
    for (const int fd : world.open_descriptors())
        if (std::find(own_descriptors_.begin(), own_descriptors_.end(), fd) ==
            own_descriptors_.end())
            world.problem("left open: descriptor " + std::to_string(fd));
    for (const int fd : own_descriptors_)
        if (!world.open(fd))
            world.problem("closed, though the caller's: descriptor " + std::to_string(fd));
}

} // namespace arsync::sim
