// The file a copy writes to, from opening it to giving it its name.
//
// Until publish() has succeeded, nothing is left behind at a name that was new: going out of scope
// removes it. Four ways to write:
//
//    existing    a file that was there, overwritten in place; never removed, unless it was made as
//                what a link named that led nowhere
//    created     made at its final name; for small files, and where the others cannot be had
//    unnamed     O_TMPFILE, linked to its name when complete: not even SIGKILL leaves a part of it
//    temporary   ".NAME.arsync-XXXXXXXX", renamed when complete; where unnamed cannot be had
#pragma once

#include <optional>
#include <string>

#include "copy/copy.h"
#include "copy/identity.h"
#include "copy/metadata.h"

namespace arsync {

// Whether it is this file that cannot be opened for writing, rather than any just now: only then
// may it be removed instead.
bool gives_way_to_force(int error);

class Destination {
public:
    // no_acl: the source is known to have none. may_be_unnamed: false where linking was denied.
    Destination(Io io, const FileCopy& copy, const arsync_copy_options& options, bool no_acl,
                bool may_be_unnamed);
    Destination(const Destination&) = delete;
    Destination& operator=(const Destination&) = delete;
    ~Destination();

    // Create it, if that takes no look at what is there: one call does it for what is small, and
    // what is large has no name yet where one is to be made or known to be free. False: it takes
    // open().
    bool create_at_once(const struct statx& source, Control& control);
    // Open or create it for content of the source's kind and size. Waits only for a FIFO's reader.
    Task<void> open(const struct statx& source, Control& control);
    // Empty it, and write it again from its beginning: opened anew, for there are servers that take
    // O_TRUNC there and nowhere else, and count what is written from there.
    void begin_anew(Control& control, const Error& refusal);
    // Close it, as some servers want before they let it be read, and open it for reading.
    void reopen_to_read(Control& control);
    bool readable() const { return readable_; }
    // The data and metadata are complete: close it and let it be seen at its name. Gives the file
    // back, open, if it has no name and may not be given one after all: a sandbox or a security
    // module has denied what only the attempt could tell. Then it is to be copied to a name.
    File publish(Control& control);
    // Whether that may take long, so many bytes having been written.
    bool is_slow_to_publish(uint64_t bytes) const;
    // The copy has failed: close it, and remove it if it was new. Whether that was so. Not to be
    // used afterwards.
    bool discard();
    // Another is to be made in its place: remove it, which must not fail where nothing may be
    // there.
    void make_way();
    // Make the name durable. If that fails, a name that was new is removed after all.
    Task<void> sync_name(Control& control);

    int fd() const { return file_.get(); }
    const struct statx& facts(); // of the open file
    bool regular() { return S_ISREG(facts().stx_mode); }
    // Whether they tell where it is: of a small new one it may not have been asked.
    bool knows_device() const { return !guessed_ || copy_.new_file.known; }
    // The file that atomic replacement replaces, or null.
    const Replaced* replaced() const { return replaced_ ? &*replaced_ : nullptr; }
    // Whether the name was free.
    bool is_new() const { return new_name_; }
    bool was_there() const { return kind_ == Kind::existing; } // the file itself, not only the name
    // On the worker, when publish() has ended, wherever that ran.
    void note_linked() {
        if (linked_ && io_.memo)
            io_.memo->has_linked = true;
    }
    const FinalMode& final_mode() const { return final_mode_; }
    // Whether it was made where there are no ACLs to inherit.
    bool has_no_acl() const { return has_no_acl_; }
    // Whether its description is somebody else's.
    bool shared() const { return shared_; }
    // Whether the old one had to be removed.
    bool removed() const { return removed_; }

private:
    enum class Kind { none, existing, created, unnamed, temporary };

    bool create_small(const struct statx& source);
    Task<void> open_existing(const struct statx& source, const struct statx& found,
                             Control& control);
    Task<void> open_given(const struct statx& source);
    Task<void> prepare_existing(const struct statx& source);
    Task<int> open_for_writing(int flags, const struct statx& source, const struct statx& found,
                               Control& control);
    bool replaces_atomically() const;
    bool reads_back() const;
    mode_t creation_mode(const struct statx& source) const;
    static bool refuses_access(int error);
    int open_to_write(int dirfd, const char* path, int flags, mode_t mode);
    int open_emptied(int flags, const struct statx& source);
    int reopen(int flags, int& closed);
    void make_target(const struct statx& source);
    void remove_target();
    Task<void> replace_by_force(const struct statx& source, const struct statx& found);
    void create(const struct statx& source);
    bool create_at_name(const struct statx& source, bool required);
    bool can_be_linked() const;
    bool create_unnamed(const struct statx& source);
    void create_temporary(const struct statx& source);
    mode_t unpreserved_mode(const struct statx& source) const;
    mode_t withheld(const struct statx& source) const;
    void plan_mode(const struct statx& source);
    void refuse_unasked(const struct statx& found) const;
    int stat_name(int at_flags, struct statx& out) const;
    int directory();
    const char* name() const { return copy_.destination.c_str() + name_at_; } // in it
    int remove_partial();

    Io io_;
    const FileCopy& copy_;
    const arsync_copy_options& options_;
    const bool nofollow_;
    const bool exclusive_;
    const bool no_source_acl_;
    const bool may_be_unnamed_;
    const size_t name_at_; // in its path
    File directory_;
    File file_;
    Kind kind_ = Kind::none;
    std::string temporary_name_;
    bool readable_ = false; // open for reading too
    bool emptied_ = false;  // by its opening
    bool new_name_ = false; // nothing was at the name when the copy began
    bool published_ = false;
    bool linked_ = false; // it had no name, and was given one
    bool removed_ = false;
    bool shared_ = false;
    bool has_no_acl_ = false;
    bool has_facts_ = false;
    bool guessed_ = false; // facts_ are known only as far as a small new file's copy looks at them
    struct statx facts_ = {};
    std::optional<Replaced> replaced_;
    FinalMode final_mode_;
    File target_directory_; // that has the name of what a link leads to, to be synced
    std::string target_;    // what a link that led nowhere names, if it was made
    Identity target_id_;
};

} // namespace arsync
