// A copy as the layers above order it: what to copy, how, with what, and what came of it.
#pragma once

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arsync.h"
#include "copy/control.h"
#include "copy/identity.h"
#include "copy/pace.h"
#include "copy/side.h"
#include "copy/umask.h"
#include "io/buffers.h"
#include "io/files.h"
#include "io/ring.h"
#include "task.h"

namespace arsync {

class Company;
class Disks;
struct BackedUp;
class Group;
class Links;
class Scarcity;
class Writers;
class MethodTurns;
class SyncPoint;

// Any of the flags: ARSYNC_COPY_*.
inline bool asks(const arsync_copy_options& options, uint32_t flags) {
    return (options.flags & flags) != 0;
}

// What came of sharing blocks the last time.
enum class Sharing : uint8_t { unknown, taken, refused };

// The last device whose filesystem was asked for: the files of a tree are mostly on one.
struct FilesystemMemo {
    bool known = false;
    uint32_t major = 0, minor = 0;
    uint64_t magic = 0;
    bool refuses_reflink = false; // from one file of it to another
    Sharing sharing = Sharing::unknown;
    bool refuses_copy_file_range = false;
    bool has_linked = false;        // a file without a name has been given one
    bool is_asked_first = false;    // whether a file is cached, as some are not
    unsigned resident_in_a_row = 0; // files below an overlay

    // What a file has shown is noted of its own filesystem alone: others are asked about meanwhile.
    bool is_of(const struct statx& file) const {
        return known && major == file.stx_dev_major && minor == file.stx_dev_minor;
    }
};

// The world a copy works in: its worker's.
struct Io {
    Files& files;
    Ring& ring;
    Buffers& buffers;
    Pace* pace = nullptr;           // null: as fast as it goes
    FilesystemMemo* memo = nullptr; // null: ask each time
    Company* company = nullptr;     // null: one file is moved at a time
    Disks* disks = nullptr;         // null: none has to seek
    MethodTurns* turns = nullptr;   // null: each file has as many chunks in flight as is usual
    bool alone = false;             // there are no threads: what is worth some throws WorthThreads

    Io with(FilesystemMemo& own) const {
        Io result = *this;
        result.memo = &own;
        return result;
    }
};

// Nothing was done yet of a copy that should have a pool.
struct WorthThreads {};
void refuse_worth_threads(const Io& io, const struct statx& source,
                          const arsync_copy_options& options);

// Count bytes against the limits of the pool and the job, and wait as they ask before they are
// moved. group: once one in it has failed nobody need wait; null: there is none.
Task<void> keep_pace(Io io, Control& control, uint64_t bytes, const Group* group = nullptr);
inline bool is_paced(Io io, const Control& control) {
    return io.pace || control.pace();
}
// For control.held(): until the job is paused no more, or cancelled.
Task<void> wait_while_held(Io io, const Control& control);

// What the directory tells of a file that is made in it.
struct NewFile {
    bool known = false; // that it will be on this device
    uint32_t device_major = 0, device_minor = 0;
    // It will have this owner and group, the mode that it is made with less the umask, and no ACL.
    bool plain = false;
    uid_t uid = 0;
    gid_t gid = 0;
    bool no_default_acl = false; // known of its directory
};

// What a question was about, at a destination: by this it is known again.
struct AskedAbout {
    Identity id;
    mode_t kind = 0; // S_IFMT
    bool is(const struct statx& found) const {
        return identity(found) == id && (found.stx_mode & S_IFMT) == kind;
    }
};

// Options are checked by the C wall; from there on every value is one of its enum's. Descriptors
// are the job's to close.
struct FileCopy {
    int source_dirfd = -1;
    std::string source;
    int destination_dirfd = -1;
    std::string destination;
    // What the two descriptors are is the file itself, and its name is empty.
    bool source_is_open = false;
    bool destination_is_open = false;
    int destination_flags = 0; // if so, fcntl(2)'s F_GETFL
    // Both names are single components in open directories of a tree, or of one that the job's
    // source is taken for: no symbolic link is followed. In a dry run the destination's directories
    // may be missing; then it is a path at which nothing is.
    bool beneath = false;
    // A regular file was seen at the source's name when the copy was begun.
    bool seen_regular = false;
    // The source is a symbolic link that is to be followed all the same.
    bool follows = false;
    // Nothing was at the destination when its directory was made or listed. What is there now is
    // another entry's copy, whose name is the same there: where case, or the way to write an
    // accent, makes no difference. It is -EEXIST, whatever the options say of what exists.
    bool fresh = false;
    // Nothing was at the destination a while ago, and most probably nothing is.
    bool was_absent = false;
    // An earlier item of the same list has made, or written to, what is at the destination: it
    // stays.
    bool just_created = false;
    // The source may be come upon by another name yet, whatever its count of links says.
    bool may_recur = false;
    // It is to be durable, and a directory that it is below cannot be synced.
    bool unsyncable = false;
    // Set if this copy is part of a tree or a list that is made durable as a whole. syncs: where a
    // tree notes what to sync at the end. durability (enum arsync_durability): what this file is to
    // be by itself. synced_later: the end syncs all of it; until then writing should merely have
    // begun, but what replaces a file atomically is synced before it does.
    SyncPoint* syncs = nullptr;
    std::optional<uint32_t> durability = {};
    bool synced_later = false;
    // The source's name from where the job was told to look for it, if that is not the above.
    int source_base_dirfd = -1;
    std::string source_from_base = {};
    NewFile new_file = {};    // what is known of a file that is made at the destination
    Umask* umask = nullptr;   // asked for once for many files; null: for this one
    Identity* made = nullptr; // where to say what file was written, for who asks
    const AskedAbout* asked =
        nullptr;                // what alone may be replaced at the destination; null: anything
    BackedUp* backup = nullptr; // of what is replaced atomically, and of what comes there meanwhile
    Links* links = nullptr;     // the job's, shared with other jobs; null: there are none
    // Of the files that were there: who writes to which; null: this is the only one who does.
    Writers* writers = nullptr;
    // Of a list: whether its items wait for descriptors of each other's; null: there is none.
    Scarcity* scarcity = nullptr;
    // If not empty, the link set knows the copy by these instead of destination_dirfd and
    // destination, for it keeps a directory open for each of those.
    int base_dirfd = -1;
    std::string path_from_base = {};

