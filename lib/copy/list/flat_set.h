// A set of small values that only grows, in one piece of memory: to look one up touches one line of
// a processor's cache, and to insert one allocates nothing most of the time.
//
// Key says what no value is, and where a value is looked for first:
//
//     static bool is_none(const Value& value);   // of Value()
//     static size_t hash(const Value& value);    // with all of its bits mixed
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace arsync {

template <class Value, class Key>
class FlatSet {
public:
    bool contains(const Value& value) const {
        return !slots_.empty() && !Key::is_none(slots_[find(value)]);
    }

    // False: it was there. Throws std::bad_alloc, and then nothing has changed.
    bool insert(const Value& value) {
        if (count_ >= slots_.size() / 2)
            grow();
        Value& slot = slots_[find(value)];
        if (!Key::is_none(slot))
            return false;
        slot = value;
        ++count_;
        return true;
    }

private:
    // Where it is, or is to be.
    size_t find(const Value& value) const {
        const size_t mask = slots_.size() - 1;
        size_t at = Key::hash(value) & mask;
        while (!Key::is_none(slots_[at]) && !(slots_[at] == value))
            at = (at + 1) & mask;
        return at;
    }

    void grow() {
        FlatSet larger;
        larger.slots_.resize(slots_.empty() ? 64 : slots_.size() * 2);
        for (const Value& value : slots_)
            if (!Key::is_none(value))
                larger.slots_[larger.find(value)] = value;
        slots_.swap(larger.slots_);
    }

    std::vector<Value> slots_; // a power of two of them, at most half of them full
    size_t count_ = 0;
};

// Of values that are hashes already, and never 0.
struct HashKey {
    static bool is_none(uint64_t hash) { return hash == 0; }
    static size_t hash(uint64_t hash) { return hash; }
};

} // namespace arsync
