// Somebody who puts one thing in the place of another while it is copied.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <fcntl.h>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace live {

// Exchanges pairs of names without end, in a thread of its own. Where there is only one of a pair,
// it gets the other's name if it moves too.
class Swapper {
public:
    using Pair = std::pair<std::string, std::string>;
    explicit Swapper(std::vector<Pair> pairs, bool moves = false)
        : moves_(moves), thread_([this, pairs = std::move(pairs)] {
              while (!stop_)
                  for (const Pair& pair : pairs)
                      swap(pair);
          }) {}
    Swapper(const Swapper&) = delete;
    Swapper& operator=(const Swapper&) = delete;
    ~Swapper() { stop(); }
    void stop() {
        stop_ = true;
        if (thread_.joinable())
            thread_.join();
    }
    uint64_t swaps() const { return swaps_; }

private:
    static bool rename(const std::string& a, const std::string& b, unsigned how) {
        return renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), how) == 0;
    }
    void swap(const Pair& pair) {
        swaps_ += rename(pair.first, pair.second, RENAME_EXCHANGE) ||
                  (moves_ && (rename(pair.second, pair.first, RENAME_NOREPLACE) ||
                              rename(pair.first, pair.second, RENAME_NOREPLACE)));
    }

    const bool moves_;
    std::atomic<bool> stop_ = false;
    std::atomic<uint64_t> swaps_ = 0;
    std::thread thread_;
};

} // namespace live
