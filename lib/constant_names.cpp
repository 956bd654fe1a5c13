// Names for numbers, and the version.
#include <array>
#include <cstdlib>
#include <cstring>

#include "arsync.h"

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

namespace {

constexpr std::array stage_names = {
    "none",
    "queue",
    "open source",
    "open destination",
    "check",
    "allocate",
    "read",
    "write",
    "reflink",
    "copy_file_range",
    "truncate",
    "owner",
    "xattr",
    "mode",
    "times",
    "sync",
    "verify",
    "publish",
    "close",
    "memory",
    "list",
    "make directory",
    "read link",
    "link",
    "make special file",
    "remove",
    "backup",
    "context",
    "ask",
    "flags",
};
static_assert(stage_names.size() == ARSYNC_STAGE_FLAGS + 1);

constexpr std::array method_names = {
    "auto",  "inline",  "reflink",         "copy_file_range",
    "fixed", "direct",  "buffered-direct", "direct-buffered",
    "heap",  "managed",
};
static_assert(method_names.size() == ARSYNC_METHOD_MANAGED + 1);

constexpr std::array backend_names = {"auto", "uring", "threads"};
static_assert(backend_names.size() == ARSYNC_BACKEND_THREADS + 1);

constexpr std::array action_names = {
    "none",          "copy",      "make directory", "enter directory",
    "symbolic link", "hard link", "make special",   "skip",
    "remove",        "tree",      "list",           "read",
    "write",         "sync",      "acquire",
};
static_assert(action_names.size() == ARSYNC_ACTION_ACQUIRE + 1);

constexpr std::array kind_names = {
    "job", "entry", "question", "item", "directory on the way",
};
static_assert(kind_names.size() == ARSYNC_COMPLETION_WAY - ARSYNC_COMPLETION_JOB + 1);

template <class Names>
const char* name(const Names& names, uint32_t number) {
    return number < names.size() ? names[number] : "unknown";
}

} // namespace

// Null where there is none, and in no language but the C library's own.
static const char* description(int error) {
#ifdef __GLIBC__
    return strerrordesc_np(error);
#else // musl has one text for 0 and for what is no error
    const char* text = strerror(error);
    const bool has_none = strcmp(text, strerror(0)) == 0;
    return error == 0 ? "Success" : has_none ? nullptr : text;
#endif
}

extern "C" {

const char* arsync_version(void) {
    return TEXT(ARSYNC_VERSION_MAJOR) "." TEXT(ARSYNC_VERSION_MINOR) "." TEXT(ARSYNC_VERSION_PATCH);
}

uint32_t arsync_version_number(void) {
    return ARSYNC_VERSION_NUMBER;
}

const char* arsync_strerror(int error) {
    const char* text = error == INT32_MIN ? nullptr : description(abs(error));
    return text ? text : "Unknown error";
}

const char* arsync_stage_name(uint32_t stage) {
    return name(stage_names, stage);
}

const char* arsync_method_name(uint32_t method) {
    return name(method_names, method);
}

const char* arsync_backend_name(uint32_t backend) {
    return name(backend_names, backend);
}

const char* arsync_action_name(uint32_t action) {
    return name(action_names, action);
}

const char* arsync_completion_kind_name(uint32_t kind) {
    return name(kind_names, kind - ARSYNC_COMPLETION_JOB);
}

} // extern "C"
