// Names of any bytes and length, paths of any length, directories of any size.
#include <cerrno>
#include <fcntl.h>
#include <set>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "system/check.h"
#include "system/tree.h"

namespace live {

namespace {

// A descriptor with a chain of directories below it, each reached from the one above.
class Chain {
public:
    explicit Chain(const std::string& top) : fd_(open(top.c_str(), O_RDONLY | O_CLOEXEC)) {
        must(fd_);
    }
    Chain(const Chain&) = delete;
    Chain& operator=(const Chain&) = delete;
    ~Chain() { close(fd_); }

    void make(const char* name) { must(mkdirat(fd_, name, 0755)); }
    void enter(const char* name) {
        const int next = openat(fd_, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        must(next);
        close(fd_);
        fd_ = next;
    }
    void write(const char* name, const std::string& content) {
        const int file = openat(fd_, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        must(file);
        const ssize_t put = ::write(file, content.data(), content.size());
        close(file);
        must(put == static_cast<ssize_t>(content.size()) ? 0 : -1);
    }
    std::string read(const char* name) {
        const int file = openat(fd_, name, O_RDONLY | O_CLOEXEC);
        must(file);
        std::string content(1 << 16, '\0');
        const ssize_t got = ::read(file, content.data(), content.size());
        close(file);
        must(static_cast<int>(got));
        content.resize(static_cast<size_t>(got));
        return content;
    }

private:
    static void must(int result) {
        if (result < 0)
            throw std::system_error(errno, std::generic_category());
    }

    int fd_;
};

// Gone even where std::filesystem would run out of descriptors.
struct Removed {
    std::string path;
    ~Removed() { remove_tree(path); }
};

void copies_deep_tree(Kind kind) {
    NEEDS(shared_volume(kind));
    constexpr int depth = 2000;
    const Directory directory(shared_volume(kind));
    const Removed removed{directory.path()};
    const std::string name = "0123456789"; // 22,000 bytes of path in all
    make_directories(directory / "from");
    {
        Chain from(directory / "from");
        for (int i = 0; i < depth; ++i) {
            if (i % 100 == 0)
                from.write("file", pattern(1000, static_cast<uint32_t>(i)));
            from.make(name.c_str());
            from.enter(name.c_str());
        }
        from.write("last", "bottom");
    }
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        const std::string to = directory / backend_name(backend);
        const TreeCopy copy =
            copy_tree(pool, directory / "from", to, archive().with_report(ARSYNC_REPORT_ALL));
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK(copy.totals.directories == depth + 1);
        CHECK(copy.totals.files == depth / 100 + 1);
        size_t longest = 0;
        for (const Entry& entry : copy.entries)
            longest = std::max(longest, entry.path.size());
        CHECK(longest == depth * (name.size() + 1) + 4);
        Chain made(to);
        bool alike = true;
        for (int i = 0; i < depth; ++i) {
            if (i % 100 == 0)
                alike = alike && made.read("file") == pattern(1000, static_cast<uint32_t>(i));
            made.enter(name.c_str());
        }
        CHECK(alike);
        CHECK(made.read("last") == "bottom");
    }
}

} // namespace

TEST_CASE_FIXTURE(Clean, "names are bytes: newlines, invalid UTF-8, 255 of them") {
    for (const Kind kind : {Kind::ext4, Kind::xfs, Kind::btrfs, Kind::tmpfs, Kind::overlay}) {
        CAPTURE(name_of(kind));
        NEEDS(shared_volume(kind));
        const Directory directory(shared_volume(kind));
        std::string every_byte;
        for (int byte = 1; byte < 256; ++byte)
            if (byte != '/')
                every_byte += static_cast<char>(byte);
        const std::vector<std::string> names = {
            "new\nline", "\xff\xfe\x80",        "-rf",     " ", "~", "...", "*", "\\", "a'b\"c",
            "\x1b[31m",  std::string(255, 'x'), every_byte};
        for (const std::string& name : names) {
            make_directories(directory / ("from/" + name));
            for (const std::string& inner : names)
                write_file(directory / ("from/" + name + "/" + inner), name + inner);
            make_symlink(name, directory / ("from/" + name.substr(0, 254) + "\x01"));
        }
        Pool pool;
        const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to",
                                        archive().with_report(ARSYNC_REPORT_ALL));
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK(tree_difference(directory / "from", directory / "to") == "");
        for (const std::string& name : names) {
            CHECK(copy.find(name + "/" + every_byte));
            CHECK(copy.find(name.substr(0, 254) + "\x01"));
        }
    }
}

TEST_CASE_FIXTURE(Clean, "a temporary name fits beside a name of 255 bytes") {
    const Directory directory;
    const std::string name(255, 'n');
    make_directories(directory / "from");
    write_file(directory / ("from/" + name), "new");
    make_symlink("new", directory / ("from/" + std::string(255, 'l')));
    make_directories(directory / "to");
    write_file(directory / ("to/" + name), "old");
    make_symlink("old", directory / ("to/" + std::string(255, 'l')));
    Pool pool;
    const TreeCopy copy = copy_tree(pool, directory / "from", directory / "to",
                                    archive().with_replace(ARSYNC_REPLACE_ATOMIC));
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(tree_difference(directory / "from", directory / "to") == "");
}

TEST_CASE_FIXTURE(Clean, "a tree 2,000 directories deep is copied on ext4") {
    copies_deep_tree(Kind::ext4);
}
TEST_CASE_FIXTURE(Clean, "a tree 2,000 directories deep is copied on tmpfs") {
    copies_deep_tree(Kind::tmpfs);
}

TEST_CASE_FIXTURE(Clean, "what is 2,000 directories deep and extra is removed by a mirror") {
    const Directory directory;
    const Removed removed{directory.path()};
    make_directories(directory / "from");
    make_directories(directory / "to/extra");
    {
        Chain extra(directory / "to/extra");
        for (int i = 0; i < 2000; ++i) {
            extra.write("file", "x");
            extra.make("0123456789");
            extra.enter("0123456789");
        }
    }
    Pool pool;
    const TreeCopy copy =
        copy_tree(pool, directory / "from", directory / "to", recursive(ARSYNC_COPY_MIRROR));
    INFO(words(copy));
    CHECK(copy.job.result == 0);
    CHECK(copy.totals.removed == 4001);
    CHECK_FALSE(exists(directory / "to/extra"));
}

TEST_CASE_FIXTURE(Clean, "a flat directory of 20,000 files is copied") {
    constexpr int count = sanitized ? 5'000 : 20'000;
    const Directory directory;
    make_directories(directory / "from");
    for (int i = 0; i < count; ++i)
        write_file(directory / ("from/" + std::to_string(i)), std::to_string(i));
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        Pool pool{PoolOptions(backend)};
        const std::string to = directory / backend_name(backend);
        const TreeCopy copy = copy_tree(pool, directory / "from", to);
        INFO(words(copy));
        CHECK(copy.job.result == 0);
        CHECK(copy.totals.files == count);
        bool alike = true;
        for (int i = 0; i < count; ++i)
            alike = alike && read_file(to + "/" + std::to_string(i)) == std::to_string(i);
        CHECK(alike);
        CHECK(count_tree(to).entries == count + 1);
    }
}

} // namespace live
