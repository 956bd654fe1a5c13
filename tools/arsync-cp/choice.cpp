#include "choice.h"

#include <string>

#include "quote.h"
#include "say.h"

namespace cp {

namespace {

void list_words(std::string& message, std::span<const Choice> choices) {
    message += "\nValid arguments are:";
    const Choice* previous = nullptr;
    for (const Choice& choice : choices) {
        bool synonym = previous != nullptr && previous->value == choice.value;
        message.append(synonym ? ", " : "\n  - ").append(quote_word(choice.word));
        previous = &choice;
    }
}

} // namespace

std::optional<int> choose(std::span<const Choice> choices, std::string_view word,
                          std::string_view option) {
    std::optional<int> found;
    bool ambiguous = false;
    for (const Choice& choice : choices) {
        if (choice.word == word)
            return choice.value;
        if (!choice.word.starts_with(word))
            continue;
        ambiguous = ambiguous || (found && *found != choice.value);
        found = choice.value;
    }
    if (found && !ambiguous)
        return found;

    std::string message = ambiguous ? "ambiguous argument " : "invalid argument ";
    message.append(quote_word(word)).append(" for ").append(quote_word(option));
    list_words(message, choices);
    complain(message);
    return std::nullopt;
}

} // namespace cp
