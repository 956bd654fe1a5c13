// The host of a copy that is no tree and no list, and so asks for nothing of a pool.
#pragma once

#include "copy/host.h"

namespace arsync {

class NoHost final : public Host {
public:
    void call_others(const std::shared_ptr<Shared>&) override {}
    void report(Report) override {}
    bool wait_for_room(Ring&, Waiter&) override { return false; }
    bool is_alone() override { return true; }
    unsigned workers() const override { return 1; }
    bool ask(Asker&, std::unique_ptr<Suspended>&, const std::string*) override { return false; }
    void withdraw_questions() override {}
    void rest(bool) override {}
};

} // namespace arsync
