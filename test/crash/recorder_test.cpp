// The rig itself: what the recorder writes down is what the filesystem did.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <unistd.h>

#include "crash/log.h"
#include "crash/must.h"
#include "crash/recorder.h"
#include "crash/volume.h"
#include "system/content.h"
#include "system/scratch.h"
#include "system/tree.h"

namespace crash {

namespace {

void sync_file(const std::string& path) {
    const int fd = must(open(path.c_str(), O_RDONLY), path);
    const int result = fsync(fd);
    close(fd);
    must(result, path);
}

// Whether the bytes were written in the entries from one on to another.
bool wrote(const Log& log, size_t from, size_t to, const std::string& bytes) {
    for (size_t i = from; i < to; ++i) {
        const Entry& entry = log.entries()[i];
        if (std::string_view(entry.data, entry.length).find(bytes) != std::string_view::npos)
            return true;
    }
    return false;
}

size_t index_of_mark(const Log& log, uint64_t number) {
    for (size_t i = 0; i < log.entries().size(); ++i)
        if (log.entries()[i].what == What::mark && log.entries()[i].at == number)
            return i;
    return log.entries().size();
}

} // namespace

TEST_CASE("a sync is written down as the data, then a flush; what is not synced is not there yet") {
    NEEDS_ROOT();
    const live::Volume work(live::Kind::tmpfs, 1024);
    NEEDS(work);
    live::make_directories(work.path() + "/disk");
    live::make_directories(work.path() + "/fs");
    for (const Filesystem& kind : {ext4, xfs, btrfs}) {
        CAPTURE(kind.name);
        const std::string image = work.path() + "/image";
        REQUIRE(make_filesystem(kind, image) == "");
        {
            const Recorder recorder(image, work.path() + "/log", work.path() + "/disk");
            NEEDS(recorder);
            const Mounted mounted(kind, recorder.disk(), work.path() + "/fs");
            NEEDS(mounted);
            recorder.mark(1);
            live::write_file(work.path() + "/fs/synced", std::string(8192, 's'));
            live::write_file(work.path() + "/fs/left", std::string(8192, 'l'));
            sync_file(work.path() + "/fs/synced");
            recorder.mark(2);
        }
        const Log log(work.path() + "/log");
        const size_t begin = index_of_mark(log, 1);
        const size_t end = index_of_mark(log, 2);
        size_t last_write = begin;
        size_t last_flush = begin;
        for (size_t i = begin; i < end; ++i) {
            if (log.entries()[i].what == What::write)
                last_write = i;
            if (log.entries()[i].what == What::flush)
                last_flush = i;
        }
        CHECK(wrote(log, begin, end, std::string(4096, 's')));
        CHECK(last_flush > last_write);
        CHECK(last_flush < end);
        CHECK(!wrote(log, begin, end, std::string(4096, 'l')));
        CHECK(wrote(log, end, log.entries().size(), std::string(4096, 'l')));
    }
}

} // namespace crash
