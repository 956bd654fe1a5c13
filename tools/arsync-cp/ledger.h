// What this run has already done and what it is about to do, so that many copies at once come out
// as if they had been made one after the other.
//
// Copies run side by side, but each is planned as if all before it had ended. Where that would show
// (the same destination twice, a source that an earlier copy writes), the ledger says that it is in
// flight, and the planner waits. With a single source there is nothing to keep and nothing is kept.
#pragma once

#include <ctime>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "place.h"

namespace cp {

// The names of a file that a copy may come upon. Where links are kept, the first of its source's to
// be copied is the file, and the others are links to it; and what is written under one of them is
// read under another.
enum class Names {
    One,
    Several, // of a file
    Any,     // of a tree: of every file there is
};

class Ledger {
public:
    explicit Ledger(bool several_sources);

    // Whether a source of this id came before under the same name; it has come now, at any rate.
    bool source_repeats(const FileId& id, const Place& source);

    // What became of a destination's name so far.
    enum class Made {
        Nothing,
        File,        // written by an earlier copy
        ThroughLink, // an earlier copy wrote through the symbolic link of this name
    };
    Made made(const Place& destination) const;

    // Whether a copy to this name is under way, however it is spelled; and one to a name that a
    // backup of it would get.
    bool is_in_flight(const Place& destination) const;
    bool is_backup_in_flight(const Place& destination, const std::string& suffix) const;

    bool is_read(const FileId& id) const { return readers.contains(id); }
    bool is_written(const FileId& id) const { return writers.contains(id); }

    // Whether one under way may come upon the same file as a copy that comes upon these.
    bool may_meet(Names coming) const;

    // Whether the file may be one that this run made: it changed since the run began.
    bool is_recent(const struct stat& status) const;

    // A copy begins and ends. written is the id of a destination that was there before.
    void begin(const FileId& read, const FileId* written, const Place& destination, Names upon);
    void end(const FileId& read, const FileId* written, const Place& destination, Names upon,
             Made made);

    // The destination that the first copy of this source gave, for links among the sources.
    const Place* first_copy(const FileId& id) const;
    void remember_first_copy(const FileId& id, const Place& destination);
    // It came to nothing there, so the next one is the first.
    void forget_first_copy(const FileId& id, const Place& destination);

private:
    using Count = std::unordered_map<FileId, unsigned, FileIdHash>;
    template <typename Counts, typename Key>
    static void drop(Counts& counts, const Key& key);
    void count(Names upon, int change);

    bool several;
    timespec began{};
    std::unordered_map<FileId, std::vector<Place>, FileIdHash> sources;
    std::unordered_map<std::string, Made> names;
    std::map<std::string, unsigned> names_in_flight; // simplified
    Count readers;
    Count writers;
    int with_several_names = 0; // under way
    int with_any_names = 0;
    std::unordered_map<FileId, Place, FileIdHash> first_copies;
};

} // namespace cp
