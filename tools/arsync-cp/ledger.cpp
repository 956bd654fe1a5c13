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

bool Ledger::is_first_open(Names of_source) const {
    switch (of_source) {
    case Names::Several: // of one source they are told apart by its id
        return with_any_names > 0;
    case Names::Any:
        return with_several_names > 0;
    case Names::One:
        break;
    }
    return false;
}

void Ledger::count(Names of_source, int change) {
    if (of_source == Names::Several)
        with_several_names += change;
    else if (of_source == Names::Any)
        with_any_names += change;
}

void Ledger::begin(const FileId& read, const FileId* written, const Place& destination,
                   Names of_source) {
    if (!several)
        return;
    count(of_source, 1);
    readers[read]++;
    if (written != nullptr)
        writers[*written]++;
    names[destination.name] = Made::InFlight;
}

void Ledger::end(const FileId& read, const FileId* written, const Place& destination,
                 Names of_source, Made made) {
    if (!several)
        return;
    count(of_source, -1);
    drop(readers, read);
    if (written != nullptr)
        drop(writers, *written);
    if (made == Made::Nothing)
        names.erase(destination.name);
    else
        names[destination.name] = made;
}

void Ledger::drop(Count& count, const FileId& id) {
    auto found = count.find(id);
    if (found != count.end() && --found->second == 0)
        count.erase(found);
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
