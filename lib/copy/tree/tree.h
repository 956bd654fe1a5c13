// Copying a tree with all workers of a pool at once.
//
// The work is a stack of units that any worker may take: a directory to be entered, or one to be
// listed further. The worker that takes a unit lists some two hundred names, puts the rest of the
// listing back for the others, puts the directories among the names on top, and copies all else: at
// once what does not wait, several side by side what does. Last in, first out, so the stack is no
// longer than the tree is deep times the names of one listing. Of names that are much work a worker
// gives half to another that has nothing to do. A directory is finished, its own
// attributes set, by whoever ends the last thing in it.
#pragma once

#include <memory>
#include <optional>
#include <sys/types.h>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "copy/copy.h"
#include "copy/filter.h"
#include "copy/host.h"
#include "copy/listing.h"
#include "copy/question.h"
#include "copy/sync_point.h"
#include "copy/tree/directory.h"
#include "copy/tree/links.h"
#include "copy/tree/scarcity.h"
#include "copy/writers.h"
#include "io/line.h"
#include "io/mutex.h"

namespace arsync {

class Tree;
struct MadeDirectory;

// An entry that has something to ask. It keeps nothing open.
struct SuspendedEntry final : Suspended {
    DirectoryRef directory;
    std::string name;
    unsigned char type = 0;
    bool follows = false;
    Question asked = {};
    std::unique_ptr<SuspendedEntry> next = nullptr; // among those that were answered

    Question& question() override { return asked; }
};

// A directory to enter, by its name in `directory`; without a name, `directory` is to be listed on,
// or it is some of its entries.
struct Unit {
    DirectoryRef directory;
    std::string name;
    bool follows = false; // the name is a symbolic link that is to be followed
    std::unique_ptr<SuspendedEntry> answered = nullptr; // this, with its answer, and nothing else
    std::unique_ptr<Listing> names = nullptr;           // these, and nothing else
};

// What a walker was last at.
struct LastUnit {
    DirectoryRef directory; // that it has listed, and found no directories in; or null
    bool joins = true;      // it has not been at anything yet
};

// Which of a stack, that is not empty, is to be taken.
//
// Each new name in a directory waits for the one before it, so a walker goes on where it is, and
// shares a directory with who is at work there only if there is nothing else near. Else it takes
// the last one in, so that the stack stays small; but who joins takes the first one in, below which
// there is likely to be most, and furthest from the others.
size_t next_unit(const std::vector<Unit>& stack, const LastUnit& last_unit);

// What the copy of a tree is to do, and has to do it with: the same for all its parts.
struct TreeJob {
    TreeJob(const FileCopy& copy, const arsync_copy_options& how, const Filter& patterns,
            Control& of_job, Host& of_tree, Links& own_links, Writers& own_writers,
            Scarcity& own_scarcity);

    const FileCopy& roots;
    const arsync_copy_options& options;
    const arsync_copy_options entry_options; // as of one entry
    const Filter& filter;
    Control& control;
    Host& host;
    const bool reports_all;
    const bool asks;
    // A name in the destination may be reached by two ways, and be new: each is one entry's at a
    // time, too.
    const bool takes_turns_by_name;
    const uid_t uid; // that new files get
    const gid_t gid;
    Umask umask;
    const std::shared_ptr<Directories> directories;
    Links& links;       // the tree's own, or those that are shared with other jobs
    Writers& writers;   // the tree's own, or the list's that it is an item of
    Scarcity& scarcity; // the same
};

class Tree final : public Shared, Asker, Stoppable, public std::enable_shared_from_this<Tree> {
public:
    // What is referred to lives until run() has ended. control: of the job.
    Tree(const FileCopy& roots, const arsync_copy_options& options, const Filter& filter,
         Control& control, Host& host);

    // On the worker that the job was given to. Fills outcome, its result included; throws Error
    // where the roots cannot be opened.
    Task<void> run(Io io, Outcome& outcome, arsync_totals& totals);
    Task<void> take_part(Io io, Control& own, Host& own_host) override;

    // ---- for its parts, from any thread ----

