// Somebody puts symbolic links in the place of directories and files while they are copied.
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.h"
#include "system/swapper.h"
#include "system/tree.h"

namespace live {

namespace {

// The same names wherever it is, so that one can be taken for another.
void make_tree(const std::string& top, const std::string& marker) {
    make_directories(top + "/dir/sub");
    for (int i = 0; i < 20; ++i) {
        write_file(top + "/file" + std::to_string(i), marker);
        write_file(top + "/dir/file" + std::to_string(i), marker);
        write_file(top + "/dir/sub/file" + std::to_string(i), marker);
    }
}

const std::vector<Options>& ways() {
    static const std::vector<Options> all = {
        archive(),
        archive(ARSYNC_COPY_MIRROR).with_update(ARSYNC_UPDATE_CHANGED),
        archive().with_replace(ARSYNC_REPLACE_ATOMIC),
        archive(ARSYNC_COPY_FORCE).with_replace(ARSYNC_REPLACE_REMOVE),
        recursive().with_backup(ARSYNC_BACKUP_SIMPLE),
    };
    return all;
}

// Copies for a while, and until enough has been tried.
void copy_again_and_again(const std::string& from, const std::string& to, const Swapper& swapper) {
    using Clock = std::chrono::steady_clock;
    int copies = 0;
    for (const uint32_t backend : backends()) {
        Pool pool{PoolOptions(backend)};
        const auto begin = Clock::now();
        const int copies_wanted = copies + 5;
        const uint64_t swaps_wanted = swapper.swaps() + 100;
        const auto enough = [&] {
            return Clock::now() > begin + std::chrono::milliseconds(600) &&
                   copies >= copies_wanted && swapper.swaps() >= swaps_wanted;
        };
        do {
            const TreeCopy copy =
                copy_tree(pool, from, to, ways()[static_cast<size_t>(copies) % ways().size()]);
            CHECK(copy.strays == 0);
            CHECK(copy.job.kind == ARSYNC_COMPLETION_JOB);
            ++copies;
        } while (!enough() && Clock::now() < begin + std::chrono::seconds(60));
        CHECK(enough()); // else not much was tried
    }
}

// What files below top hold, links not followed.
bool holds(const std::string& top, const std::string& marker) {
    for (const auto& [path, what] : contents(top))
        if (what.starts_with("file") && what.find(marker) != std::string::npos)
            return true;
    return false;
}

// What is swapped with links/NAME, and what that leads to. One that is below another would be
// swapped through the link of that.
const std::vector<std::vector<std::string>>& places() {
    static const std::vector<std::vector<std::string>> all = {{"dir", "file1"}, {"dir/sub"}};
    return all;
}

std::vector<Swapper::Pair> make_links(const Directory& directory, const std::string& attacked,
                                      const std::vector<std::string>& names) {
    make_directories(directory / "links");
    std::vector<Swapper::Pair> pairs;
    for (const std::string& name : names) {
        const std::string link = directory / ("links/" + std::to_string(pairs.size()));
        make_symlink(directory / ("outside/" + name), link);
        pairs.emplace_back(attacked + "/" + name, link);
    }
    return pairs;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "links that are swapped into the source never make it read outside") {
    for (const auto& names : places()) {
        CAPTURE(names[0]);
        const Directory directory;
        make_tree(directory / "from", "ours");
        make_tree(directory / "outside", "SECRET");
        const Swapper swapper(make_links(directory, directory / "from", names));
        copy_again_and_again(directory / "from", directory / "to", swapper);
        CHECK(holds(directory / "to", "ours"));
        CHECK_FALSE(holds(directory / "to", "SECRET"));
    }
}

TEST_CASE_FIXTURE(Clean,
                  "links that are swapped into the destination never make it write outside") {
    for (const auto& names : places()) {
        CAPTURE(names[0]);
        const Directory directory;
        make_tree(directory / "from", "ours");
        make_tree(directory / "to", "old");
        make_tree(directory / "outside", "victim");
        write_file(directory / "outside/dir/extra", "kept");
        write_file(directory / "outside/dir/sub/extra", "kept");
        const auto before = state(directory / "outside");
        const Swapper swapper(make_links(directory, directory / "to", names));
        copy_again_and_again(directory / "from", directory / "to", swapper);
        CHECK(difference(before, state(directory / "outside")) == "");
    }
}

TEST_CASE_FIXTURE(Clean, "a hard link leads to the copy, not to what was put in its place") {
    const Directory directory;
    const std::string from = directory / "from";
    make_directories(from + "/a");
    make_directories(from + "/b");
    std::vector<Swapper::Pair> pairs;
    for (int i = 0; i < 8; ++i) {
        const std::string name = "/" + std::to_string(i);
        const std::string secret = directory / ("secret" + std::to_string(i));
        write_file(from + "/a" + name, "source");
        REQUIRE(link((from + "/a" + name).c_str(), (from + "/b" + name).c_str()) == 0);
        write_file(secret, "secret");
        for (const char* part : {"/a", "/b"})
            pairs.emplace_back(directory / "to" + part + name, secret);
    }
    Pool pool;
    const Swapper swapper(pairs);
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(800);
    do {
        std::filesystem::remove_all(directory / "to");
        copy_tree(pool, from, directory / "to", archive());
        for (int i = 0; i < 8; ++i) {
            struct stat facts = {};
            CHECK(stat((directory / ("secret" + std::to_string(i))).c_str(), &facts) == 0);
            // Exchanged, a secret may stand at one of the names; it has no second one.
            for (const char* part : {"/a/", "/b/"}) {
                // By one descriptor: the name may be exchanged between two looks at it.
                const std::string name = directory / "to" + part + std::to_string(i);
                const int fd = open(name.c_str(), O_RDONLY | O_CLOEXEC);
                if (fd < 0)
                    continue;
                char content[7] = {};
                struct stat there = {};
                if (read(fd, content, 6) == 6 && content == std::string("secret") &&
                    fstat(fd, &there) == 0)
                    CHECK(there.st_nlink == 1);
                close(fd);
            }
        }
    } while (std::chrono::steady_clock::now() < until);
}

} // namespace live
