// Which of the mistakes that test/mutants has put into this library is in force: that of number
// ARSYNC_MUTANT. With ARSYNC_MUTANTS_REACHED=FILE each that is come by is marked in the file, a
// byte for each, also by other processes.
#pragma once

namespace arsync_mutants {

extern unsigned in_force;
extern unsigned char* reached; // shared memory, or null

inline bool is(unsigned number) noexcept {
    if (reached)
        reached[number] = 1;
    return number == in_force;
}

} // namespace arsync_mutants
