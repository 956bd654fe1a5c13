// One worker's part in the copy of a list.
#pragma once

#include <array>

#include "copy/list/list.h"
#include "copy/list/take.h"
#include "copy/question.h"
#include "copy/tree/window.h"

namespace arsync {

class ListMember {
public:
    // host: of its worker.
    ListMember(List& list, Io io, Control& control, Host& host);

    // Until there are no more items.
    Task<void> run();

private:
    using Item = List::Item;

    Task<void> take_items();
    Task<bool> admit_next();
    bool may_admit_more();
    void start_admitted();
    List::NobodyElse nobody_else();
    // Before the first item of a list of mirrors is taken. Ends the list if one cannot be begun.
    Task<void> check_mirrors();
    Task<void> look_for_clash(std::optional<Clash>& clash);
    // The item has been taken; it may not be run at once.
    Task<void> admit(Item& item);
    Task<void> admit_entry(Item& item); // of one tree
    List::Whereabouts look_where_it_is(const Item& item);
    Task<void> admit_path(Item& item);
    bool look(Item& item, bool idle);
    bool look_at_source(Touch& touch, const Item& item, bool idle);
    bool look_at_destination(Touch& touch, Item& item, bool idle);
    bool was_absent(const Touch& touch, const Item& item);
    bool looks_at_backup(const Item& item, bool idle);
    void refuse_unknown(Stage stage, int result) const;
    bool replaces_name(mode_t source_mode) const;
    std::string key_of(int dirfd, const std::string& path,
                       std::unordered_map<std::string, std::string>& directories, bool& known);
    bool folds_names(const Item& item) const;
    bool runs_alone(const Item& item) const;
    bool is_entangled(const Item& item) const;
    Task<void> find_way(Item& item);
    void enter_way(Item& item);
    void look_from_way(Item& item, const Directory& way);
    void look_at_source_from(const Directory& way, Item& item);
    void look_at_destination_from(const Directory& way, Item& item);
    void refuse_lost_link(const Item& item) const;
    void tell_of_ways(Item& item, bool over);

    Task<void> copy(std::shared_ptr<Item> item);
    void give_place_back(const Item& item);
    Task<void> copy_until_ended(Item& item, Outcome& outcome, arsync_totals& totals);
    Task<void> copy_item_once(Item& item, Question& question, Control& control, Outcome& outcome,
                              arsync_totals& totals);
    Task<void> wait_for_answer(const Item& item, Question& question, Outcome& outcome);
    std::optional<Error> why_untriable(const ListItem& names) const;
    Task<bool> wait_for_descriptors(unsigned attempt);
    void end_directory(const Item& item, Outcome& outcome, arsync_totals& totals) const;
    void end(Item& item, const Outcome& outcome, const arsync_totals& totals);

    List& list_;
    FilesystemMemo memo_;
    const Io io_;
    Control& control_;
    Host& host_;
    Group items_;
    Window window_;
    unsigned since_yield_ = 0;
    // Items that are in flight and not yet begun: to hand the turn on costs more than to admit one.
    std::array<std::shared_ptr<Item>, 8> admitted_;
    unsigned admitted_count_ = 0;
    uint64_t admitted_bytes_ = 0;
};

} // namespace arsync
