// All that the program prints and hears: stdout, stderr, answers on stdin, and signals.
//
// The process has one of each, so this is the one module with state of its own. Always true: text
// for stdout is on its way before a later line of stderr is written, so that both read in the right
// order when they end in the same place; and the status line is off the terminal before anything
// else is put there. Only the main thread prints.
#pragma once

#include <string>
#include <string_view>

namespace cp {

// What the program was called by, without the directories: "arsync-cp", or the name of a link to
// it. To be set before anything is printed; argv0 may be null.
void set_program_name(const char* argv0);
const std::string& program_name();

// With --json stdout belongs to the script, and what -v and --debug say goes to stderr.
void give_stdout_to_script();
// For stdout, or for stderr once that is a script's.
void say(std::string_view text);
// For stdout in any case.
void say_to_script(std::string_view text);
// It is on its way, and does not wait as long as the program does.
void flush_for_script();

// One line on stderr: the program's name, a colon, the message.
void complain(std::string_view message);
// Lines on stderr that follow a complaint, as they are.
void explain(std::string_view lines);
// Puts a question and reads the answer from stdin. No answer is a no.
bool ask(std::string_view question);

// Replaces the status line on stderr; an empty one erases it.
void show_status(std::string_view line);
// Leaves it standing, and goes on below it.
void keep_status();

// Closes them in the end; false, after a complaint, if answers could not be read or any of the text
// did not get out.
bool finish_talking();

// Listens for SIGINT, SIGTERM and SIGHUP, of which the first asks the program to stop and a second
// one ends it at once. One that the parent has us ignore, as nohup does, stays ignored. Returns a
// descriptor that becomes readable when one has come, or -1: then they keep their ordinary effect.
int listen_for_signals();
// The signal that came, or 0.
int stop_signal();
// Ends the program as that signal would have, so that a shell sees what stopped it.
[[noreturn]] void die_of(int signal);

} // namespace cp
