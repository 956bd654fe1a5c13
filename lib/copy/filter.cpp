#include "copy/filter.h"

#include <algorithm>
#include <optional>

namespace arsync {

namespace {

// The characters of a name, and the names of a path, for matches_all() below.
struct Characters {
    std::string_view rest;

    bool empty() const { return rest.empty(); }
    char front() const { return rest.front(); }
    void advance() { rest.remove_prefix(1); }
};

struct Names {
    std::string_view rest;

    bool empty() const { return rest.empty(); }
    std::string_view front() const { return rest.substr(0, rest.find('/')); }
    void advance() { rest.remove_prefix(std::min(rest.find('/'), rest.size() - 1) + 1); }
};

// Whether the items match the text, one element each but for those that take any number. On a
// mismatch only the last of these takes one more: what an earlier one could take besides, the last
// one can take as well. So no pattern costs more than items times elements.
template <typename Item, typename Text>
bool matches_all(const std::vector<Item>& items, Text text) {
    auto item = items.begin();
    auto after_any = items.end();
    std::optional<Text> again; // where what follows that item was tried last
    while (!text.empty()) {
        if (item != items.end() && item->any_number()) {
            after_any = ++item;
            again = text;
        } else if (item != items.end() && item->matches(text.front())) {
            ++item;
            text.advance();
        } else if (again) {
            again->advance();
            item = after_any;
            text = *again;
        } else {
            return false;
        }
    }
    return std::all_of(item, items.end(), [](const Item& rest) { return rest.any_number(); });
}

char take(std::string_view& text) {
    const char first = text.front();
    text.remove_prefix(1);
    return first;
}

void add_range(std::bitset<256>& bytes, char first, char last) {
    for (unsigned byte = static_cast<unsigned char>(first);
         byte <= static_cast<unsigned char>(last); ++byte)
        bytes.set(byte);
}

// POSIX's classes as they are in the C locale: isalpha(3) and the like would ask the program's.
bool add_class(std::bitset<256>& bytes, std::string_view name) {
    struct Class {
        std::string_view name;
        std::string_view ranges; // pairs of a first and a last byte
    };
    static constexpr Class classes[] = {
        {"alnum", "09AZaz"},   {"alpha", "AZaz"},
        {"blank", "\t\t  "},   {"cntrl", "\1\x1f\x7f\x7f"},
        {"digit", "09"},       {"graph", "!~"},
        {"lower", "az"},       {"print", " ~"},
        {"punct", "!/:@[`{~"}, {"space", "\t\r  "},
        {"upper", "AZ"},       {"xdigit", "09AFaf"},
    };
    const auto found = std::find_if(std::begin(classes), std::end(classes),
                                    [&](const Class& each) { return each.name == name; });
    if (found == std::end(classes))
        return false;
    for (size_t i = 0; i < found->ranges.size(); i += 2)
        add_range(bytes, found->ranges[i], found->ranges[i + 1]);
    return true;
}

// Lines end with "\n" or "\r\n", and with their last character that is no space, or is escaped.
std::string_view without_end(std::string_view line) {
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    size_t end = 0;
    for (size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\\')
            ++i;
        else if (line[i] == ' ')
            continue;
        end = std::min(i + 1, line.size());
    }
    return line.substr(0, end);
}

} // namespace

Filter::Filter(std::string_view lines) {
    while (!lines.empty()) {
        const std::string_view line = lines.substr(0, lines.find('\n'));
        add(line);
        lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    }
}

// A pattern that can match nothing, as "[a", is as good as none.
void Filter::add(std::string_view line) {
    if (line.starts_with('#'))
        return;
    line = without_end(line);
    Pattern pattern;
    pattern.includes = line.starts_with('!');
    if (pattern.includes)
        line.remove_prefix(1);
    pattern.only_directories = line.ends_with('/');
    if (pattern.only_directories)
        line.remove_suffix(1);
    pattern.anchored = line.find('/') != line.npos;
    if (line.starts_with('/'))
        line.remove_prefix(1);
    if (parse(line, pattern.components))
        patterns_.push_back(std::move(pattern));
}

// Splits a pattern at its slashes; not at those in brackets, which match nothing. False if some
// component can match no name.
bool Filter::parse(std::string_view text, std::vector<Component>& components) {
    for (bool more = true; more;) {
        Component component;
        more = false;
        while (!text.empty() && !more) {
            if (text.starts_with("\\/"))
                text.remove_prefix(1);
            more = text.starts_with('/');
            if (more)
                text.remove_prefix(1);
            else if (!take_token(text, component.tokens.emplace_back()))
                return false;
        }
        if (component.tokens.empty())
            return false;
        component.any_depth = component.tokens.size() > 1 &&
                              std::all_of(component.tokens.begin(), component.tokens.end(),
                                          [](const Token& token) { return token.star; });
        components.push_back(std::move(component));
    }
    // "a/**" is all that is in a, not a itself: as "a/**/*".
    if (components.back().any_depth)
        components.push_back({false, components.back().tokens});
    return true;
}

bool Filter::take_token(std::string_view& text, Token& token) {
    char first = take(text);
    if (first == '[')
        return take_set(text, token);
    if (first == '*') {
        token.star = true;
        return true;
    }
    if (first == '?') {
        token.bytes.set();
        return true;
    }
    if (first == '\\') {
        if (text.empty())
            return false;
        first = take(text);
    }
    token.bytes.set(static_cast<unsigned char>(first));
    return true;
}

// What follows a "[", up to its "]", which is an ordinary character where it comes first.
bool Filter::take_set(std::string_view& text, Token& token) {
    const bool negated = text.starts_with('!') || text.starts_with('^');
    if (negated)
        text.remove_prefix(1);
    char before = '\0'; // what a "-" would begin a range with; no name has a NUL
    for (bool first = true; !text.empty(); first = false) {
        char byte = take(text);
        if (byte == ']' && !first) {
            if (negated)
                token.bytes.flip();
            return true;
        }
        if (byte == '[' && text.starts_with(':')) {
            const size_t end = text.find(']');
            if (end == text.npos)
                return false;
            if (end > 1 && text[end - 1] == ':') {
                if (!add_class(token.bytes, text.substr(1, end - 2)))
                    return false;
                text.remove_prefix(end + 1);
                before = '\0';
                continue;
            }
        }
        const bool range = byte == '-' && before != '\0' && !text.empty() && text.front() != ']';
        if (range)
            byte = take(text);
        if (byte == '\\') {
            if (text.empty())
                return false;
            byte = take(text);
        }
        add_range(token.bytes, range ? before : byte, byte);
        before = range ? '\0' : byte;
    }
    return false;
}

bool Filter::Component::matches(std::string_view name) const {
    return matches_all(tokens, Characters{name});
}

bool Filter::Pattern::matches(std::string_view path, std::string_view name, bool directory) const {
    if (only_directories && !directory)
        return false;
    return anchored ? matches_all(components, Names{path}) : components.front().matches(name);
}

bool Filter::excludes(std::string_view path, bool directory) const {
    if (path.empty())
        return false;
    const std::string_view name = path.substr(path.rfind('/') + 1); // npos + 1 is 0
    const auto last = std::find_if(patterns_.rbegin(), patterns_.rend(), [&](const Pattern& each) {
        return each.matches(path, name, directory);
    });
    return last != patterns_.rend() && !last->includes;
}

} // namespace arsync
