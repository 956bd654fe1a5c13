// Completions and pools as JSON objects, for who keeps records of copies or hands them on.
#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>
#include <sys/stat.h>

#include "c_wall.h"

namespace {

using namespace arsync;

// The bytes at the beginning that are one character of UTF-8, or are none: then as many as could
// have begun one.
struct Character {
    size_t length;
    bool valid;
};

Character first_character(std::string_view text) {
    const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = at(0);
    const size_t length = first < 0x80                    ? 1
                          : first >= 0xc2 && first < 0xe0 ? 2
                          : first >= 0xe0 && first < 0xf0 ? 3
                          : first >= 0xf0 && first < 0xf5 ? 4
                                                          : 0;
    if (length == 0)
        return {1, false};
    for (size_t i = 1; i < length; ++i) {
        // Neither longer than it need be, nor half of a pair of UTF-16, nor beyond the last one.
        const unsigned least = i > 1           ? 0x80u
                               : first == 0xe0 ? 0xa0u
                               : first == 0xf0 ? 0x90u
                                               : 0x80u;
        const unsigned most = i > 1 ? 0xbfu : first == 0xed ? 0x9fu : first == 0xf4 ? 0x8fu : 0xbfu;
        if (i == text.size() || at(i) < least || at(i) > most)
            return {i, false};
    }
    return {length, true};
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const Character character = first_character(text);
        if (!character.valid)
            return false;
        text.remove_prefix(character.length);
    }
    return true;
}

// In quotation marks. What is no UTF-8 is shown by U+FFFD.
std::string string_of(std::string_view text) {
    constexpr std::string_view escaped = "\"\\\b\f\n\r\t";
    constexpr std::string_view letters = "\"\\bfnrt";
    std::string json = "\"";
    while (!text.empty()) {
        const Character character = first_character(text);
        const std::string_view bytes = text.substr(0, character.length);
        text.remove_prefix(character.length);
        const size_t escape = escaped.find(bytes[0]);
        char code[8];
        if (!character.valid)
            json += "\uFFFD";
        else if (escape != escaped.npos)
            json.append({'\\', letters[escape]});
        else if (static_cast<unsigned char>(bytes[0]) < 0x20)
            json.append(code,
                        static_cast<size_t>(snprintf(code, sizeof code, "\\u%04x", bytes[0])));
        else
            json += bytes;
    }
    return json += '"';
}

// An object, member by member.
class Object {
public:
    void add(const char* key, std::string_view text) { add_value(key, string_of(text)); }
    void add(const char* key, const char* text) { add(key, std::string_view(text)); }
    void add(const char* key, uint64_t number) { add_value(key, std::to_string(number)); }
    void add_truth(const char* key, bool truth) { add_value(key, truth ? "true" : "false"); }
    // A file's name may be any bytes. Where it is no UTF-8, a second member has all of them in
    // hexadecimal.
    void add_name(const std::string& key, std::string_view name) {
        add(key.c_str(), name);
        if (is_utf8(name))
            return;
        std::string digits;
        for (const char c : name)
            for (const int half : {static_cast<unsigned char>(c) >> 4, c & 0xf})
                digits += "0123456789abcdef"[half];
        add((key + "_hex").c_str(), std::string_view(digits));
    }
    std::string end() const { return members_ + "}"; }

private:
    void add_value(const char* key, const std::string& value) {
        members_.append(members_.size() > 1 ? "," : "").append(string_of(key));
        members_.append(":").append(value);
    }

    std::string members_ = "{";
};

// By arsync_action: what was made, or was to be made, and what is said of it where all went well.
struct Words {
    const char* type;
    const char* outcome;
};
constexpr Words words[] = {
    {"file", "made"},         {"file", "copied"},        {"directory", "made"},
    {"directory", "entered"}, {"symbolic-link", "made"}, {"file", "linked"},
    {"special", "made"},      {"file", "skipped"},       {"extra", "removed"}};

// What has another name in the directory that the path ends in.
std::string beside(std::string_view path, const char* name) {
    while (path.size() > 1 && path.ends_with('/'))
        path.remove_suffix(1);
    return std::string(path.substr(0, path == "/" ? 1 : path.rfind('/') + 1)).append(name);
}

void add_totals(Object& object, const arsync_totals& totals) {
    object.add("copied", totals.files);
    object.add("linked", totals.hard_links);
    object.add("skipped", totals.skipped);
    object.add("bytes", totals.bytes);
    object.add("hole_bytes", totals.hole_bytes);
    object.add("entries", totals.entries);
    object.add("directories", totals.directories);
    object.add("symbolic_links", totals.symlinks);
    object.add("specials", totals.specials);
    object.add("removed", totals.removed);
    object.add("errors", totals.errors);
}

void add_copy(Object& object, const arsync_completion& done) {
    const auto has = [&](uint32_t flag) { return (done.flags & flag) != 0; };
    object.add("method", arsync_method_name(done.method));
    object.add("bytes", done.bytes);
    object.add("hole_bytes", done.hole_bytes);
    object.add_truth("fallback", has(ARSYNC_COMPLETION_FALLBACK));
    object.add_truth("source_changed", has(ARSYNC_COMPLETION_SOURCE_CHANGED));
    object.add_truth("source_shrank", has(ARSYNC_COMPLETION_SOURCE_SHRANK));
    object.add_truth("verified_cached", has(ARSYNC_COMPLETION_VERIFIED_CACHED));
    object.add_truth("owner_lost", has(ARSYNC_COMPLETION_OWNER_LOST));
}

// Of what was submitted itself, a file or a tree, it is told as cp's user sees it.
class Told {
public:
    Told(const arsync_completion& completion, const char* outcome, std::string_view message)
        : done_(completion), given_(outcome), message_(message),
          words_(words[done_.action < std::size(words) ? done_.action : 0]) {}

