#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <string_view>

#include "copy/filter.h"

using namespace arsync;

namespace {

enum Kind { file, directory };

struct Case {
    std::string_view lines;
    std::string_view path;
    Kind kind;
    bool out;
};

void check(std::initializer_list<Case> cases) {
    for (const Case& each : cases) {
        CAPTURE(each.lines);
        CAPTURE(each.path);
        CAPTURE(each.kind);
        CHECK(Filter(each.lines).excludes(each.path, each.kind == directory) == each.out);
    }
}

std::string repeat(std::string_view part, int times) {
    std::string result;
    while (times-- > 0)
        result += part;
    return result;
}

} // namespace

TEST_CASE("no lines, blank lines, comments and broken patterns leave out nothing") {
    for (const std::string_view lines :
         {"",       "\n",        "\n\n   \n", "# a\n#b", "!", "/",   "//",   "a//b",
          "//a",    "a//",       "[a",        "[!]",     "[", "a\\", "a\\/", "[[:nothing:]]",
          "[[::]]", "[[:alpha:", "[a\\",      "[a-\\"}) {
        CAPTURE(lines);
        CHECK(Filter(lines).empty());
    }
    CHECK(Filter().empty());
    CHECK_FALSE(Filter().excludes("a", false));
    CHECK_FALSE(Filter("a").empty());
}

TEST_CASE("the root itself always stays") {
    check({{"*", "", directory, false}, {"/**", "", directory, false}});
}

TEST_CASE("a pattern without a slash is for a name at any depth") {
    check({
        {"a", "a", file, true},
        {"a", "x/y/a", file, true},
        {"a", "x/y/a", directory, true},
        {"a", "b", file, false},
        {"a", "ab", file, false},
        {"ab", "a", file, false},
        {"x", "x/a", file, false}, // the caller has not gone into x
        {"**", "x/a", file, true},
        {"***", "a", file, true},
    });
}

TEST_CASE("a slash at the beginning or inside ties a pattern to the root") {
    check({
        {"/a", "a", file, true},
        {"/a", "x/a", file, false},
        {"x/a", "x/a", file, true},
        {"x/a", "y/x/a", file, false},
        {"x/a", "x/a/b", file, false},
        {"/x/a", "x/a", file, true},
        {"x\\/a", "x/a", file, true},
        {"x\\/a", "y/x/a", file, false},
    });
}

TEST_CASE("a slash at the end is for directories only, and ties to nothing") {
    check({
        {"a/", "a", directory, true},
        {"a/", "a", file, false},
        {"a/", "x/a", directory, true},
        {"/a/", "x/a", directory, false},
        {"/a/", "a", directory, true},
        {"x/a/", "x/a", directory, true},
        {"x/a/", "x/a", file, false},
        {"*/", "a", directory, true},
        {"*/", "a", file, false},
    });
}

TEST_CASE("star and question mark stop at a slash") {
    check({
        {"*.o", "x/y.o", file, true},
        {"*.o", ".o", file, true},
        {"*.o", "y.os", file, false},
        {"x*", "x", file, true},
        {"a*b*c", "aXbYbZc", file, true},
        {"a*b*c", "aXbYbZ", file, false},
        {"?", "a", file, true},
        {"?", "ab", file, false},
        {"x?a", "x/a", file, false},
        {"/*", "a", file, true},
        {"/*", "x/a", file, false},
        {"x/*", "x/a", file, true},
        {"x/*", "x/y/a", file, false},
        {"x/*/a", "x/y/a", file, true},
        {"x/*/a", "x/a", file, false},
        {"x/*/a", "x/y/z/a", file, false},
    });
}

TEST_CASE("two stars between slashes go any way down") {
    check({
        {"**/a", "a", file, true},
        {"**/a", "x/y/a", file, true},
        {"**/x/a", "z/x/a", file, true},
        {"**/x/a", "z/x/y/a", file, false},
        {"x/**", "x", directory, false},
        {"x/**", "x/a", file, true},
        {"x/**", "x/y/a", file, true},
        {"x/**", "z/x/a", file, false},
        {"/**", "x/y/a", file, true},
        {"x/**/a", "x/a", file, true},
        {"x/**/a", "x/y/a", file, true},
        {"x/**/a", "x/y/z/a", file, true},
        {"x/**/a", "x/y/z/ab", file, false},
        {"x/**/a", "y/a", file, false},
        {"x/***/a", "x/y/z/a", file, true},
        {"x/**/**/a", "x/a", file, true},
        {"x/**/", "x/y", directory, true},
        {"x/**/", "x/y", file, false},
        {"**/a/**/b/**", "a/b/b", file, true},
        {"**/a/**/b/**", "x/a/y/a/b", directory, false},
        {"**/a/**/b/**", "x/a/y/a/b/z", file, true},
    });
}

TEST_CASE("two stars beside anything but slashes are as one") {
    check({
        {"x/a**", "x/ab", file, true},
        {"x/a**", "x/a/b", file, false},
        {"x**/a", "xy/a", file, true},
        {"x**/a", "xy/z/a", file, false},
        {"**x/a", "y/x/a", file, false},
        {"a**b", "aXXb", file, true},
    });
}

