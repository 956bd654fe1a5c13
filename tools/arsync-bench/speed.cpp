// How fast memory is, and a file that is read by plain calls: what no copy can outrun.
//
//     speed memory MIB THREADS    each thread copies its share of MIB MiB by memcpy
//     speed read FILE             read(2) in pieces of 256 KiB
//
// prints the seconds that took.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// Memory is touched before the clock starts.
double copy_memory(size_t size, unsigned thread_count) {
    std::vector<char> from(size, 1);
    std::vector<char> to(size, 2);
    const size_t share = size / thread_count;
    const Clock::time_point start = Clock::now();
    {
        std::vector<std::jthread> threads;
        for (unsigned i = 0; i < thread_count; ++i)
            threads.emplace_back([&, i] { memcpy(&to[i * share], &from[i * share], share); });
    }
    return since(start);
}

double read_file(const char* path) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    std::vector<char> buffer(256 << 10);
    const Clock::time_point start = Clock::now();
    ssize_t length = fd < 0 ? -1 : 1;
    while (length > 0)
        length = read(fd, buffer.data(), buffer.size());
    if (length < 0) {
        perror(path);
        exit(1);
    }
    return since(start);
}

} // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 2 ? argv[1] : "";
    const unsigned long size = argc > 3 ? strtoul(argv[2], nullptr, 10) << 20 : 0;
    const unsigned long threads = argc > 3 ? strtoul(argv[3], nullptr, 10) : 0;
    if (what == "memory" && size > 0 && threads > 0)
        printf("%.6f\n", copy_memory(size, static_cast<unsigned>(threads)));
    else if (what == "read" && argc == 3)
        printf("%.6f\n", read_file(argv[2]));
    else {
        fprintf(stderr, "speed: see the comment on top of speed.cpp\n");
        return 2;
    }
}
