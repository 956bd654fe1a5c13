// The directories on the way to copies: what want of memory leaves of them.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <new>
#include <string>
#include <vector>

#include "copy/parent_directories.h"
#include "io/fd.h"
#include "unit/failing.h"

using namespace arsync;

namespace {

struct Roots {
    Roots() {
        REQUIRE(mkdtemp(path.data()));
        std::filesystem::create_directories(path + "/from/a/b/c");
        std::filesystem::create_directories(path + "/to");
        from = Fd(open((path + "/from").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        to = Fd(open((path + "/to").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    ~Roots() { std::filesystem::remove_all(path); }
    std::string path = "/tmp/arsync-ways-XXXXXX";
    Fd from;
    Fd to;
};

} // namespace

TEST_CASE(
    "of directories on the way that were met without memory all is known that is to be done") {
    const std::string name = "a/b/c/name";
    arsync_copy_options options = {};
    options.flags = ARSYNC_COPY_PARENTS;
    options.preserve = ARSYNC_PRESERVE_MODE;
    SystemFiles files;
    bool failed = true;
    for (long number = 0; failed; ++number) {
        CAPTURE(number);
        const Roots roots;
        Ways ways(roots.from.get(), roots.to.get(), options);
        failing::after(failing::What::allocation, number);
        try {
            const failing::Call call;
            ways.enter(files, name, name);
        } catch (const std::bad_alloc&) {
        }
        failed = failing::end(failing::What::allocation);
        ways.enter(files, name, name); // the next one that has the same way
        std::vector<std::string> made; // and by whom
        for (const Ways::Done& each : ways.take_inside_out()) {
            CHECK_NOTHROW(ways.is_unsyncable(each.directory));
            if (each.directory->made)
                made.push_back(each.path);
        }
        CHECK(made == std::vector<std::string>{"a/b/c", "a/b", "a"});
    }
}
