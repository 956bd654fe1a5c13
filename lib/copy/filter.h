// What a copy of a tree leaves out: lines of patterns as in gitignore(5).
//
// Nothing changes after construction, so any number of threads may ask at once. Names are bytes: no
// locale and no encoding has a say in what matches.
#pragma once

#include <bitset>
#include <string_view>
#include <vector>

namespace arsync {

class Filter {
public:
    Filter() = default; // leaves out nothing
    explicit Filter(std::string_view lines);

    bool empty() const { return patterns_.empty(); }

    // Whether an entry is left out. path is relative to the tree's root; the root itself, "",
    // always stays. Looks at the entry alone: below a directory that is left out nobody needs to
    // ask. Allocates nothing, and takes no more than path length times pattern length for each
    // pattern.
    bool excludes(std::string_view path, bool directory) const;

private:
    // One character of a name, or a "*": any number of them.
    struct Token {
        bool star = false;
        std::bitset<256> bytes; // what it matches; just one for an ordinary character

        bool any_number() const { return star; }
        bool matches(char byte) const { return bytes[static_cast<unsigned char>(byte)]; }
    };

    // One name of a path, or a "**": any number of them.
    struct Component {
        bool any_depth = false;
        std::vector<Token> tokens;

        bool any_number() const { return any_depth; }
        bool matches(std::string_view name) const;
    };

    struct Pattern {
        bool includes = false;         // "!"
        bool only_directories = false; // trailing "/"
        bool anchored = false;         // holds for the whole path, not for the last name in it
        std::vector<Component> components;

        bool matches(std::string_view path, std::string_view name, bool directory) const;
    };

    void add(std::string_view line);

    static bool take_set(std::string_view& text, Token& token);
    static bool take_token(std::string_view& text, Token& token);
    static bool parse(std::string_view text, std::vector<Component>& components);

    std::vector<Pattern> patterns_;
};

} // namespace arsync
