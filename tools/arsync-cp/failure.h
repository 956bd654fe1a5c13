// What a completion means, in the words cp uses for it.
#pragma once

#include <string>

#include "entry.h"
#include "options.h"

namespace cp {

// What failed: a file of the command line, or an entry of a tree.
struct Subject {
    Place source;
    Place destination;
    const Entry& operand; // that it belongs to
};

// For a completion with an error. Looks at the source again where that tells more.
std::string describe_failure(const Subject& subject, const arsync_completion& completion,
                             const Options& options);

// For what an earlier source has made.
std::string not_overwriting(const Place& source, const Place& destination);

// For what stays by --update=none-fail.
std::string not_replacing(const Place& destination);

// What went well but not quite as expected; empty if there is nothing to say.
std::string describe_warning(const std::string& source, const arsync_completion& completion);

// ARSYNC_PRESERVE_* that could not be kept, if that is what failed, otherwise 0.
uint32_t attribute_of(uint32_t stage);

// What was to be copied is there, though an attribute is lost.
bool is_copied(const arsync_completion& completion);

// An attribute is lost: whether that is an error, and if not, whether it is worth a message.
bool loss_matters(const arsync_completion& completion, const Options& options);
bool loss_is_told(const arsync_completion& completion, const Options& options);

} // namespace cp
