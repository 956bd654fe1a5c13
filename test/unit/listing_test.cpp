// Names of a real directory, and those that are given to another thread.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <filesystem>
#include <set>
#include <string>
#include <unistd.h>

#include "copy/listing.h"
#include "io/fd.h"

using namespace arsync;

namespace {

struct Folder {
    std::string path = std::filesystem::temp_directory_path() / "arsync-listing-XXXXXX";
    Fd fd;
    explicit Folder(unsigned files) {
        REQUIRE(mkdtemp(path.data()));
        fd = Fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        for (unsigned i = 0; i < files; ++i) {
            const std::string name = "f" + std::to_string(i);
            const Fd made(openat(fd.get(), name.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
            REQUIRE(made.get() >= 0);
        }
    }
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
};

// Of what is left, once each.
std::set<std::string> take_all(Listing& listing) {
    std::set<std::string> names;
    for (auto name = listing.next(); name.text; name = listing.next())
        CHECK(names.insert(name.text).second);
    CHECK(listing.names_left() == 0);
    return names;
}

} // namespace

TEST_CASE("half of the names that nobody has begun go to another, and each is given once") {
    constexpr unsigned files = 90;
    const Folder folder(files);
    SystemFiles system;
    for (unsigned begun = 0; begun < files; ++begun) {
        Listing listing;
        REQUIRE(lseek(folder.fd.get(), 0, SEEK_SET) == 0);
        REQUIRE(listing.fill(system, folder.fd.get(), ARSYNC_STAGE_LIST));
        std::set<std::string> names;
        for (unsigned i = 0; i < begun; ++i)
            names.insert(listing.next().text);
        const size_t left = listing.names_left();
        const std::unique_ptr<Listing> rest = listing.split();
        REQUIRE((rest != nullptr) == (left > 1));
        if (rest) {
            CHECK(rest->names_left() == left / 2);
            CHECK(listing.names_left() == left - left / 2);
            names.merge(take_all(*rest));
        }
        names.merge(take_all(listing));
        CHECK(names.size() == files);
    }
}
