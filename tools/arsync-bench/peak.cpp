// peak COMMAND... - run the command, and print the most memory that it had resident at once, in
// KiB.
//
// GNU time does that too, but is not always there.
#include <cstdio>
#include <cstring>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char** argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: peak COMMAND...\n");
        return 2;
    }
    pid_t child = -1;
    const int error = posix_spawnp(&child, argv[1], nullptr, nullptr, argv + 1, environ);
    if (error != 0) {
        fprintf(stderr, "peak: %s: %s\n", argv[1], strerror(error));
        return 127;
    }
    int status = 0;
    struct rusage usage = {};
    if (wait4(child, &status, 0, &usage) != child) {
        perror("peak: wait4");
        return 1;
    }
    printf("%ld\n", usage.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
