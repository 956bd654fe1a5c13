// Whether a list of mirrors may be begun.
#include "copy/list/member.h"

#include <cerrno>

namespace arsync {

Task<void> ListMember::check_mirrors() {
    for (unsigned number = 0;; ++number) {
        std::optional<Clash> clash;
        std::optional<Error> failure;
        try {
            co_await look_for_clash(clash);
        } catch (const Error& error) {
            failure = error;
        }
        if (clash)
            list_.refuse(*clash, host_);
        list_.are_apart_ = !clash && !failure;
        if (!failure)
            co_return;
        const bool again = co_await wait_for_descriptors(number);
        if (again)
            continue;
        Outcome failed;
        failed.fail(*failure);
        list_.note_error(failed, nullptr);
        list_.stop();
        co_return;
    }
}

Task<void> ListMember::look_for_clash(std::optional<Clash>& clash) {
    constexpr size_t yield_after = 32;
    const std::deque<ListItem>& items = list_.all_items();
    const size_t count = items.size();
    Mirrors mirrors(io_.files, list_.source_dirfd_, list_.destination_dirfd_, list_.options_,
                    items);
    clash = mirrors.compare_names();
    for (size_t i = 0; i < count && !clash && !list_.stopping(); ++i) {
        mirrors.add(i);
        if (i % yield_after == 0)
            co_await io_.ring.yield();
    }
    mirrors.all_added();
    for (size_t i = 0; i < count && !clash && !list_.stopping(); ++i) {
        clash = mirrors.compare(i);
        if (i % yield_after == 0)
            co_await io_.ring.yield();
    }
}

} // namespace arsync
