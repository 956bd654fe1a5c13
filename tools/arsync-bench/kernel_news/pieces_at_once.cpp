// IORING_OP_READV_FIXED and WRITEV_FIXED, Linux 6.15: several pieces of a registered buffer in one
// entry. In the file the pieces follow each other, as with readv(2).
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/uio.h>

#include "parts.h"
#include "ring.h"

namespace news {

namespace {

constexpr size_t buffer_size = 2 * mib;

enum class As { pieces, vector, whole };

// The file, a buffer's length after the other. In the buffer the pieces lie in the reverse order,
// so that nothing can take them for one.
Figures transfer(const Files& files, bool writes, As as, size_t piece) {
    const size_t count = buffer_size / piece;
    Memory memory(buffer_size);
    memset(memory.begin(), 'x', buffer_size);
    Ring ring(as == As::pieces ? static_cast<unsigned>(count) : 64u);
    ring.make_table(1);
    ring.register_buffer(0, memory.begin(), buffer_size);
    std::vector<iovec> parts;
    for (size_t i = count; i-- > 0;)
        parts.push_back({memory.begin() + i * piece, piece});
    const auto prepare = [&](int op, const void* data, size_t length, uint64_t offset) {
        io_uring_sqe& sqe = ring.entry();
        io_uring_prep_rw(op, &sqe, files.fd(), data, static_cast<unsigned>(length), offset);
        sqe.user_data = 1;
    };
    const int fixed = writes ? write_fixed : read_fixed;
    const Meter meter;
    for (uint64_t at = 0; at < files.size(); at += buffer_size) {
        if (as == As::vector)
            prepare(writes ? writev_fixed : readv_fixed, parts.data(), count, at);
        else if (as == As::whole)
            prepare(fixed, memory.begin(), buffer_size, at);
        for (size_t i = 0; as == As::pieces && i < count; ++i)
            prepare(fixed, parts[i].iov_base, piece, at + i * piece);
        const unsigned entries = as == As::pieces ? static_cast<unsigned>(count) : 1;
        Wait all;
        all.count = entries;
        ring.enter(all);
        unsigned head;
        unsigned seen = 0;
        uint64_t moved = 0;
        io_uring_cqe* cqe;
        io_uring_for_each_cqe(&ring.raw(), head, cqe) {
            ++seen;
            if (cqe->res == -EINVAL && as == As::vector)
                throw Absent{"no IORING_OP_READV_FIXED"};
            if (cqe->res < 0)
                die("a transfer", -cqe->res);
            moved += static_cast<uint64_t>(cqe->res);
        }
        io_uring_cq_advance(&ring.raw(), seen);
        if (moved != buffer_size)
            die("a short transfer", EIO);
    }
    return {meter.seconds(), meter.cpu_seconds()};
}

} // namespace

void pieces_at_once(const World& world) {
    const size_t size = std::max(world.size / 16, buffer_size);
    world.make_source(size);
    const auto rows = [&](const std::string& work, int flags, bool writes, size_t piece) {
        const Files files(world.source(), flags, size);
        if ((flags & O_DIRECT) == 0)
            files.read_in();
        const auto way = [&](As as) {
            return [=, &files] { return transfer(files, writes, as, piece); };
        };
        const std::string kind = writes ? "WRITE" : "READ";
        hold({std::to_string(size / mib) + " MiB in pieces of " + std::to_string(piece / kib) +
                  " KiB, " + work + " (" + world.file_system + ")",
              {"s", "CPU s"},
              {{kind + "_FIXED each", way(As::pieces)},
               {kind + "V_FIXED of 2 MiB", way(As::vector)},
               {"one " + kind + "_FIXED of 2 MiB", way(As::whole)}}});
    };
    for (const size_t piece : {4 * kib, 16 * kib, 64 * kib})
        rows("read, cached", O_RDWR, false, piece);
    for (const size_t piece : {4 * kib, 64 * kib}) {
        rows("read, O_DIRECT", O_RDWR | O_DIRECT, false, piece);
        rows("written, O_DIRECT", O_RDWR | O_DIRECT, true, piece);
    }
}

} // namespace news
