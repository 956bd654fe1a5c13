// What somebody else does to what is being copied.
#pragma once

#include <string>

#include "sim/world.h"

namespace arsync::sim {

// A source file that has one name grows, shrinks, vanishes or is replaced; or a directory of the
// destination moves away. The path that this is about, without a slash before it; "": there is
// nothing to change.
std::string change_something(World& world, Random& random);

// What a file that replaces another holds.
constexpr const char* another_content = "another";

// From now on what statx(2) tells of one source, a file with one name, is this lie. Which; "":
// there is none.
std::string lie_about_something(World& world, Random& random, Lie lie);

} // namespace arsync::sim
