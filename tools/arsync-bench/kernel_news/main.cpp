// What newer kernels have that the library could use, beside what it does today: see ../news, which
// makes the file systems and runs each part.
//
//     kernel_news PART DIRECTORY FILE_SYSTEM MIB
//
// prints rows of a table: what is done and how today; then each other way, what was measured of
// it, the medians of today's way and of this one, their ratios, and the spread of both (the middle
// half of the rounds as a share of the median, of what was measured first). ARSYNC_BENCH_ROUNDS: 7.
#include <arsync.h>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <sys/stat.h>
#include <unistd.h>

#include "measure.h"
#include "parts.h"

namespace news {

void World::make_source(size_t bytes, unsigned count) const {
    remove_files(source(), count);
    const Files files(source(), O_RDWR | O_CREAT, bytes, count);
    files.fill();
}

static void need_library(int result, const char* what) {
    if (result >= 0)
        return;
    fprintf(stderr, "kernel_news: %s: %s\n", what, arsync_strerror(result));
    _exit(1);
}

void library_copy(const World& world, uint32_t method) {
    arsync_pool* pool = nullptr;
    need_library(arsync_pool_open(nullptr, &pool), "open a pool");
    arsync_copy_options options{};
    options.struct_size = sizeof options;
    options.method = method;
    options.reflink = ARSYNC_REFLINK_NEVER;
    need_library(arsync_submit_copy(pool, AT_FDCWD, world.source().c_str(), AT_FDCWD,
                                    world.destination().c_str(), &options, 0, nullptr),
                 "submit");
    arsync_completion done{};
    need_library(arsync_poll(pool, &done, 1, -1), "poll");
    need_library(done.result, arsync_stage_name(done.stage));
    arsync_pool_close(pool);
}

} // namespace news

int main(int argc, char** argv) {
    using namespace news;
    const std::map<std::string, void (*)(const World&)> parts = {
        {"clone", clone_buffers},     {"xattrs", xattrs_by_name}, {"pieces", pieces_at_once},
        {"poll", hybrid_polling},     {"waiting", waiting},       {"zeros", written_zeros},
        {"cache", past_the_cache},    {"rings", several_rings},   {"threads", kernel_threads},
        {"syncs", threads_that_sync},
    };
    const auto part = argc == 5 ? parts.find(argv[1]) : parts.end();
    const size_t mib_count = argc == 5 ? strtoul(argv[4], nullptr, 10) : 0;
    if (part == parts.end() || mib_count < 16 || mib_count % 16 != 0) {
        fprintf(stderr, "kernel_news: see the comment on top of main.cpp\n");
        return 2;
    }
    try {
        part->second({argv[2], argv[3], mib_count * mib});
    } catch (const Absent& reason) {
        row("**" + part->first + "**", "", "", "absent: " + reason.why, "", "");
    }
    for (const auto& entry : std::filesystem::directory_iterator(argv[2]))
        if (entry.is_regular_file() || entry.is_symlink())
            std::filesystem::remove(entry.path());
}
