#include "ledger.h"

#include <ctime>

namespace cp {

Ledger::Ledger(bool several_sources) : several(several_sources) {
    // The clock that file timestamps are taken from, which lags behind the precise one.
    if (several)
        clock_gettime(CLOCK_REALTIME_COARSE, &began);
}

bool Ledger::source_repeats(const FileId& id, const Place& source) {
    if (!several)
        return false;
    std::vector<Place>& known = sources[id];
    for (const Place& place : known)
        if (same_entry(place, source))
            return true;
    known.push_back(source);
    return false;
}

Ledger::Made Ledger::made(const Place& destination) const {
    auto found = names.find(destination.name);
    return found == names.end() ? Made::Nothing : found->second;
}

bool Ledger::is_recent(const struct stat& status) const {
    if (!several)
        return false;
    const timespec& changed = status.st_ctim;
    return changed.tv_sec != began.tv_sec ? changed.tv_sec > began.tv_sec
                                          : changed.tv_nsec >= began.tv_nsec;
}

bool Ledger::may_meet(Names coming) const {
    switch (coming) {
    case Names::Several: // those of two are told apart by their ids
        return with_any_names > 0;
    case Names::Any:
        return with_several_names > 0;
    case Names::One:
        break;
    }
    return false;
}

bool Ledger::is_in_flight(const Place& destination) const {
    return !names_in_flight.empty() && names_in_flight.contains(simplified(destination.name));
}

bool Ledger::is_backup_in_flight(const Place& destination, const std::string& suffix) const {
    std::string name = simplified(destination.name);
    if (names_in_flight.contains(name + suffix))
        return true;
    std::string numbered = name + ".~";
    auto found = names_in_flight.lower_bound(numbered);
    return found != names_in_flight.end() && found->first.starts_with(numbered);
}

void Ledger::count(Names upon, int change) {
    if (upon == Names::Several)
        with_several_names += change;
    else if (upon == Names::Any)
        with_any_names += change;
}

void Ledger::begin(const FileId& read, const FileId* written, const Place& destination,
                   Names upon) {
    if (!several)
        return;
    count(upon, 1);
    readers[read]++;
    if (written != nullptr)
        writers[*written]++;
    names_in_flight[simplified(destination.name)]++;
}

template <typename Counts, typename Key>
void Ledger::drop(Counts& counts, const Key& key) {
    auto found = counts.find(key);
    if (found != counts.end() && --found->second == 0)
        counts.erase(found);
}

void Ledger::end(const FileId& read, const FileId* written, const Place& destination, Names upon,
                 Made made) {
    if (!several)
        return;
    count(upon, -1);
    drop(readers, read);
    if (written != nullptr)
        drop(writers, *written);
    drop(names_in_flight, simplified(destination.name));
    if (made == Made::Nothing)
        names.erase(destination.name);
    else
        names[destination.name] = made;
}

const Place* Ledger::first_copy(const FileId& id) const {
    auto found = first_copies.find(id);
    return found == first_copies.end() ? nullptr : &found->second;
}

void Ledger::forget_first_copy(const FileId& id, const Place& destination) {
    auto found = first_copies.find(id);
    if (found != first_copies.end() && found->second.name == destination.name)
        first_copies.erase(found);
}

void Ledger::remember_first_copy(const FileId& id, const Place& destination) {
    if (several)
        first_copies.try_emplace(id, destination);
}

} // namespace cp
