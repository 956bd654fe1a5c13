// Makes the files that the suite measures with; the same ones every time.
//
//     corpus tree DIR COUNT        COUNT files of 10.6 kB on average, a hundred a directory, two
//                                  levels deep; few are large, as in life
//     corpus source DIR COUNT      COUNT files of 14 kB on average, as in the source of a kernel:
//     15
//                                  a directory, which stand at very different depths
//     corpus flat DIR COUNT        COUNT files of 1 to 4096 bytes in one directory
//     corpus empty DIR COUNT       COUNT empty files: half of them in one directory, and half in
//     many corpus chain DIR COUNT       COUNT directories, each in the one before, with a file in
//     each corpus sparse FILE KIB MIB   MIB MiB in pieces of KIB KiB, after each a hole of the same
//     length
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
std::vector<size_t> tree_sizes(size_t count, double mean, Random& random) {
    constexpr double median = 4096;
    const double deviation = std::sqrt(2 * std::log(mean / median));
    std::vector<double> drawn(count);
    for (double& size : drawn)
        size = std::exp(deviation * random.normal());
    // Scaled to the total: with so long a tail, what is drawn is off by some percent.
    const double total = mean * static_cast<double>(count);
    const double scale = total / std::accumulate(drawn.begin(), drawn.end(), 0.0);
    std::vector<size_t> sizes;
    for (const double size : drawn)
        sizes.push_back(static_cast<size_t>(size * scale));
    return sizes;
}

void make_files(const std::vector<std::string>& directories, const std::vector<size_t>& sizes,
                Random& random) {
    for (const std::string& directory : directories)
        make_directory(directory);
    for (size_t i = 0; i < sizes.size(); ++i)
        make_file(directories[i % directories.size()] + file_name(i), sizes[i], random);
}

// Of 40,000 files: 20 directories with 19 in each, and 100 files in each of all these.
void make_tree(const std::string& root, size_t count) {
    Random random;
    const std::vector<size_t> sizes = tree_sizes(count, 10600, random);
    std::vector<std::string> directories;
    for (size_t i = 0; i < (count + 1999) / 2000; ++i) {
        const std::string above = root + "/dir" + std::to_string(i);
        directories.push_back(above);
        for (int k = 0; k < 19; ++k)
            directories.push_back(above + "/dir" + std::to_string(k));
    }
    make_directory(root);
    make_files(directories, sizes, random);
}

// Each directory is in one of those before it, and the first ones have the most below them.
void make_source(const std::string& root, size_t count) {
    Random random;
    const std::vector<size_t> sizes = tree_sizes(count, 14000, random);
    std::vector<std::string> directories = {root};
    while (directories.size() < count / 15) {
        const std::string& above = directories[random.next() % directories.size()];
        directories.push_back(above + "/part" + std::to_string(directories.size()));
    }
    make_files(directories, sizes, random);
}

void make_chain(const std::string& root, size_t count) {
    Random random;
    std::string directory = root;
    for (size_t i = 0; i < count; ++i, directory += "/d") {
        make_directory(directory);
        make_file(directory + "/file", 1 + random.next() % 4096, random);
    }
}

void make_flat(const std::string& root, size_t count) {
    Random random;
    make_directory(root);
    for (size_t i = 0; i < count; ++i)
        make_file(root + file_name(i), 1 + random.next() % 4096, random);
}

// One large directory, and many: neither the names in one nor the number of them may cost memory.
void make_empty(const std::string& root, size_t count) {
    Random random;
    make_directory(root);
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

void make_sparse(const std::string& path, size_t piece, size_t total) {
    Random random;
    const int fd = create(path);
    for (size_t done = 0; done < total; done += piece) {
        const auto at = static_cast<off_t>(2 * done);
        if (pwrite(fd, random_bytes(piece, random), piece, at) != static_cast<ssize_t>(piece))
            die(path);
    }
    if (ftruncate(fd, static_cast<off_t>(2 * total)) != 0)
        die(path);
    close(fd);
}

} // namespace

int main(int argc, char** argv) {
    const std::string kind = argc > 3 ? argv[1] : "";
    const size_t number = argc > 3 ? strtoull(argv[3], nullptr, 10) : 0;
    if (kind == "tree" && argc == 4)
        make_tree(argv[2], number);
    else if (kind == "source" && argc == 4)
        make_source(argv[2], number);
    else if (kind == "flat" && argc == 4)
        make_flat(argv[2], number);
    else if (kind == "empty" && argc == 4)
        make_empty(argv[2], number);
    else if (kind == "chain" && argc == 4)
        make_chain(argv[2], number);
    else if (kind == "sparse" && argc == 5)
        make_sparse(argv[2], number << 10, strtoull(argv[4], nullptr, 10) << 20);
    else {
        fprintf(stderr, "corpus: see the comment on top of corpus.cpp\n");
        return 2;
    }
}
