// The line of --progress.
#include "terminal.h"

#include <algorithm>
#include <sys/ioctl.h>
#include <unistd.h>

namespace {

bool shown = false;
int64_t drawn_ms = 0;

// "0:07", "12:34", "1:02:03"; from 100 hours on "99:59:59".
std::string format_duration(uint64_t seconds) {
    seconds = std::min<uint64_t>(seconds, 100 * 3600 - 1);
    const auto part = [&](unsigned unit) { return static_cast<unsigned>(seconds / unit); };
    return part(3600) > 0 ? format("%u:%02u:%02u", part(3600), part(60) % 60, part(1) % 60)
                          : format("%u:%02u", part(60), part(1) % 60);
}

size_t terminal_columns() {
    winsize size{};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 ? 80 : size.ws_col;
}

std::string bar(double share, size_t width) {
    const size_t inside = width - 2;
    const auto filled = static_cast<size_t>(share * static_cast<double>(inside));
    std::string text = "[" + std::string(filled, '=') + std::string(inside - filled, ' ') + "]";
    if (filled > 0 && filled < inside)
        text[filled] = '>';
    return text;
}

// As it fits into so many columns.
std::string line_of(const arsync_progress& progress, size_t columns) {
    const size_t room = columns > 1 ? columns - 1 : 0; // a full line makes some terminals wrap
    const bool growing = (progress.flags & ARSYNC_PROGRESS_WALKING) != 0;
    const uint64_t total = progress.bytes_total;
    const uint64_t done = std::min(progress.bytes_done, total);
    const uint64_t speed = progress.bytes_per_second;
    const auto percent_of = [](uint64_t part, uint64_t whole) {
        return whole == 0 ? 100 : 100 * static_cast<double>(part) / static_cast<double>(whole);
    };
    const double percent = total > 0 ? percent_of(done, total)
                                     : percent_of(progress.entries_done, progress.entries_total);
    // While more is being found, what is known is a lower bound, and a share of it means nothing.
    const std::string or_more = growing ? "+" : "";
    const std::string time = speed > 0 ? format_duration((total - done) / speed) : "-:--";
    // The most useful first: what does not fit any more is left out.
    const std::string parts[] = {
        growing ? "" : std::to_string(static_cast<unsigned>(percent)) + "%",
        format_size(done) + "/" + format_size(total) + or_more,
        std::to_string(progress.entries_done) + "/" + std::to_string(progress.entries_total) +
            or_more + (progress.entries_total == 1 ? " file" : " files"),
        format_size(speed) + "/s",
        time + or_more + " left",
    };
    std::string line;
    for (const std::string& part : parts) {
        const std::string longer = line.empty() || part.empty() ? line + part : line + "  " + part;
        if (longer.size() > room)
            break;
        line = longer;
    }
    constexpr size_t narrowest_bar = 10;
    if (!growing && line.size() + 2 + narrowest_bar <= room)
        line += "  " + bar(percent / 100, std::min<size_t>(room - line.size() - 2, 40));
    return line;
}

} // namespace

bool begin_progress(bool wanted) {
    shown = wanted && isatty(STDERR_FILENO) == 1;
    drawn_ms = now_ms();
    return shown;
}

bool progress_is_due() {
    return shown && now_ms() - drawn_ms >= redraw_ms;
}

void draw_progress(const arsync_progress& progress) {
    show_status(line_of(progress, terminal_columns()));
    drawn_ms = now_ms();
}

void finish_progress(bool keep, const arsync_progress& progress) {
    show_status(shown && keep ? line_of(progress, terminal_columns()) + "\n" : "");
}
