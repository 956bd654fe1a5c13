#include "system/clean.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "system/content.h"
#include "system/pool.h"
#include "system/scratch.h"

namespace live {

namespace fs = std::filesystem;

// Its own and those that the kernel runs for its rings; a sanitizer may have one too.
static size_t library_threads() {
    size_t count = 0;
    for (const std::string& name : thread_names())
        count += name.starts_with("arsync") || name.starts_with("iou-");
    return count;
}

Clean::Clean() {
    for (const Kind kind : {Kind::ext4, Kind::xfs, Kind::btrfs, Kind::tmpfs, Kind::overlay})
        shared_volume(kind);
    descriptors_ = open_descriptors();
    threads_ = library_threads();
}

Clean::~Clean() {
    CHECK(open_descriptors() == descriptors_);
    // The kernel's own workers of a closed ring take their time to go.
    CHECK(eventually([&] { return library_threads() <= threads_; }, 5000));
}

size_t open_descriptors() {
    const fs::directory_iterator all("/proc/self/fd");
    return static_cast<size_t>(std::distance(begin(all), end(all)));
}

std::vector<std::string> thread_names() {
    std::vector<std::string> names;
    for (const auto& task : fs::directory_iterator("/proc/self/task")) {
        try {
            std::string name = read_file(task.path() / "comm");
            names.push_back(name.substr(0, name.find('\n')));
        } catch (const std::exception&) {
            // It ended meanwhile.
        }
    }
    return names;
}

} // namespace live
