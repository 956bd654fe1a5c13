#include "conflict.h"

namespace cp {

const char* conflict_among(const Options& options, bool backs_up) {
    bool reflink_always = options.copy.reflink == ARSYNC_REFLINK_ALWAYS;
    bool method_reflink = options.copy.method == ARSYNC_METHOD_REFLINK;
    bool sparse_auto = options.copy.sparse == ARSYNC_SPARSE_AUTO;
    bool mirror = (options.copy.flags & ARSYNC_COPY_MIRROR) != 0;
    if (options.hard_links() && options.symbolic_links())
        return "cannot make both hard and symbolic links";
    if (backs_up && options.clobber == Clobber::Never)
        return "options --backup and --no-clobber are mutually exclusive";
    if (backs_up && options.clobber == Clobber::Refuse)
        return "options --backup and --update=none-fail are mutually exclusive";
    if (reflink_always && !sparse_auto)
        return "--reflink can be used only with --sparse=auto";
    if (method_reflink && !sparse_auto)
        return "--method=reflink can be used only with --sparse=auto";
    if (method_reflink && options.copy.reflink == ARSYNC_REFLINK_NEVER)
        return "options --method=reflink and --reflink=never are mutually exclusive";
    if (reflink_always && options.copy.method != ARSYNC_METHOD_AUTO && !method_reflink)
        return "--reflink can be used only with --method=auto or --method=reflink";
    if (options.atomic() && options.remove_destination)
        return "options --atomic and --remove-destination are mutually exclusive";
    if (options.atomic() && options.clobber == Clobber::Refuse)
        return "options --atomic and --update=none-fail are mutually exclusive";
    if (mirror && !options.recursive)
        return "--mirror can be used only with --recursive (-r)";
    if (mirror && backs_up)
        return "options --mirror and --backup are mutually exclusive";
    if (mirror && (options.copy.flags & ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK) != 0)
        return "options --mirror and --keep-directory-symlink are mutually exclusive";
    if (mirror && options.clobber != Clobber::Overwrite)
        return "--mirror can be used only without -i, -n and --update=none-fail";
    if (options.names_from_stdin() && options.patterns_from_stdin)
        return "--files-from and --exclude-from cannot both read standard input";
    if (options.clobber == Clobber::Ask &&
        (options.names_from_stdin() || options.patterns_from_stdin))
        return "--interactive (-i) can be used only without a list on standard input";
    if (options.nul_separated && options.files_from == nullptr)
        return "--null (-0) can be used only with --files-from";
    if (options.files_from != nullptr && options.parents)
        return "options --files-from and --parents are mutually exclusive";
    if (options.files_from != nullptr && options.symbolic_links())
        return "options --files-from and --symbolic-link are mutually exclusive";
    if (options.skip_unchanged && (options.update || options.clobber != Clobber::Overwrite))
        return "--skip-unchanged can be used only without -i, -n and -u";
    return nullptr;
}

} // namespace cp
