// Everything the program prints.
//
// The process has one stdout and one stderr, so this is the one module with state of its own.
// Always true: text for stdout is on its way before a later line of stderr is written, so that
// both read in the right order when they end in the same place; and the status line is off the
// terminal before anything else is put there. Only the main thread prints.
#pragma once

#include <string_view>

namespace cp {

// What the program was called by, without the directories: "arsync-cp", or the name of a link to
// it. To be set before anything is printed; argv0 may be null.
void set_program_name(const char* argv0);
std::string_view program_name();

// Text for stdout, or for stderr after send_chatter_to_stderr.
void say(std::string_view text);

// Text for stdout wherever chatter goes: what a script reads.
void say_to_script(std::string_view text);

// What was said for a script is on its way to it, which must not wait as long as the program does.
void flush_for_script();

// One line on stderr: the program's name, a colon, the message.
void complain(std::string_view message);

// Lines on stderr that follow a complaint, as they are.
void explain(std::string_view lines);

// A question on stderr, without a newline.
void ask(std::string_view question);

// With --json stdout belongs to the script, so what -v and --debug say goes to stderr.
void send_chatter_to_stderr();

// Replace the status line on stderr; an empty one erases it.
void show_status(std::string_view line);

// Leave the status line standing and go on below it.
void keep_status();

// Flush and close stdout; false, with a message, if any of the text did not get out.
bool finish_output();

} // namespace cp
