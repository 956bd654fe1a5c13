// One worker's part in the copy of a tree: it takes units of the tree's work until there are none.
#pragma once

#include <cerrno>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "copy/listing.h"
#include "copy/tree/together.h"
#include "copy/tree/tree.h"
#include "copy/tree/window.h"

namespace arsync {

class Extra;
struct ExtraEntry;

// Some names of one directory, and the entries under way among them. It keeps the directory open,
// and is freed by its last part.
struct Batch {
    explicit Batch(Pin directory, size_t listing_size = Listing::usual_size)
        : pin(std::move(directory)), listing(listing_size) {}
    Pin pin;
    Listing listing;
    unsigned parts = 1; // entries that have not ended, and the walk over the names
    bool has_directories = false;
};

// Whether a member has something to do, or only waits for what somebody will answer: then its part
// in the tree takes no place among what the worker has under way.
class Awake {
public:
    Awake(Host& host, Directories& directories, bool may_rest)
        : host_(host), directories_(directories), may_rest_(may_rest) {}
    Awake(const Awake&) = delete;
    Awake& operator=(const Awake&) = delete;
    ~Awake() {
        if (rests_)
            host_.rest(false);
    }

    // One more, or one less, of its walkers that are awake and its entries under way.
    void add() {
        ++busy_;
        if (rests_)
            host_.rest(rests_ = false);
    }
    void remove() {
        if (--busy_ > 0 || !may_rest_)
            return;
        directories_.close_idle();
        host_.rest(rests_ = true);
    }

private:
    Host& host_;
    Directories& directories_;
    const bool may_rest_;
    bool rests_ = false;
    unsigned busy_ = 0;
};

class TreePart {
public:
    // host: of its worker.
    TreePart(Tree& tree, Io io, Control& control, Host& host);

    // Until the tree has no more work.
    Task<void> run();
    // Before it, on the first member only: the roots (tree_roots.cpp). Throws Error.
    Task<void> open_roots();
    const arsync_totals& totals() const { return totals_; }

private:
    // walk.cpp: directories, taken from the stack, entered and listed
    Task<void> walk();
    Task<DirectoryRef> enter(const Unit& unit);
    Task<void> open_pair(const Unit& unit, Outcome& outcome, DirectoryRef& opened);
    Task<File> open_source_directory(const Pin& above, const Unit& unit, struct statx& facts,
                                     Outcome& outcome);
    Task<File> make_destination(const Pin& above, Directory& directory, Outcome& outcome);
    Task<bool> is_missing(const Pin& above, const std::string& name, Outcome& outcome);
    bool is_free(const Directory& directory, const std::string& name, Stage stage) const;
    void refuse_loop(const Directory& directory) const;
    void refuse_source_above(const Directory& directory) const;
    [[noreturn]] void refuse_meeting() const;
    Task<void> list(DirectoryRef directory, LastUnit& last_unit);
    Task<void> take_over(DirectoryRef directory, std::unique_ptr<Listing> names,
                         LastUnit& last_unit);
    Task<void> copy_names(std::unique_ptr<Batch> batch, LastUnit& last_unit);
    void note_unlisted(const Directory& directory, Outcome& outcome);
    void fill(const DirectoryRef& directory, std::unique_ptr<Batch>& batch);
    void note_source_name(Directory& directory, const char* name);
    Task<void> wait_for_entries();
    Task<void> give_up_units();
    Task<bool> wait_for_descriptors(unsigned attempt);
    void out_of_memory();

    // finish_directory.cpp: when all in one has ended
    Task<void> complete(DirectoryRef directory);
    Task<void> finish(const DirectoryRef& directory);
    Task<void> finish_put_off();
    Task<void> finish_or_tell(const DirectoryRef& directory);
    Task<void> sync_names(const DirectoryRef& directory);
    Task<void> set_attributes(const DirectoryRef& directory, Outcome& outcome, bool syncs);

    // part_entries.cpp: all else in a directory
    Task<void> begin_entries(Batch& batch);
    void push(Batch& batch, Unit directory);
    Task<void> wait_to_begin();
    void share(Batch& batch);
    bool begin_entry(Batch& batch, Unit unit, unsigned char type, Source source,
                     std::unique_ptr<SuspendedEntry> asked);
    Task<void> copy(Batch& batch, std::string name, unsigned char type, bool follows, Source source,
                    std::unique_ptr<SuspendedEntry> asked);
    FileCopy names_of(const Directory& directory, const std::string& name) const;
    void set_names(FileCopy& names, const Directory& directory, const std::string& name) const;
    EntryContext context_of(const Batch& batch) const;
    Task<void> copy_entry_once(const Batch& batch, const std::string& name, unsigned char type,
                               bool follows, bool cleared, Source& source, Question* question,
                               Control& control, Outcome& outcome);
    void refuse_link_into_mirror(const Directory& directory, const std::string& name) const;
    bool made_before(const Directory& directory, std::string_view name) const;
    bool replaces_kinds() const;
    bool takes_turns_by_name() const;
    bool gives_way(const Directory& directory, const Outcome& outcome) const;
    DirectoryRef end_part(Batch& batch);
    void end_entry(const Directory* directory, std::string_view name, const Outcome& outcome);
    bool is_reported(const Outcome& outcome) const;
    void note_error(const Directory* directory, std::string_view name, const Outcome& outcome);
    void report(const Directory* directory, std::string_view name, const Outcome& outcome);

