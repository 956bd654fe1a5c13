#include <doctest/doctest.h>

#include "copy/attribute_rules.h"

namespace arsync {

TEST_CASE("attributes go where the lines of xattr.conf say") {
    const AttributeRules rules("# comment\n"
                               "user.skipped\tskip\n"
                               "  user.part.*   skip # why\n"
                               "user.mode permissions\n"
                               "user.nonsense whatever\n"
                               "user.incomplete\n\n"
                               "system.own permissions\n"
                               "user.part.kept permissions\n"
                               "user.hash#tag skip\n"
                               "user.last skip");
    CHECK(rules.use_of("user.skipped") == AttributeUse::skip);
    CHECK(rules.use_of("user.part.a") == AttributeUse::skip);
    CHECK(rules.use_of("user.part.kept") == AttributeUse::permissions); // the last line counts
    CHECK(rules.use_of("user.mode") == AttributeUse::permissions);
    CHECK(rules.use_of("user.nonsense") == AttributeUse::content);
    CHECK(rules.use_of("user.incomplete") == AttributeUse::content);
    CHECK(rules.use_of("user.other") == AttributeUse::content);
    CHECK(rules.use_of("user.last") == AttributeUse::skip);
    CHECK(rules.use_of("system.own") == AttributeUse::permissions);
}

TEST_CASE("without xattr.conf filesystems' own attributes are still their own") {
    const AttributeRules rules("");
    CHECK(rules.use_of("user.any") == AttributeUse::content);
    CHECK(rules.use_of("security.capability") == AttributeUse::content);
    CHECK(rules.use_of("system.posix_acl_access") == AttributeUse::skip);
    CHECK(rules.use_of("system.nfs4_acl") == AttributeUse::permissions);
    CHECK(rules.use_of("system.cifs_acl") == AttributeUse::skip);
    CHECK(rules.use_of("trusted.SGI_ACL_FILE") == AttributeUse::skip);
}

} // namespace arsync