    int base() const { return path_from_base.empty() ? destination_dirfd : base_dirfd; }
    const std::string& from_base() const {
        return path_from_base.empty() ? destination : path_from_base;
    }
};

struct RangeCopy {
    int source = -1;
    uint64_t source_offset = 0;
    int destination = -1;
    uint64_t destination_offset = 0;
    uint64_t length = 0; // UINT64_MAX: to the source's end
    // As the caller has opened them: fcntl(2)'s F_GETFL.
    int source_flags = 0;
    int destination_flags = 0;
    // Both descriptors are the caller's own, and neither file is to be opened again: to close
    // another descriptor of it would release the locks that the process has on it.
    bool keeps_locks = false;
    bool source_is_own = false; // the library's, with a position that is nobody else's
    bool huge = false;          // either file, as it turns out
};

inline arsync_facts facts_for_caller(const struct statx& facts) {
    return {facts.stx_size, facts.stx_mtime.tv_sec, facts.stx_mtime.tv_nsec,
            facts.stx_mode, facts.stx_dev_major,    facts.stx_dev_minor,
            facts.stx_ino};
}

inline bool wants(const arsync_copy_options& options, uint32_t what) {
    return (options.want & what) != 0;
}

// What completions tell on request (ARSYNC_WANT_*).
struct Wanted {
    uint32_t has = 0; // of these
    arsync_facts source = {};
    arsync_facts destination = {};
    uint64_t digest[2] = {};
    uint64_t begin_ns = 0;
    uint64_t end_ns = 0;

    void tell_source(const struct statx& facts, const arsync_copy_options& options) {
        if (!wants(options, ARSYNC_WANT_SOURCE))
            return;
        source = facts_for_caller(facts);
        has |= ARSYNC_WANT_SOURCE;
    }
    void tell_destination(const struct statx& facts, const arsync_copy_options& options) {
        if (!wants(options, ARSYNC_WANT_DESTINATION))
            return;
        destination = facts_for_caller(facts);
        has |= ARSYNC_WANT_DESTINATION;
    }
    void tell_digest(uint64_t low, uint64_t high) {
        digest[0] = low;
        digest[1] = high;
        has |= ARSYNC_WANT_DIGEST;
    }
    void begin(const arsync_copy_options& options);
    void end(const arsync_copy_options& options);
};

struct Outcome {
    int result = 0; // 0 or a negative errno
    Stage stage = ARSYNC_STAGE_NONE;
    Method method = ARSYNC_METHOD_AUTO;
    arsync_action action = ARSYNC_ACTION_NONE;
    uint32_t flags = 0; // ARSYNC_COMPLETION_*
    uint64_t bytes = 0;
    uint64_t hole_bytes = 0;
    std::string backup; // the name that what was there has now, in the same directory
    std::string name;   // the copy's, if it is not that of the destination, the same
    Wanted wanted;
    std::shared_ptr<File> kept; // the copy, if wanted
    std::string error_path;     // of a tree, if wanted: of what failed first
    bool has_error_path = false;
    bool is_linked_already = false; // what was skipped is as durable as what is linked anew
    std::optional<uint64_t> other;  // of an item: the user_data of the one that it clashes with

