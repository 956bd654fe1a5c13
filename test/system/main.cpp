#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <csignal>
#include <doctest/doctest.h>

namespace {

// Whose reader has gone is a check that fails, and not the end of all tests.
[[maybe_unused]] const auto before = std::signal(SIGPIPE, SIG_IGN);

} // namespace
