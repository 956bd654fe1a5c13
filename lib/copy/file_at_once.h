// A file's copy where its name is free, and it is small and all in memory, or its blocks are
// shared: as in file.cpp, but nothing waits, and so nothing is a coroutine. Most files of most
// trees are such, and two dozen coroutines each took a good part of the user time.
#pragma once

#include <optional>

#include "copy/destination.h"
#include "copy/filesystem_kinds.h"

namespace arsync {

// The worker's small buffer, for the content of one such file or of some that are copied together.
class SmallRoom {
public:
    explicit SmallRoom(Buffers& buffers) : buffers_(buffers) {}
    // Null: there is no such room, or somebody else has the buffer.
    std::byte* take(size_t bytes);
    // Of what it had it needs nothing any more.
    void clear() { used_ = 0; }

private:
    Buffers& buffers_;
    std::optional<BufferLease> lease_; // from the first that takes some
    size_t used_ = 0;
};

// The four steps, in this order. Each may throw Error; then as by its destructor nothing is left of
// the copy. False: it would have to wait, or is out of the ordinary; nothing has come of it, and it
// takes copy_opened().
class FileAtOnce {
public:
    // All of it outlives this.
    FileAtOnce(Io io, const FileCopy& copy, const Source& source,
               const arsync_copy_options& options, Control& control, Outcome& outcome,
               SmallRoom& room);

    // Finds how the content comes to the copy, and reads what goes through memory.
    bool prepare();
    bool create();
    bool fill();
    // Looks whether the source has changed, and gives the copy attributes and its place.
    bool finish();

private:
    enum class Way : uint8_t { shared, by_kernel, through_buffer };

    bool is_plain() const;
    bool is_on_one_device() const;
    bool is_worth_sharing() const;
    bool may_share_blocks() const;
    bool may_go_by_kernel() const;
    std::optional<Way> find_way();
    std::optional<Way> read_through() {
        return read() ? std::optional(Way::through_buffer) : std::nullopt;
    }
    bool read();
    int64_t read_all();
    bool is_resident();
    bool ends_in_memory();
    bool ends_as_told();
    std::optional<Method> bring();
    bool share_blocks();
    bool copy_by_kernel();
    bool write();
    uint64_t end_of_copy(const struct statx& now);
    const struct statx& facts() const { return source_.facts; }
    uint64_t size() const { return source_.facts.stx_size; }

    const Io io_;
    const FileCopy& copy_;
    const Source& source_;
    const arsync_copy_options& options_;
    Control& control_;
    Outcome& outcome_;
    SmallRoom& room_;
    Filesystem from_;
    // What it may do besides going through a buffer.
    bool may_share_ = false;
    bool may_go_by_kernel_ = false;
    bool one_block_ = false; // sooner written than shared, unless there is no room for it
    Way way_ = Way::through_buffer;
    std::byte* data_ = nullptr;
    std::optional<Destination> destination_;
    Method method_ = ARSYNC_METHOD_AUTO;
};

// All steps of one. False: it takes copy_opened().
bool copy_at_once(Io io, const FileCopy& copy, const Source& source,
                  const arsync_copy_options& options, Control& control, Outcome& outcome);

} // namespace arsync