    // part_at_once.cpp: small files of a directory that was made
    bool copies_at_once(const Directory& directory) const;
    Task<void> begin_together(Batch& batch, std::vector<SmallFile>& files);
    void copy_at_once(const Batch& batch, std::span<SmallFile> files);
    void make_together(const Directory& directory, std::span<std::optional<Together::One>> files);
    void end_small_file(const Directory& directory, Together::One& one);

    // part_sweep.cpp: on a disk that has to seek
    struct ColdFile {
        std::string name;
        uint64_t place = 0; // on the disk
    };
    bool seeks(const Directory& directory);
    size_t listing_size(const Directory& directory);
    bool sweeps(const Directory& directory);
    bool reads_into_cache(const Directory& directory);
    bool open_at_once(const Directory& directory, const std::string& name, Source& source);
    bool is_cached(const Source& source) const;
    bool copies_or_leaves(const Batch& batch, const std::string& name, Source& source,
                          std::vector<ColdFile>& cold);
    bool leaves_to_sweep(const Directory& directory, const std::string& name, Source& source,
                         std::vector<ColdFile>& cold);
    void find_places(const Directory& directory, std::vector<ColdFile>& files);
    Task<void> sweep(Batch& batch, std::vector<ColdFile> files);

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
    enum class Reads { nothing, file, through_link }; // of a source, for its copy
    Task<bool> clear_directory(const DirectoryRef& directory, const std::string& name, Reads reads,
                               Outcome& failed);
    Task<void> check_source(const DirectoryRef& directory, const std::string& name, Reads reads);
    Task<bool> clear_other(const Directory& directory, const std::string& name);

    struct Poll;
    template <class Begin, class IsFinal = bool (*)()>
    Task<void> attempt(
        Outcome& outcome, Begin begin, IsFinal is_final = [] { return false; });

    Tree& tree_;
    TreeJob& job_;
    FilesystemMemo memo_;
    struct Disk {
        bool known = false;
        uint32_t major = 0, minor = 0;
        bool seeks = false;
    };
    Disk disk_;                    // that was asked about last
    unsigned cached_in_a_row_ = 0; // of files that a sweep would have taken
    const Io io_;
    Control& control_;
    Group walkers_;
    Group entries_;
    const bool
        frugal_; // a directory is taken up only when what there was in the last one has ended
    Window window_;
    Awake awake_;
    unsigned since_yield_ = 0;
    bool yields_ = false;               // one of its walkers, which waits for nothing
    std::atomic<unsigned> at_work_ = 0; // of its walkers; for others to see
    arsync_totals totals_{};
    std::unique_ptr<Together> together_; // from the first on
};

// co_await Poll(part): until not too many reports are unread.
struct TreePart::Poll : RoomToReport {
    const bool reports;
    explicit Poll(TreePart& part)
        : RoomToReport(part.job_.host, part.io_.ring),
          reports(part.job_.options.report != ARSYNC_REPORT_NONE) {}
    bool await_ready() const noexcept { return !reports; }
};

// Errors become the outcome's result here. What failed for want of descriptors is begun anew, each
// time with the outcome as it was, for as long as there is hope; and once what a server has
// forgotten, which is opened again. begin: a coroutine, or a function that does not wait. is_final:
// whether what was begun is not to be begun anew.
template <class Begin, class IsFinal>
Task<void> TreePart::attempt(Outcome& outcome, Begin begin, IsFinal is_final) {
    const Outcome before = outcome;
    bool was_stale = false;
    for (unsigned number = 0;; ++number) {
        outcome.begin_anew(before);
        bool is_stale = false;
        try {
            const Scarcity::Busy busy(job_.scarcity); // it has descriptors, which it gives back
            if constexpr (std::is_void_v<decltype(begin())>)
                begin();
            else
                co_await begin();
        } catch (const Error& error) {
            outcome.fail(error);
            is_stale = error.is_stale_handle();
        } catch (const std::bad_alloc&) {
            outcome.fail(-ENOMEM, ARSYNC_STAGE_MEMORY);
        }
        if (is_stale && !is_final() && !std::exchange(was_stale, true))
            continue;
        const bool ended = !outcome.may_begin_anew() || is_final();
        if (ended || (outcome.result != -EMFILE && outcome.result != -ENFILE)) {
            if (number > 0)
                tree_.relieve();
            co_return;
        }
        const bool again = co_await wait_for_descriptors(number);
        if (!again)
            co_return;
    }
}

} // namespace arsync