    TreeJob& job() { return job_; }
    const Directory& root() const { return *root_; }
    bool is_on_source_device(const struct statx& facts) const {
        return facts.stx_dev_major == device_major_ && facts.stx_dev_minor == device_minor_;
    }
    // By the first part, before all else. Throws Error.
    void open_roots(Files& files);
    // Whether the walk can reach this destination directory: with ONE_FILE_SYSTEM only on the
    // source's device.
    bool may_reach(const Identity& destination) const;
    // Of a directory just made or opened: what is to be known of the names in it, where they may
    // fold or a mirror goes by them; and how it is made durable.
    void prepare_names(Files& files, Directory& directory, int destination) const;
    void choose_sync(Files& files, Directory& directory, int destination);
    void note_link_to(const Directory& directory) {
        if (!directory.syncs_each)
            syncs().go_through_link();
    }
    // Throws Error ESTALE if it is not what is at its name in the source any more.
    void refuse_replaced(Files& files, const Directory& directory) const;
    // A directory that the job has made; and whether it has made that one, if its sources may be
    // what it makes: beyond links.
    void note_made(const Identity& directory);
    bool has_made(const Identity& directory);
    // Whether mounts show a directory of the destination at two places: two entries may then reach
    // one new name.
    bool shows_twice() const { return shows_twice_; }
    // Of a mirror, which would remove at one of these places what it has copied at the other.
    // False: it has been at that directory by another path.
    bool enter_once(const Identity& destination, const std::string& path);
    // A mirror has met itself all the same: from then on it removes nothing.
    void note_meeting() { removes_nothing_.store(true, std::memory_order_relaxed); }
    bool has_met_itself() const { return removes_nothing_.load(std::memory_order_relaxed); }

    // Where a mirror follows links, one may lead to what is extra in its destination, and may be
    // come to last: nothing is removed before all are known.
    static bool find_places(Files& files, int opened, std::vector<PlaceOnDevice>& places);
    void leave_other_devices(std::vector<PlaceOnDevice>& places) const;
    bool may_follow_into_mirror() const;
    // Whether what one led to, now open, lies there. Throws Error for want of descriptors.
    bool follows_into_mirror(Files& files, int opened) const;
    // Until then a directory is not finished: whether it was put off, and all that were, from the
    // inside out.
    bool puts_off(const DirectoryRef& directory);
    std::vector<DirectoryRef> take_put_off();

    // co_await Take(tree, ring, at_work, last_unit): the next unit, asleep while there is none and
    // others may yet make some; or none, when there will be no more if over().
    class Take : Waiter {
    public:
        Take(Tree& tree, Ring& ring, const std::atomic<unsigned>& at_work,
             const LastUnit& last_unit)
            : tree_(tree), ring_(ring), at_work_(at_work), last_unit_(last_unit) {}
        bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> waiting);
        // None: it was woken, or there is no more.
        std::optional<Unit> await_resume() { return std::move(unit_); }

    private:
        bool try_take() REQUIRES(tree_.mutex_);

        Tree& tree_;
        Ring& ring_;
        const std::atomic<unsigned>& at_work_;
        const LastUnit& last_unit_;
        std::optional<Unit> unit_;
    };
    bool over();
    void push(Unit unit);
    // Of its workers one at a time reads from a disk that has to seek.
    Line& sweeps() { return sweeps_; }
    // Whether the names of a directory are one worker's, in the order of its listing.
    bool keeps_order() const;
    // Whether another worker has nothing to do, or was not called yet, and so many names here are
    // worth more than its waking.
    bool shares(size_t names);
    void call_others() noexcept;
    std::optional<Unit> take_back(); // when it is over: what nobody has taken
    void unit_ended();

    // If it asks, questions; see tree_questions.cpp. co_await Room(tree, ring): until an answer is
    // there to go on with, or not too many are outstanding.
    struct Room : Waiter {
        Tree& tree;
        Ring& ring;
        Room(Tree& all, Ring& own) : tree(all), ring(own) {}
        bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> waiting);
        void await_resume() const noexcept {}
    };
    bool ask(std::unique_ptr<SuspendedEntry>& entry);
    std::unique_ptr<SuspendedEntry> take_answered();
    bool asks_too_much();
    void entry_begun();
    void entry_ended();
    void withdraw_questions();

    // Whether to begin nothing more.
    bool stopping() const {
        return stopped_.load(std::memory_order_relaxed) || job_.control.cancelled();
    }
    void stop(); // without more units
    // Somebody who had waited for descriptors has got what he needed.
    void relieve() {
        job_.scarcity.relieve();
        job_.directories->set_keeping(true);
    }
    // path: of what failed, if that is wanted and it is one.
    void note_error(int result, Stage stage, Side side, std::string* path = nullptr);
    // What is told of an entry even if all went well, and so of the tree.
    static constexpr uint32_t telling = ARSYNC_COMPLETION_SOURCE_CHANGED |
                                        ARSYNC_COMPLETION_SOURCE_SHRANK |
                                        ARSYNC_COMPLETION_OWNER_LOST;
    static constexpr uint32_t telling_of_entry =
        telling | ARSYNC_COMPLETION_KEPT_BOTH | ARSYNC_COMPLETION_REPEATED;
    void note_flags(const Outcome& outcome) {
        const uint32_t flags = outcome.flags & (telling | ARSYNC_COMPLETION_VERIFIED_CACHED);
        if (flags != 0)
            flags_.fetch_or(flags, std::memory_order_relaxed);
    }

