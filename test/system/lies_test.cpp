// Filesystems that say that something is of another kind than it is, in a listing or when they are
// asked; and those on which a file can be written once.
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "system/check.h"
#include "system/faulty_mount.h"
#include "system/tree.h"
#include "system/works.h"

namespace live {

namespace {

constexpr const char* kinds[] = {"file", "directory", "link", "fifo", "socket", "device"};
// A file, a link, a directory and a FIFO, as parts of paths; at length others too.
std::vector<std::string> lied_about() {
    if (getenv("ARSYNC_FAULTS_AT_LENGTH"))
        return {"small", "large", "link", "dangling", "empty", "fifo", "socket", "/a/b"};
    return {"small", "link", "empty", "fifo"};
}

struct Sides {
    const FaultyMount mount;
    const Directory plain{shared_volume(Kind::tmpfs)};
    const Place faulty;
    explicit Sides(const std::string& option)
        : mount({option}), faulty(mount.path(), mount.backing()) {}
};

// "", or what does not hold; both ways.
std::string copy_from_and_to(Sides& sides, uint32_t backend, const std::string& part) {
    std::string wrong;
    for (const bool from : {true, false}) {
        for (const std::string& place : {sides.mount.backing(), sides.plain.path()})
            for (const auto& entry : std::filesystem::directory_iterator(place))
                std::filesystem::remove_all(entry.path());
        const Place plain(sides.plain.path());
        Works works(from ? sides.faulty : plain, from ? plain : sides.faulty,
                    {ARSYNC_METHOD_AUTO, ARSYNC_METHOD_FIXED});
        const auto outcomes = std::make_unique<Outcomes>();
        works.prepare();
        const size_t descriptors = open_descriptors();
        works.run(backend, *outcomes);
        if (!outcomes->hung && open_descriptors() != descriptors)
            wrong += "it leaves descriptors open\n";
        wrong += works.judge(*outcomes, {.names_stay = false, .lied_about = part});
    }
    return wrong;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "a listing that lies about kinds makes no copy lie") {
    size_t number = 0;
    for (const std::string kind : kinds)
        for (const std::string part : {"", "small"}) {
            Sides sides("listed_as=" + kind + ":" + part);
            NEEDS(sides.mount);
            CAPTURE(kind);
            CAPTURE(part);
            CHECK(copy_from_and_to(sides, backends()[number++ % backends().size()], "") == "");
        }
}

// What of it is right nobody can know; but all else is, and all ends.
TEST_CASE_FIXTURE(Clean, "what is shown as another kind than it is spoils no other copy") {
    size_t number = 0;
    for (const std::string kind : kinds)
        for (const std::string& part : lied_about()) {
            Sides sides("shown_as=" + kind + ":" + part);
            NEEDS(sides.mount);
            CAPTURE(kind);
            CAPTURE(part);
            CHECK(copy_from_and_to(sides, backends()[number++ % backends().size()], part) == "");
        }
}

TEST_CASE_FIXTURE(Clean, "where a file can be written once, new ones are copied whole") {
    const FaultyMount mount({"write_once"});
    NEEDS(mount);
    const Directory plain(shared_volume(Kind::tmpfs));
    Works works(plain.path(), Place(mount.path(), mount.backing()));
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const auto outcomes = std::make_unique<Outcomes>();
        works.prepare();
        works.run(backend, *outcomes);
        INFO(works.tell_errors(*outcomes));
        CHECK(works.judge(*outcomes) == "");
        for (const char* name : {"alone", "by auto", "by inline", "by fixed", "by direct", "small",
                                 "durable", "dropped", "removed", "atomic", "careful", "tree",
                                 "new atomic tree", "careful tree", "mirror", "entries", "list"}) {
            CAPTURE(name);
            CHECK(works.result_of(name, *outcomes) == 0);
        }
        CHECK(works.result_of("in place", *outcomes) == -EPERM);
    }
}

// Where a position counts names, it means another one as soon as one of these goes.
TEST_CASE_FIXTURE(Clean, "a mirror removes all that is extra, whatever its listing passes over") {
    const FaultyMount mount({"list_by_number"});
    NEEDS(mount);
    const Directory local;
    REQUIRE(mkdir((local / "from").c_str(), 0755) == 0);
    write_file(local / "from/stays", "content");
    REQUIRE(mkdir((mount.backing() + "/to").c_str(), 0755) == 0);
    constexpr int count = 1000; // several buffers of names
    for (int i = 0; i < count; ++i)
        write_file(mount.backing() + "/to/extra " + std::to_string(i), "");
    Pool pool;
    Options options = recursive(ARSYNC_COPY_MIRROR);
    options.with_want(ARSYNC_WANT_TOTALS);
    REQUIRE(pool.submit(local / "from", mount / "to", options) != 0);
    const arsync_completion done = pool.wait();
    INFO(words(done));
    CHECK(done.result == 0);
    REQUIRE(done.details != nullptr);
    CHECK(done.details->totals->removed == count);
    CHECK(system(("test \"$(ls " + mount.backing() + "/to)\" = stays").c_str()) == 0);
}

} // namespace live
