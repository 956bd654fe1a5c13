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

// getdents64(2) ends at a signal, such as a ring's notice, with what it has until then: the buffer
// has room for all, and yet one call may not give all.
void fill_with_all(Listing& listing, Files& files, int fd, size_t count) {
    for (unsigned attempt = 0; attempt < 1000; ++attempt) {
        REQUIRE(lseek(fd, 0, SEEK_SET) == 0);
        REQUIRE(listing.fill(files, fd, ARSYNC_STAGE_LIST));
        if (take_all(listing).size() == count) {
            listing.begin_again();
            return;
        }
    }
    FAIL("never all names in one call");
}

} // namespace

TEST_CASE("half of the names that nobody has begun go to another, and each is given once") {
    constexpr unsigned files = 90;
    const Folder folder(files);
    SystemFiles system;
    for (unsigned begun = 0; begun < files; ++begun) {
        Listing listing;
        fill_with_all(listing, system, folder.fd.get(), files);
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
