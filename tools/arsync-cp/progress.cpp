#include "progress.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>

#include "terminal.h"
#include "text.h"

namespace cp {

namespace {

// Long enough to be calm, short enough to follow a change of pace.
constexpr int64_t rate_window_ms = 4000;

int64_t now_ms() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
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
std::string line_of(const Amounts& amounts, uint64_t bytes_per_second, size_t columns) {
    const size_t room = columns > 1 ? columns - 1 : 0; // a full line makes some terminals wrap
    const uint64_t total = amounts.bytes_total;
    const uint64_t done = std::min(amounts.bytes_done, total);
    const auto percent_of = [](uint64_t part, uint64_t whole) {
        return whole == 0 ? 100 : 100 * static_cast<double>(part) / static_cast<double>(whole);
    };
    const double percent =
        total > 0 ? percent_of(done, total) : percent_of(amounts.files_done, amounts.files_total);
    // While more is being found, what is known is a lower bound, and a share of it means nothing.
    const std::string or_more = amounts.growing ? "+" : "";
    const std::string time =
        bytes_per_second > 0 ? format_duration((total - done) / bytes_per_second) : "-:--";
    // The most useful first: what does not fit any more is left out.
    const std::string parts[] = {
        amounts.growing ? "" : std::to_string(static_cast<unsigned>(percent)) + "%",
        format_size(done) + "/" + format_size(total) + or_more,
        std::to_string(amounts.files_done) + "/" + std::to_string(amounts.files_total) + or_more +
            (amounts.files_total == 1 ? " file" : " files"),
        format_size(bytes_per_second) + "/s",
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
    if (!amounts.growing && line.size() + 2 + narrowest_bar <= room)
        line += "  " + bar(percent / 100, std::min<size_t>(room - line.size() - 2, 40));
    return line;
}

} // namespace

Progress::Progress(bool wanted) : shown_(wanted && isatty(STDERR_FILENO) == 1) {
    if (shown_)
        began_ms_ = drawn_ms_ = now_ms();
}

bool Progress::is_due() const {
    return shown_ && now_ms() - drawn_ms_ >= redraw_ms;
}

uint64_t Progress::rate(uint64_t bytes_done) {
    const int64_t now = now_ms();
    while (samples_.size() > 1 && now - samples_.front().at_ms > rate_window_ms)
        samples_.pop_front();
    samples_.push_back({now, bytes_done});
    const Sample from = samples_.size() > 1 ? samples_.front() : Sample{began_ms_, 0};
    const auto passed_ms = static_cast<uint64_t>(std::max<int64_t>(now - from.at_ms, 1));
    return (bytes_done - std::min(from.bytes, bytes_done)) * 1000 / passed_ms;
}

void Progress::draw(const Amounts& amounts) {
    show_status(line_of(amounts, rate(amounts.bytes_done), terminal_columns()));
    drawn_ms_ = now_ms();
}

void Progress::finish(bool keep, const Amounts& amounts) {
    if (shown_ && keep) {
        samples_.clear(); // the whole run's rate, in place of that of its last seconds
        draw(amounts);
        keep_status();
    } else if (shown_) {
        show_status("");
    }
}

} // namespace cp
