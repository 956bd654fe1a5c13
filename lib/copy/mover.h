// Carrying a method out: one way after the other, as the choice falls, and then what is the same
// for all.
//
// When the kernel refuses a method, the fact that allowed it is cleared, and attempt() is false.
#pragma once

#include <optional>

#include "copy/data_and_holes.h"
#include "copy/hole_policy.h"
#include "copy/move.h"
#include "copy/stretch.h"
#include "copy/survey.h"

namespace arsync {

class Mover {
public:
    Mover(Io io, const Ends& ends, const arsync_copy_options& options, Control& control,
          Digest* digest, Survey& survey);
    Mover(const Mover&) = delete;
    Mover& operator=(const Mover&) = delete;

    // False: choose again, and begin anew.
    Task<bool> attempt(Method method);
    // Whether that error says that the destination takes nothing but all of it in order; and what
    // has come of the attempt then.
    bool refuses_disorder(const Error& error) const;
    Moved to_be_ordered(const Error& refusal);
    // Whether it says that the source has no offsets; then the next attempt is without.
    bool refuses_offsets(const Error& error);
    // After an attempt that is true.
    Task<Moved> finish();
    // After an error: give back the blocks that were reserved.
    Task<void> give_back();

private:
    const struct statx& source() const { return survey_.source(); }
    const struct statx& destination() const { return survey_.destination(); }
    uint64_t length() const { return survey_.length(); }
    uint64_t to_destination(uint64_t source_offset) const {
        return source_offset - ends_.source_begin + ends_.destination_begin;
    }

    // move_by_kernel.cpp
    Task<bool> reflink();
    bool reflinks_at_once();
    bool notes_of_filesystem() const; // whether what this file shows is to be noted of it
    Task<void> count_shared_holes();
    Task<bool> offload();
    // False: it has to be copied as zeros.
    Task<bool> keep_hole(Piece hole);
    Task<std::optional<uint64_t>> offload_piece(Piece piece);
    uint64_t source_size();
    bool was_left_alone() const;
    Task<void> go_on_by_buffers(uint64_t from, Method method);
    Task<void> through_buffers(uint64_t begin, uint64_t end);
    uint64_t slice() const;

    Task<bool> pipeline_through_buffers();
    bool may_go_on() const;
    Stretch stretch(uint64_t begin, uint64_t end);
    void set_pipeline(Stretch& part) const;
    void set_holes(Stretch& part) const;
    void take_result(const Stretch& part);
    void set_size_first();
    Task<void> reserve();

    // move_directly.cpp
    Task<bool> pipeline_of_whole_blocks();
    Task<bool> run_direct(Stretch& body);

    // move_unsized.cpp
    Task<bool> stream();
    Task<bool> go_on_past_size();

    // What comes after it.
    Task<void> look_at_source_again();
    void compare_with(const struct statx& now);
    Task<void> compare_with_guess(struct statx now);
    Task<bool> is_cut_off();
    Task<void> set_size();
    Task<int64_t> truncate(uint64_t size, uint64_t less);

    // drop_cache.cpp
    Task<void> drop_cache();
    Task<void> drop_pages(int fd, uint64_t begin);
    Task<void> write_back();

    // move_digest.cpp
    Task<void> digest_source();
    bool digest_holds() const;
    Task<void> digest_what_there_is();
    Task<void> digest_of(Stretch reading);

    const Io io_;
    const Ends& ends_;
    const arsync_copy_options& options_;
    Control& control_;
    Digest* const digest_;
    const bool verifies_;
    const bool came_spent_ = control_.source_is_spent(); // and so it is not this source that is
    Survey& survey_;
    Grounds& grounds_ = survey_.grounds;
    HolePolicy holes_;

    Method method_ = ARSYNC_METHOD_AUTO;
    uint64_t end_ = 0;              // where the source turned out to end
    uint64_t written_end_ = 0;      // of the destination, in source offsets
    bool needs_any_order_ = false;  // not all is written once, in order and without holes
    bool data_bypassed_us_ = false; // not all passed through here: the digest is of the source,
                                    // read again
    bool reserving_ = false;        // blocks, which are not all written yet
    bool reserved_ = false;
    bool dropped_as_we_went_ = false;
    Moved moved_;
};

} // namespace arsync
