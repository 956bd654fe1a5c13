// Which extended attributes go with which option: /etc/xattr.conf, as libattr and so cp read it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace arsync {

enum class XattrUse {
    content,     // a plain attribute
    permissions, // a kind of ACL: it goes with the mode
    skip         // of the filesystem or of one copy alone
};

class XattrRules {
public:
    // The file's text: lines of a pattern, as fnmatch(3) has it, and "skip" or "permissions"; "#"
    // begins a comment. Of several lines that match the last one counts. What is no such line means
    // nothing.
    explicit XattrRules(std::string_view text);

    // What no line matches is content; but POSIX ACLs and the other attributes of filesystems
    // ("system.", XFS's copies of ACLs) never are.
    XattrUse use_of(const char* name) const;

    // This system's, read when it is first asked for.
    static const XattrRules& of_system();

private:
    struct Rule {
        std::string pattern;
        XattrUse use;
    };
    std::vector<Rule> rules_;
};

} // namespace arsync
