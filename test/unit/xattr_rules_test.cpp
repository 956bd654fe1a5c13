#include <doctest/doctest.h>

#include "copy/xattr_rules.h"

namespace arsync {

TEST_CASE("attributes go where the lines of xattr.conf say") {
    const XattrRules rules("# comment\n"
                           "user.skipped\tskip\n"
                           "  user.part.*   skip # why\n"
                           "user.mode permissions\n"
                           "user.nonsense whatever\n"
                           "user.incomplete\n\n"
                           "system.own permissions\n"
                           "user.part.kept permissions\n"
                           "user.hash#tag skip\n"
                           "user.last skip");
    CHECK(rules.use_of("user.skipped") == XattrUse::skip);
    CHECK(rules.use_of("user.part.a") == XattrUse::skip);
    CHECK(rules.use_of("user.part.kept") == XattrUse::permissions); // the last line counts
    CHECK(rules.use_of("user.mode") == XattrUse::permissions);
    CHECK(rules.use_of("user.nonsense") == XattrUse::content);
    CHECK(rules.use_of("user.incomplete") == XattrUse::content);
    CHECK(rules.use_of("user.other") == XattrUse::content);
    CHECK(rules.use_of("user.last") == XattrUse::skip);
    CHECK(rules.use_of("system.own") == XattrUse::permissions);
}

TEST_CASE("without xattr.conf filesystems' own attributes are still their own") {
    const XattrRules rules("");
    CHECK(rules.use_of("user.any") == XattrUse::content);
    CHECK(rules.use_of("security.capability") == XattrUse::content);
    CHECK(rules.use_of("system.posix_acl_access") == XattrUse::skip);
    CHECK(rules.use_of("system.nfs4_acl") == XattrUse::permissions);
    CHECK(rules.use_of("system.cifs_acl") == XattrUse::skip);
    CHECK(rules.use_of("trusted.SGI_ACL_FILE") == XattrUse::skip);
}

} // namespace arsync
