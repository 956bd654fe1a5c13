// What a pool uses, and why, in lines for a log.
#include <cerrno>
#include <string>

#include "c_wall.h"

namespace {

using namespace arsync;

std::string with_reason(const char* reason) {
    return *reason == '\0' ? "" : std::string(" (") + reason + ")";
}

// At most five characters: "512B" as "512", "256K", "2.0M", "64M".
std::string size_text(uint32_t bytes) {
    const unsigned shift = bytes >= 1u << 20 ? 20 : bytes >= 1u << 10 ? 10 : 0;
    const uint32_t units = bytes >> shift;
    const uint32_t rest = bytes & ((1u << shift) - 1);
    const std::string tenths = shift > 0 && units < 10
                                   ? "." + std::to_string(static_cast<uint64_t>(rest) * 10 >> shift)
                                   : "";
    return std::to_string(units) + tenths + (shift == 20 ? "M" : shift == 10 ? "K" : "");
}

std::string lines_of(const arsync_info& info, uint32_t flags_asked_for) {
    std::string text =
        std::string("backend: ") + arsync_backend_name(info.backend) +
        with_reason(info.backend_reason) + "\nworkers: " + std::to_string(info.workers_started) +
        " of " + std::to_string(info.workers) + " started, queue depth " +
        std::to_string(info.queue_depth) + "\nbuffers: " + std::to_string(info.buffer_count) +
        " of " + size_text(info.buffer_size) + " a worker; " +
        std::to_string(info.buffers_registered) + " registered, " +
        std::to_string(info.buffers_refused) + " refused" + with_reason(info.buffers_reason) + "\n";
    const auto tell_switch = [&](const char* name, uint32_t flag, const char* reason) {
        if ((flags_asked_for & flag) != 0)
            text += std::string(name) +
                    ((info.flags & flag) != 0 ? ": in force" : ": not in force") +
                    with_reason(reason) + "\n";
    };
    tell_switch("sqpoll", ARSYNC_POOL_SQPOLL, info.sqpoll_reason);
    tell_switch("iopoll", ARSYNC_POOL_IOPOLL, info.iopoll_reason);
    if (info.kernel_features[0] != '\0')
        text += std::string("kernel features: ") + info.kernel_features + "\n";
    return text;
}

} // namespace

int arsync_pool_describe(arsync_pool* handle, char* text, size_t size) {
    if (!text && size > 0)
        return -EFAULT;
    return with_pool(handle, [&](Pool& pool) {
        arsync_info info{};
        pool.info(info);
        return give_text(lines_of(info, pool.options().flags), text, size);
    });
}