private:
    void answered(std::unique_ptr<Suspended> suspended) override;
    // As after a cancel.
    void stop_with_others() override;
    bool has_mounts(Files& files) const;

    // tree_roots.cpp
    void refuse_inside_itself(Files& files, const Identity& source) const;
    void refuse_link(Files& files) const;
    void refuse_unknown(int result) const;
    void refuse_source_inside(Files& files, int source) const;
    void refuse_overlap(Files& files, int source, int destination) const;
    bool shows_one_twice(Files& files, int destination) const;
    bool lies_below(Files& files, int directory, const Identity& root) const;
    void refuse_below(Files& files, int directory, const Identity& root) const;
    int open_source_root(Files& files, int access) const;
    int open_above_root(Files& files);
    void tell_destination_root(Files& files, Outcome& outcome) const;

    // tree_mirror.cpp
    int open_source_root_anew(Files& files) const;
    std::string place_of_base(Files& files) const;

    // tree_sync.cpp
    SyncPoint& syncs() { return job_.roots.syncs ? *job_.roots.syncs : own_syncs_; }
    Task<void> sync(Io io);
    Task<void> ask_each(Io io, bool lost);
    Task<void> sync_above_root(Io io);

    void drop_units();
    void all_found(); // but for what is just begun
    struct AllFound {
        Tree& tree;
        ~AllFound() { tree.all_found(); }
    };
    void wake_all_under_lock() REQUIRES(mutex_);
    void wake_one_under_lock() REQUIRES(mutex_); // rather one whose worker has nothing to do
    void wake_room_sleepers_under_lock() REQUIRES(mutex_);
    std::unique_ptr<SuspendedEntry> take_answered_under_lock() REQUIRES(mutex_);
    // Whether all is found, and nobody may have something to ask.
    bool over_under_lock() const REQUIRES(mutex_) {
        return stack_.empty() && active_ == 0 && unsettled_ == 0;
    }

    void leave(const arsync_totals& part);

    Links own_links_;
    Writers own_writers_;
    Scarcity own_scarcity_;
    SyncPoint own_syncs_; // or that of a list
    Line sweeps_;
    TreeJob job_;
    DirectoryRef root_;
    Identity root_destination_;
    std::string base_place_; // of the directory that the source's path begins in
    uint32_t device_major_ = 0, device_minor_ = 0; // of the source's root

    std::atomic<bool> stopped_ = false;
    std::atomic<bool> stopped_with_others_ = false;
    std::atomic<bool> called_ = false;
    std::atomic<bool> walks_ = false;           // counted by the control
    std::atomic<uint32_t> flags_ = 0;           // of all entries
    std::atomic<bool> removes_nothing_ = false; // a mirror has met itself all the same
    bool shows_twice_ = false;                  // known with the roots
    bool root_made_ = true;                     // the same
    // The same: of what follows_into_mirror() goes by; empty: not known.
    std::vector<PlaceOnDevice> mirrored_;

    Mutex mutex_; // of what follows
    std::vector<Unit> stack_ GUARDED_BY(mutex_);
    std::unordered_set<Identity, IdentityHash> made_ GUARDED_BY(mutex_); // directories
    std::unordered_map<Identity, std::string, IdentityHash> entered_ GUARDED_BY(mutex_);
    std::vector<DirectoryRef> put_off_ GUARDED_BY(mutex_);
    struct Sleeper {
        Waiter* waiter;
        Ring* ring;
        const std::atomic<unsigned>* at_work =
            nullptr; // of a walker: its worker's walkers that are
        bool is_idle() const { return at_work->load(std::memory_order_relaxed) == 0; }
    };
    std::vector<Sleeper> sleepers_ GUARDED_BY(mutex_);
    std::atomic<bool> somebody_sleeps_ = false; // whether there are any
    unsigned active_ GUARDED_BY(mutex_) = 0;    // units taken and not ended
    // If it asks: entries begun and not ended, those with a question among them.
    uint64_t unsettled_ GUARDED_BY(mutex_) = 0;
    uint64_t unanswered_ GUARDED_BY(mutex_) = 0; // of these
    std::unique_ptr<SuspendedEntry> answered_first_ GUARDED_BY(mutex_);
    SuspendedEntry* answered_last_ GUARDED_BY(mutex_) = nullptr;
    std::vector<Sleeper> room_sleepers_ GUARDED_BY(mutex_);
    bool ended_ GUARDED_BY(mutex_) = false; // nobody may join any more
    unsigned others_ GUARDED_BY(mutex_) = 0;
    Sleeper owner_ GUARDED_BY(mutex_){}; // waits for the others to leave
    FirstError first_error_ GUARDED_BY(mutex_);
    arsync_totals totals_ GUARDED_BY(mutex_){};
    File above_root_; // has the name of a root that was made, to be synced
};

} // namespace arsync
