#include "attributes.h"

#include <algorithm>
#include <optional>
#include <unistd.h>

#include "arsync.h"
#include "choice.h"

namespace cp {

namespace {

enum Attribute { Mode, Timestamps, Ownership, Links, Context, Xattr, All };

constexpr Choice attribute_words[] = {
    {"mode", Mode},   {"timestamps", Timestamps}, {"ownership", Ownership},
    {"links", Links}, {"context", Context},       {"xattr", Xattr},
    {"all", All},
};

} // namespace

void Attributes::set_default() {
    mode = ownership = timestamps = true;
}

void Attributes::set_archive() {
    mode = ownership = timestamps = links = xattr = true;
    context = context || selinux_enabled();
}

void Attributes::set_one(int attribute, bool preserve) {
    switch (attribute) {
    case Mode:
        mode = preserve;
        mode_declined = !preserve;
        break;
    case Timestamps:
        timestamps = preserve;
        break;
    case Ownership:
        ownership = preserve;
        break;
    case Links:
        links = preserve;
        break;
    case Context:
        context = context_required = preserve;
        break;
    case Xattr:
        xattr = xattr_required = preserve;
        break;
    case All:
        mode = ownership = timestamps = links = xattr = preserve;
        mode_declined = !preserve;
        context = preserve && selinux_enabled();
        break;
    default:
        break;
    }
}

bool Attributes::set(std::string_view list, bool preserve) {
    while (true) {
        size_t length = std::min(list.find(','), list.size());
        std::optional<int> attribute = choose(attribute_words, list.substr(0, length),
                                              preserve ? "--preserve" : "--no-preserve");
        if (!attribute)
            return false;
        set_one(*attribute, preserve);
        if (length == list.size())
            return true;
        list.remove_prefix(length + 1);
    }
}

uint32_t Attributes::preserve_flags() const {
    uint32_t flags = 0;
    flags |= mode ? ARSYNC_PRESERVE_MODE : 0;
    flags |= ownership ? ARSYNC_PRESERVE_OWNER : 0;
    flags |= timestamps ? ARSYNC_PRESERVE_TIMES : 0;
    flags |= xattr ? ARSYNC_PRESERVE_XATTR : 0;
    flags |= links ? ARSYNC_PRESERVE_LINKS : 0;
    flags |= context ? ARSYNC_PRESERVE_CONTEXT : 0;
    return flags;
}

bool selinux_enabled() {
    static const bool enabled = access("/sys/fs/selinux/enforce", F_OK) == 0;
    return enabled;
}

} // namespace cp
