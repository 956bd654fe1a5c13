// What --preserve and --no-preserve ask for.
#pragma once

#include <cstdint>
#include <string_view>

namespace cp {

class Attributes {
public:
    // What -p and --preserve without a list mean.
    void set_default();

    // What -a means.
    void set_archive();

    // Each word of a list, separated by commas; false after a complaint about one of them.
    bool set(std::string_view list, bool preserve);

    // ARSYNC_PRESERVE_*
    uint32_t preserve_flags() const;

    // Not preserving the mode, said in as many words, is more than the default: a new file does not
    // even begin with the source's permissions.
    bool default_mode() const { return mode_declined && !mode; }

    bool links = false;
    bool xattr_required = false;
    bool context_required = false;

private:
    bool context = false;
    void set_one(int attribute, bool preserve);

    bool mode = false;
    bool mode_declined = false;
    bool ownership = false;
    bool timestamps = false;
    bool xattr = false;
};

// Whether the kernel gives files SELinux labels.
bool selinux_enabled();

} // namespace cp
