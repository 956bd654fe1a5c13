#include "filter.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "arsync.h"
#include "quote.h"
#include "say.h"

namespace cp {

bool append_pattern(std::string& filter, const char* pattern, bool include) {
    if (strchr(pattern, '\n') != nullptr) {
        complain("a pattern cannot contain a newline: " + quote(pattern));
        return false;
    }
    if (include)
        filter += '!';
    // In a file this begins a comment, but nobody comments a command line.
    else if (*pattern == '#')
        filter += '\\';
    filter.append(pattern) += '\n';
    return true;
}

bool append_patterns_of(std::string& filter, const char* file) {
    bool is_stdin = strcmp(file, "-") == 0;
    FILE* stream = is_stdin ? stdin : fopen(file, "re");
    int error = stream == nullptr ? errno : 0;
    std::string text;
    char part[4096];
    size_t length = 0;
    while (stream != nullptr && (length = fread(part, 1, sizeof part, stream)) > 0)
        text.append(part, length);
    if (stream != nullptr && ferror(stream) != 0)
        error = errno;
    if (stream != nullptr && !is_stdin)
        fclose(stream);
    if (error == 0 && text.find('\0') != std::string::npos)
        error = EILSEQ;
    if (error != 0) {
        complain("cannot read patterns from " + quote(file) + ": " + arsync_strerror(error));
        return false;
    }
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF"; // that editors put there
    filter += std::string_view(text).substr(text.starts_with(byte_order_mark) ? 3 : 0);
    if (!text.ends_with('\n'))
        filter += '\n';
    return true;
}

} // namespace cp
