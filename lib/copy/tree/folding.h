// A destination directory that was there before, and in which two names may be one: by case, or by
// the way to write an accent. What its listing spells need not be what was written.
//
// A name of the source that the listing spelled has a right to what is there. Any other is to find
// nothing; if it finds something all the same, that is listed by another spelling: an entry of the
// source's too, and then this one is the second of two that cannot both be there; or the copy of an
// earlier run, whose name has changed its spelling since, and which it may take over.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

#include "copy/identity.h"
#include "copy/tree/name_set.h"
#include "io/error.h"
#include "io/files.h"
#include "io/mutex.h"

namespace arsync {

class Folding {
public:
    // Lists the open directory. Throws Error.
    Folding(Files& files, int destination);

    // From any thread. Whether nothing is at that name, so what comes there meanwhile is another
    // entry's. Throws Error: EEXIST at `stage` where another entry has it.
    bool is_free(Files& files, int source, int destination, const std::string& name, Stage stage);
    // Of each name that the source is listed to have, whether its entry is copied, left out or
    // fails on its way: what it leads to is not extra. Throws Error for want of descriptors;
    // whatever else keeps it from being known is a doubt.
    void note_source(Files& files, int source, int destination, const std::string& name);
    // Whether what the listing spells so may be extra: it was there before the copy began, no name
    // of the source leads to it, and no entry has taken it over.
    bool may_be_extra(const std::string& spelled);
    // Whether a name of the source led to something of which it is not known by what name that is
    // listed.
    bool is_in_doubt();

private:
    struct Index {
        std::unordered_map<uint64_t, std::string> by_inode; // the spelled name
        std::unordered_map<std::string, std::string> by_folded_name;
        NameSet source;
    };
    void make_index(Files& files, int source, int destination) REQUIRES(mutex_);
    const std::string* spelling_of(const std::string& name, uint64_t inode) const REQUIRES(mutex_);

    NameSet before_; // as the copy began
    Mutex mutex_;
    std::unique_ptr<Index> index_ GUARDED_BY(mutex_); // when first needed
    // Spelled names, and by which of the source.
    std::map<std::string, std::string> taken_ GUARDED_BY(mutex_);
    std::set<std::string> led_to_ GUARDED_BY(mutex_); // the same, whatever became of the entry
    bool in_doubt_ GUARDED_BY(mutex_) = false;
};

} // namespace arsync
