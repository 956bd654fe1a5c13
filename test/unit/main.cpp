#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cstring>
#include <string>

#include "arsync.h"
#include "io/error.h"

// What the library throws inside itself is no std::exception.
REGISTER_EXCEPTION_TRANSLATOR(const arsync::Error& error) {
    const std::string text =
        std::string(arsync_stage_name(error.stage)) + ": " + strerror(error.code);
    return text.c_str();
}
