#include "crash/judge.h"

#include <algorithm>
#include <regex>

namespace crash {

namespace {

const Fact* at(const Facts& facts, const std::string& path) {
    const auto found = facts.find(path);
    return found == facts.end() ? nullptr : &found->second;
}

std::string shown(const Fact* fact) {
    return fact ? describe(*fact) : "nothing";
}

class Judge {
public:
    Judge(const Work& work, const Before_and_after& known, const Facts& found)
        : work_(work), promise_(work.promise), known_(known), found_(found) {}

    void exactly(const Facts& expected, const Promise& promise) {
        for (const auto& [path, fact] : expected) {
            const Fact* const one = at(found_, path);
            const bool own_times =
                promise.times && (!fact.is_directory() || (promise.tree && !path.empty()));
            if (!one || !alike(fact, *one, own_times, promise.links))
                complain(path, one, &fact);
        }
        for (const auto& [path, fact] : found_)
            if (!expected.contains(path))
                complain(path, &fact, nullptr);
    }

    void under_way() {
        for (const auto& [path, old] : known_.old)
            check_old(path, old);
        for (const auto& [path, found] : found_)
            if (!known_.old.contains(path))
                check_new(path, found);
    }

    std::vector<std::string> said() { return std::move(said_); }

private:
    void check_old(const std::string& path, const Fact& old) {
        const Fact* const copied = at(known_.copied, path);
        const Fact* const found = at(found_, path);
        if (old.is_directory() && (copied || !found)) {
            if (copied && !found)
                complain(path, found, &old);
            return;
        }
        const bool untouched = copied && alike(*copied, old, true, true);
        if (untouched && (!found || !alike(old, *found, true, false)))
            return complain(path, found, &old);
        const Fact* const backup =
            promise_.suffix.empty() ? nullptr : at(found_, path + promise_.suffix);
        const bool is_kept = found && same_content(*found, old);
        const bool is_backed_up = backup && same_content(*backup, old);
        if (!promise_.suffix.empty() && !untouched && copied && !is_kept && !is_backed_up)
            complain(path, found, &old, " and no backup of it");
        if (promise_.atomic && copied && !is_old_or_new(found, old, *copied))
            complain(path, found, copied, ", or the old one: " + describe(old));
        // What is to be removed stays as it is until then; a directory is emptied before.
        if (!copied && found && !alike(old, *found, !is_being_emptied(path), false))
            complain(path, found, &old);
    }

    bool is_being_emptied(const std::string& path) const {
        return std::ranges::any_of(known_.old, [&](const auto& one) {
            return one.first.starts_with(path + "/") && !found_.contains(one.first);
        });
    }

    bool is_old_or_new(const Fact* found, const Fact& old, const Fact& copied) const {
        return found &&
               (alike(old, *found, true, false) || alike(copied, *found, promise_.times, false));
    }

    void check_new(const std::string& path, const Fact& found) {
        if (is_temporary(path))
            return;
        const Fact* const copied = at(known_.copied, path);
        if (!copied || (found.mode & S_IFMT) != (copied->mode & S_IFMT))
            return complain(path, &found, copied);
        constexpr uint64_t small_max = 1 << 20; // is made at its name
        const bool whole = promise_.atomic || (promise_.single && copied->size > small_max);
        if (S_ISREG(found.mode) && whole && !alike(*copied, found, promise_.times, false))
            complain(path, &found, copied);
    }

    void complain(const std::string& path, const Fact* found, const Fact* expected,
                  const std::string& more = "") {
        said_.push_back(work_.name + ": \"" + path + "\" is " + shown(found) + "; expected " +
                        shown(expected) + more);
    }

    const Work& work_;
    const Promise& promise_;
    const Before_and_after& known_;
    const Facts& found_;
    std::vector<std::string> said_;
};

} // namespace

bool is_temporary(const std::string& path) {
    static const std::regex temporary(".*/\\.[^/]*\\.arsync-[0-9a-f]{8}");
    return std::regex_match(path, temporary);
}

std::vector<std::string> judge(const Work& work, Progress progress, const Before_and_after& known,
                               const Facts& found) {
    Judge judge(work, known, found);
    if (progress == Progress::not_begun)
        judge.exactly(known.old, {.times = true, .tree = true, .links = true, .suffix = ""});
    else if (progress == Progress::done && work.promise.durable)
        judge.exactly(known.copied, work.promise);
    else
        judge.under_way();
    return judge.said();
}

} // namespace crash
