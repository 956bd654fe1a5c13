#include "copy/xattr_rules.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fnmatch.h>
#include <memory>
#include <unistd.h>

#include "io/fd.h"

namespace arsync {

namespace {

std::string_view take_word(std::string_view& line) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    const std::string_view word = line.substr(0, line.find_first_of(" \t"));
    line.remove_prefix(word.size());
    return word;
}

std::string content_of(const char* path) {
    std::string text;
    const Fd file(::open(path, O_RDONLY | O_CLOEXEC));
    char part[4096];
    while (file) {
        const ssize_t got = ::read(file.get(), part, sizeof part);
        if (got == 0 || (got < 0 && errno != EINTR))
            break;
        text.append(part, static_cast<size_t>(std::max<ssize_t>(got, 0)));
    }
    return text;
}

bool is_nfs_acl(std::string_view name) {
    return name == "system.nfs4_acl" || name == "system.nfs4acl" || name == "system.richacl";
}

} // namespace

XattrRules::XattrRules(std::string_view text) {
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, std::min(text.find('#'), end));
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::string_view pattern = take_word(line);
        const std::string_view action = take_word(line);
        if (action == "skip")
            rules_.push_back({std::string(pattern), XattrUse::skip});
        else if (action == "permissions")
            rules_.push_back({std::string(pattern), XattrUse::permissions});
    }
    std::reverse(rules_.begin(), rules_.end());
}

XattrUse XattrRules::use_of(const char* name) const {
    const std::string_view whole = name;
    if (whole.starts_with("trusted.SGI_ACL_")) // which XFS shows a second time
        return XattrUse::skip;
    for (const Rule& rule : rules_)
        if (::fnmatch(rule.pattern.c_str(), name, 0) == 0)
            return rule.use;
    if (is_nfs_acl(whole))
        return XattrUse::permissions;
    return whole.starts_with("system.") ? XattrUse::skip : XattrUse::content;
}

// Never destroyed: at exit(3) copies may still be under way.
const XattrRules& XattrRules::of_system() {
    static const XattrRules* const rules = new XattrRules(content_of("/etc/xattr.conf"));
    return *rules;
}

} // namespace arsync
