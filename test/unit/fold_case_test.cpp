// Names without their case.
#include <doctest/doctest.h>

#include "copy/fold_case.h"

using namespace arsync;

TEST_CASE("names that differ in case alone fold to one, whatever the locale") {
    CHECK(fold_case("ReadMe.TXT") == fold_case("README.txt"));
    CHECK(fold_case("\u00c9\u0416\u03a3") == fold_case("\u00e9\u0436\u03c3"));
    CHECK(fold_case("\u00e9") != fold_case("e"));
    CHECK(fold_case("a_b") != fold_case("a-b"));
}

TEST_CASE("what is no UTF-8 stays as it is") {
    for (const char* name : {"\xff\xfe", "A\xc3", "\xe2\x82z", "\xc3(", "\xf0\x9f\x98"})
        CHECK(fold_case(name).size() == std::string(name).size());
    CHECK(fold_case("\xff") != fold_case("\xfe"));
    // Longer than need be, the half of a pair, and past the last character.
    for (const char* name : {"\xc1\x81", "\xe0\x81\x81", "\xf0\x80\x81\x81", "\xed\xa0\x80",
                             "\xf4\x90\x80\x80", "\xc0\xaf"})
        CHECK(fold_case(name) == name);
}
