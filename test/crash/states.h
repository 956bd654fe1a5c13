// What a disk may hold after a crash.
//
// A crash is at some entry of the log. All that was written before the last flush is there; of what
// was written since, any part may be, in any order: no write, all, some, or some sectors of some.
// Where two writes went to one place, the older one may be there and the newer not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "crash/log.h"

namespace crash {

struct State {
    enum class Kind { none, all, part, torn };

    uint64_t number = 0;
    size_t flushed = 0; // entries before this one are on the disk
    size_t end = 0;     // entries from here on have not happened
    Kind kind = Kind::none;
};
std::string name_of(State::Kind kind);

// The states 0 to count of a log, in the order of their place in it. Which state has which number
// depends on the log and the seed alone. Two of three go through all flushes from the entry `begin`
// on, again and again, each time with another part of what follows. Every third one is where a mark
// is, at first without anything after the last flush: that is when the most is promised of the
// least.
std::vector<State> states_of(const Log& log, size_t begin, uint64_t seed, uint64_t count);

// The flushes from the entry `begin` on.
uint64_t flushes_from(const Log& log, size_t begin);
// For each of them, or for `most` of them that the seed picks, the state in which the disk has what
// stands before it and nothing else, when all has happened that did before the next one. They are
// numbered from first_number on, and in the order of their place in the log.
std::vector<State> flush_states_of(const Log& log, size_t begin, uint64_t seed,
                                   uint64_t first_number, uint64_t most);
// In the order in which a Disk is to be asked for them.
void put_in_order(std::vector<State>& states);

// A disk that goes through a log once.
class Disk {
public:
    // sector: what a torn write is torn into.
    Disk(const std::string& image, const Log& log, uint32_t sector, uint64_t seed);
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;
    ~Disk();

    // Makes an image of the state. States are asked for in their order.
    void write_state(const State& state, const std::string& image);

private:
    const Log& log_;
    const uint32_t sector_;
    const uint64_t seed_;
    int image_ = -1;
    char* content_ = nullptr;
    uint64_t size_ = 0;
    size_t applied_ = 0;
};

} // namespace crash
