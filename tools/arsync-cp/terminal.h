// What the program prints and hears: stdout, stderr, answers, signals; and how names look there.
//
// The process has one of each, so these modules have state of their own. Always true: text for
// stdout is on its way before a later line of stderr is written, as both may end in one place; and
// the status line is off the terminal before anything else is put there. Only main's thread prints.
#pragma once

#include <cstdint>
#include <new>
#include <string>
#include <string_view>

#include "arsync.h"

// With --json stdout belongs to the script, and what -v and --debug say goes to stderr.
void give_stdout_to_script();
// For stdout, or for stderr once that is a script's.
void say(std::string_view text);
// For stdout in any case.
void say_to_script(std::string_view text);
// What was said is on its way, and does not wait as long as the program does.
void flush_stdout();
// A line on stderr: program, message, and what is said of an errno (or -errno) but 0. Gives false.
bool complain(std::string_view message, int error = 0);
// Lines on stderr that follow a complaint, as they are.
void explain(std::string_view lines);
// Puts a question and reads the answer from stdin. No answer is a no.
bool ask(std::string_view question);
// Replaces the status line on stderr; an empty one erases it, and one with a newline stays.
void show_status(std::string_view line);
// Closes them in the end. False, after a complaint: answers could not be read, or text was lost.
bool finish_talking();

// The line of --progress, which tells how fast things go. Whether it is shown: on a terminal alone.
bool begin_progress(bool wanted);
constexpr int redraw_ms = 100;
// Whether the last time is long enough ago.
bool progress_is_due();
void draw_progress(const arsync_progress& progress);
// The last line stays if all went well.
void finish_progress(bool keep, const arsync_progress& progress);

int64_t now_ms(); // of a clock that never goes back
// Listens for SIGINT, SIGTERM and SIGHUP, if not ignored: the first asks to stop, a second ends
// the program. A descriptor that becomes readable then, or -1: they keep their ordinary effect.
int listen_for_signals();
// For calls that no signal ends, and in which too large a file is an error. False: there is none.
bool leave_signals_to_a_thread();
// The signal that came, or 0.
int stop_signal();
// Ends the program as that signal would have, so that a shell sees what stopped it.
[[noreturn]] void die_of(int signal);

// A name in quotes that a shell takes back ('a b', "it's", 'new'$'\n''line'), or a word of the
// command line in complaints about options. No byte that is not printable reaches a terminal raw.
std::string quote(std::string_view name, arsync_quoting quoting = ARSYNC_QUOTE_SHELL);
// As printf(3) has it, for numbers and words of the program's own: at most 511 characters.
[[gnu::format(printf, 1, 2)]] std::string format(const char* text, ...);
// What one of the library's functions writes, which gives the length of all of it.
template <class Write>
std::string text_of(Write write) {
    std::string text;
    int length = write(nullptr, 0);
    while (length >= 0 && static_cast<size_t>(length) != text.size()) { // or it has changed since
        text.resize(static_cast<size_t>(length));
        length = write(text.data(), text.size() + 1);
    }
    if (length < 0)
        throw std::bad_alloc();
    return text;
}
// At most five characters: "0", "999", "1.5K", "12M", "1023M", "2.0G".
std::string format_size(uint64_t bytes);