TEST_CASE("brackets") {
    check({
        {"[abc]", "b", file, true},
        {"[abc]", "d", file, false},
        {"[a-c]x", "bx", file, true},
        {"[a-c]", "-", file, false},
        {"[c-a]", "b", file, false},
        {"[-a]", "-", file, true},
        {"[a-]", "-", file, true},
        {"[a-]", "b", file, false},
        {"[a-c-e]", "d", file, false},
        {"[a-c-e]", "-", file, true},
        {"[!a]", "b", file, true},
        {"[!a]", "a", file, false},
        {"[^a]", "b", file, true},
        {"[a!]", "!", file, true},
        {"[]a]", "]", file, true},
        {"[!]a]", "]", file, false},
        {"[!]a]", "b", file, true},
        {"[\\]]", "]", file, true},
        {"[a\\-c]", "b", file, false},
        {"[a\\-c]", "-", file, true},
        {"[a-\\c]", "b", file, true},
        {"[[]", "[", file, true},
        {"[[:digit:]]", "7", file, true},
        {"[[:digit:]]", "a", file, false},
        {"[![:digit:]]", "a", file, true},
        {"[[:digit:]x-z]", "y", file, true},
        {"[[:digit:]-z]", "-", file, true},
        {"[a[:digit:]-z]", "m", file, false},
        {"[[:]", ":", file, true},
        {"[[:]", "[", file, true},
        {"[[:a]", "a", file, true},
        {"[x/]a", "xa", file, true},    // with a slash in it, so tied to the root
        {"[x/]a", "y/xa", file, false}, //
        {"x[/]a", "x/a", file, false},
        {"x[!a]b", "x/b", file, false},
    });
}

TEST_CASE("classes are those of the C locale") {
    struct Class {
        std::string_view name;
        std::string_view members;
    };
    const std::string lower = "abcdefghijklmnopqrstuvwxyz";
    const std::string upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const std::string digit = "0123456789";
    const std::string punct = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    std::string control = "\x7f";
    for (char c = 1; c < ' '; ++c)
        control += c;
    const std::string graph = lower + upper + digit + punct;
    const std::string print = graph + " ";
    const std::string alpha = lower + upper;
    const std::string alnum = alpha + digit;
    const std::string xdigit = digit + "abcdefABCDEF";
    for (const Class& each : std::initializer_list<Class>{{"alnum", alnum},
                                                          {"alpha", alpha},
                                                          {"blank", " \t"},
                                                          {"cntrl", control},
                                                          {"digit", digit},
                                                          {"graph", graph},
                                                          {"lower", lower},
                                                          {"print", print},
                                                          {"punct", punct},
                                                          {"space", " \t\n\v\f\r"},
                                                          {"upper", upper},
                                                          {"xdigit", xdigit}}) {
        const Filter filter("[[:" + std::string(each.name) + ":]]");
        for (int byte = 1; byte < 256; ++byte) {
            const char name = static_cast<char>(byte);
            if (name == '/')
                continue;
            CAPTURE(each.name);
            CAPTURE(byte);
            const bool member = each.members.find(name) != std::string_view::npos;
            CHECK(filter.excludes({&name, 1}, false) == member);
        }
    }
}

TEST_CASE("a backslash makes the next character an ordinary one") {
    check({
        {"\\#a", "#a", file, true},
        {"\\!a", "!a", file, true},
        {"\\*", "*", file, true},
        {"\\*", "a", file, false},
        {"\\?", "?", file, true},
        {"\\[a]", "[a]", file, true},
        {"\\a\\b", "ab", file, true},
        {"\\\\", "\\", file, true},
    });
}

TEST_CASE("spaces at the end of a line count only when escaped, a carriage return never") {
    check({
        {"a  ", "a", file, true},
        {"a/ ", "a", directory, true},
        {"a\\ ", "a ", file, true},
        {"a\\  ", "a ", file, true},
        {"a\\  ", "a", file, false},
        {"a \\ ", "a  ", file, true},
        {"a b", "a b", file, true},
        {" a", " a", file, true},
        {" a", "a", file, false},
        {"a\t", "a\t", file, true},
        {"a\r\nb\r\n", "a", file, true},
        {"a\r\nb\r\n", "b", file, true},
    });
}

TEST_CASE("the last pattern that matches decides") {
    check({
        {"*.o\n!keep.o", "keep.o", file, false},
        {"*.o\n!keep.o", "other.o", file, true},
        {"!keep.o\n*.o", "keep.o", file, true},
        {"a\n!a\na", "a", file, true},
        {"*\n!/x\n!a/", "x", directory, false},
        {"*\n!/x\n!a/", "a", file, true},
        {"!!a", "!a", file, false},
        {"*\n!!a", "!a", file, false},
        {"*\n!\\!a", "!a", file, false},
        {"*\n!#a", "#a", file, false},
        {"# *\n\nb", "b", file, true},
    });
}

TEST_CASE("names are bytes: newlines and invalid UTF-8 match too") {
    check({
        {"a*b", "a\nb", file, true},
        {"a?b", "a\nb", file, true},
        {"a[!x]b", "a\nb", file, true},
        {"*", "\xff\xfe", file, true},
        {"?", "\xff", file, true},
        {"\xff", "\xff", file, true},
        {"\xff", "\xfe", file, false},
        {"[\xf0-\xff]", "\xf8", file, true},
        {"??", "\xc3\xa9", file, true},
        {"?", "\xc3\xa9", file, false},
        {"caf\xc3\xa9*", "x/caf\xc3\xa9.txt", file, true},
    });
}

TEST_CASE("patterns that go back again and again end all the same") {
    const std::string name = repeat("a", 100000);
    CHECK_FALSE(Filter(repeat("a*", 50) + "b").excludes(name, false));
    CHECK_FALSE(Filter(repeat("*", 1000) + "b").excludes(name, false));
    CHECK_FALSE(Filter(repeat("*?", 50) + "b").excludes(name, false));
    const std::string deep = repeat("a/", 20000) + "a";
    CHECK_FALSE(Filter(repeat("**/a/", 50) + "b").excludes(deep, false));
    CHECK_FALSE(Filter(repeat("**/", 50) + "b").excludes(deep, false));
    CHECK_FALSE(Filter(repeat("**/*a*a*/", 20) + "b").excludes(repeat("aaaaaaaa/", 500), false));
}