    bool is_named() const {
        return done_.kind == ARSYNC_COMPLETION_JOB || done_.kind == ARSYNC_COMPLETION_ITEM;
    }
    const arsync_totals* tree() const {
        const bool has_entries =
            done_.action == ARSYNC_ACTION_TREE || done_.action == ARSYNC_ACTION_LIST;
        return is_named() && has_entries && done_.details ? done_.details->totals : nullptr;
    }
    const char* type() const {
        const bool is_directory = (done_.flags & ARSYNC_COMPLETION_DIRECTORY) != 0;
        if (is_named())
            return tree() ? "tree" : "file";
        if (done_.action == ARSYNC_ACTION_REMOVE)
            return words_.type;
        return is_directory ? "directory" : type_of_source();
    }
    // What was made tells by itself what it is.
    const char* type_of_source() const {
        const bool made = done_.action != ARSYNC_ACTION_NONE &&
                          done_.action != ARSYNC_ACTION_SKIP &&
                          done_.action != ARSYNC_ACTION_HARD_LINK;
        const bool is_known = done_.details && (done_.details->has & ARSYNC_WANT_SOURCE) != 0;
        const mode_t kind = is_known ? done_.details->source.mode & S_IFMT : 0;
        if (made || kind == 0 || kind == S_IFREG)
            return words_.type;
        return kind == S_IFLNK ? "symbolic-link" : kind == S_IFDIR ? "directory" : "special";
    }
    std::string_view outcome() const {
        if (given_)
            return given_;
        if (done_.result != 0)
            return done_.result == -ECANCELED ? "cancelled" : "failed";
        if (!is_named())
            return message_.empty() ? words_.outcome : "failed";
        return done_.action == ARSYNC_ACTION_HARD_LINK ? "linked"
               : done_.action == ARSYNC_ACTION_SKIP    ? "skipped"
                                                       : "copied";
    }
    bool has_data() const {
        if (!is_named())
            return done_.action == ARSYNC_ACTION_COPY;
        const bool has_none =
            done_.action == ARSYNC_ACTION_HARD_LINK || done_.action == ARSYNC_ACTION_SKIP;
        return done_.result != 0 || outcome() == "copied" ||
               (!has_none && outcome() != "linked" && outcome() != "skipped");
    }

private:
    const arsync_completion& done_;
    const char* const given_;
    const std::string_view message_;
    const Words words_;
};

std::string object_of(const arsync_completion& done, const char* src, const char* dst,
                      const char* outcome, std::string_view message) {
    const Told told(done, outcome, message);
    const auto other_name = [&](uint32_t flag, const char* arsync_details::*name) {
        return (done.flags & flag) != 0 && done.details ? done.details->*name : nullptr;
    };
    Object object;
    object.add("type", told.type());
    if (told.is_named() || done.action != ARSYNC_ACTION_REMOVE)
        object.add_name("source", src);
    const char* name = other_name(ARSYNC_COMPLETION_KEPT_BOTH, &arsync_details::name);
    object.add_name("destination", name ? beside(dst, name) : dst);
    object.add("outcome", told.outcome());
    const char* backup = other_name(ARSYNC_COMPLETION_BACKED_UP, &arsync_details::backup);
    if (backup)
        object.add_name("backup", beside(dst, backup));
    if (told.tree())
        add_totals(object, *told.tree());
    else if (told.has_data())
        add_copy(object, done);
    if (done.result != 0) {
        object.add("errno", static_cast<uint64_t>(-int64_t{done.result}));
        object.add("stage", arsync_stage_name(done.stage));
    }
    if (!message.empty())
        object.add("message", message);
    return object.end();
}

std::string object_of(const arsync_info& info, const arsync_stats& stats) {
    Object object;
    object.add("backend", arsync_backend_name(info.backend));
    object.add("backend_reason", info.backend_reason);
    object.add("workers_started", info.workers_started);
    object.add("buffer_size", info.buffer_size);
    object.add("buffers_registered", info.buffers_registered);
    object.add("buffers_refused", info.buffers_refused);
    object.add("buffers_reason", info.buffers_reason);
    object.add_truth("sqpoll", (info.flags & ARSYNC_POOL_SQPOLL) != 0);
    object.add("sqpoll_reason", info.sqpoll_reason);
    object.add_truth("iopoll", (info.flags & ARSYNC_POOL_IOPOLL) != 0);
    object.add("iopoll_reason", info.iopoll_reason);
    object.add("kernel_features", info.kernel_features);
    object.add("bytes_read", stats.bytes_read);
    object.add("bytes_written", stats.bytes_written);
    object.add("bytes_reflinked", stats.bytes_reflinked);
    object.add("bytes_offloaded", stats.bytes_offloaded);
    object.add("bytes_copied_in_user_space", stats.bytes_copied_in_user_space);
    return object.end();
}

} // namespace

int arsync_completion_json(const arsync_completion* completion, const char* src, const char* dst,
                           const char* outcome, const char* message, char* text, size_t size) {
    if (!completion || !src || !dst || (!text && size > 0))
        return -EFAULT;
    return uncancelled([&] {
        const std::string_view said = message ? message : "";
        return give_text(object_of(*completion, src, dst, outcome, said), text, size);
    });
}

int arsync_pool_json(arsync_pool* handle, char* text, size_t size) {
    if (!text && size > 0)
        return -EFAULT;
    return with_pool(handle, [&](Pool& pool) {
        arsync_info info{};
        arsync_stats stats{};
        pool.info(info);
        pool.stats(stats);
        return give_text(object_of(info, stats), text, size);
    });
}
