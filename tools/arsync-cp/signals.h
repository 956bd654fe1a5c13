// SIGINT, SIGTERM and SIGHUP: the first asks the program to stop, a second one ends it at once.
#pragma once

namespace cp {

// Starts listening. A signal that the parent has us ignore, as nohup does, stays ignored. Returns a
// descriptor that becomes readable when a signal has come, or -1: then the signals keep their
// ordinary effect.
int listen_for_signals();

// The signal that came, or 0.
int stop_signal();

// Ends the program as that signal would have, so that a shell sees what stopped it.
[[noreturn]] void die_of(int signal);

} // namespace cp
