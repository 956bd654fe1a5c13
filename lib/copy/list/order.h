// What the items of a list touch, so that many copied side by side come out as if they had been
// copied one after the other.
//
// An item is begun as if all before it had ended. Where that would show (the same destination
// twice, a source that an earlier one writes), what it would touch is in flight, and it waits until
// nothing is. What earlier items have made is remembered by hashes of their paths.
#pragma once

#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "copy/copy.h"
#include "copy/filter.h"
#include "copy/list/flat_set.h"

namespace arsync {

// The names of a file that a copy may come upon. Where links are kept, the first of its source's to
// be copied is the file, and the others are links to it; and what is written under one of them is
// read under another.
enum class Upon : uint8_t {
    one,
    several, // of a file
    any,     // of a tree: of every file there is
};

// What one item is about to touch.
struct Touch {
    std::string source; // the paths, simplified
    std::string destination;
    std::string folded;            // the destination, without its case
    std::string named_destination; // without_dots(), by which an item comes again
    std::string made_as;           // the destination by which it is known when it has been made
    bool has_source = false;       // else it cannot be looked at, and the copy will say why
    bool source_is_link = false;   // that is followed
    Identity source_id = {};
    mode_t source_mode = 0;
    uint64_t source_size = 0;
    bool has_written = false;
    Identity written_id = {}; // of what there is to be written into
    std::string key;          // of the destination: its directory and its name, without its case
    std::string source_key;   // the same of the source
    std::string read_key;     // that, if later items are to wait that write there; or ""
    bool through_link = false;
    bool is_new = true; // nothing was at the destination
    Upon source_names = Upon::one;
    bool destination_has_names = false;
    std::optional<Identity> linked_id = {}; // of the copy that it is to be a link to

    bool is_tree() const { return has_source && S_ISDIR(source_mode); }
    Upon upon() const { return destination_has_names ? Upon::several : source_names; }
};

// Under the list's mutex.
class Order {
public:
    Order();

    // Whether it may meet what is in flight.
    bool may_meet(const Touch& touch, bool keeps_links) const;
    bool is_in_flight(const std::string& destination) const;
    // The same of a name in a directory, whatever the path to that.
    bool is_name_in_flight(const std::string& key) const { return by_key_.contains(key); }
    bool has_trees_in_flight() const { return with_any_names_ > 0; }
    // Whether its destination or source is a name that the backup of one in flight may get, or such
    // a one has a name that its own backup may get. suffix: of simple ones, without its case.
    bool meets_backups(const Touch& touch, const std::string& suffix) const;
    // The same of "NAME (1).EXT", which is tried where both are to be kept.
    bool meets_other_names(const Touch& touch) const;
    // Of an entry of one tree: whether what it writes is read or written, or what it reads is
    // written, under another name of the file or of its directory.
    bool meets(const Touch& touch) const;
    bool is_touched(const struct statx& found) const;
    bool is_recent(const struct statx& facts) const;

    void begin(const Touch& touch);
    void end(const Touch& touch);
    // A new file, or new content, is there.
    void note_made(const std::string& destination);

    // Whether an earlier item has made that, or what is the same where case makes no difference.
    enum class Made { nothing, it, another_spelling };
    Made made(const std::string& destination) const;

    // Whether a source of that identity came before by the same path, to go to the same
    // destination; it has come now at any rate.
    bool repeats(const Touch& touch);
    // Of a directory: whether it has been copied to the same destination before.
    bool repeats_tree(const Touch& touch);
    bool knows_tree(const Touch& touch) const { return trees_.contains(touch.source_id); }
    void forget_tree(const Touch& touch);

    // Of items that are entries of one tree: whether it came before, or one that it lies in and
    // that was copied with all in it; and whether one came that lies below it.
    bool came(const std::string& path) const;
    bool came_below(const std::string& path) const;
    bool came_itself(const std::string& path) const { return names_.contains(path); }
    void come(const std::string& path, bool enters);
    // Of what came itself: it is a directory that was copied with all in it.
    bool is_entered(const std::string& path) const { return trees_by_path_.contains(path); }
    void note_tree(const std::string& path) { trees_by_path_.insert(path); }
    // Whether it lies in such a one, whose path is at least so long, and was not left out of it.
    bool lies_in_tree(const std::string& path, const Filter& filter, bool is_directory,
                      size_t root_length_min) const;

private:
    using Counts = std::unordered_map<Identity, unsigned, IdentityHash>;
    template <class Map, class Key>
    static void drop(Map& counts, const Key& key);
    void count(Upon upon, int change);

    timespec began_{};
    Counts readers_;
    Counts writers_;
    std::map<std::string, unsigned> in_flight_;             // destinations, without their case
    std::map<std::string, unsigned> by_key_;                // the same
    std::unordered_map<std::string, unsigned> read_by_key_; // sources
    int with_several_names_ = 0;
    int with_any_names_ = 0;
    FlatSet<uint64_t, HashKey> made_;
    FlatSet<uint64_t, HashKey> made_folded_; // where that is another name
    struct Came {
        Identity source;
        uint64_t paths = 0; // a hash of them
        bool operator==(const Came&) const = default;
    };
    struct CameKey {
        static bool is_none(const Came& came) { return came.paths == 0; }
        static size_t hash(const Came& came) { return came.paths ^ IdentityHash()(came.source); }
    };
    FlatSet<Came, CameKey> came_;
    std::unordered_multimap<Identity, std::string, IdentityHash> trees_; // and their destinations
    std::unordered_set<std::string> names_;
    std::unordered_set<std::string> above_; // all directories on the way to these
    std::unordered_set<std::string> entered_;
    std::unordered_set<std::string> trees_by_path_;
};

// What a path comes to when all on the way is a directory and none of it a link; and without the
// last: no ".." is left out with the name before it, which may be a link.
std::string simplified(std::string_view path);
std::string without_dots(std::string_view path);

} // namespace arsync
