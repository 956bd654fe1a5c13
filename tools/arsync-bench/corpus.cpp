// Makes the files that tools/arsync-bench/run measures with; the same ones every time.
//
//     corpus tree DIR          40,000 files of 424 MB in 400 directories; few are large, as in life
//     corpus flat DIR          100,000 files of 1 to 4096 bytes in one directory
//     corpus empty DIR COUNT   COUNT empty files: half of them in one directory, and half in many
//     corpus sparse FILE KIB   200 MiB in pieces of KIB KiB, after each a hole of the same length
//
// DIR is made. What is in the files is random: no filesystem can compress it or share it.
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <numbers>
#include <numeric>
#include <random>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace {

[[noreturn]] void die(const std::string& what) {
    fprintf(stderr, "corpus: %s: %s\n", what.c_str(), strerror(errno));
    exit(1);
}

void make_directory(const std::string& path) {
    if (mkdir(path.c_str(), 0755) != 0)
        die(path);
}

// The distributions of the standard library differ from one library to the next; this does not.
class Random {
public:
    uint64_t next() { return engine_(); }

    // Above 0, at most 1.
    double fraction() { return (static_cast<double>(next() >> 11) + 1) / 0x1p53; }

    // Normally distributed, with mean 0 and deviation 1 (Box and Muller).
    double normal() {
        const double radius = std::sqrt(-2 * std::log(fraction()));
        return radius * std::cos(2 * std::numbers::pi * fraction());
    }

private:
    std::mt19937_64 engine_{20240607};
};

// Until the next call.
const void* random_bytes(size_t size, Random& random) {
    static std::vector<uint64_t> content;
    content.resize((size + 7) / 8);
    for (uint64_t& word : content)
        word = random.next();
    return content.data();
}

int create(const std::string& path) {
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        die(path);
    return fd;
}

void make_file(const std::string& path, size_t size, Random& random) {
    const void* content = random_bytes(size, random);
    const int fd = create(path);
    if (size > 0 && write(fd, content, size) != static_cast<ssize_t>(size))
        die(path);
    close(fd);
}

std::string file_name(size_t number) {
    return "/file" + std::to_string(number);
}

// Half of all sizes are below 4 KiB; the largest is some hundred times that.
std::vector<size_t> tree_sizes(size_t count, double total, Random& random) {
    constexpr double median = 4096;
    const double deviation = std::sqrt(2 * std::log(total / static_cast<double>(count) / median));
    std::vector<double> drawn(count);
    for (double& size : drawn)
        size = std::exp(deviation * random.normal());
    // Scaled to the total: with so long a tail, what is drawn is off by some percent.
    const double scale = total / std::accumulate(drawn.begin(), drawn.end(), 0.0);
    std::vector<size_t> sizes;
    for (const double size : drawn)
        sizes.push_back(static_cast<size_t>(size * scale));
    return sizes;
}

// 20 directories with 19 in each, and 100 files in each of all these.
void make_tree(const std::string& root) {
    Random random;
    const std::vector<size_t> sizes = tree_sizes(40000, 424e6, random);
    std::vector<std::string> directories;
    for (int i = 0; i < 20; ++i) {
        const std::string above = root + "/dir" + std::to_string(i);
        directories.push_back(above);
        for (int k = 0; k < 19; ++k)
            directories.push_back(above + "/dir" + std::to_string(k));
    }
    for (const std::string& directory : directories)
        make_directory(directory);
    for (size_t i = 0; i < sizes.size(); ++i)
        make_file(directories[i % directories.size()] + file_name(i), sizes[i], random);
}

void make_flat(const std::string& root) {
    Random random;
    for (size_t i = 0; i < 100000; ++i)
        make_file(root + file_name(i), 1 + random.next() % 4096, random);
}

// One large directory, and many: neither the names in one nor the number of them may cost memory.
void make_empty(const std::string& root, size_t count) {
    Random random;
    make_directory(root + "/one");
    make_directory(root + "/many");
    for (size_t i = 0; i < count / 2; ++i)
        make_file(root + "/one" + file_name(i), 0, random);
    std::string directory;
    for (size_t i = count / 2; i < count; ++i) {
        if (directory.empty() || i % 100 == 0) {
            directory = root + "/many/dir" + std::to_string(i / 100);
            make_directory(directory);
        }
        make_file(directory + file_name(i), 0, random);
    }
}

void make_sparse(const std::string& path, size_t piece) {
    constexpr size_t total = 200 << 20;
    Random random;
    const int fd = create(path);
    for (size_t done = 0; done < total; done += piece) {
        const auto at = static_cast<off_t>(2 * done);
        if (pwrite(fd, random_bytes(piece, random), piece, at) != static_cast<ssize_t>(piece))
            die(path);
    }
    if (ftruncate(fd, 2 * total) != 0)
        die(path);
    close(fd);
}

} // namespace

int main(int argc, char** argv) {
    const std::string kind = argc > 1 ? argv[1] : "";
    const bool counted = kind == "empty" || kind == "sparse";
    if (argc != (counted ? 4 : 3) || (!counted && kind != "tree" && kind != "flat")) {
        fprintf(stderr, "usage: corpus tree DIR | corpus flat DIR | corpus empty DIR COUNT | "
                        "corpus sparse FILE KIB\n");
        return 2;
    }
    const size_t count = counted ? strtoull(argv[3], nullptr, 10) : 0;
    if (kind == "sparse") {
        make_sparse(argv[2], count << 10);
        return 0;
    }
    make_directory(argv[2]);
    if (kind == "tree")
        make_tree(argv[2]);
    else if (kind == "flat")
        make_flat(argv[2]);
    else
        make_empty(argv[2], count);
}
