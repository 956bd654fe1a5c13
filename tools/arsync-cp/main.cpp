// arsync-cp: GNU cp's manners, libarsync's data path, for files.
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <unistd.h>

#include "run.h"
#include "terminal.h"

namespace {

// If one of the standard descriptors is closed, the next file to be opened would get its number,
// and messages would be written into the copy. These fail when used, as closed ones do.
void occupy_standard_descriptors() {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

// Only scripts ask for JSON; they are told failures apart that are one to cp.
bool is_for_script(int argc, char** argv) {
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; ++i)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

} // namespace

int main(int argc, char** argv) {
    occupy_standard_descriptors();
    static char own_name[] = "arsync-cp";
    if (*program_invocation_short_name == '\0')
        program_invocation_short_name = own_name;
    const bool for_script = is_for_script(argc, argv);
    int status = 1;
    try {
        Options options;
        parse_options(argc, argv, options);
        if (options.json)
            give_stdout_to_script();
        say(options.answer);
        status = options.answer.empty() ? run(options) : 0;
    } catch (const Mistake& mistake) {
        status = for_script ? status_usage : 1;
        if (!mistake.complaint.empty())
            complain(mistake.complaint);
        if (mistake.hint)
            explain(std::string("Try '") + program_invocation_short_name +
                    " --help' for more information.\n");
    } catch (const std::bad_alloc&) { // what runs is cancelled by the program's end
        status = for_script ? status_cut_off : 1;
        complain("memory exhausted");
    }
    if (!finish_talking())
        status = 1;
    if (const int signal = stop_signal(); signal != 0)
        die_of(signal);
    return status;
}
