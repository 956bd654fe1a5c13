#include "copy/tree/part.h"

#include <cerrno>
#include <new>

#include "copy/tree/attempt.h"
#include "io/descriptors.h"

namespace arsync {

TreePart::TreePart(Tree& tree, Io io, Control& control, Host& host)
    : tree_(tree), job_(tree.job()), io_{io.files, io.ring, io.buffers, io.pace, &memo_},
      control_(control), frugal_(descriptors::walkers() == 1),
      window_(io.ring, job_.host.workers()), awake_(host, *job_.directories, job_.asks) {}

Task<void> TreePart::run() {
    for (unsigned i = 0; i < descriptors::walkers(); ++i)
        walkers_.spawn([this] { return walk(); });
    for (Group* group : {&walkers_, &entries_}) {
        try {
            co_await group->join();
        } catch (const std::bad_alloc&) { // not even the frame of a coroutine
            out_of_memory();
        }
    }
    if (job_.asks && tree_.stopping()) { // what has come back since
        tree_.withdraw_questions();
        co_await give_up_units();
    }
}

Task<void> TreePart::walk() {
    awake_.add();
    for (;;) {
        awake_.remove();
        std::optional<Unit> unit = co_await Tree::Take(tree_, io_.ring);
        awake_.add();
        if (!unit) {
            if (!tree_.over())
                continue;
            co_await give_up_units();
            co_return;
        }
        try {
            if (control_.held())
                co_await wait_while_held(io_, control_);
            co_await wait_for_entries();
            if (unit->answered)
                co_await go_on(std::move(unit->answered));
            DirectoryRef directory = unit->directory;
            if (!unit->name.empty()) {
                co_await Poll(*this); // of the stack's directories each has something to report
                directory = co_await enter(*unit);
            }
            if (directory)
                co_await list(directory);
        } catch (const std::bad_alloc&) {
            out_of_memory();
        }
        tree_.unit_ended();
    }
}

// Where descriptors are few, those of entries and of the next directory do not add up.
Task<void> TreePart::wait_for_entries() {
    while (frugal_ && window_.under_way() > 0)
        co_await Window::EntryEnd(window_);
}

// Units that will not be begun must still be counted off, so that directories already made get
// their attributes.
Task<void> TreePart::give_up_units() {
    try {
        while (std::optional<Unit> unit = tree_.take_back()) {
            if (unit->answered)
                co_await give_up(std::move(unit->answered));
            co_await complete(std::move(unit->directory));
        }
    } catch (const std::bad_alloc&) {
        out_of_memory();
    }
}

// Fewer at once for a while. False: it would not help.
Task<bool> TreePart::wait_for_descriptors(unsigned attempt) {
    window_.narrow();
    job_.directories->set_keeping(false);
    const bool closed = job_.directories->close_idle();
    const bool may_help = closed && attempt == 0; // for once: who tries again leaves more behind
    if (tree_.stopping() || (!may_help && job_.scarcity.is_hopeless(job_.host.is_alone())))
        co_return false;
    if (!may_help)
        co_await window_.pause(attempt);
    co_return true;
}

void TreePart::out_of_memory() {
    tree_.note_error(-ENOMEM, ARSYNC_STAGE_MEMORY, Side::neither);
    tree_.stop();
}

} // namespace arsync
