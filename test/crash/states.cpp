#include "crash/states.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fcntl.h>
#include <iterator>
#include <sys/mman.h>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>

#include "crash/must.h"
#include "crash/random.h"

namespace crash {

namespace {

constexpr std::array kinds{State::Kind::none, State::Kind::all, State::Kind::part,
                           State::Kind::torn};

// From a flush on up to the next one, or to the end.
struct Stretch {
    size_t begin, end;
};

std::vector<Stretch> stretches_of(const Log& log, size_t begin) {
    std::vector<Stretch> all;
    size_t from = 0;
    const std::vector<Entry>& entries = log.entries();
    for (size_t i = 0; i <= entries.size(); ++i) {
        if (i < entries.size() && entries[i].what != What::flush)
            continue;
        if (i >= begin && i > from)
            all.push_back({from, i});
        from = i + 1;
    }
    return all;
}

bool has_mark(const Log& log, const Stretch& stretch) {
    const auto at = [&](size_t i) { return log.entries().begin() + static_cast<ptrdiff_t>(i); };
    return std::any_of(at(stretch.begin), at(stretch.end),
                       [](const Entry& entry) { return entry.what == What::mark; });
}

template <class All>
void shuffle(All& all, Random& random) {
    for (size_t i = all.size(); i > 1; --i)
        std::swap(all[i - 1], all[random.below(i)]);
}

void put(int fd, const char* data, uint64_t length, uint64_t at) {
    while (length > 0) {
        const ssize_t done = must(pwrite(fd, data, length, static_cast<off_t>(at)), "image");
        data += done;
        length -= static_cast<uint64_t>(done);
        at += static_cast<uint64_t>(done);
    }
}

// The parts of the file that are not holes go to the same places of another.
void copy_data(int from, const char* content, int to) {
    for (off_t at = 0; (at = lseek(from, at, SEEK_DATA)) >= 0;) {
        const off_t end = must(lseek(from, at, SEEK_HOLE), "image");
        put(to, content + at, static_cast<uint64_t>(end - at), static_cast<uint64_t>(at));
        at = end;
    }
}

} // namespace

std::string name_of(State::Kind kind) {
    constexpr std::array names{"none", "all", "part", "torn"};
    return names[static_cast<size_t>(kind)];
}

std::vector<State> states_of(const Log& log, size_t begin, uint64_t seed, uint64_t count) {
    std::vector<Stretch> all = stretches_of(log, begin);
    std::vector<Stretch> marked;
    std::copy_if(all.begin(), all.end(), std::back_inserter(marked),
                 [&](const Stretch& stretch) { return has_mark(log, stretch); });
    if (marked.empty())
        return {};
    Random random(seed);
    shuffle(all, random);
    shuffle(marked, random);
    std::vector<State> states;
    for (uint64_t number = 0; number < count; ++number) {
        const bool at_mark = number % 3 == 0;
        const std::vector<Stretch>& some = at_mark ? marked : all;
        const uint64_t turn = at_mark ? number / 3 : number - number / 3 - 1;
        const uint64_t round = turn / some.size();
        const Stretch& stretch = some[turn % some.size()];
        const size_t kind = (at_mark ? round : turn + round) % kinds.size();
        State state{number, stretch.begin, stretch.end, kinds[kind]};
        if (state.kind == State::Kind::part)
            state.end = stretch.begin + 1 +
                        Random(seed ^ (number << 20)).below(stretch.end - stretch.begin);
        state.end = std::max(state.end, begin);
        states.push_back(state);
    }
    put_in_order(states);
    return states;
}

void put_in_order(std::vector<State>& states) {
    std::sort(states.begin(), states.end(), [](const State& a, const State& b) {
        return std::tie(a.flushed, a.number) < std::tie(b.flushed, b.number);
    });
}

uint64_t flushes_from(const Log& log, size_t begin) {
    const auto first = log.entries().begin() + static_cast<ptrdiff_t>(begin);
    return static_cast<uint64_t>(std::count_if(
        first, log.entries().end(), [](const Entry& entry) { return entry.what == What::flush; }));
}

std::vector<State> flush_states_of(const Log& log, size_t begin, uint64_t seed,
                                   uint64_t first_number, uint64_t most) {
    const std::vector<Entry>& entries = log.entries();
    std::vector<State> states;
    for (size_t i = entries.size(), next = i; i-- > begin;) {
        if (entries[i].what != What::flush)
            continue;
        states.push_back({0, i + 1, next, State::Kind::none});
        next = i;
    }
    Random random(seed ^ 0xf1);
    if (states.size() > most) {
        shuffle(states, random);
        states.resize(most);
    }
    put_in_order(states);
    for (State& state : states)
        state.number = first_number++;
    return states;
}

Disk::Disk(const std::string& image, const Log& log, uint32_t sector, uint64_t seed)
    : log_(log), sector_(sector), seed_(seed) {
    image_ = must(open(image.c_str(), O_RDWR | O_CLOEXEC), image);
    struct stat facts;
    must(fstat(image_, &facts), image);
    size_ = static_cast<uint64_t>(facts.st_size);
    void* const map = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, image_, 0);
    must(map == MAP_FAILED ? -1 : 0, image);
    content_ = static_cast<char*>(map);
}

Disk::~Disk() {
    munmap(content_, size_);
    close(image_);
}

void Disk::write_state(const State& state, const std::string& image) {
    for (; applied_ < state.flushed; ++applied_) {
        const Entry& entry = log_.entries()[applied_];
        if (entry.what == What::write)
            memcpy(content_ + entry.at, entry.data, entry.length);
    }
    const int fd = must(open(image.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), image);
    must(ftruncate(fd, static_cast<off_t>(size_)), image);
    copy_data(image_, content_, fd);
    Random random(seed_ ^ (state.number << 24));
    const uint64_t kept_of_8 = 1 + random.below(7);
    for (size_t i = state.flushed; i < state.end && state.kind != State::Kind::none; ++i) {
        const Entry& entry = log_.entries()[i];
        if (entry.what != What::write)
            continue;
        const bool torn = state.kind == State::Kind::torn && random.one_in(2);
        if (state.kind != State::Kind::all && !torn && random.below(8) >= kept_of_8)
            continue;
        const uint32_t piece = torn ? sector_ : entry.length;
        for (uint32_t at = 0; at < entry.length; at += piece)
            if (!torn || random.one_in(2))
                put(fd, entry.data + at, std::min(piece, entry.length - at), entry.at + at);
    }
    close(fd);
}

} // namespace crash
