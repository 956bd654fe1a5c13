#include "ring.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <random>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <thread>
#include <unistd.h>

namespace news {

static constexpr size_t huge_page_size = 2 * mib;

Memory::Memory(size_t bytes) : size_(bytes + huge_page_size) {
    mapped_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped_ == MAP_FAILED)
        die("mmap", errno);
    madvise(mapped_, size_, MADV_DONTFORK);
    const auto misplaced = reinterpret_cast<uintptr_t>(mapped_) % huge_page_size;
    begin_ = static_cast<char*>(mapped_) + (misplaced > 0 ? huge_page_size - misplaced : 0);
    madvise(begin_, bytes, MADV_HUGEPAGE);
}

Memory::~Memory() {
    munmap(mapped_, size_);
}

Ring::Ring(unsigned entries, unsigned setup) {
    io_uring_params params{};
    params.flags = setup | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    params.cq_entries = std::max(entries * 4, 512u);
    const int error = io_uring_queue_init_params(entries, &ring_, &params);
    if (error == -EINVAL && setup != usual_setup)
        throw Absent{"io_uring_setup(2) does not take the flag"};
    if (error < 0)
        die("a ring", -error);
    io_uring_ring_dontfork(&ring_);
}

// Closing it alone gives its locked pages back some time later.
Ring::~Ring() {
    io_uring_unregister_buffers(&ring_);
    io_uring_queue_exit(&ring_);
}

void Ring::make_table(unsigned count) {
    const int error = io_uring_register_buffers_sparse(&ring_, count);
    if (error < 0)
        die("a table of buffers", -error);
}

int Ring::register_buffer(unsigned index, char* data, size_t size) {
    const iovec part{data, size};
    const __u64 tag = 0;
    const int result = io_uring_register_buffers_update_tag(&ring_, index, &part, &tag, 1);
    if (result < 0)
        die("register a buffer", -result);
    return result;
}

void Ring::limit_threads(unsigned count) {
    unsigned limits[2] = {count, count};
    if (count > 0 && io_uring_register_iowq_max_workers(&ring_, limits) < 0)
        throw Absent{"IORING_REGISTER_IOWQ_MAX_WORKERS is refused"};
}

io_uring_sqe& Ring::entry() {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    if (!sqe)
        die("an entry of a ring", EBUSY);
    *sqe = {};
    return *sqe;
}

// As struct io_uring_getevents_arg since Linux 6.12.
struct EnterArguments {
    uint64_t signals = 0;
    uint32_t signals_size = 0;
    uint32_t min_wait_us = 0;
    uint64_t time = 0;
};

// liburing has no call with these flags, so the queue's end is told to the kernel here.
void Ring::enter(const Wait& wait) {
    io_uring_sq& queue = ring_.sq;
    unsigned submitted = 0;
    for (unsigned i = *queue.ktail; i != queue.sqe_tail; ++i, ++submitted)
        if (queue.array)
            queue.array[i & queue.ring_mask] = i & queue.ring_mask;
    queue.sqe_head = queue.sqe_tail;
    io_uring_smp_store_release(queue.ktail, queue.sqe_tail);
    // Without a time after which to return in any case it would return with nothing after min_us.
    const __kernel_timespec long_time{60, 0};
    EnterArguments more;
    more.min_wait_us = wait.min_us;
    more.time = reinterpret_cast<uintptr_t>(&long_time);
    const unsigned flags =
        IORING_ENTER_GETEVENTS | wait.flags | (wait.min_us > 0 ? IORING_ENTER_EXT_ARG : 0);
    long result;
    do {
        ++enters_;
        result =
            syscall(SYS_io_uring_enter, ring_.ring_fd, submitted, wait.count, flags,
                    wait.min_us > 0 ? &more : nullptr, wait.min_us > 0 ? sizeof more : size_t{0});
    } while (result < 0 && errno == EINTR);
    if (result < 0 || (submitted > 0 && static_cast<unsigned>(result) != submitted))
        die("io_uring_enter", result < 0 ? errno : EIO);
}

namespace {

// The pieces that are left, which all rings of a move take from.
class Pieces {
public:
    explicit Pieces(const Move& what) : order_(what.any_order ? count(what) : 0) {
        std::iota(order_.begin(), order_.end(), size_t{0});
        std::shuffle(order_.begin(), order_.end(), std::mt19937(1));
        count_ = count(what);
    }

