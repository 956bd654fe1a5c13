#include "copy/tree/directory.h"

#include <doctest/doctest.h>

using namespace arsync;

namespace {

DirectoryRef child(const std::shared_ptr<Directories>& all, DirectoryRef parent, const char* name) {
    auto directory = std::make_shared<Directory>(all);
    directory->parent = std::move(parent);
    directory->name = name;
    return directory;
}

} // namespace

TEST_CASE("paths below the root have no slash at either end") {
    const auto all = std::make_shared<Directories>(4);
    const DirectoryRef root = child(all, nullptr, "");
    const DirectoryRef a = child(all, root, "a");
    const DirectoryRef b = child(all, a, "b");
    CHECK(path_below(root.get(), "") == "");
    CHECK(path_below(root.get(), "file") == "file");
    CHECK(path_below(a.get(), "") == "a");
    CHECK(path_below(a.get(), "file") == "a/file");
    CHECK(path_below(b.get(), "") == "a/b");
    CHECK(path_below(b.get(), "file") == "a/b/file");
}

TEST_CASE("a chain of a million directories goes without a chain of a million destructors") {
    const auto all = std::make_shared<Directories>(4);
    DirectoryRef last = child(all, nullptr, "");
    for (int i = 0; i < 1'000'000; ++i)
        last = child(all, std::move(last), "d");
    last.reset();
    CHECK(last == nullptr);
}
