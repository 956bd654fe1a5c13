// The lines of --json. Their fields are an interface: they are added to, never changed.
#pragma once

#include <string>
#include <string_view>

#include "item.h"

namespace cp {

// One JSON object on one line.
class JsonLine {
public:
    void text(std::string_view key, std::string_view value);
    void number(std::string_view key, uint64_t value);
    void real(std::string_view key, double value);
    void boolean(std::string_view key, bool value);
    // A file's name, which may be any bytes: what is not valid UTF-8 becomes U+FFFD, and a second
    // field, KEY_hex, has all of the bytes in hexadecimal.
    void name(std::string_view key, std::string_view value);

    // With the newline.
    std::string finish();

private:
    void key(std::string_view name);
    std::string line = "{";
};

std::string json_of(const Item& entry);

// Of a tree's entry, which are too many to be kept.
std::string json_of_entry(const std::string& source, const std::string& destination,
                          const std::optional<Place>& backup, const arsync_completion& completion,
                          const std::string& message);

// The fields that tell what was done in trees.
void add_totals(JsonLine& json, const arsync_totals& totals);

} // namespace cp
