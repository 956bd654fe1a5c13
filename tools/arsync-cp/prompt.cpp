#include "prompt.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <unistd.h>

#include "quote.h"
#include "say.h"
#include "signals.h"

namespace cp {

namespace {

int answer_error = 0;

std::string octal(mode_t mode) {
    char text[16];
    snprintf(text, sizeof text, "%04o", static_cast<unsigned>(mode & 07777));
    return text;
}

std::string letters(mode_t mode) {
    std::string text = "---------";
    for (unsigned i = 0; i < text.size(); i++)
        if ((mode & (0400u >> i)) != 0)
            text[i] = "rwx"[i % 3];
    auto mark = [&](mode_t bit, size_t at, char with_x, char without_x) {
        if ((mode & bit) != 0)
            text[at] = text[at] == 'x' ? with_x : without_x;
    };
    mark(04000, 2, 's', 'S');
    mark(02000, 5, 's', 'S');
    mark(01000, 8, 't', 'T');
    return text;
}

bool says_yes() {
    // Whoever stops the program at the question has answered it.
    if (stop_signal() != 0)
        return false;
    char* line = nullptr;
    size_t room = 0;
    ssize_t length = getline(&line, &room, stdin);
    if (length < 0 && ferror(stdin) != 0)
        answer_error = errno;
    bool yes = length > 0 && (line[0] == 'y' || line[0] == 'Y');
    free(line);
    return yes && stop_signal() == 0;
}

} // namespace

bool may_overwrite(const Place& destination, mode_t mode, const Options& options) {
    std::string name = quote(destination.shown);
    bool writable = S_ISLNK(mode) || geteuid() == 0 ||
                    faccessat(destination.dirfd, destination.name.c_str(), W_OK, AT_EACCESS) == 0;
    if (writable)
        ask("overwrite " + name + "? ");
    else if (options.remove_destination || options.force)
        ask("replace " + name + ", overriding mode " + octal(mode) + " (" + letters(mode) + ")? ");
    else
        ask("unwritable " + name + " (mode " + octal(mode) + ", " + letters(mode) +
            "); try anyway? ");
    return says_yes();
}

bool finish_answers() {
    // A signal that came at the question ends the program by itself.
    if (answer_error == 0 || answer_error == EINTR)
        return true;
    // As cp says it: it closes its input in the end, and only a closed one has something to add.
    std::string message = "error closing file";
    if (answer_error == EBADF)
        message.append(": ").append(arsync_strerror(EBADF));
    complain(message);
    return false;
}

} // namespace cp
