// One worker's part in the copy of a tree: it takes units of the tree's work until there are none.
#pragma once

#include "copy/tree/awake.h"
#include "copy/tree/tree.h"
#include "copy/tree/window.h"

namespace arsync {

struct Batch;
class Extra;
struct ExtraEntry;

class TreePart {
public:
    // host: of its worker.
    TreePart(Tree& tree, Io io, Control& control, Host& host);

    // Until the tree has no more work.
    Task<void> run();
    // Before it, on the first member only: the roots. Throws Error.
    Task<void> open_roots();
    const arsync_totals& totals() const { return totals_; }

private:
    // part.cpp: the walk
    Task<void> walk();
    Task<void> wait_for_entries();
    Task<void> give_up_units();
    Task<bool> wait_for_descriptors(unsigned attempt);
    void out_of_memory();
    template <class Begin, class IsFinal = bool (*)()>
    Task<void> attempt(
        Outcome& outcome, Begin begin, IsFinal is_final = [] { return false; });

    // part_directories.cpp: entered and listed
    Task<DirectoryRef> enter(const Unit& unit);
    Task<void> open_pair(const Unit& unit, Outcome& outcome, DirectoryRef& opened);
    Task<File> open_source_directory(const Pin& above, const Unit& unit, struct statx& facts,
                                     Outcome& outcome);
    Task<File> make_destination(const Pin& above, Directory& directory, Outcome& outcome);
    Task<bool> is_missing(const Pin& above, const std::string& name, Outcome& outcome);
    bool is_free(const Directory& directory, const std::string& name, Stage stage) const;
    void refuse_loop(const Directory& directory) const;
    [[noreturn]] void refuse_meeting() const;
    Task<void> list(DirectoryRef directory);
    void fill(const DirectoryRef& directory, std::unique_ptr<Batch>& batch);

    // finish_directory.cpp: when all in one has ended
    Task<void> complete(DirectoryRef directory);
    Task<void> finish(const DirectoryRef& directory);
    Task<void> sync_names(const DirectoryRef& directory);
    Task<void> set_attributes(const DirectoryRef& directory, Outcome& outcome, bool syncs);

    // part_entries.cpp: all else in a directory
    Task<void> begin_entries(Batch& batch);
    bool begin_entry(Batch& batch, Unit unit, unsigned char type,
                     std::unique_ptr<SuspendedEntry> asked);
    Task<void> copy(Batch& batch, std::string name, unsigned char type, bool follows,
                    std::unique_ptr<SuspendedEntry> asked);
    Task<void> copy_entry_once(const Batch& batch, const std::string& name, unsigned char type,
                               bool follows, bool cleared, Question* question, Control& control,
                               Outcome& outcome);
    bool made_before(const Directory& directory, std::string_view name) const;
    DirectoryRef end_part(Batch& batch);
    void end_entry(const Directory* directory, std::string_view name, const Outcome& outcome);
    bool is_reported(const Outcome& outcome) const;
    void note_error(const Directory* directory, std::string_view name, const Outcome& outcome);
    void report(const Directory* directory, std::string_view name, const Outcome& outcome);

    // part_questions.cpp
    std::unique_ptr<SuspendedEntry> to_be_asked(const Unit& unit, unsigned char type) const;
    bool ask(Batch& batch, std::unique_ptr<SuspendedEntry> entry, Outcome& outcome);
    Task<void> go_on_with_answers();
    Task<void> go_on(std::unique_ptr<SuspendedEntry> entry);
    Task<void> open_again(const DirectoryRef& directory, std::unique_ptr<Batch>& batch);
    Task<void> end_answered(std::unique_ptr<SuspendedEntry> entry, Outcome outcome);
    Task<void> give_up(std::unique_ptr<SuspendedEntry> entry);

    // part_mirror.cpp
    Task<void> remove_extra(const DirectoryRef& directory, Outcome& of_directory);
    Task<void> refuse_replaced(const DirectoryRef& directory);
    Task<void> find_next(const DirectoryRef& directory, Extra& extra,
                         std::optional<ExtraEntry>& entry);
    Task<void> remove(const DirectoryRef& directory, Extra& extra, const ExtraEntry& entry,
                      uint64_t& removed, bool* gone = nullptr);
    bool replaces_kinds() const;
    bool gives_way(const Directory& directory, const Outcome& outcome) const;
    enum class Reads { nothing, file, through_link }; // of a source, for its copy
    Task<bool> clear_directory(const DirectoryRef& directory, const std::string& name, Reads reads,
                               Outcome& failed);
    Task<void> check_source(const DirectoryRef& directory, const std::string& name, Reads reads);
    Task<bool> clear_other(const Directory& directory, const std::string& name);

    struct Poll;

    Tree& tree_;
    TreeJob& job_;
    FilesystemMemo memo_;
    const Io io_;
    Control& control_;
    Group walkers_;
    Group entries_;
    const bool
        frugal_; // a directory is taken up only when what there was in the last one has ended
    Window window_;
    Awake awake_;
    unsigned since_yield_ = 0;
    arsync_totals totals_{};
};

} // namespace arsync