    bool take(uint64_t& piece) {
        const size_t next = next_++;
        if (next < count_)
            piece = order_.empty() ? next : order_[next];
        return next < count_;
    }

private:
    static size_t count(const Move& what) {
        return (what.from ? what.from : what.to)->size() / what.chunk;
    }

    std::vector<size_t> order_;
    size_t count_ = 0;
    std::atomic<size_t> next_ = 0;
};

// One ring's part of a move. A slot is a buffer, in which a piece is read or written.
class Part {
public:
    Part(const Move& what, Pieces& pieces)
        : what_(what), pieces_(pieces), memory_(what.depth * what.chunk),
          ring_(std::max(64u, what.depth), what.setup), slots_(what.depth) {
        ring_.make_table(what.depth);
        for (unsigned i = 0; i < what.depth; ++i)
            ring_.register_buffer(i, buffer(i), what.chunk);
        if (!what.from)
            memset(memory_.begin(), 'x', what.depth * what.chunk);
        ring_.limit_threads(what.kernel_threads);
        check_features();
    }

    void run() {
        for (unsigned i = 0; i < what_.depth; ++i)
            begin(i);
        while (in_flight_ > 0) {
            Wait wait = what_.wait;
            wait.count = std::min(wait.count, in_flight_);
            ring_.enter(wait);
            reap();
        }
    }

    uint64_t enters() const { return ring_.enters(); }

private:
    struct Slot {
        uint64_t piece = 0;
        bool writes = false;
    };

    char* buffer(unsigned i) const { return memory_.begin() + i * what_.chunk; }

    void check_features() {
        const unsigned features = ring_.raw().features;
        if (what_.wait.min_us > 0 && (features & feature_min_timeout) == 0)
            throw Absent{"no IORING_FEAT_MIN_TIMEOUT"};
        if ((what_.wait.flags & enter_no_iowait) != 0 && (features & feature_no_iowait) == 0)
            throw Absent{"no IORING_FEAT_NO_IOWAIT"};
    }

    void begin(unsigned i) {
        if (!pieces_.take(slots_[i].piece))
            return;
        slots_[i].writes = !what_.from;
        submit(i);
    }

    void submit(unsigned i) {
        const bool writes = slots_[i].writes;
        const Place place = (writes ? what_.to : what_.from)->at(slots_[i].piece * what_.chunk);
        io_uring_sqe& sqe = ring_.entry();
        io_uring_prep_rw(writes ? write_fixed : read_fixed, &sqe, place.fd, buffer(i),
                         static_cast<unsigned>(what_.chunk), place.offset);
        sqe.buf_index = static_cast<uint16_t>(i);
        sqe.rw_flags = what_.flags;
        sqe.user_data = i;
        ++in_flight_;
    }

    void reap() {
        unsigned head;
        unsigned count = 0;
        io_uring_cqe* cqe;
        io_uring_for_each_cqe(&ring_.raw(), head, cqe) {
            ++count;
            --in_flight_;
            if (cqe->res == -EOPNOTSUPP || (cqe->res == -EINVAL && what_.flags != 0))
                throw Absent{std::string("the file system says: ") + strerror(-cqe->res)};
            if (cqe->res != static_cast<int>(what_.chunk))
                die("a transfer", cqe->res < 0 ? -cqe->res : EIO);
            go_on(static_cast<unsigned>(cqe->user_data));
        }
        io_uring_cq_advance(&ring_.raw(), count);
    }

    void go_on(unsigned i) {
        const bool was_read = !slots_[i].writes && what_.to;
        if (was_read && what_.writes_now) {
            const Place place = what_.to->at(slots_[i].piece * what_.chunk);
            need(static_cast<int>(
                     pwrite(place.fd, buffer(i), what_.chunk, static_cast<off_t>(place.offset))),
                 "pwrite");
        } else if (was_read) {
            slots_[i].writes = true;
            submit(i);
            return;
        }
        begin(i);
    }

    const Move& what_;
    Pieces& pieces_;
    Memory memory_;
    Ring ring_;
    std::vector<Slot> slots_;
    unsigned in_flight_ = 0;
};

} // namespace

Moved move(const Move& what, unsigned rings) {
    Pieces pieces(what);
    std::atomic<uint64_t> enters = 0;
    const auto work = [&] {
        Part part(what, pieces);
        part.run();
        enters += part.enters();
    };
    if (rings == 1) { // whose Absent is told
        work();
        return {enters};
    }
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < rings; ++i)
        threads.emplace_back(work);
    threads.clear();
    return {enters};
}

} // namespace news
