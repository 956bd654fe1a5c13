// Files that have several names: the first name met is copied, the others are linked to that copy.
//
// Known by device and inode. Within one tree only files with names not yet met are remembered.
// While the first is being copied the others wait, asleep; if it fails, one of them is the first. A
// tree has links of its own, or shares them with other jobs of the pool.
#pragma once

#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "copy/tree/directory.h"
#include "io/mutex.h"
#include "io/ring.h"

namespace arsync {

class Links {
public:
    explicit Links(bool outlives_its_trees = false) : shared_(outlives_its_trees) {}
    // Whether a file may be met more often than it has names, as where a mount shows some of them
    // once more. Asked once, when it first matters.
    void ask_whether_names_recur(std::function<bool()> recur) {
        const Lock lock(mutex_);
        names_recur_ = std::move(recur);
    }

    // What the copy was like: by this it is known again, as inode numbers are used again.
    struct Look {
        Identity id;
        uint64_t size = 0;
        int64_t modified_s = 0;
        uint32_t modified_ns = 0;
        bool operator==(const Look&) const = default;
    };
    static Look look(const struct statx& facts) {
        return {identity(facts), facts.stx_size, facts.stx_mtime.tv_sec, facts.stx_mtime.tv_nsec};
    }

    // Where the first copy is: its name in a directory of a tree that is being copied; or, without
    // that, its path from `base`. A file there that is not `copy` is another, which somebody has
    // put there: nobody may be given a link to it. In a dry run there is no copy, and `copy` is
    // empty.
    struct Place {
        DirectoryRef directory;
        std::string name;
        std::shared_ptr<const File> base; // null: the working directory
        bool follows = false;             // that name is a symbolic link to the copy
        Look copy;
        bool by_look = false; // it may lose its name, and its inode be used again
        bool synced = false;  // its content was, before it was told of
        bool is_copy(const struct statx& found) const {
            return by_look ? look(found) == copy : identity(found) == copy.id;
        }
        bool operator==(const Place&) const = default;
    };

    // The right to make the first copy. Going out of scope without done() gives it to another.
    class Claim {
    public:
        Claim() = default;
        Claim(const Claim&) = delete;
        Claim& operator=(const Claim&) = delete;
        ~Claim() {
            if (links_)
                links_->fail(id_);
        }
        explicit operator bool() const { return links_ != nullptr; }
        void done(Place place);

    private:
        friend class Links;
        Links* links_ = nullptr;
        Identity id_;
    };

    enum class Answer { first, linked, wait };
    // Of so many names that it is not known how many are to come.
    static constexpr uint32_t names_unknown = UINT32_MAX;
    // What to do with a name of a file that has `names` names. first: claim is held; linked: place
    // says to what, until as many names as there are have been linked.
    Answer ask(const Identity& id, uint32_t names, Claim& claim, Place& place);
    // The copy that a further name of a file would be linked to, if there is one yet.
    std::optional<Identity> copy_of(const Identity& id) {
        const Lock lock(mutex_);
        const auto found = records_.find(id);
        const bool is_known = found != records_.end() && found->second.copied;
        return is_known ? std::optional<Identity>(found->second.place.copy.id) : std::nullopt;
    }
    // A name has been linked to the copy there, and will not be asked for again.
    void linked(const Identity& id, const Place& place);
    // The first copy is not there any more.
    void forget(const Identity& id, const Place& gone);

    // co_await links.wait(id, ring, control): until the first copy has ended, one way or the other,
    // or the job is cancelled. Ask again then.
    auto wait(const Identity& id, Ring& ring, const Control& control) {
        struct Wait : Waiter {
            Links& links;
            const Identity id;
            Ring& ring;
            const Control& control;
            Wait(Links& all, const Identity& file, Ring& own, const Control& job)
                : links(all), id(file), ring(own), control(job) {}
            bool await_ready() const noexcept { return false; }
            bool await_suspend(std::coroutine_handle<> waiting) {
                handle = waiting;
                return links.sleep(id, *this);
            }
            void await_resume() const noexcept {}
        };
        return Wait(*this, id, ring, control);
    }
    // So that those whose job was cancelled see it.
    void wake_sleepers();

    // Nobody will ask any more.
    void close();

    // Whether other jobs look for copies, also when their tree has ended.
    bool shared() const { return shared_; }
    // The base of a path from an open directory, one descriptor for all of them. Throws Error.
    std::shared_ptr<const File> base_of(Files& files, int dirfd);
    // A tree has ended, whose root has this path: from now on what is in it is found by its path,
    // if by anybody.
    void settle_by_path(const DirectoryRef& root, const std::string& path,
                        const std::shared_ptr<const File>& base);

private:
    struct Record {
        bool copied = false;
        uint32_t names_left = 0; // not met yet
        Place place;
        std::vector<std::pair<Ring*, Waiter*>> sleepers;
    };

    template <class Wait>
    bool sleep(const Identity& id, Wait& wait) {
        const Lock lock(mutex_);
        const auto found = records_.find(id);
        if (found == records_.end() || found->second.copied || wait.control.cancelled())
            return false;
        found->second.sleepers.emplace_back(&wait.ring, &wait);
        return true;
    }
    void finish(const Identity& id, Place place);
    void fail(const Identity& id);
    using Records = std::unordered_map<Identity, Record, IdentityHash>;
    void meet(Records::iterator at) REQUIRES(mutex_);

    const bool shared_;
    Mutex mutex_;                                          // of what follows
    std::function<bool()> names_recur_ GUARDED_BY(mutex_); // until it has been asked
    bool recurs_ GUARDED_BY(mutex_) = false;
    Records records_ GUARDED_BY(mutex_);
    // If shared: of trees that are being copied, by their roots, the records of copies in them.
    std::unordered_map<const Directory*, std::vector<Identity>> by_root_ GUARDED_BY(mutex_);
    std::unordered_map<Identity, std::shared_ptr<const File>, IdentityHash>
        bases_ GUARDED_BY(mutex_);
};

} // namespace arsync
