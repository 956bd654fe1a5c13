#include "fuzz/place.h"

#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/resource.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

namespace fuzz {

namespace fs = std::filesystem;

namespace {

// What is in a directory, as text.
std::string told(const fs::path& directory) {
    std::string all;
    for (const char* name : {"a", "d/b", "d/e/c"}) {
        std::ifstream file(directory / name, std::ios::binary);
        all += std::string(std::istreambuf_iterator<char>(file), {}) + '\n';
    }
    return all + fs::read_symlink(directory / "l").string();
}

void write(const fs::path& path, size_t size) {
    std::ofstream(path, std::ios::binary) << std::string(size, 'x');
}

} // namespace

Place::Place() {
    root_ = (fs::exists("/dev/shm") ? "/dev/shm" : "/tmp") + std::string("/arsync-fuzz.XXXXXX");
    expect(mkdtemp(root_.data()) != nullptr, "no directory to be had");
    fs::create_directories(root_ + "/in/d/e");
    fs::create_directory(root_ + "/out");
    write(root_ + "/in/a", 100'000);
    write(root_ + "/in/d/b", 10);
    write(root_ + "/in/d/e/c", 0);
    fs::create_symlink("a", root_ + "/in/l");
    fs::create_hard_link(root_ + "/in/a", root_ + "/in/h");
    in_ = open((root_ + "/in").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    out_ = open((root_ + "/out").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    expect(in_ >= 0 && out_ >= 0, "no directory to be had");
    // Offsets at random make files that are too large for it.
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{64 << 20, 64 << 20};
    setrlimit(RLIMIT_FSIZE, &limit);
}

Place::~Place() {
    close(in_);
    close(out_);
    std::error_code error;
    fs::remove_all(root_, error);
}

void Place::empty_out() {
    for (const auto& entry : fs::directory_iterator(root_ + "/out")) {
        std::error_code error;
        fs::remove_all(entry.path(), error);
    }
}

void Place::expect_in_untouched() const {
    static const std::string before = told(root_ + "/in");
    expect(told(root_ + "/in") == before, "the source was changed");
}

} // namespace fuzz
