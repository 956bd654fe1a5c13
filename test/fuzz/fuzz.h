// What hostile bytes go to. Each target takes any bytes, and stops the process where something is
// wrong. libFuzzer calls one of them (entry.cpp); the suite calls all, with what was kept of the
// corpus and with bytes at random (corpus_test.cpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace fuzz {

using Target = void(const uint8_t* data, size_t size);

Target abi;     // calls of the library with structs, numbers and names at random
Target filter;  // patterns and a path
Target holes;   // a walk over a source that lies about its data and holes
Target quote;   // a name for a terminal and a shell
Target options; // of copies and pools, as text
Target json;    // completions, as JSON
Target list;    // items of a list, in any order, on the simulated disk

[[noreturn]] inline void wrong(const char* what) {
    std::fprintf(stderr, "wrong: %s\n", what);
    std::abort();
}

inline void expect(bool holds, const char* what) {
    if (!holds)
        wrong(what);
}

// The bytes, taken one value after the other; zeros when there are no more.
class Bytes {
public:
    Bytes(const uint8_t* data, size_t size) : data_(data), left_(size) {}

    bool empty() const { return left_ == 0; }
    size_t left() const { return left_; }

    void take(void* out, size_t size) {
        const size_t there = size < left_ ? size : left_;
        std::memset(out, 0, size);
        if (there > 0)
            std::memcpy(out, data_, there);
        data_ += there;
        left_ -= there;
    }
    template <class Number>
    Number number() {
        Number value;
        take(&value, sizeof value);
        return value;
    }
    // Small ones are as likely as large ones.
    uint64_t wild() {
        const auto bits = number<uint8_t>() % 65u;
        const auto value = number<uint64_t>();
        return bits == 64 ? value : value & ((uint64_t{1} << bits) - 1);
    }
    size_t below(size_t bound) { return number<uint8_t>() % bound; }
    bool coin() { return (number<uint8_t>() & 1) != 0; }
    std::string text(size_t size) {
        std::string out(size < left_ ? size : left_, '\0');
        take(out.data(), out.size());
        return out;
    }
    std::string rest() { return text(left_); }

private:
    const uint8_t* data_;
    size_t left_;
};

} // namespace fuzz
