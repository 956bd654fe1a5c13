// The walk over data and holes, on a real file.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <vector>

#include "copy/data_and_holes.h"
#include "io/fd.h"

using namespace arsync;

namespace {

constexpr uint64_t block = DataAndHoles::block_size;
constexpr uint64_t chunk = 16 * block;

Fd temporary_file() {
    char name[] = "/tmp/arsync-extents-XXXXXX";
    Fd fd(mkstemp(name));
    unlink(name);
    REQUIRE(fd.get() >= 0);
    return fd;
}

void write_at(const Fd& fd, uint64_t offset, size_t length) {
    const std::string data(length, 'x');
    REQUIRE(pwrite(fd.get(), data.data(), length, static_cast<off_t>(offset)) ==
            static_cast<ssize_t>(length));
}

std::vector<Piece> walk(const Fd& fd, uint64_t begin, uint64_t end, bool find_holes = true) {
    SystemFiles files;
    DataAndHoles walk(files, fd.get(), begin, end, chunk, find_holes);
    std::vector<Piece> pieces;
    uint64_t expected = begin;
    for (Piece piece = walk.next(); piece.kind != Piece::Kind::end; piece = walk.next()) {
        CHECK(piece.offset == expected);
        CHECK(piece.length > 0);
        expected = piece.offset + piece.length;
        pieces.push_back(piece);
    }
    CHECK(expected == end);
    return pieces;
}

uint64_t data_bytes(const std::vector<Piece>& pieces) {
    uint64_t sum = 0;
    for (const Piece& piece : pieces)
        sum += piece.kind == Piece::Kind::data ? piece.length : 0;
    return sum;
}

} // namespace

TEST_CASE("holes are cut at multiples of the chunk where asked to") {
    const Fd fd = temporary_file();
    REQUIRE(ftruncate(fd.get(), 3 * chunk + 7) == 0);
    SystemFiles files;
    DataAndHoles walk(files, fd.get(), 0, 3 * chunk + 7, chunk, true, true);
    for (const uint64_t length : {chunk, chunk, chunk, uint64_t{7}}) {
        const Piece piece = walk.next();
        CHECK(piece.kind == Piece::Kind::hole);
        CHECK(piece.length == length);
    }
    CHECK(walk.next().kind == Piece::Kind::end);
}

TEST_CASE("data is cut at multiples of the chunk") {
    const Fd fd = temporary_file();
    write_at(fd, 0, 2 * chunk + 5);
    const auto pieces = walk(fd, 0, 2 * chunk + 5);
    REQUIRE(pieces.size() == 3);
    CHECK(pieces[0].length == chunk);
    CHECK(pieces[1].length == chunk);
    CHECK(pieces[2].length == 5);
}

TEST_CASE("chunks are counted from the beginning of the range") {
    const Fd fd = temporary_file();
    write_at(fd, 0, 3 * chunk);
    const auto pieces = walk(fd, 1000, 1000 + 2 * chunk);
    REQUIRE(pieces.size() == 2);
    CHECK(pieces[0].length == chunk);
    CHECK(pieces[1].offset == 1000 + chunk);
}

TEST_CASE("holes at the beginning, in the middle and at the end are one piece each") {
    const Fd fd = temporary_file();
    write_at(fd, 40 * block, block);
    write_at(fd, 80 * block, 2 * block);
    REQUIRE(ftruncate(fd.get(), 1000 * block) == 0);
    const auto pieces = walk(fd, 0, 1000 * block);
    REQUIRE(pieces.size() == 5);
    CHECK(pieces[0].kind == Piece::Kind::hole);
    CHECK(pieces[0].length == 40 * block);
    CHECK(pieces[1].kind == Piece::Kind::data);
    CHECK(pieces[2].kind == Piece::Kind::hole);
    CHECK(pieces[4].kind == Piece::Kind::hole);
    CHECK(pieces[4].length == 918 * block);
    CHECK(data_bytes(pieces) == 3 * block);
}

TEST_CASE("without looking for holes all is data") {
    const Fd fd = temporary_file();
    REQUIRE(ftruncate(fd.get(), 100 * block) == 0);
    CHECK(data_bytes(walk(fd, 0, 100 * block, false)) == 100 * block);
}

TEST_CASE("a range that begins inside a block keeps its data whole") {
    const Fd fd = temporary_file();
    write_at(fd, 10 * block, block);
    REQUIRE(ftruncate(fd.get(), 30 * block) == 0);
    const auto pieces = walk(fd, 100, 30 * block);
    REQUIRE(pieces.size() == 3);
    CHECK(pieces[1].kind == Piece::Kind::data);
    CHECK(pieces[1].offset <= 10 * block);
    CHECK(pieces[1].offset + pieces[1].length >= 11 * block);
    CHECK((pieces[1].offset - 100) % block == 0);
}

TEST_CASE("a file that shrank meanwhile ends the walk where it was to end") {
    const Fd fd = temporary_file();
    write_at(fd, 0, block);
    CHECK(data_bytes(walk(fd, 0, 100 * block)) == block);
}

TEST_CASE(
    "blocks that cover the size say that there is no hole, unless the filesystem compresses") {
    struct statx facts = {};
    facts.stx_size = 8192;
    facts.stx_blocks = 16;
    CHECK_FALSE(may_have_holes(facts, false));
    CHECK(may_have_holes(facts, true));
    facts.stx_blocks = 15;
    CHECK(may_have_holes(facts, false));
}

TEST_CASE("pieces are large if the first few are, on average") {
    const auto large = [](uint64_t piece, int count) {
        const Fd fd = temporary_file();
        for (int i = 0; i < count; ++i)
            write_at(fd, 2 * piece * static_cast<uint64_t>(i), piece);
        const uint64_t size = 2 * piece * static_cast<uint64_t>(count);
        REQUIRE(ftruncate(fd.get(), static_cast<off_t>(size)) == 0);
        SystemFiles files;
        return has_large_pieces(files, fd.get(), 0, size);
    };
    CHECK(large(1 << 20, 3));
    CHECK_FALSE(large((1 << 20) - block, 10));
    CHECK_FALSE(large(block, 100));
    CHECK(large(block, 0)); // a hole and no more
}
