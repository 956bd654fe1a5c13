// One target, for libFuzzer.
#include "fuzz/fuzz.h"

#ifndef FUZZ_TARGET
#define FUZZ_TARGET abi
#endif

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    fuzz::FUZZ_TARGET(data, size);
    return 0;
}
