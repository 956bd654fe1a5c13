// The class behind copy_entry. One object an entry.
#pragma once

#include <cerrno>
#include <new>
#include <optional>

#include "copy/backup.h"
#include "copy/conflict.h"
#include "copy/entry.h"
#include "copy/huge.h"
#include "copy/made_name.h"
#include "copy/split_path.h"
#include "copy/temporary_name.h"
#include "copy/writers.h"

namespace arsync {

class Entry {
public:
    Entry(Io io, const FileCopy& names, const EntryContext& context,
          const arsync_copy_options& options, Control& control, Outcome& outcome)
        : io_(io), names_(names), context_(context), options_(options), control_(control),
          outcome_(outcome) {}
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() {
        try {
            take_back();
        } catch (const std::bad_alloc&) { // the backup keeps its name
        }
    }

    Task<void> copy(unsigned char type);

private:
    bool asks(uint32_t flag) const { return (options_.flags & flag) != 0; }
    const struct statx& facts() const { return source_.facts; }
    bool makes_copies() const;
    bool reads() const;
    bool makes_links_of_names() const;
    bool follows_links() const;
    bool may_have_names() const;
    bool has_contents() const;
    bool makes_name() const; // and nothing that is copied into it
    void look();
    Task<void> open_what_was_seen();
    Obstacle find_obstacle();
    bool shares_what_is_there(Obstacle obstacle) const;
    Task<Obstacle> take_turn(Obstacle obstacle);
    bool is_to_be_asked();
    bool dangles_in_the_way_of_a_link(struct statx& there);
    Obstacle clear(Obstacle obstacle, const arsync_copy_options& how, bool makes_name);
    Task<Obstacle> clear_aside(Obstacle obstacle, const arsync_copy_options& how, bool makes_name);
    void prepare_sync_of_name();
    Task<void> sync_name();
    void keep();
    void tell_of_destination();
    void keep_attributes();
    bool syncs_what_is_there() const;
    bool is_linked_already() const;
    Task<void> sync_what_is_there();
    void take_back();
    Task<void> make(Obstacle obstacle);
    Task<void> copy_contents(Obstacle obstacle);
    bool replaces_newcomer() const;
    void ask_about_newcomer();
    void try_to_open_what_is_there();
    void list_xattrs_once();

    // entry_links.cpp
    Task<bool> link_to_first();
    // gone: the first copy is not there any more. impossible: there can be no link to it from here,
    // so this name gets a copy of its own.
    enum class Linked { yes, gone, impossible };
    Task<Linked> try_link_to(const Links::Place& first);
    bool is_on_server() const;
    bool is_sealed_copy() const;
    bool syncs_content_at_once() const;
    struct Content {
        int dirfd;
        const std::string& name;
        bool follows; // the name is, or may be, a symbolic link
        Identity id;
    };
    Task<bool> sync_content_of(const Content& content, Stage stage, Side side);
    Task<void> sync_content_of_source();
    std::optional<Pin> pin_first(const Links::Place& first);
    Task<bool> link_to(const Links::Place& first);
    Task<bool> link_to_known(const Links::Place& first, int dirfd);
    Task<void> pretend_link_to(const Links::Place& first, int dirfd);
    template <class Make>
    Task<void> make_link_to(Identity copy, Make make);
    void tell_of_copy();

    // entry_make.cpp
    Task<void> make_hard_link(Obstacle obstacle);
    Task<void> make_symlink(Obstacle obstacle, std::string text, bool is_source);
    Task<void> make_special(Obstacle obstacle);
    Stage stage_of_temporary(Stage stage, int result) const;
    void refuse_lost_link();
    void seal();
    mode_t mode_of_special(FinalMode& final_mode) const;
    void copy_attributes(const FileCopy& names, const struct statx& there,
                         const arsync_copy_options& how, const FinalMode& final_mode = {});

    // make(names) makes something at the destination of the names, 0 or a negative errno;
    // finish(names, made) gives it its attributes. At a name that is free it is removed again
    // unless keep() is called. To replace a file atomically, it is made at another name first; and
    // where a directory is in the way, which stays for now, to see that it can be made.
    template <class Make, class Finish>
    Task<void> make_name(Obstacle obstacle, Stage stage, Make make, Finish finish) {
        if (obstacle == Obstacle::none) {
            const int result = make(names_);
            if (result == -EEXIST)
                ask_about_newcomer();
            check(stage, result);
            finish(names_, made_.emplace(io_.files, names_));
            co_return;
        }
        FileCopy temporary = names_;
        const SplitPath path = split_path(names_.destination);
        const int result = try_temporary_names(path.name, [&](const std::string& name) {
            temporary.destination = path.parent + name;
            return make(temporary);
        });
        check(stage_of_temporary(stage, result), result);
        MadeName made(io_.files, temporary);
        finish(temporary, made);
        if (obstacle == Obstacle::directory) // it would be possible
            throw Error{ARSYNC_STAGE_OPEN_DESTINATION, EISDIR};
        refuse_unasked(io_.files, names_);
        back_up_newcomer(io_.files, names_, options_, backup_);
        const int64_t renamed = co_await io_.ring.call(is_huge(there_), [&] {
            return io_.files.rename(names_.destination_dirfd, temporary.destination.c_str(),
                                    names_.destination.c_str());
        });
        check(ARSYNC_STAGE_PUBLISH, renamed);
        made.keep();
        // Of two names of one file renaming does nothing, successfully. Some servers give each
        // name an inode of its own, so that it is not known by its inode any more.
        if (outcome_.action == ARSYNC_ACTION_HARD_LINK)
            io_.files.unlink(names_.destination_dirfd, temporary.destination.c_str());
    }

    const Io io_;
    const FileCopy& names_;
    const EntryContext& context_;
    const arsync_copy_options& options_;
    Control& control_;
    Outcome& outcome_;
    Source source_{};
    bool tried_at_once_ = false;
    struct statx there_ = {}; // what is in the way
    Writers::Turn turn_;      // to write to it
    Links::Claim claim_;
    std::optional<Identity> wrote_;    // a first copy, as it was when it was written
    std::shared_ptr<const File> base_; // of the destination's path, for links from elsewhere
    BackedUp backup_;                  // of what was in the way, until the copy is there
    std::optional<MadeName> made_;     // of a new name, until it is to stay
    std::optional<Identity> sealed_;   // what was made and may get flags that nothing comes after
    File directory_;                   // of the name, to be synced
};

} // namespace arsync
