// Names of a directory that was there, on a filesystem where two spellings may be one name.
#include <doctest/doctest.h>

#include <cerrno>
#include <fcntl.h>
#include <map>

#include "copy/tree/folding.h"
#include "sim/files.h"
#include "sim/tree.h"

namespace arsync::sim {

namespace {

// A spelling leads to what is listed by another.
class OtherSpellings final : public SimulatedFiles {
public:
    using SimulatedFiles::SimulatedFiles;
    int statx(int dirfd, const char* path, int at_flags, struct statx& out) override {
        const auto listed = spellings.find(path);
        return SimulatedFiles::statx(
            dirfd, listed == spellings.end() ? path : listed->second.c_str(), at_flags, out);
    }

    std::map<std::string, std::string> spellings;
};

class Directories {
public:
    Directories() {
        for (const char* name : {"longname.txt", "other"})
            add_file(world, to_, name, {}, 0644);
        add_directory(world, to_, "longdirectory");
        add_name(world, to_, "first", add_file(world, to_, "second", {}, 0644));
        files.spellings = {{"LONGNA~1", "longname.txt"},
                           {"longna~1", "longname.txt"},
                           {"LONGDI~1", "longdirectory"},
                           {"SECO~1", "second"},
                           {"OTHER", "other"}};
    }
    ~Directories() {
        files.close(source);
        files.close(destination);
    }
    Directories(const Directories&) = delete;
    Directories& operator=(const Directories&) = delete;

    // 0: it is taken over, 1: it is free, or a negative errno.
    int ask(Folding& folding, const char* name) {
        try {
            return folding.is_free(files, source, destination, name, ARSYNC_STAGE_OPEN_DESTINATION);
        } catch (const Error& error) {
            return -error.code;
        }
    }
    int open(const char* name) { return files.open(AT_FDCWD, name, O_RDONLY | O_DIRECTORY, 0); }

    World world{WorldOptions{}};
    OtherSpellings files{world};
    const InodeNumber from_ = add_directory(world, world.disk.root().number, "from");
    const InodeNumber to_ = add_directory(world, world.disk.root().number, "to");
    const int source = open("from");
    const int destination = open("to");
};

} // namespace

TEST_CASE("a name that leads to what is spelled otherwise takes that over, known by its inode") {
    Directories at;
    Folding folding(at.files, at.destination);
    CHECK(at.ask(folding, "new") == 1);
    CHECK(at.ask(folding, "other") == 0); // as it is listed
    CHECK(at.ask(folding, "LONGNA~1") == 0);
    CHECK(at.ask(folding, "LONGDI~1") == 0);
    CHECK(at.ask(folding, "OTHER") == 0);
    CHECK_FALSE(folding.is_in_doubt());
    CHECK(at.ask(folding, "longna~1") == -EEXIST); // another has it now
    CHECK_FALSE(folding.may_be_extra("longname.txt"));
    CHECK(folding.may_be_extra("second"));
}

TEST_CASE("what a name of the source leads to is not extra, though its entry takes nothing over") {
    Directories at;
    Folding folding(at.files, at.destination);
    const auto note = [&](const char* name) {
        folding.note_source(at.files, at.source, at.destination, name);
    };
    note("new");
    note("LONGNA~1");
    CHECK_FALSE(folding.may_be_extra("longname.txt"));
    CHECK(folding.may_be_extra("longdirectory"));
    CHECK(at.ask(folding, "longna~1") == 0); // it is still to be taken
    CHECK_FALSE(folding.is_in_doubt());
    note("SECO~1");
    CHECK(folding.is_in_doubt());
}

TEST_CASE("of the names of one file nobody knows which another spelling is, so it is in doubt") {
    Directories at;
    Folding folding(at.files, at.destination);
    CHECK(at.ask(folding, "SECO~1") == -EEXIST);
    CHECK(folding.is_in_doubt());
}

TEST_CASE("what the source has by the name that is listed is not taken over by another spelling") {
    Directories at;
    add_file(at.world, at.from_, "longname.txt", {}, 0644);
    Folding folding(at.files, at.destination);
    CHECK(at.ask(folding, "LONGNA~1") == -EEXIST);
    CHECK_FALSE(folding.is_in_doubt());
}

} // namespace arsync::sim
