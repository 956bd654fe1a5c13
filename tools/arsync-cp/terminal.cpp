#include "terminal.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <pthread.h>
#include <stdio_ext.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace {

bool stdout_is_scripts = false;
bool status_shown = false;
int stdout_error = 0;
int answer_error = 0;

// One write a line where possible, so that lines of two programs on one terminal do not mix.
void write_stderr(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
        if (written == 0 || (written < 0 && errno != EINTR))
            return; // there is nowhere left to complain
        text.remove_prefix(static_cast<size_t>(std::max<ssize_t>(written, 0)));
    }
}

bool finish_answers() {
    // A signal that came at the question ends the program by itself.
    if (answer_error == 0 || answer_error == EINTR)
        return true;
    // As cp says it: it closes its input in the end, and only a closed one has something to add.
    return complain("error closing file", answer_error == EBADF ? EBADF : 0);
}

// timeout(1) and others send a signal to the process and once more to its group. That is one signal
// to whoever sent it, and must not keep us from cleaning up.
constexpr int64_t one_signal_ms = 300;

// Written by the handler, which runs on one thread only: the library's threads block signals.
std::atomic<int> caught = 0;
int64_t caught_at_ms = 0;
int wake_fd = -1;

void on_signal(int signal) {
    if (caught != 0 && now_ms() - caught_at_ms < one_signal_ms)
        return;
    if (caught != 0)
        _exit(128 + signal);
    caught_at_ms = now_ms();
    caught = signal;
    // A flag alone could be raised between looking at it and waiting.
    const int saved = errno;
    eventfd_write(wake_fd, 1);
    errno = saved;
}

} // namespace

int64_t now_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

void give_stdout_to_script() {
    stdout_is_scripts = true;
}

void say(std::string_view text) {
    (stdout_is_scripts ? explain : say_to_script)(text);
}

void say_to_script(std::string_view text) {
    show_status("");
    if (fwrite(text.data(), 1, text.size(), stdout) != text.size())
        stdout_error = errno;
}

void flush_stdout() {
    if (fflush(stdout) != 0)
        stdout_error = errno;
}

bool complain(std::string_view message, int error) {
    flush_stdout();
    const std::string because = error != 0 ? std::string(": ") + arsync_strerror(error) : "";
    explain(program_invocation_short_name + (": " + std::string(message)) + because + "\n");
    return false;
}

void explain(std::string_view lines) {
    show_status("");
    write_stderr(lines);
}

bool ask(std::string_view question) {
    flush_stdout();
    explain(std::string(program_invocation_short_name).append(": ").append(question));
    // Whoever stops the program at the question has answered it.
    if (stop_signal() != 0)
        return false;
    char* line = nullptr;
    size_t room = 0;
    const ssize_t length = getline(&line, &room, stdin);
    if (length < 0 && ferror(stdin) != 0)
        answer_error = errno;
    const bool yes = length > 0 && (line[0] == 'y' || line[0] == 'Y');
    free(line);
    return yes && stop_signal() == 0;
}

void show_status(std::string_view line) {
    if (!line.empty())
        flush_stdout();
    if (!line.empty() || status_shown)
        write_stderr("\r\033[K" + std::string(line));
    status_shown = !line.empty() && !line.ends_with('\n');
}

bool finish_talking() {
    const bool answered = finish_answers();
    const bool pending = __fpending(stdout) != 0;
    const bool failed = ferror(stdout) != 0;
    const bool close_failed = fclose(stdout) != 0;
    if (close_failed && stdout_error == 0)
        stdout_error = errno;
    // A stdout that was closed from the start harms nobody who prints nothing.
    if (!failed && !(close_failed && (pending || stdout_error != EBADF)))
        return answered;
    return complain("write error", stdout_error);
}

int listen_for_signals() {
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0)
        return -1;
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction old {};
        struct sigaction ours {};
        ours.sa_handler = on_signal;
        // No SA_RESTART: a signal ends the wait for an answer to a question too.
        sigaction(signal, &ours, &old);
        if (old.sa_handler == SIG_IGN)
            sigaction(signal, &old, nullptr);
    }
    return wake_fd;
}

bool leave_signals_to_a_thread() {
    static sigset_t before, set;
    const auto wait = [](void*) -> void* {
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        while (true)
            pause();
    };
    sigfillset(&set);
    sigdelset(&set, SIGPIPE); // which ends who writes to a pipe that nobody reads
    pthread_t thread;
    pthread_sigmask(SIG_BLOCK, &set, &before);
    const bool made = pthread_create(&thread, nullptr, wait, nullptr) == 0;
    if (!made)
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return made;
}

int stop_signal() {
    return caught;
}

void die_of(int signal) {
    std::signal(signal, SIG_DFL);
    kill(getpid(), signal); // whichever thread takes it
    _exit(128 + signal);
}

std::string quote(std::string_view name, arsync_quoting quoting) {
    // Loading a locale costs more than a small copy, so it waits for what needs it.
    static bool loaded = false;
    const auto is_foreign = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
    if (!loaded && (quoting == ARSYNC_QUOTE_WORD || std::ranges::any_of(name, is_foreign)))
        loaded = (setlocale(LC_CTYPE, ""), true);
    return text_of([&](char* text, size_t size) {
        return arsync_quote(name.data(), name.size(), quoting, text, size);
    });
}

std::string format(const char* text, ...) {
    char made[512];
    va_list arguments;
    va_start(arguments, text);
    vsnprintf(made, sizeof made, text, arguments);
    va_end(arguments);
    return made;
}

std::string format_size(uint64_t bytes) {
    size_t unit = 0;
    uint64_t rest = 0; // in 1024ths
    for (; bytes >= 1024; ++unit, bytes /= 1024)
        rest = bytes % 1024;
    const std::string tenths = unit > 0 && bytes < 10 ? "." + std::to_string(rest * 10 / 1024) : "";
    return std::to_string(bytes) + tenths + (unit > 0 ? std::string(1, "BKMGTPE"[unit]) : "");
}
