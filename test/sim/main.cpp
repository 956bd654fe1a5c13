// The test cases; or with --seeds=N the trials of that many numbers, with --seed=N one of them,
// told step by step.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>

#include "sim/many.h"

int main(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        if (std::strncmp(argv[i], "--seeds=", 8) == 0)
            return arsync::sim::run_many(std::strtoull(argv[i] + 8, nullptr, 10));
        if (std::strncmp(argv[i], "--seed=", 7) == 0)
            return arsync::sim::replay(std::strtoull(argv[i] + 7, nullptr, 10));
    }
    return doctest::Context(argc, argv).run();
}
