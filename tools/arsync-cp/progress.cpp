#include "progress.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <sys/ioctl.h>
#include <unistd.h>

#include "say.h"
#include "sizes.h"

namespace cp {

namespace {

// Long enough to be calm, short enough to follow a change of pace.
constexpr int64_t rate_window_ms = 4000;

int64_t now_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

size_t terminal_columns() {
    winsize size{};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

std::string bar(uint64_t done, uint64_t total, size_t width) {
    size_t inside = width - 2;
    double share = total == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(total);
    size_t filled = std::min(inside, static_cast<size_t>(share * static_cast<double>(inside)));
    std::string text = "[" + std::string(filled, '=') + std::string(inside - filled, ' ') + "]";
    if (filled > 0 && filled < inside)
        text[filled] = '>';
    return text;
}

} // namespace

std::string progress_line(const Amounts& amounts, uint64_t bytes_per_second, size_t columns) {
    // A line as wide as the terminal makes some of them wrap.
    size_t room = columns > 1 ? columns - 1 : 0;
    uint64_t done = std::min(amounts.bytes_done, amounts.bytes_total);
    // While more is being found, what is known is a lower bound, and a share of it means nothing.
    const char* or_more = amounts.growing ? "+" : "";
    uint64_t percent = 100;
    if (amounts.bytes_total > 0)
        percent = static_cast<uint64_t>(100.0 * static_cast<double>(done) /
                                        static_cast<double>(amounts.bytes_total));
    else if (amounts.files_total > 0)
        percent = 100 * amounts.files_done / amounts.files_total;
    std::string time = "-:--";
    if (bytes_per_second > 0)
        time = format_duration((amounts.bytes_total - done) / bytes_per_second);

    // The most useful first: what does not fit any more is left out.
    std::array<std::string, 5> parts = {
        amounts.growing ? "" : std::to_string(percent) + "%",
        format_size(done) + "/" + format_size(amounts.bytes_total) + or_more,
        std::to_string(amounts.files_done) + "/" + std::to_string(amounts.files_total) + or_more +
            (amounts.files_total == 1 ? " file" : " files"),
        format_size(bytes_per_second) + "/s",
        time + or_more + " left",
    };
    std::string line;
    for (const std::string& part : parts) {
        if (part.empty())
            continue;
        std::string longer = line.empty() ? part : line + "  " + part;
        if (longer.size() > room)
            break;
        line = longer;
    }
    constexpr size_t narrowest_bar = 10;
    if (!amounts.growing && line.size() + 2 + narrowest_bar <= room)
        line += "  " + bar(done, amounts.bytes_total, std::min<size_t>(room - line.size() - 2, 40));
    return line;
}

Progress::Progress(bool wanted) : shown(wanted && isatty(STDERR_FILENO) == 1) {
    if (shown)
        began_ms = drawn_ms = now_ms();
}

bool Progress::is_due() const {
    return shown && now_ms() - drawn_ms >= redraw_ms;
}

uint64_t Progress::rate(uint64_t bytes_done) {
    int64_t now = now_ms();
    while (samples.size() > 1 && now - samples.front().at_ms > rate_window_ms)
        samples.pop_front();
    samples.push_back({now, bytes_done});
    Sample from = samples.size() > 1 ? samples.front() : Sample{began_ms, 0};
    int64_t passed = std::max<int64_t>(now - from.at_ms, 1);
    uint64_t moved = bytes_done - std::min(from.bytes, bytes_done);
    return moved * 1000 / static_cast<uint64_t>(passed);
}

void Progress::draw(const Amounts& amounts) {
    show_status(progress_line(amounts, rate(amounts.bytes_done), terminal_columns()));
    drawn_ms = now_ms();
}

void Progress::finish(bool keep, const Amounts& amounts) {
    if (!shown)
        return;
    if (!keep)
        return show_status("");
    // The whole run's rate, in place of that of its last seconds.
    samples.clear();
    draw(amounts);
    keep_status();
}

} // namespace cp
