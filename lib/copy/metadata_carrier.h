// One file's attributes on their way from source to destination: the order is in metadata.cpp, what
// is an extended attribute (others, the label, ACLs) in extended_attributes.cpp.
#pragma once

#include "copy/id_map.h"
#include "copy/metadata.h"

namespace arsync {

inline constexpr const char* access_acl = "system.posix_acl_access";
inline constexpr const char* default_acl = "system.posix_acl_default"; // of directories
inline constexpr const char* label = "security.selinux";
inline constexpr const char* capability = "security.capability";

// Whether a list of names, each with its NUL, has this one.
bool contains(const std::vector<char>& names, const char* name);

// The calls, but for what is known without them.
class MetadataCalls {
public:
    MetadataCalls(Files& world, const Described& both) : files_(world), ends_(both) {}

    int64_t list(std::vector<char>& names);
    int64_t list_by_name(std::vector<char>& names);
    int64_t get(const char* name, void* value, size_t size);
    int set(const char* name, const void* value, size_t size);
    const std::vector<char>* old_xattrs() const { return ends_.destination_xattrs; }
    bool has_already(const char* name, const std::vector<char>& value);
    int remove(const char* name);
    bool may_have(const char* name);
    bool is_listed_by_name(const char* name); // of the destination's; false where it has none
    bool has_owner(uid_t uid, gid_t gid) const {
        const struct statx* now = ends_.destination_facts;
        return now && now->stx_uid == uid && now->stx_gid == gid;
    }
    int chown(uid_t uid, gid_t gid) { return files_.chown(ends_.destination, uid, gid); }
    bool has_mode(mode_t mode) const {
        const struct statx* now = ends_.destination_facts;
        return now && (now->stx_mode & 07777) == mode;
    }
    int chmod(mode_t mode) { return files_.chmod(ends_.destination, mode); }
    int set_times(const timespec times[2]) { return files_.set_times(ends_.destination, times); }
    bool has_time(const statx_timestamp& modified) const {
        const struct statx* now = ends_.destination_facts;
        return now && now->stx_mtime.tv_sec == modified.tv_sec &&
               now->stx_mtime.tv_nsec == modified.tv_nsec;
    }
    // As far as was there before the copy; else null.
    const struct statx* found_there(struct statx& now) {
        if (!ends_.was_there || ends_.destination_facts)
            return ends_.was_there ? ends_.destination_facts : nullptr;
        return find(now) ? &now : nullptr;
    }
    bool find(struct statx& now) { return files_.statx(ends_.destination, "", 0, now) == 0; }
    bool is_found_with(mode_t mode) {
        struct statx now;
        return find(now) && (now.stx_mode & 07777) == mode;
    }
    uid_t effective_user() { return files_.effective_user(); }
    void set_flags(const SourceFlags& flags, const arsync_copy_options& options, Outcome& outcome) {
        arsync::set_flags(files_, for_flags(), flags, options, outcome);
    }
    void seal_flags(const SourceFlags& flags, const arsync_copy_options& options,
                    Outcome& outcome) {
        arsync::seal_flags(files_, for_flags(), flags, options, outcome);
    }

private:
    int for_flags() const {
        return ends_.flags_destination < 0 ? ends_.destination : ends_.flags_destination;
    }

    struct OwnName {
        File directory;
        std::string name;
    };
    OwnName own_name(int dirfd, const std::string& path, int fd);
    OwnName own_source();
    OwnName own_destination();

    Files& files_;
    const Described& ends_;
};

class Carrier {
public:
    Carrier(Files& files, const Described& both, const arsync_copy_options& options,
            Control& outside, Outcome& result)
        : ends_(files, both), facts_(both.facts), options_(options), preserve_(options.preserve),
          uid_(copied_user(options, facts_.stx_uid)), gid_(copied_group(options, facts_.stx_gid)),
          final_mode_(both.final_mode), flags_(both.flags), seals_(both.seals), control_(outside),
          outcome_(result) {}

    // Each in its place: a change of owner takes setuid, setgid and capabilities away.
    void carry();
    // Whether it is another's now, and who gave it away (CAP_CHOWN) may not change what is
    // another's (CAP_FOWNER).
    bool gave_it_away();
    // So while it is its own. False: it does not come back.
    bool carry_with_owner_last();

private:
    static constexpr mode_t special_bits = S_ISUID | S_ISGID;

    bool asks(uint32_t attribute) const { return (preserve_ & attribute) != 0; }
    void flags();
    void seal();
    void keep_others_out();
    void owner();
    void extras();
    void permissions(mode_t bits);
    void keeps_mode(mode_t bits);
    void times();
    mode_t bits_that_stay() const;
    bool keeps(Stage stage, int64_t result, Side side = Side::by_stage);
    bool changes(Stage stage, int64_t result);

    // extended_attributes.cpp
    void xattrs();
    void copy(Stage stage, const char* name);
    bool get(Stage stage, const char* name);
    static bool is_none(Stage stage, int64_t result);
    bool widen();
    bool lose(Stage stage, bool (*is_of_kind)(const char*));
    void remove_others(const std::vector<char>& wanted, const std::vector<char>& old);
    void acl(const char* name);
    void other_acls();
    void remove_acl(const char* name);

    MetadataCalls ends_;
    const struct statx& facts_;
    const arsync_copy_options& options_;
    const uint32_t preserve_;
    const uid_t uid_; // of what is copied
    const gid_t gid_;
    const FinalMode final_mode_;
    const SourceFlags flags_;
    const bool seals_;
    Control& control_;
    Outcome& outcome_;
    bool owner_kept_ = true;
    bool refused_ = false; // something, for lack of rights
    bool has_capability_ = false;
    bool out_of_reach_ = false; // without /proc, what was asked for last
    bool unknown_ = false;      // whether the source has that
    bool widened_ = false;      // writable for its owner, who had mode_before_
    mode_t mode_before_ = 0;
    mode_t bits_lost_ = 0; // of the mode, with an ACL that could not be set
    bool changed_ = false; // what may have changed the mode too
    std::vector<char> value_;
};

} // namespace arsync
