// The line of --progress.
#pragma once

#include <cstdint>
#include <deque>

namespace cp {

struct Amounts {
    uint64_t files_done = 0;
    uint64_t files_total = 0;
    uint64_t bytes_done = 0;
    uint64_t bytes_total = 0;
    bool growing = false; // there may be more than is known yet
};

// Knows when to draw and how fast things go. Draws nothing unless stderr is a terminal.
class Progress {
public:
    static constexpr int redraw_ms = 100;

    explicit Progress(bool wanted);
    bool is_shown() const { return shown_; }
    // Whether the last time is long enough ago.
    bool is_due() const;
    void draw(const Amounts& amounts);
    // The last line stays if all went well.
    void finish(bool keep, const Amounts& amounts);

private:
    struct Sample {
        int64_t at_ms;
        uint64_t bytes;
    };
    uint64_t rate(uint64_t bytes_done);

    bool shown_;
    int64_t began_ms_ = 0;
    int64_t drawn_ms_ = 0;
    std::deque<Sample> samples_;
};

} // namespace cp
