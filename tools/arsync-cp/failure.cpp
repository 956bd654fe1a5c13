#include "failure.h"

#include <cerrno>

#include "quote.h"

namespace cp {

std::string describe_failure(const Entry& entry, const arsync_completion& completion) {
    std::string source = quote(entry.source.shown);
    std::string destination = quote(entry.destination.shown);
    int error = -completion.result;
    std::string what;
    switch (completion.stage) {
    case ARSYNC_STAGE_OPEN_SOURCE:
        what = "cannot open " + source + " for reading";
        break;
    case ARSYNC_STAGE_OPEN_DESTINATION:
        what = "cannot create regular file " + destination;
        // Only a directory may have a slash after its name, and this was to be a file.
        if (error == EISDIR && entry.destination.name.ends_with('/'))
            error = ENOTDIR;
        break;
    case ARSYNC_STAGE_CHECK:
        if (error == EINVAL)
            return source + " and " + destination + " are the same file";
        if (error == EISDIR)
            return "cannot overwrite directory " + destination + " with non-directory";
        what = "cannot copy " + source + " to " + destination;
        // The library opens no socket. Whoever tries hears that there is no such device.
        if (error == EOPNOTSUPP && S_ISSOCK(entry.source_mode)) {
            what = "cannot open " + source + " for reading";
            error = ENXIO;
        }
        break;
    case ARSYNC_STAGE_READ:
        what = "error reading " + source;
        break;
    case ARSYNC_STAGE_ALLOCATE:
    case ARSYNC_STAGE_WRITE:
        what = "error writing " + destination;
        break;
    case ARSYNC_STAGE_REFLINK:
        what = "failed to clone " + destination + " from " + source;
        break;
    case ARSYNC_STAGE_COPY_FILE_RANGE:
        what = "error copying " + source + " to " + destination;
        break;
    case ARSYNC_STAGE_TRUNCATE:
        what = "failed to extend " + destination;
        break;
    case ARSYNC_STAGE_OWNER:
        what = "failed to preserve ownership for " + destination;
        break;
    case ARSYNC_STAGE_XATTR:
        what = "setting attributes for " + destination;
        break;
    case ARSYNC_STAGE_MODE:
        what = "preserving permissions for " + destination;
        break;
    case ARSYNC_STAGE_TIMES:
        what = "preserving times for " + destination;
        break;
    case ARSYNC_STAGE_SYNC:
        what = "error syncing " + destination;
        break;
    case ARSYNC_STAGE_VERIFY:
        if (error == EILSEQ)
            return "verification failed: " + destination + " does not read back as " + source;
        what = "cannot verify " + destination;
        break;
    case ARSYNC_STAGE_PUBLISH:
        what = "cannot put the new file in the place of " + destination;
        break;
    case ARSYNC_STAGE_CLOSE:
        what = "failed to close " + destination;
        break;
    case ARSYNC_STAGE_MEMORY:
        return "memory exhausted";
    default:
        what = "cannot copy " + source + " to " + destination;
        break;
    }
    return what + ": " + arsync_strerror(error);
}

std::string describe_warning(const Entry& entry, const arsync_completion& completion) {
    std::string source = quote(entry.source.shown);
    if ((completion.flags & ARSYNC_COMPLETION_SOURCE_SHRANK) != 0)
        return "warning: " + source + " became shorter while it was copied";
    if ((completion.flags & ARSYNC_COMPLETION_SOURCE_CHANGED) != 0)
        return "warning: " + source + " changed while it was copied";
    return "";
}

uint32_t attribute_of(uint32_t stage) {
    switch (stage) {
    case ARSYNC_STAGE_OWNER:
        return ARSYNC_PRESERVE_OWNER;
    case ARSYNC_STAGE_XATTR:
        return ARSYNC_PRESERVE_XATTR;
    case ARSYNC_STAGE_MODE:
        return ARSYNC_PRESERVE_MODE;
    case ARSYNC_STAGE_TIMES:
        return ARSYNC_PRESERVE_TIMES;
    default:
        return 0;
    }
}

} // namespace cp
