// arsync-cp: GNU cp's manners, libarsync's data path, for files.
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

int copy_files(int argc, char** argv) {
    cp::Options options;
    if (const std::optional<int> status = cp::parse_options(argc, argv, options))
        return *status;
    if (options.json)
        cp::give_stdout_to_script();
    cp::Operands operands(options);
    return operands.understand() ? cp::Run(options, operands).go() : 1;
}

} // namespace

int main(int argc, char** argv) {
    occupy_standard_descriptors();
    cp::set_program_name(argc > 0 ? argv[0] : nullptr);
    int status = 1;
    try {
        status = copy_files(argc, argv);
    } catch (const std::bad_alloc&) { // what runs is cancelled by the program's end
        cp::complain("memory exhausted");
    }
    if (!cp::finish_talking())
        status = 1;
    if (const int signal = cp::stop_signal(); signal != 0)
        cp::die_of(signal);
    return status;
}
