#include "json.h"

#include <cstdio>

namespace cp {

namespace {

// How many bytes at the beginning of the text are one character in UTF-8; 0 if none are.
size_t utf8_length(std::string_view text) {
    auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    unsigned char first = byte(0);
    if (first < 0x80)
        return 1;
    size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((byte(i) & 0xc0) != 0x80)
            return 0;
    // Too long for what they say, surrogates, and what lies beyond Unicode.
    if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
        (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f))
        return 0;
    return length;
}

void append_escaped(std::string& line, char c) {
    if (c == '"' || c == '\\') {
        line += '\\';
        line += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
        char text[8];
        snprintf(text, sizeof text, "\\u%04x", static_cast<unsigned>(c));
        line += text;
    } else {
        line += c;
    }
}

// Returns whether all of it was valid.
bool append_string(std::string& line, std::string_view value) {
    bool valid = true;
    line += '"';
    while (!value.empty()) {
        size_t length = utf8_length(value);
        if (length == 0)
            line += "\\ufffd";
        else if (length == 1)
            append_escaped(line, value[0]);
        else
            line += value.substr(0, length);
        valid = valid && length != 0;
        value.remove_prefix(length == 0 ? 1 : length);
    }
    line += '"';
    return valid;
}

} // namespace

void JsonLine::key(std::string_view name) {
    if (line.size() > 1)
        line += ',';
    line.append("\"").append(name).append("\":");
}

void JsonLine::text(std::string_view name, std::string_view value) {
    key(name);
    append_string(line, value);
}

void JsonLine::number(std::string_view name, uint64_t value) {
    key(name);
    line += std::to_string(value);
}

void JsonLine::real(std::string_view name, double value) {
    char text[32];
    snprintf(text, sizeof text, "%.6f", value);
    key(name);
    line += text;
}

void JsonLine::boolean(std::string_view name, bool value) {
    key(name);
    line += value ? "true" : "false";
}

void JsonLine::name(std::string_view name, std::string_view value) {
    key(name);
    if (append_string(line, value))
        return;
    key(std::string(name) + "_hex");
    line += '"';
    for (char c : value) {
        char text[4];
        snprintf(text, sizeof text, "%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
        line += text;
    }
    line += '"';
}

std::string JsonLine::finish() {
    return line + "}\n";
}

namespace {

void add_copy(JsonLine& json, const arsync_completion& completion) {
    json.text("method", arsync_method_name(completion.method));
    json.number("bytes", completion.bytes);
    json.number("hole_bytes", completion.hole_bytes);
    json.boolean("fallback", (completion.flags & ARSYNC_COMPLETION_FALLBACK) != 0);
    json.boolean("source_changed", (completion.flags & ARSYNC_COMPLETION_SOURCE_CHANGED) != 0);
    json.boolean("source_shrank", (completion.flags & ARSYNC_COMPLETION_SOURCE_SHRANK) != 0);
    json.boolean("verified_cached", (completion.flags & ARSYNC_COMPLETION_VERIFIED_CACHED) != 0);
    json.boolean("owner_lost", (completion.flags & ARSYNC_COMPLETION_OWNER_LOST) != 0);
}

void add_failure(JsonLine& json, const arsync_completion& completion, const std::string& message) {
    if (completion.result != 0) {
        json.number("errno", static_cast<uint64_t>(-completion.result));
        json.text("stage", arsync_stage_name(completion.stage));
    }
    // Messages quote names, and quoting leaves nothing in them that is not valid text.
    if (!message.empty())
        json.text("message", message);
}

// What was done, or was to be done.
const char* type_of(uint16_t action) {
    switch (action) {
    case ARSYNC_ACTION_MAKE_DIRECTORY:
    case ARSYNC_ACTION_ENTER_DIRECTORY:
        return "directory";
    case ARSYNC_ACTION_SYMBOLIC_LINK:
        return "symbolic-link";
    case ARSYNC_ACTION_MAKE_SPECIAL:
        return "special";
    case ARSYNC_ACTION_REMOVE:
        return "extra";
    default:
        return "file";
    }
}

const char* outcome_of(const arsync_completion& completion) {
    if (completion.result == -ECANCELED)
        return outcome_name(Outcome::cancelled);
    if (completion.result != 0)
        return outcome_name(Outcome::failed);
    switch (completion.action) {
    case ARSYNC_ACTION_HARD_LINK:
        return outcome_name(Outcome::linked);
    case ARSYNC_ACTION_SKIP:
        return outcome_name(Outcome::skipped);
    case ARSYNC_ACTION_ENTER_DIRECTORY:
        return "entered";
    case ARSYNC_ACTION_REMOVE:
        return "removed";
    case ARSYNC_ACTION_COPY:
        return outcome_name(Outcome::copied);
    default:
        return "made";
    }
}

} // namespace

void add_totals(JsonLine& json, const arsync_totals& totals) {
    json.number("entries", totals.entries);
    json.number("directories", totals.directories);
    json.number("symbolic_links", totals.symlinks);
    json.number("specials", totals.specials);
    json.number("removed", totals.removed);
    json.number("errors", totals.errors);
}

std::string json_of_entry(const std::string& source, const std::string& destination,
                          const std::optional<Place>& backup, const arsync_completion& completion,
                          const std::string& message) {
    JsonLine json;
    bool is_directory = (completion.flags & ARSYNC_COMPLETION_DIRECTORY) != 0;
    json.text("type", is_directory && completion.action != ARSYNC_ACTION_REMOVE
                          ? "directory"
                          : type_of(completion.action));
    if (completion.action != ARSYNC_ACTION_REMOVE)
        json.name("source", source);
    json.name("destination", destination);
    // The library would have made it, but was told not to.
    bool refused = completion.result == 0 && !message.empty();
    json.text("outcome", refused ? outcome_name(Outcome::failed) : outcome_of(completion));
    if (backup)
        json.name("backup", backup->shown);
    if (completion.action == ARSYNC_ACTION_COPY)
        add_copy(json, completion);
    add_failure(json, completion, message);
    return json.finish();
}

std::string json_of(const Item& entry) {
    JsonLine json;
    const arsync_completion& completion = entry.completion;
    json.text("type", entry.totals ? "tree" : "file");
    json.name("source", entry.source.shown);
    json.name("destination", entry.destination.shown);
    json.text("outcome", outcome_name(entry.outcome));
    if (entry.backup)
        json.name("backup", entry.backup->shown);
    if (entry.totals) {
        json.number("copied", entry.totals->files);
        json.number("linked", entry.totals->hard_links);
        json.number("skipped", entry.totals->skipped);
        json.number("bytes", entry.totals->bytes);
        json.number("hole_bytes", entry.totals->hole_bytes);
        add_totals(json, *entry.totals);
    } else if (entry.outcome == Outcome::copied || completion.result != 0) {
        add_copy(json, completion);
    }
    add_failure(json, completion, entry.first_complaint);
    return json.finish();
}

} // namespace cp
