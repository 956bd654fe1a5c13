// What the mirrors of a list would take from each other.
//
// A mirror removes what its source does not have, so an item that is copied from there, or to
// there, would be lost. That is to be known of all items before one is begun; and a place is the
// same one whatever path leads to it: through links, "..", mounts, or another spelling where names
// fold.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "copy/list/list_item.h"
#include "copy/list/order.h"

namespace arsync {

// An item that cannot be copied, for what another one mirrors. Numbers are of the list's order.
struct Clash {
    size_t item = 0;
    size_t mirror = 0;
    int error = 0; // EEXIST: both are to be at one place; ELOOP: one end lies in the mirror;
                   // EOPNOTSUPP: links below it may lead there
    Side side = Side::by_stage;
};

// Of items that are all there, while nobody changes them.
class Mirrors {
public:
    // What is referred to lives as long as this.
    Mirrors(Files& files, int source_dirfd, int destination_dirfd,
            const arsync_copy_options& options, const std::deque<ListItem>& items)
        : files_(files), source_dirfd_(source_dirfd), destination_dirfd_(destination_dirfd),
          options_(options), items_(items) {}

    // The steps, one after the other; two of them item by item. Each throws Error for want of
    // descriptors.
    std::optional<Clash> compare_names();
    void add(size_t item);
    void all_added() { // they know only of what was added before them
        source_spots_.clear();
        destination_spots_.clear();
    }
    std::optional<Clash> compare(size_t item);

private:
    using Numbers = std::vector<size_t>;
    // A directory, or the nearest one above it that is there.
    struct Spot {
        Numbers around;  // the mirrors that it is in,
        Numbers sources; // and of a destination, the directories to be copied
        std::string key; // what may be made there is known by: its identity, and names below that
        uint64_t mount = 0;
        std::optional<PlaceOnDevice> place;
        bool folds = false;
        bool missing = false;
    };
    struct End { // of an item's copy
        int dirfd;
        std::string path; // without a slash at its end
        bool follows;
        bool is_destination;
    };
    // Something that is there.
    struct Found {
        File file;
        struct statx facts = {};
        std::optional<PlaceOnDevice> place;
        bool by_name = false; // in its spot, and of the same mount
    };
    // What is mounted below an end of an item, and so is a part of it.
    struct Mounted {
        size_t item;
        std::vector<PlaceOnDevice> places;
    };
    // Directories that are there: what items mirror to, or are copied from.
    class Tops {
    public:
        void add(size_t item, const Found& found);
        // Those that it is one of, and those that it is in.
        void add_same(const Found& found, Numbers& same) const;
        void add_around(const Mirrors& mirrors, const Found& found, Numbers& around) const;
        bool contains(size_t item) const;
        template <class Predicate>
        std::optional<size_t> first_but(Predicate is_left_out) const;
        bool are_on_one_device(size_t item, const Found& found) const;
        bool empty() const { return all_.empty(); }

    private:
        struct Top {
            size_t item;
            uint32_t major, minor;
            uint64_t mount;
            bool has_place;
        };
        const Top* find(size_t item) const;
        bool add_above(const Mirrors& mirrors, int directory, Numbers& around) const;

        std::vector<Top> all_; // by their items
        std::unordered_multimap<Identity, size_t, IdentityHash> by_id_;
        std::unordered_multimap<std::string, size_t> by_place_;
    };

    End source_of(size_t item) const;
    End destination_of(size_t item) const;
    int open(int dirfd, const std::string& path, int flags) const;
    const Spot& spot_of(const End& end);
    std::vector<PlaceOnDevice> places_of(const Found& found) const;
    void note_mounted(std::vector<Mounted>& all, size_t item, const Found& found) const;
    void add_mounted(const std::vector<Mounted>& all, const Found& found, bool with_mounted,
                     Numbers& around) const;
    static void add_mounted_above(const std::vector<Mounted>& all, const Spot& spot,
                                  Numbers& around);
    Spot look_at_spot(const End& end, const std::string& parent);
    bool find(const End& end, const Spot& spot, bool follows, Found& found);
    std::string key_of(const Spot& spot, const std::string& name) const;
    bool is_directory(size_t item);
    bool find_directory(const End& end, const Spot& spot, Found& found);
    bool belong_together(size_t one, size_t other) const;
    std::optional<size_t> mirror_around(const End& end, size_t own);
    std::optional<size_t> source_around_mirror(size_t own);
    std::optional<size_t> mirror_behind_links(size_t own) const;
    std::optional<Clash> clash_of_names(size_t outer, size_t inner, bool same);

    Files& files_;
    const int source_dirfd_;
    const int destination_dirfd_;
    const arsync_copy_options& options_;
    const std::deque<ListItem>& items_;

    Tops mirrors_;
    Tops sources_;
    std::vector<Mounted> mounted_in_mirrors_;
    std::vector<Mounted> mounted_in_sources_;
    std::unordered_multimap<std::string, size_t> by_key_; // of what is not there yet
    std::unordered_map<std::string, Spot> source_spots_;
    std::unordered_map<std::string, Spot> destination_spots_;
};

} // namespace arsync
