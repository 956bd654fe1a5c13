// A walk over a source that says anything about its data and holes: each byte comes once, in order,
// and in pieces of the size that was asked for.
#include <cerrno>
#include <unistd.h>

#include "copy/data_and_holes.h"
#include "fuzz/fuzz.h"
#include "fuzz/no_files.h"

namespace fuzz {

namespace {

class Liar final : public NoFiles {
public:
    explicit Liar(Bytes& bytes) : bytes_(bytes) {}

    int64_t seek(int, int64_t offset, int) override {
        ++asked;
        switch (bytes_.below(6)) {
        case 0:
            return -ENXIO;
        case 1:
            return -EINVAL;
        case 2:
            return static_cast<int64_t>(bytes_.wild() >> 1);
        case 3:
            return offset;
        default:
            return offset + static_cast<int64_t>(bytes_.number<uint16_t>());
        }
    }
    uint64_t asked = 0;

private:
    Bytes& bytes_;
};

} // namespace

void holes(const uint8_t* data, size_t size) {
    using arsync::DataAndHoles;
    using arsync::Piece;
    Bytes bytes(data, size);
    constexpr uint64_t block = DataAndHoles::block_size;
    const uint64_t chunk = block * (1 + bytes.below(64));
    const uint64_t begin = bytes.wild() >> 2;
    const uint64_t end = begin + bytes.wild() % (chunk * 500);
    const bool finds = bytes.below(8) != 0;
    const bool cuts = bytes.coin();
    Liar liar(bytes);
    DataAndHoles walk(liar, 3, begin, end, chunk, finds, cuts);
    uint64_t at = begin;
    for (Piece piece = walk.next(); piece.kind != Piece::Kind::end; piece = walk.next()) {
        expect(piece.offset == at, "a gap or an overlap");
        expect(piece.length > 0 && piece.length <= end - at, "no length, or too much");
        const bool cut = cuts || piece.kind == Piece::Kind::data;
        expect(!cut || piece.length <= chunk, "larger than a chunk");
        const bool whole = (piece.offset + piece.length - begin) % block == 0;
        expect(whole || piece.offset + piece.length == end, "ends within a block");
        at += piece.length;
    }
    expect(at == end, "ends before its end");
    expect(liar.asked <= 2 * ((end - begin) / block + 2), "asks without end");
    has_large_pieces(liar, 3, begin, end);
}

} // namespace fuzz
