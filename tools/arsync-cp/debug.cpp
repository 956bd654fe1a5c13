#include "debug.h"

#include "sizes.h"

namespace cp {

namespace {

std::string with_reason(const char* reason) {
    return *reason == '\0' ? "" : std::string(" (") + reason + ")";
}

std::string describe_switch(const char* name, const arsync_info& info, uint32_t flags_asked_for,
                            uint32_t flag, const char* reason) {
    if ((flags_asked_for & flag) == 0)
        return "";
    bool in_force = (info.flags & flag) != 0;
    return std::string(name) + ": " + (in_force ? "in force" : "not in force") +
           with_reason(reason) + "\n";
}

} // namespace

std::string describe_copy(const arsync_completion& completion) {
    std::string text = "method: ";
    text += arsync_method_name(completion.method);
    if ((completion.flags & ARSYNC_COMPLETION_FALLBACK) != 0)
        text += " (what was asked for could not be used)";
    text += ", reflink: ";
    text += completion.method == ARSYNC_METHOD_REFLINK ? "yes" : "no";
    text += ", copy offload: ";
    text += completion.method == ARSYNC_METHOD_COPY_FILE_RANGE ? "yes" : "no";
    text += ", bytes: " + std::to_string(completion.bytes);
    text += ", of these in holes: " + std::to_string(completion.hole_bytes);
    if ((completion.flags & ARSYNC_COMPLETION_OWNER_LOST) != 0)
        text += ", owner not kept for lack of privilege";
    if ((completion.flags & ARSYNC_COMPLETION_VERIFIED_CACHED) != 0)
        text += ", verified in part from the page cache";
    return text + "\n";
}

std::string describe_pool(const arsync_info& info, uint32_t flags_asked_for) {
    std::string text = "backend: ";
    text.append(arsync_backend_name(info.backend)).append(with_reason(info.backend_reason));
    text.append("\nworkers: ").append(std::to_string(info.workers_started)).append(" of ");
    text.append(std::to_string(info.workers)).append(" started, queue depth ");
    text.append(std::to_string(info.queue_depth));
    text.append("\nbuffers: ").append(std::to_string(info.buffer_count)).append(" of ");
    text.append(format_size(info.buffer_size)).append(" a worker; ");
    text.append(std::to_string(info.buffers_registered)).append(" registered, ");
    text.append(std::to_string(info.buffers_refused)).append(" refused");
    text.append(with_reason(info.buffers_reason)).append("\n");
    text +=
        describe_switch("sqpoll", info, flags_asked_for, ARSYNC_POOL_SQPOLL, info.sqpoll_reason);
    text +=
        describe_switch("iopoll", info, flags_asked_for, ARSYNC_POOL_IOPOLL, info.iopoll_reason);
    if (info.kernel_features[0] != '\0')
        text.append("kernel features: ").append(info.kernel_features).append("\n");
    return text;
}

} // namespace cp
