// The host of an item: what is in it is told of, and asked about, as the item's, and by the list's
// job, whichever worker it is on.
#pragma once

#include <string>
#include <utility>

#include "copy/list/list.h"

namespace arsync {

class ItemHost final : public Host {
public:
    ItemHost(List& list, Host& outer, const List::Item& item)
        : list_(list), outer_(outer), item_(item) {}
    void call_others(const std::shared_ptr<Shared>& work) override { outer_.call_others(work); }
    void report(Report report) override {
        report.item = item_.number;
        report.user_data = item_.names.user_data;
        list_.host_->report(std::move(report));
    }
    bool wait_for_room(Ring& ring, Waiter& waiter) override {
        return list_.host_->wait_for_room(ring, waiter);
    }
    bool is_alone() override { return outer_.is_alone(); }
    unsigned workers() const override { return outer_.workers(); }
    bool ask(Asker& asker, std::unique_ptr<Suspended>& suspended,
             const std::string* path) override {
        suspended->item = item_.number;
        suspended->user_data = item_.names.user_data;
        return list_.host_->ask(asker, suspended, path);
    }
    void withdraw_questions() override { list_.host_->withdraw_questions(); }
    void rest(bool) override {} // the list's part goes on
    void stop() override { list_.stop(); }
    void enter(Stoppable& tree) override { list_.enter(tree); }
    void leave(Stoppable& tree) override { list_.leave(tree); }
    bool asks_whether_made() const override { return item_.has_parts; }
    bool made_before(const std::string& path) override {
        return list_.is_listed(item_.touch, path);
    }

private:
    List& list_;
    Host& outer_;
    const List::Item& item_;
};

} // namespace arsync
