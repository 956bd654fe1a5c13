#include "abbreviation.h"

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "option_table.h"

namespace cp {

namespace {

// What getopt_long will look at next: operands that come before it are passed over. nullptr:
// nothing.
const char* next_option(int argc, char** argv) {
    bool passes_over = getenv("POSIXLY_CORRECT") == nullptr;
    for (int i = optind; i < argc; i++) {
        if (argv[i][0] == '-' && argv[i][1] != '\0')
            return argv[i];
        if (!passes_over)
            break;
    }
    return nullptr;
}

// What abbreviates one option of cp means that one, whatever else there is here that begins so.
const option* table_for(const char* argument) {
    if (argument == nullptr || strncmp(argument, "--", 2) != 0)
        return long_options.data();
    std::string_view word(argument + 2);
    word = word.substr(0, word.find('='));
    bool is_whole = false;
    for (const option& known : own_options)
        is_whole = is_whole || word == known.name;
    size_t begun = 0;
    for (const option* known = cps_options; known->name != nullptr; known++)
        begun += std::string_view(known->name).starts_with(word) ? 1 : 0;
    return begun == 1 && !is_whole ? cps_options : long_options.data();
}

} // namespace

const option* table_for_next(int argc, char** argv) {
    return table_for(next_option(argc, argv));
}

} // namespace cp
