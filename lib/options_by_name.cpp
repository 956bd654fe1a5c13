// Options that come as text: each by its name, its value in words, numbers and sizes.
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include "c_wall.h"
#include "quote.h"
#include "structs.h"

namespace {

using namespace arsync;

struct Word {
    const char* name;
    uint32_t value;
};

constexpr std::array yes_or_no = {Word{"yes", 1}, Word{"no", 0}};
constexpr std::array replace_words = {
    Word{"in-place", ARSYNC_REPLACE_IN_PLACE}, Word{"exclusive", ARSYNC_REPLACE_EXCLUSIVE},
    Word{"atomic", ARSYNC_REPLACE_ATOMIC}, Word{"remove", ARSYNC_REPLACE_REMOVE}};
constexpr std::array durability_words = {Word{"none", ARSYNC_DURABILITY_NONE},
                                         Word{"file", ARSYNC_DURABILITY_FILE},
                                         Word{"full", ARSYNC_DURABILITY_FULL}};
constexpr std::array report_words = {Word{"errors", ARSYNC_REPORT_ERRORS},
                                     Word{"all", ARSYNC_REPORT_ALL},
                                     Word{"none", ARSYNC_REPORT_NONE}};
constexpr std::array symlinks_words = {Word{"keep", ARSYNC_SYMLINKS_KEEP},
                                       Word{"follow-top", ARSYNC_SYMLINKS_FOLLOW_TOP},
                                       Word{"follow", ARSYNC_SYMLINKS_FOLLOW}};
constexpr std::array cache_words = {
    Word{"auto", ARSYNC_CACHE_AUTO}, Word{"keep", ARSYNC_CACHE_KEEP},
    Word{"direct", ARSYNC_CACHE_DIRECT}, Word{"drop", ARSYNC_CACHE_DROP}};

// These are in the words and the order of cp.
constexpr std::array sparse_words = {Word{"never", ARSYNC_SPARSE_NEVER},
                                     Word{"auto", ARSYNC_SPARSE_AUTO},
                                     Word{"always", ARSYNC_SPARSE_ALWAYS}};
constexpr std::array reflink_words = {Word{"auto", ARSYNC_REFLINK_AUTO},
                                      Word{"always", ARSYNC_REFLINK_ALWAYS},
                                      Word{"never", ARSYNC_REFLINK_NEVER}};
constexpr uint32_t none_fail = UINT32_MAX; // which is a matter of replace
constexpr std::array update_words = {Word{"all", ARSYNC_UPDATE_ALL},
                                     Word{"none", ARSYNC_UPDATE_NONE}, Word{"none-fail", none_fail},
                                     Word{"older", ARSYNC_UPDATE_OLDER}};
constexpr std::array backup_words = {
    Word{"none", ARSYNC_BACKUP_NONE},         Word{"off", ARSYNC_BACKUP_NONE},
    Word{"simple", ARSYNC_BACKUP_SIMPLE},     Word{"never", ARSYNC_BACKUP_SIMPLE},
    Word{"existing", ARSYNC_BACKUP_EXISTING}, Word{"nil", ARSYNC_BACKUP_EXISTING},
    Word{"numbered", ARSYNC_BACKUP_NUMBERED}, Word{"t", ARSYNC_BACKUP_NUMBERED}};
constexpr uint32_t everything = UINT32_MAX;
constexpr std::array attribute_words = {Word{"mode", ARSYNC_PRESERVE_MODE},
                                        Word{"timestamps", ARSYNC_PRESERVE_TIMES},
                                        Word{"ownership", ARSYNC_PRESERVE_OWNER},
                                        Word{"links", ARSYNC_PRESERVE_LINKS},
                                        Word{"context", ARSYNC_PRESERVE_CONTEXT},
                                        Word{"xattr", ARSYNC_PRESERVE_XATTR},
                                        Word{"flags", ARSYNC_PRESERVE_FLAGS},
                                        Word{"project", ARSYNC_PRESERVE_PROJECT},
                                        Word{"all", everything}};
constexpr uint32_t usual_attributes = // of "preserve" alone
    ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER | ARSYNC_PRESERVE_TIMES;

// "512K" as 524288: digits and at most one of K, M and G, powers of 1024, and nothing else.
std::optional<uint64_t> size_of(std::string_view text) {
    const size_t letter = text.empty() ? text.npos : std::string_view("KkMmGg").find(text.back());
    const size_t shift = letter == text.npos ? 0 : 10 * (letter / 2 + 1);
    text.remove_suffix(shift > 0 ? 1 : 0);
    uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    if (text.empty() || error != std::errc() || stopped != end || number > UINT64_MAX >> shift)
        return std::nullopt;
    return number << shift;
}

// A value is refused: it, and what would be valid.
struct Refused {
    std::string why;
};

[[noreturn]] void refuse(const char* what, std::string_view text, const std::string& valid) {
    throw Refused{std::string(what) + " argument " + quoted(text, ARSYNC_QUOTE_WORD) + "\n" +
                  valid};
}

// The value of the word, or of the only value that its beginning can mean. Words of one value stand
// next to each other, and are shown as one.
uint32_t choose(std::span<const Word> words, std::string_view text) {
    std::optional<uint32_t> found;
    bool ambiguous = false;
    std::string valid = "Valid arguments are:";
    for (const Word& word : words) {
        if (word.name == text)
            return word.value;
        const bool synonym = &word != &words[0] && (&word)[-1].value == word.value;
        valid += (synonym ? ", " : "\n  - ") + quoted(word.name, ARSYNC_QUOTE_WORD);
        if (!std::string_view(word.name).starts_with(text))
            continue;
        ambiguous = ambiguous || (found && *found != word.value);
        found = word.value;
    }
    if (!found || ambiguous)
        refuse(ambiguous ? "ambiguous" : "invalid", text, valid);
    return *found;
}

using Copy = arsync_copy_options;
using PoolOptions = arsync_pool_options;

// An option that is one field, in words, in the header's names for numbers, or else a number.
template <class Options>
struct Field {
    const char* name;
    uint32_t Options::*field;
    std::span<const Word> words = {};
    const char* alone = nullptr; // what it means without a value, if it means something
    const char* (*name_of)(uint32_t) = nullptr;
    uint32_t most = 0;
};

constexpr Field<Copy> copy_fields[] = {
    {"backup", &Copy::backup, backup_words, "existing"},
    {"cache", &Copy::cache, cache_words},
    {.name = "chunks", .field = &Copy::chunks, .most = ARSYNC_CHUNKS_MAX},
    {"durability", &Copy::durability, durability_words},
    {.name = "method", .field = &Copy::method, .name_of = arsync_method_name},
    {"reflink", &Copy::reflink, reflink_words, "always"},
    {"replace", &Copy::replace, replace_words},
    {"report", &Copy::report, report_words},
    {"sparse", &Copy::sparse, sparse_words},
    {"symlinks", &Copy::symlinks, symlinks_words},
};
constexpr Field<PoolOptions> pool_fields[] = {
    {.name = "backend", .field = &PoolOptions::backend, .name_of = arsync_backend_name},
    {.name = "buffers", .field = &PoolOptions::buffer_count, .most = ARSYNC_BUFFER_COUNT_MAX},
    {.name = "job-limit", .field = &PoolOptions::job_limit, .most = ARSYNC_JOB_LIMIT_MAX},
    {.name = "jobs", .field = &PoolOptions::workers, .most = ARSYNC_WORKERS_MAX},
    {.name = "leases", .field = &PoolOptions::lease_count, .most = ARSYNC_LEASE_COUNT_MAX},
    {.name = "queue-depth", .field = &PoolOptions::queue_depth, .most = ARSYNC_QUEUE_DEPTH_MAX},
};

uint32_t choose_name(const char* (*name_of)(uint32_t), std::string_view text) {
    std::vector<Word> words;
    for (uint32_t i = 0; strcmp(name_of(i), name_of(UINT32_MAX)) != 0; ++i)
        words.push_back({name_of(i), i});
    return choose(words, text);
}

uint32_t number_of(std::string_view text, uint32_t most) {
    const std::optional<uint64_t> number = size_of(text);
    if (!number || *number < 1 || *number > most)
        refuse("invalid", text, "Valid is a number from 1 to " + std::to_string(most));
    return static_cast<uint32_t>(*number);
}

template <class Options>
void set_field(Options& options, const Field<Options>& field, const char* value) {
    const std::string_view text = value ? value : field.alone ? field.alone : "";
    options.*field.field = field.name_of         ? choose_name(field.name_of, text)
                           : field.words.empty() ? number_of(text, field.most)
                                                 : choose(field.words, text);
}

// Options that are on or off. What is about descriptors is for the program alone to say.
constexpr Word copy_flags[] = {{"attributes-only", ARSYNC_COPY_ATTRIBUTES_ONLY},
                               {"bare-parents", ARSYNC_COPY_BARE_PARENTS},
                               {"beneath", ARSYNC_COPY_BENEATH},
                               {"dangling", ARSYNC_COPY_DANGLING},
                               {"directories-only", ARSYNC_COPY_DIRECTORIES_ONLY},
                               {"dry-run", ARSYNC_COPY_DRY_RUN},
                               {"force", ARSYNC_COPY_FORCE},
                               {"in-order", ARSYNC_COPY_IN_ORDER},
                               {"keep-directory-symlink", ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK},
                               {"link", ARSYNC_COPY_HARD_LINK},
                               {"mirror", ARSYNC_COPY_MIRROR},
                               {"nofollow", ARSYNC_COPY_NOFOLLOW},
                               {"one-file-system", ARSYNC_COPY_ONE_FILE_SYSTEM},
                               {"parents", ARSYNC_COPY_PARENTS},
                               {"recursive", ARSYNC_COPY_RECURSIVE},
                               {"shallow", ARSYNC_COPY_SHALLOW},
                               {"special", ARSYNC_COPY_SPECIAL},
                               {"symbolic-link", ARSYNC_COPY_SYMBOLIC_LINK},
                               {"verify", ARSYNC_COPY_VERIFY}};
constexpr Word copy_flags_off[] = {{"continue-on-error", ARSYNC_COPY_STOP_ON_ERROR}};
constexpr Word pool_flags[] = {{"huge-pages", ARSYNC_POOL_HUGE_PAGES},
                               {"iopoll", ARSYNC_POOL_IOPOLL},
                               {"sqpoll", ARSYNC_POOL_SQPOLL}};

void set_flag(uint32_t& flags, uint32_t flag, const char* value, bool means_on = true) {
    const bool yes = !value || choose(yes_or_no, value) != 0;
    flags = yes == means_on ? flags | flag : flags & ~flag;
}

void set_update(Copy& options, const char* value) {
    const uint32_t chosen = choose(update_words, value ? value : "older");
    options.update = chosen == none_fail ? static_cast<uint32_t>(ARSYNC_UPDATE_ALL) : chosen;
    if (chosen == none_fail)
        options.replace = ARSYNC_REPLACE_EXCLUSIVE;
}

// Those that cp -a keeps: labels only where the kernel has them.
uint32_t all_attributes() {
    const bool has_labels = access("/sys/fs/selinux/enforce", F_OK) == 0;
    return usual_attributes | ARSYNC_PRESERVE_LINKS | ARSYNC_PRESERVE_XATTR |
           (has_labels ? ARSYNC_PRESERVE_CONTEXT : 0);
}

struct Attributes {
    uint32_t bits = 0;
    uint32_t named = 0; // and what of it is not to be lost
};

Attributes attributes_in(std::string_view list) {
    constexpr uint32_t may_be_lost = ARSYNC_PRESERVE_XATTR | ARSYNC_PRESERVE_CONTEXT;
    Attributes found;
    for (;; list.remove_prefix(list.find(',') + 1)) {
        const uint32_t chosen = choose(attribute_words, list.substr(0, list.find(',')));
        const uint32_t bits = chosen == everything ? all_attributes() : chosen;
        found.bits |= bits;
        found.named |= chosen == everything ? bits & ~may_be_lost : bits;
        if (list.find(',') == list.npos)
            return found;
    }
}

void set_preserve(Copy& options, const char* value) {
    const Attributes attributes =
        value ? attributes_in(value) : Attributes{usual_attributes, usual_attributes};
    if (options.required == 0) // all that is preserved, so far
        options.required = options.preserve;
    options.preserve |= attributes.bits;
    options.required |= attributes.named;
    if ((attributes.bits & ARSYNC_PRESERVE_MODE) != 0)
        options.flags &= ~ARSYNC_COPY_DEFAULT_MODE;
}

// Not to keep the mode, said in as many words, is more than not to say that it is to be kept: a new
// file does not even begin with the source's permissions.
void set_no_preserve(Copy& options, const char* value) {
    const Attributes attributes = attributes_in(value ? value : "");
    options.preserve &= ~attributes.bits;
    if (options.required != 0 && (options.required &= ~attributes.named) == 0)
        options.required = ARSYNC_PRESERVE_LINKS; // which are not lost; 0 would be all
    if ((attributes.bits & ARSYNC_PRESERVE_MODE) != 0)
        options.flags |= ARSYNC_COPY_DEFAULT_MODE;
}

// Without LENGTH it is all that follows.
void set_range(Copy& options, const char* value) {
    const std::string_view text = value ? value : "";
    const size_t colon = text.find(':');
    const std::optional<uint64_t> offset = size_of(text.substr(0, colon));
    std::optional<uint64_t> length;
    if (colon != text.npos)
        length = colon + 1 == text.size() ? UINT64_MAX : size_of(text.substr(colon + 1));
    if (!offset || length.value_or(0) == 0)
        refuse("invalid", text, "Valid is OFFSET:LENGTH, or OFFSET: for all that follows");
    options.range_offset = *offset;
    options.range_length = *length;
}

void set_buffer_size(PoolOptions& options, const char* value) {
    const std::string_view text = value ? value : "";
    const std::optional<uint64_t> size = size_of(text);
    if (!size || *size < ARSYNC_BUFFER_SIZE_MIN || *size > ARSYNC_BUFFER_SIZE_MAX ||
        *size % ARSYNC_BUFFER_SIZE_MIN != 0)
        refuse("invalid", text, "Valid is a number from 4.0K to 64M, a multiple of 4.0K");
    options.buffer_size = static_cast<uint32_t>(*size);
}

void set_byte_rate(PoolOptions& options, const char* value) {
    const std::string_view text = value ? value : "";
    const std::optional<uint64_t> rate = size_of(text);
    if (!rate)
        refuse("invalid", text, "Valid is a number of bytes a second, or 0 for no limit");
    options.byte_rate = *rate;
}

// The others. A text stays where the caller has it.
template <class Options>
struct Setter {
    const char* name;
    void (*set)(Options&, const char* value);
};
const char* text_of(const char* value) {
    if (!value)
        refuse("invalid", "", "Valid is any text");
    return value;
}

constexpr Setter<Copy> copy_setters[] = {
    {"filter", [](Copy& options, const char* value) { options.filter = text_of(value); }},
    {"map-groups",
     [](Copy& options, const char* value) {
         options.group_map = text_of(value);
         set_preserve(options, "ownership");
     }},
    {"map-users",
     [](Copy& options, const char* value) {
         options.user_map = text_of(value);
         set_preserve(options, "ownership");
     }},
    {"no-preserve", set_no_preserve},
    {"preserve", set_preserve},
    {"range", set_range},
    {"suffix", [](Copy& options, const char* value) { options.backup_suffix = text_of(value); }},
    {"update", set_update},
};
constexpr Setter<PoolOptions> pool_setters[] = {{"buffer-size", set_buffer_size},
                                                {"bwlimit", set_byte_rate}};

template <class Table>
auto find_in(const Table& table, const char* name) {
    const auto called = [&](const auto& row) { return strcmp(row.name, name) == 0; };
    const auto found = std::find_if(std::begin(table), std::end(table), called);
    return found != std::end(table) ? &*found : nullptr;
}

int set_by_name(Copy& options, const char* name, const char* value) {
    if (const auto* flag = find_in(copy_flags, name))
        set_flag(options.flags, flag->value, value);
    else if (const auto* off = find_in(copy_flags_off, name))
        set_flag(options.flags, off->value, value, false);
    else if (const auto* field = find_in(copy_fields, name))
        set_field(options, *field, value);
    else if (const auto* setter = find_in(copy_setters, name))
        setter->set(options, value);
    else
        return -ENOENT;
    return 0;
}

int set_by_name(PoolOptions& options, const char* name, const char* value) {
    if (const auto* flag = find_in(pool_flags, name))
        set_flag(options.flags, flag->value, value);
    else if (const auto* field = find_in(pool_fields, name))
        set_field(options, *field, value);
    else if (const auto* setter = find_in(pool_setters, name))
        setter->set(options, value);
    else
        return -ENOENT;
    return 0;
}

// In the caller's version of the struct, which may be one without what is set.
template <class Options>
int set_in(Options* theirs, const char* name, const char* value) {
    Options ours;
    if (const int error = copy_in(theirs, ours); error < 0)
        return error;
    if (const int error = set_by_name(ours, name, value); error < 0)
        return error;
    const uint32_t size = theirs->struct_size;
    const auto* bytes = reinterpret_cast<const unsigned char*>(&ours);
    if (size < sizeof ours && !all_zero(bytes + size, sizeof ours - size))
        return -ENOENT;
    ours.struct_size = size;
    memcpy(theirs, &ours, std::min<size_t>(size, sizeof ours));
    return 0;
}

} // namespace

int arsync_option_set(arsync_copy_options* copy, arsync_pool_options* pool, const char* name,
                      const char* value, char* why, size_t size) {
    if (!name || (!why && size > 0))
        return -EFAULT;
    if (size > 0)
        why[0] = '\0';
    return uncancelled([&] {
        try {
            int error = copy ? set_in(copy, name, value) : -ENOENT;
            if (error == -ENOENT && pool)
                error = set_in(pool, name, value);
            return error;
        } catch (const Refused& refused) {
            give_text(refused.why, why, size);
            return -EINVAL;
        }
    });
}
