#include "say.h"

#include <cerrno>
#include <cstdio>
#include <stdio_ext.h>
#include <string>
#include <unistd.h>

#include "arsync.h"

namespace cp {

namespace {

std::string_view name_in_use = "arsync-cp";
bool chatter_on_stderr = false;
bool status_shown = false;
int stdout_error = 0;

void write_stderr(std::string_view text) {
    // One write a line where possible, so that lines of two programs on one terminal do not mix.
    while (!text.empty()) {
        ssize_t written = write(STDERR_FILENO, text.data(), text.size());
        if (written < 0 && errno == EINTR)
            continue;
        // There is nowhere left to complain.
        if (written <= 0)
            return;
        text.remove_prefix(static_cast<size_t>(written));
    }
}

void clear_status() {
    if (!status_shown)
        return;
    write_stderr("\r\033[K");
    status_shown = false;
}

void flush_stdout() {
    if (fflush(stdout) != 0)
        stdout_error = errno;
}

void write_stdout(std::string_view text) {
    clear_status();
    if (fwrite(text.data(), 1, text.size(), stdout) != text.size())
        stdout_error = errno;
}

} // namespace

void set_program_name(const char* argv0) {
    std::string_view name = argv0 != nullptr ? argv0 : "";
    name.remove_prefix(name.rfind('/') + 1);
    if (!name.empty())
        name_in_use = name;
}

std::string_view program_name() {
    return name_in_use;
}

void say(std::string_view text) {
    if (!chatter_on_stderr)
        return write_stdout(text);
    clear_status();
    write_stderr(text);
}

void say_to_script(std::string_view text) {
    write_stdout(text);
}

void flush_for_script() {
    flush_stdout();
}

void complain(std::string_view message) {
    std::string line;
    line.append(program_name()).append(": ").append(message).append("\n");
    flush_stdout();
    clear_status();
    write_stderr(line);
}

void explain(std::string_view lines) {
    clear_status();
    write_stderr(lines);
}

void ask(std::string_view question) {
    std::string text;
    text.append(program_name()).append(": ").append(question);
    flush_stdout();
    clear_status();
    write_stderr(text);
}

void send_chatter_to_stderr() {
    chatter_on_stderr = true;
}

void show_status(std::string_view line) {
    if (line.empty())
        return clear_status();
    std::string text = "\r";
    text.append(line).append("\033[K");
    flush_stdout();
    write_stderr(text);
    status_shown = true;
}

void keep_status() {
    if (status_shown)
        write_stderr("\n");
    status_shown = false;
}

bool finish_output() {
    bool pending = __fpending(stdout) != 0;
    bool failed = ferror(stdout) != 0;
    bool close_failed = fclose(stdout) != 0;
    if (close_failed && stdout_error == 0)
        stdout_error = errno;
    // A stdout that was closed from the start harms nobody who prints nothing.
    if (!failed && !(close_failed && (pending || stdout_error != EBADF)))
        return true;
    std::string message = "write error";
    if (stdout_error != 0)
        message.append(": ").append(arsync_strerror(stdout_error));
    complain(message);
    return false;
}

} // namespace cp
