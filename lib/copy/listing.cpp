#include "copy/listing.h"

#include <algorithm>
#include <cstring>
#include <dirent.h>
#include <vector>

namespace arsync {

// On 64-bit systems getdents64(2)'s record is the C library's struct dirent.
static const dirent& record_at(const std::byte* records, size_t at) {
    return *reinterpret_cast<const dirent*>(records + at);
}

bool Listing::fill(Files& files, int fd, Stage stage) {
    if (!records_)
        records_.reset(new std::byte[size_]);
    length_ = static_cast<size_t>(check(stage, files.list(fd, records_.get(), size_)));
    begin_again();
    for (size_t at = 0; at < length_; at += record_at(records_.get(), at).d_reclen)
        position_ = record_at(records_.get(), at).d_off;
    return length_ > 0;
}

void Listing::begin_again() {
    at_ = 0;
    names_left_ = 0;
    for (size_t at = 0; at < length_; at += record_at(records_.get(), at).d_reclen)
        ++names_left_;
}

void Listing::sort_by_inode() {
    std::vector<const dirent*> order;
    for (size_t at = 0; at < length_; at += record_at(records_.get(), at).d_reclen)
        order.push_back(&record_at(records_.get(), at));
    std::sort(order.begin(), order.end(),
              [](const dirent* a, const dirent* b) { return a->d_ino < b->d_ino; });
    std::unique_ptr<std::byte[]> sorted(new std::byte[size_]);
    size_t at = 0;
    for (const dirent* record : order) {
        std::memcpy(sorted.get() + at, record, record->d_reclen);
        at += record->d_reclen;
    }
    records_ = std::move(sorted);
}

std::unique_ptr<Listing> Listing::split() {
    const size_t kept = (names_left_ + 1) / 2;
    size_t middle = at_;
    for (size_t name = 0; name < kept; ++name)
        middle += record_at(records_.get(), middle).d_reclen;
    if (middle == length_)
        return nullptr;
    auto rest = std::make_unique<Listing>(size_);
    rest->records_.reset(new std::byte[size_]);
    rest->length_ = length_ - middle;
    rest->position_ = position_;
    std::memcpy(rest->records_.get(), records_.get() + middle, rest->length_);
    rest->names_left_ = names_left_ - kept;
    names_left_ = kept;
    length_ = middle;
    return rest;
}

Listing::Name Listing::next() {
    while (at_ < length_) {
        const dirent& record = record_at(records_.get(), at_);
        at_ += record.d_reclen;
        --names_left_;
        const std::string_view name = record.d_name;
        if (name != "." && name != "..")
            return {record.d_name, record.d_type, record.d_off, record.d_ino};
    }
    return {nullptr, DT_UNKNOWN, position_, 0};
}

} // namespace arsync
