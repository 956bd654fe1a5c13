// Small files that are copied together, as far as that goes.
#pragma once

#include <array>
#include <cerrno>
#include <new>
#include <optional>
#include <span>

#include "copy/file_at_once.h"

namespace arsync {

// Of a directory's listing.
struct SmallFile {
    std::string name;
    Source source = {}; // if it is open
    bool done = false;  // otherwise it takes a coroutine, which gets what is open
};

// One object for all of a worker's, one after the other.
class Together {
public:
    static constexpr size_t most = 8; // of 4, 16 and 100 none was faster (ext4, tmpfs)

    struct One {
        One(SmallFile& own, Control& whole) : file(own), control(whole) {}
        bool goes_on = true; // else it has ended, or is left to a coroutine
        SmallFile& file;
        Control control;
        FileCopy names = {};
        Outcome outcome = {};
        std::optional<FileAtOnce> copy = {};
    };
    std::span<std::optional<One>> begin(std::span<SmallFile> files, Control& whole) {
        for (size_t i = 0; i < files.size(); ++i)
            all_[i].emplace(files[i], whole);
        return std::span(all_).first(files.size());
    }
    // The step of those that go on. One that fails, or would have to wait, does not go on.
    template <class Step>
    static void step(std::span<std::optional<One>> some, Step step) {
        for (std::optional<One>& one : some)
            if (one->goes_on)
                take(*one, step);
    }

private:
    template <class Step>
    static void take(One& one, Step step);
    std::array<std::optional<One>, most> all_;
};

template <class Step>
void Together::take(One& one, Step step) {
    try {
        one.goes_on = step(one);
        if (one.goes_on)
            return;
    } catch (const Error& error) {
        one.goes_on = false;
        // By a coroutine it waits, or is tried again.
        one.file.done = error.code != EMFILE && error.code != ENFILE && !error.is_stale_handle();
        if (one.file.done)
            one.outcome.fail(error);
        else
            one.file.source = {};
    } catch (const std::bad_alloc&) {
        one.goes_on = false;
        one.file.done = true;
        one.outcome.fail(-ENOMEM, ARSYNC_STAGE_MEMORY);
    }
    one.copy.reset();
    if (!one.file.done)
        one.control.take_back();
}

} // namespace arsync
