#include "io/memory_limit.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace arsync;

namespace {

// A directory that stands for "/".
struct Root {
    Root() {
        char name[] = "/tmp/arsync-groups.XXXXXX";
        path = mkdtemp(name);
    }
    ~Root() { std::filesystem::remove_all(path); }
    void put(const std::string& file, const std::string& text) const {
        const std::filesystem::path at = path + file;
        std::filesystem::create_directories(at.parent_path());
        std::ofstream(at) << text;
    }
    std::string path;
};

const std::string v2 = "31 23 0:28 / /sys/fs/cgroup rw shared:1 master:2 - cgroup2 cgroup2 rw\n";
const std::string v1 = "30 23 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
                       "32 23 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

} // namespace

TEST_CASE("the limit of memory is the least of the group's and of those above") {
    const Root root;
    root.put("/sys/fs/cgroup/a/b/memory.max", "max\n");
    root.put("/sys/fs/cgroup/a/memory.max", "70000000\n");
    CHECK(group_memory("0::/a/b\n", v2, root.path).limit == 70'000'000);
    root.put("/sys/fs/cgroup/a/b/memory.high", "60000000\n");
    CHECK(group_memory("0::/a/b\n", v2, root.path).limit == 60'000'000);
    CHECK(group_memory("0::/a\n", v2, root.path).limit == 70'000'000);
    CHECK(group_memory("0::/\n", v2, root.path).limit == no_memory_limit);
    CHECK(group_memory("0::/other\n", v2, root.path).limit == no_memory_limit);
}

TEST_CASE("the first version's groups have a limit too, wherever they are mounted") {
    const Root root;
    root.put("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "33554432\n");
    root.put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    const std::string group = "4:cpu:/x\n3:hugetlb,memory:/a\n0::/\n";
    CHECK(group_memory(group, v1, root.path).limit == 33'554'432);
    CHECK(group_memory(group, v1 + v2, root.path).limit == 33'554'432);
}

TEST_CASE("what is left of a group's memory is the least of what is left to those above it") {
    const Root root;
    root.put("/sys/fs/cgroup/a/b/memory.max", "50000000\n");
    root.put("/sys/fs/cgroup/a/b/memory.current", "10000000\n");
    root.put("/sys/fs/cgroup/a/memory.high", "70000000\n");
    root.put("/sys/fs/cgroup/a/memory.current", "65000000\n");
    CHECK(group_memory("0::/a/b\n", v2, root.path).left == 5'000'000);
    root.put("/sys/fs/cgroup/a/memory.current", "75000000\n");
    CHECK_MESSAGE(group_memory("0::/a/b\n", v2, root.path).left == 0, "more than it may have");
    CHECK(group_memory("0::/\n", v2, root.path).left == no_memory_limit);
    root.put("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "33554432\n");
    CHECK_MESSAGE(group_memory("3:memory:/a\n", v1, root.path).left == 0, "used: not known");
    root.put("/sys/fs/cgroup/memory/a/memory.usage_in_bytes", "33554431\n");
    CHECK(group_memory("3:memory:/a\n", v1, root.path).left == 1);
}

TEST_CASE("in a container the group is what is mounted, or outside what can be seen") {
    const Root root;
    root.put("/sys/fs/cgroup/memory.max", "1000000\n");
    const std::string within = "31 23 0:28 /docker/id /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
    CHECK(group_memory("0::/docker/id\n", within, root.path).limit == 1'000'000);
    CHECK(group_memory("0::/docker/other\n", within, root.path).limit == 1'000'000);
    CHECK(group_memory("0::/../other\n", v2, root.path).limit == 1'000'000);
    CHECK(group_memory("0::/docker/id-2\n", within, root.path).limit == 1'000'000);
    CHECK(group_memory("0::no/path\n", v2, root.path).limit == 1'000'000);
}

TEST_CASE("where nothing is mounted, or nothing makes sense, there is no limit") {
    for (const char* text : {"", "\n", ":", "0::", "0::/a\n", "memory"}) {
        CHECK(group_memory(text, "", "/nowhere").limit == no_memory_limit);
        CHECK(group_memory("0::/a\n", text, "/nowhere").limit == no_memory_limit);
    }
    CHECK(memory_limit() > 0);
}
