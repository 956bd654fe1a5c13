// The filter beside git itself, which is what its patterns are promised to mean.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "copy/filter.h"
#include "skip.h"

using namespace arsync;

namespace {

namespace fs = std::filesystem;

class Generator {
public:
    explicit Generator(unsigned seed) : random_(seed) {}

    // Without what git gets wrong: "x**/y", whose stars it takes for those of "**/y".
    std::string lines() {
        std::string result;
        for (unsigned left = 1 + below(4); left > 0; --left)
            result += line() + "\n";
        return result;
    }

private:
    unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
    bool one_in(unsigned n) { return below(n) == 0; }

    std::string line() {
        std::string result = one_in(3) ? "!" : "";
        result += one_in(4) ? "/" : "";
        result += one_in(5) ? "**/" : "";
        result += component();
        for (unsigned left = below(3); left > 0; --left)
            result += (one_in(3) ? "/**/" : "/") + component();
        result += one_in(6) ? "/**" : "";
        result += one_in(4) ? "/" : "";
        return result + (one_in(8) ? " " : "");
    }

    std::string component() {
        static constexpr std::string_view parts[] = {"a",
                                                     "b",
                                                     "a",
                                                     "b",
                                                     "*",
                                                     "?",
                                                     "[ab]",
                                                     "[!a]",
                                                     "[^b]",
                                                     "[a-b]",
                                                     "[]a]",
                                                     "[[:alpha:]]",
                                                     "[![:punct:]]",
                                                     "\\a",
                                                     "\\*",
                                                     "\\\\",
                                                     "\xff",
                                                     " ",
                                                     "[\xf0-\xff]",
                                                     "[a\\-b]",
                                                     "[[:x]"};
        std::string result;
        for (unsigned left = 1 + below(3); left > 0; --left) {
            const std::string_view part = parts[below(std::size(parts))];
            if (part != "*" || !result.ends_with('*'))
                result += part;
        }
        return result;
    }

    std::mt19937 random_;
};

// The names in a directory, by its depth.
const std::vector<std::string> names[] = {
    {"a", "b", "ab", "ba", "*", "\\a", "\xff", "a b", "a\n"}, {"a", "b", "ab", "*"}, {"a", "ba"}};

size_t depth(std::string_view path) {
    return static_cast<size_t>(std::count(path.begin(), path.end(), '/'));
}

bool is_directory(std::string_view path) {
    return depth(path) + 1 < std::size(names) && !path.ends_with("ab");
}

template <typename Visit>
void visit_below(const std::string& above, Visit visit) {
    for (const std::string& name : names[depth(above)]) {
        visit(above + name);
        if (is_directory(above + name))
            visit_below(above + name + "/", visit);
    }
}

// As a walk would find it: what is below a directory that is out is out.
bool left_out(const Filter& filter, std::string_view path) {
    for (size_t end = path.find('/'); end != path.npos; end = path.find('/', end + 1))
        if (filter.excludes(path.substr(0, end), true))
            return true;
    return filter.excludes(path, is_directory(path));
}

// A repository, to be gone at the end. Nobody's own configuration counts.
class Repository {
public:
    Repository() {
        std::string name = "/tmp/arsync-filter.XXXXXX";
        root = mkdtemp(name.data());
    }
    ~Repository() { fs::remove_all(root); }

    bool git(const std::string& arguments) const {
        const std::string command =
            "cd " + root.string() +
            " && env -i PATH=\"$PATH\" GIT_CONFIG_NOSYSTEM=1 GIT_CEILING_DIRECTORIES=/tmp "
            "HOME=/nonexistent git -c core.ignoreCase=false " +
            arguments + " 2> log";
        const int status = std::system(command.c_str());
        return status == 0;
    }

    fs::path root;
};

} // namespace

TEST_CASE("generated patterns leave out what git check-ignore says") {
    const Repository repository;
    if (!repository.git("init -q .")) {
        skip("no git");
        return;
    }
    constexpr unsigned cases = 400;
    std::vector<std::string> lines;
    std::ofstream asked(repository.root / "asked");
    for (unsigned i = 0; i < cases; ++i) {
        // A directory each, with a .gitignore of its own: one git answers for all.
        const std::string top = "case" + std::to_string(i);
        lines.push_back(Generator(i).lines());
        fs::create_directory(repository.root / top);
        std::ofstream(repository.root / top / ".gitignore") << lines.back();
        visit_below("", [&](const std::string& path) {
            // Files need not be there: git looks only whether something is a directory.
            if (is_directory(path))
                fs::create_directories(repository.root / top / path);
            asked << top << '/' << path << '\0';
        });
    }
    asked.close();
    REQUIRE(repository.git("check-ignore --no-index -z --stdin < asked > answer"));

    std::set<std::string> out;
    std::ifstream answer(repository.root / "answer");
    for (std::string path; std::getline(answer, path, '\0');)
        out.insert(path);
    for (unsigned i = 0; i < cases; ++i) {
        const Filter filter(lines[i]);
        visit_below("", [&](const std::string& path) {
            CAPTURE(i);
            CAPTURE(lines[i]);
            CAPTURE(path);
            CHECK(left_out(filter, path) == out.contains("case" + std::to_string(i) + "/" + path));
        });
    }
    CHECK(out.size() > cases);
}
