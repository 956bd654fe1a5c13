// Which files that were there the entries of a tree, or of a list of trees, are writing to: each is
// one entry's at a time. What is there may have several names, as in a backup of which the next
// shares what has not changed; and two entries that wrote to it at once would leave a mixture.
//
// A name that is new has no file yet. Where a link may lead to the directory that it is in, so that
// two entries may reach it, it is taken by its directory and itself, before what is there.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "copy/identity.h"
#include "io/mutex.h"
#include "io/ring.h"

namespace arsync {

// Of no device. Two names may get one number: then one waits for the other, and that is all.
inline Identity name_in(const Identity& directory, const std::string& name) {
    constexpr uint32_t no_major = UINT32_MAX;
    return {no_major, directory.minor, directory.inode ^ std::hash<std::string>()(name)};
}

class Writers {
public:
    Writers() = default;
    Writers(const Writers&) = delete;
    Writers& operator=(const Writers&) = delete;

    // Over when it goes.
    class Turn {
    public:
        Turn() = default;
        Turn(Writers& writers, const Identity& id, bool waited)
            : writers_(&writers), id_(id), waited_(waited) {}
        Turn(Turn&& other) noexcept
            : writers_(std::exchange(other.writers_, nullptr)), id_(other.id_),
              waited_(other.waited_) {}
        Turn& operator=(Turn&& other) noexcept {
            std::swap(writers_, other.writers_);
            std::swap(id_, other.id_);
            std::swap(waited_, other.waited_);
            return *this;
        }
        ~Turn() {
            if (writers_)
                writers_->end(id_);
        }
        // Somebody has written to it since it was found.
        bool waited() const { return waited_; }

    private:
        Writers* writers_ = nullptr;
        Identity id_;
        bool waited_ = false;
    };

    class [[nodiscard]] Wait : Waiter {
    public:
        Wait(Writers& writers, const Identity& id, Ring& ring)
            : writers_(writers), id_(id), ring_(ring) {}
        bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> waiting) {
            handle = waiting;
            const Lock lock(writers_.mutex_);
            const auto [at, free] = writers_.waiting_.try_emplace(id_);
            if (!free)
                at->second.push_back({this, &ring_});
            waits_ = !free;
            return waits_;
        }
        Turn await_resume() { return Turn(writers_, id_, waits_); }

    private:
        Writers& writers_;
        const Identity id_;
        Ring& ring_;
        bool waits_ = false;
    };

    // co_await gives a Turn: in the order in which they came. ring: of whoever waits. Who has a
    // file's turn may not wait for another; who has a name's may wait for a file's.
    Wait take(const Identity& id, Ring& ring) { return Wait(*this, id, ring); }

private:
    void end(const Identity& id) {
        const Lock lock(mutex_);
        const auto at = waiting_.find(id);
        if (at->second.empty()) {
            waiting_.erase(at);
            return;
        }
        const Sleeper next = at->second.front();
        at->second.erase(at->second.begin());
        next.ring->post_from_outside(*next.waiter);
    }

    struct Sleeper {
        Waiter* waiter;
        Ring* ring;
    };
    Mutex mutex_;
    // Those that are being written to, and who is next.
    std::unordered_map<Identity, std::vector<Sleeper>, IdentityHash> waiting_ GUARDED_BY(mutex_);
};

} // namespace arsync
