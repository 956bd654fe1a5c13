// Names that the library chooses itself, and the umask.
#include <doctest/doctest.h>

#include <cerrno>
#include <climits>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include "copy/keep_both.h"
#include "copy/split_path.h"
#include "copy/temporary_name.h"
#include "io/error.h"
#include "io/files.h"

using namespace arsync;

TEST_CASE("a name that is cut loses no part of a character") {
    CHECK(cut_name("abc", 3) == "abc");
    CHECK(cut_name("abc", 2) == "ab");
    CHECK(cut_name("a\u00e4b", 2) == "a");
    CHECK(cut_name("a\u00e4b", 3) == "a\u00e4");
    CHECK(cut_name("\u00e4", 1).empty());
}

TEST_CASE("where both are kept the number is before the extension, and what is hidden stays so") {
    const std::pair<std::string, std::string> names[] = {
        {"a.txt", "a (1).txt"},   {"a.b.txt", "a.b (1).txt"}, {"a.tar.gz", "a (1).tar.gz"},
        {"a", "a (1)"},           {"a.", "a. (1)"},           {".profile", ".profile (1)"},
        {".a.txt", ".a (1).txt"}, {".tar.gz", ".tar (1).gz"},
    };
    for (const auto& [name, other] : names)
        CHECK(other_name(name, 1) == other);
}

TEST_CASE("where both are kept no name is too long, however long its extension") {
    for (const std::string& name :
         {"a." + std::string(253, 'x'), "\u00e4.tar." + std::string(247, 'x'),
          std::string(251, 'x') + ".txt", std::string(NAME_MAX, 'x')}) {
        CAPTURE(name);
        const std::string other = other_name(name, 12);
        CHECK(other.size() == NAME_MAX);
        CHECK(other.find(" (12)") != std::string::npos);
        CHECK(other.front() == name.front());
    }
}

TEST_CASE("a temporary name is no longer than a name may be, and shorter where that is less") {
    CHECK(temporary_name_for("a").starts_with(".a.arsync-"));
    CHECK(temporary_name_for(std::string(NAME_MAX, 'x')).size() == NAME_MAX);
    std::string wide = "a";
    while (wide.size() < 254)
        wide += "\u00e4";
    CHECK(temporary_name_for(wide).size() == NAME_MAX - 1); // of which one is a half
    std::vector<std::string> tried;
    const int result = try_temporary_names("name", [&](const std::string& name) {
        tried.push_back(name);
        return name.size() > 20 ? -ENAMETOOLONG : tried.size() < 4 ? -EEXIST : 7;
    });
    CHECK(result == 7);
    CHECK(tried.front().starts_with(".name.arsync-"));
    CHECK(tried.back().starts_with(".arsync-"));
    CHECK(try_temporary_names("", [](const std::string&) { return -ENAMETOOLONG; }) ==
          -ENAMETOOLONG);
}

TEST_CASE("without a descriptor the umask is no guess, which would be kept") {
    SystemFiles files;
    const mode_t before = umask(027);
    CHECK(files.file_mode_mask() == 027);
    rlimit limit;
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    const rlimit none = {0, limit.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    int error = 0;
    try {
        files.file_mode_mask();
    } catch (const Error& thrown) {
        error = thrown.code;
    }
    setrlimit(RLIMIT_NOFILE, &limit);
    umask(before);
    CHECK(error == EMFILE);
}
