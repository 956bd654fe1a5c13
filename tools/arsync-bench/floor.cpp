// The least that copying a tree can cost with plain system calls: what arsync-cp -r is held
// against.
//
//     floor SRC DST THREADS
//
// copies the regular files of SRC to DST and prints the seconds that took. SRC is walked and the
// directories are made before the clock starts. Then each thread takes the next file off the list
// and opens, reads, writes and closes; attributes, holes, links and partial output are nobody's
// business, and the first error ends it all.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

namespace fs = std::filesystem;

struct File {
    std::string from;
    std::string to;
};

[[noreturn]] void die(const std::string& path) {
    fprintf(stderr, "floor: %s: %s\n", path.c_str(), strerror(errno));
    _exit(1); // with the other threads under way there is nothing to unwind
}

// The files below `from`, in the order in which directories list them, as any walk finds them.
std::vector<File> prepare(const fs::path& from, const fs::path& to) {
    std::vector<File> files;
    fs::create_directory(to);
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(from)) {
        const fs::path copy = to / entry.path().lexically_relative(from);
        if (entry.is_directory())
            fs::create_directory(copy);
        else if (entry.is_regular_file())
            files.push_back({entry.path(), copy});
    }
    return files;
}

void copy(const File& file, std::vector<char>& buffer) {
    const int from = open(file.from.c_str(), O_RDONLY | O_CLOEXEC);
    if (from < 0)
        die(file.from);
    const int to = open(file.to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (to < 0)
        die(file.to);
    for (;;) {
        const ssize_t length = read(from, buffer.data(), buffer.size());
        if (length < 0)
            die(file.from);
        if (length == 0)
            break;
        // A regular file takes all of it, or has no room.
        if (write(to, buffer.data(), static_cast<size_t>(length)) != length)
            die(file.to);
    }
    close(from);
    if (close(to) != 0)
        die(file.to);
}

void copy_all(const std::vector<File>& files, unsigned thread_count) {
    std::atomic<size_t> next = 0;
    const auto work = [&] {
        std::vector<char> buffer(256 << 10);
        for (size_t i = next++; i < files.size(); i = next++)
            copy(files[i], buffer);
    };
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < thread_count; ++i)
        threads.emplace_back(work);
}

} // namespace

int main(int argc, char** argv) {
    const int threads = argc == 4 ? atoi(argv[3]) : 0;
    if (threads < 1) {
        fprintf(stderr, "usage: floor SRC DST THREADS\n");
        return 2;
    }
    const std::vector<File> files = prepare(argv[1], argv[2]);
    const auto start = std::chrono::steady_clock::now();
    copy_all(files, static_cast<unsigned>(threads));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    printf("%.6f\n", seconds.count());
}