    // After an error: not if the copy is there. What was up to date may be looked at once more.
    bool may_begin_anew() const {
        return (flags & ARSYNC_COMPLETION_COPIED) == 0 || action == ARSYNC_ACTION_SKIP;
    }
    // As before an attempt, for another one; but what it has removed is gone.
    void begin_anew(const Outcome& before) {
        const uint32_t removed = flags & ARSYNC_COMPLETION_REPLACED;
        *this = before;
        flags |= removed;
    }
    // error: 0 or a negative errno.
    void fail(int error, Stage where, Side side = Side::by_stage) {
        result = error;
        stage = where;
        flags = (flags & ~side_flags) | flags_of_side(where, -error, side);
    }
    void fail(const Error& error) {
        fail(-error.code, error.stage, error.side);
        if (error.just_created)
            flags |= ARSYNC_COMPLETION_JUST_CREATED;
    }
};

// What failed first among many, and where.
struct FirstError {
    int result = 0; // a negative errno; 0: nothing failed
    Stage stage = ARSYNC_STAGE_NONE;
    Side side = Side::by_stage;
    bool has_path = false;
    bool passes = false; // it is not required to be none
    std::string path;

    // name: moved from if this is the first; null: the path is not known, or not wanted. One that
    // passes gives way to one that does not.
    void note(int error, Stage where, Side at, std::string* name, bool may_pass) {
        if (result != 0 && (may_pass || !passes))
            return;
        result = error;
        passes = may_pass;
        stage = where;
        side = at;
        has_path = name != nullptr;
        if (name)
            path = std::move(*name);
    }
    // What was told to be copied may be lost after all: that comes before what was told to have
    // failed.
    void note_loss(int error, Stage where) {
        if (result == error && stage == where) // by whom that was told
            return;
        *this = {};
        result = error;
        stage = where;
    }
    // The end of all of it.
    void give(Outcome& outcome, bool cancelled) {
        if (cancelled)
            outcome.fail(-ECANCELED, ARSYNC_STAGE_NONE);
        else
            outcome.fail(result, stage, side);
        outcome.has_error_path = has_path && !cancelled;
        outcome.error_path = std::move(path);
    }
};

struct Source {
    File file;
    struct statx facts;
    // The names of its extended attributes, each with its NUL, if they have been listed.
    std::optional<std::vector<char>> xattrs;
    bool shared = false; // its description is somebody else's, whose position is to stay
};

// How often to try again to open what has no reader yet (a FIFO) or what somebody has a lease on.
constexpr uint64_t open_again_ms = 20;

// Throws Error where the content of such a file is not to be read, nor is it to be opened.
void refuse_kind(mode_t mode, const arsync_copy_options& options);
// Open what is to be read.
Task<Source> open_source(Io io, const FileCopy& copy, const arsync_copy_options& options,
                         Control& control);

// The same where it waits for nothing; false: it would, or might.
bool open_source_at_once(Io io, const FileCopy& copy, const arsync_copy_options& options,
                         Control& control, Source& source);

// Each fills outcome but for result and stage, and throws Error where it fails; by then whatever it
// had made at a new name is gone again. But an attribute that cannot be kept costs nothing else: it
// becomes the result of a copy that is complete (ARSYNC_COMPLETION_COPIED). The source may be
// closed afterwards.
Task<void> copy_opened(Io io, const FileCopy& copy, Source& source,
                       const arsync_copy_options& options, Control& control, Outcome& outcome);
Task<void> copy_range(Io io, RangeCopy& copy, const arsync_copy_options& options, Control& control,
                      Outcome& outcome);

} // namespace arsync
