// What is known of the two ends of a copy, and so the grounds for the choice of its method.
#pragma once

#include "copy/company.h"
#include "copy/method.h"
#include "copy/move.h"
#include "io/dirty_pages.h"

namespace arsync {

class Survey {
public:
    // Asks only for what the choice will look at: small files are most files.
    Survey(const Io& io, const Ends& ends, const arsync_copy_options& options);

    Grounds grounds;

    // The method, with all that the choice should know of the source.
    Method choose();
    bool ask_page_cache(PageCache& out);

    const struct statx& source() const { return *ends_.source_facts; }
    const struct statx& destination() const {
        return asked_destination_ ? destination_ : *ends_.destination_facts;
    }
    uint64_t length() const { return ends_.source_end - ends_.source_begin; }
    bool same_device() const;
    bool finds_holes() const; // whether the filesystem is asked for the source's holes
    bool knows_holes() const; // and they are what they seem, without writing anything back
    // There is a file to be moved for each processor.
    bool in_company() const { return company_.is_complete(); }
    bool reserving_pays() const { return reserving_pays_; }
    // True: the source ends at its size. False: the size is a guess, and it ends where read(2)
    // gives 0.
    bool source_ends_where_it_says() const { return from_.exact || !S_ISREG(source().stx_mode); }
    // Whether the source has one there, by reading it.
    Task<bool> has_byte(Control& control, uint64_t at) const;
    const Filesystem& from() const { return from_; }
    const Filesystem& to() const { return to_; }

private:
    // How much of the source is cached, if the choice should know and does not yet. Asked only when
    // blocks cannot be shared: cachestat(2) looks at every page of the file, which takes longer
    // than to share them all. True: there is something new to choose by.
    bool ask_cache();
    void gather();
    void ask_destination();
    void gather_alignments();
    bool is_all_below() const; // cached, in the files that an overlay stands on
    Residency sampled_residency();
    bool has_room_in_cache();
    uint64_t stored() const;

    const Io& io_;
    const Ends& ends_;
    const arsync_copy_options& options_;
    bool asked_destination_ = false;
    struct statx destination_;
    Filesystem from_; // of what has offsets
    Filesystem to_;
    bool reserving_pays_ = false;
    Company::Member company_; // if it is large
    PromisedPages promised_;
    bool asks_cache_ = false; // the choice will look at grounds.cached, which is not known yet
};

// Whether a file has a byte there, by reading it.
Task<bool> has_byte(Io io, Control& control, int fd, uint64_t at, Stage stage, Route route);

// Of an open file.
Filesystem filesystem_of(const Io& io, int fd, const struct statx& facts);
// Whether all of a source's data is moved, whatever filesystem it goes to, and so much of it in one
// piece.
bool goes_through_memory(const Filesystem& from, const struct statx& source,
                         const arsync_copy_options& options);
bool goes_in_one_piece(const Filesystem& from, const struct statx& source, uint64_t length,
                       const arsync_copy_options& options);

// Whether a file was last written so long ago that the disk has it all: one look at a clock, where
// cachestat(2) looks at each page, and tells only those who may write to the file.
bool is_settled(Files& files, const struct statx& facts);

// Whether some of it is in memory alone. Of a large one its ends tell, for what is written goes to
// the disk from the front on, and most that grow do so at the back: to look at each page takes
// longer than to share them. Where it cannot be asked: yes.
bool may_be_dirty(Files& files, int fd, uint64_t begin, uint64_t length);

// Whether it is read and written at offsets; otherwise it is a stream.
bool has_offsets(const struct statx& facts);

} // namespace arsync
