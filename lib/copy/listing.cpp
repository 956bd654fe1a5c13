#include "copy/listing.h"

#include <dirent.h>

namespace arsync {

// On 64-bit systems getdents64(2)'s record is the C library's struct dirent.
static const dirent& record_at(const std::byte* records, size_t at) {
    return *reinterpret_cast<const dirent*>(records + at);
}

bool Listing::fill(Files& files, int fd, Stage stage) {
    if (!records_)
        records_.reset(new std::byte[size]);
    length_ = static_cast<size_t>(check(stage, files.list(fd, records_.get(), size)));
    at_ = 0;
    for (size_t at = 0; at < length_; at += record_at(records_.get(), at).d_reclen)
        position_ = record_at(records_.get(), at).d_off;
    return length_ > 0;
}

Listing::Name Listing::next() {
    while (at_ < length_) {
        const dirent& record = record_at(records_.get(), at_);
        at_ += record.d_reclen;
        const std::string_view name = record.d_name;
        if (name != "." && name != "..")
            return {record.d_name, record.d_type, record.d_off};
    }
    return {nullptr, DT_UNKNOWN, position_};
}

} // namespace arsync
