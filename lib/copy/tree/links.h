// Files of a tree that have several names: the first name met is copied, the others are linked to
// that copy.
//
// Known by device and inode. Only files with names not yet met are remembered. While the first is
// being copied the others wait, asleep; if it fails, one of them is the first.
#pragma once

#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "copy/tree/directory.h"
#include "io/ring.h"

namespace arsync {

class Links {
public:
    // Where the first copy is.
    struct Place {
        DirectoryRef directory;
        std::string name;
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
        void done(DirectoryRef directory, std::string name);

    private:
        friend class Links;
        Links* links_ = nullptr;
        Identity id_;
    };

    enum class Answer { first, linked, wait };
    // What to do with a name of a file that has `names` names. first: claim is held; linked: place
    // says to what, until as many names as there are have been linked.
    Answer ask(const Identity& id, uint32_t names, Claim& claim, Place& place);
    // A name has been linked, and will not be asked for again.
    void linked(const Identity& id);

    // co_await links.wait(id, ring): until the first copy has ended, one way or the other. Ask
    // again then.
    auto wait(const Identity& id, Ring& ring) {
        struct Wait : Waiter {
            Links& links;
            const Identity id;
            Ring& ring;
            Wait(Links& all, const Identity& file, Ring& own) : links(all), id(file), ring(own) {}
            bool await_ready() const noexcept { return false; }
            bool await_suspend(std::coroutine_handle<> waiting) {
                handle = waiting;
                return links.sleep(id, *this);
            }
            void await_resume() const noexcept {}
        };
        return Wait(*this, id, ring);
    }

    // Nothing will be asked any more.
    void clear() { records_.clear(); }

private:
    struct Hash {
        size_t operator()(const Identity& id) const {
            return std::hash<uint64_t>()(id.inode ^ (static_cast<uint64_t>(id.minor) << 48));
        }
    };
    struct Record {
        bool copied = false;
        uint64_t names_left = 0; // not met yet
        Place place;
        std::vector<std::pair<Ring*, Waiter*>> sleepers;
    };

    template <class Wait>
    bool sleep(const Identity& id, Wait& wait) {
        std::lock_guard lock(mutex_);
        const auto found = records_.find(id);
        if (found == records_.end() || found->second.copied)
            return false;
        found->second.sleepers.emplace_back(&wait.ring, &wait);
        return true;
    }
    void finish(const Identity& id, Place place);
    void fail(const Identity& id);

    std::mutex mutex_;
    std::unordered_map<Identity, Record, Hash> records_;
};

} // namespace arsync
