// What a copy carries over besides content, and what it refuses to touch.
#include <doctest/doctest.h>

#include <cerrno>
#include <utility>

#include "sim/catalogue.h"

namespace arsync::sim {

TEST_CASE("every combination of attributes, for whoever copies, over whatever is there") {
    for (uint32_t preserve = 0; preserve < 16; ++preserve)
        for (const bool privileged : {true, false})
            for (const mode_t mode : {0600u, 0644u, 04755u, 02710u, 0444u})
                for (const auto existing :
                     {Existing::nothing, Existing::smaller, Existing::larger, Existing::link})
                    for (const auto replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC})
                        for (const uid_t uid : {0u, 1000u}) {
                            Scenario scenario = by_method(ARSYNC_METHOD_AUTO, 5000);
                            scenario.xattrs = true;
                            scenario.source_mode = mode;
                            scenario.source_uid = uid;
                            scenario.existing = existing;
                            scenario.options.preserve = preserve;
                            scenario.options.replace = replace;
                            scenario.world.privileged = privileged;
                            Simulation simulation(scenario);
                            expect_copied(simulation);
                            const bool lost =
                                (preserve & ARSYNC_PRESERVE_OWNER) && !privileged && uid != 0;
                            CHECK(((simulation.outcome().flags & ARSYNC_COMPLETION_OWNER_LOST) !=
                                   0) == lost);
                        }
}

TEST_CASE("a new file can have the default mode") {
    for (const uint64_t size : {100ul, 2ul << 20})
        for (const mode_t umask : {0u, 027u}) {
            Scenario scenario = by_method(ARSYNC_METHOD_AUTO, size);
            scenario.buffer_size = 256 * 1024;
            scenario.source_mode = 0700;
            scenario.world.umask = umask;
            scenario.options.flags = ARSYNC_COPY_DEFAULT_MODE;
            Simulation simulation(scenario);
            expect_copied(simulation);
        }
}

TEST_CASE("a file is not copied onto itself") {
    for (const Method method : all_methods)
        for (const auto replace : {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_ATOMIC}) {
            Scenario scenario = by_method(method, 10'000);
            scenario.existing = Existing::source;
            scenario.options.replace = replace;
            Simulation simulation(scenario);
            expect_right(simulation);
            CHECK(simulation.outcome().result == -EINVAL);
            CHECK(simulation.outcome().stage == ARSYNC_STAGE_CHECK);
        }
}

TEST_CASE("a symbolic link at the destination is not followed where that was forbidden") {
    for (const auto existing : {Existing::link, Existing::dangling_link}) {
        Scenario scenario = by_method(ARSYNC_METHOD_AUTO, 10'000);
        scenario.existing = existing;
        scenario.options.flags = ARSYNC_COPY_NOFOLLOW;
        Simulation simulation(scenario);
        expect_right(simulation);
        CHECK(simulation.outcome().result == -ELOOP);
    }
}

TEST_CASE("attributes alone leave the content that is there") {
    for (const auto existing : {Existing::nothing, Existing::larger}) {
        Scenario scenario = by_method(ARSYNC_METHOD_AUTO, 10'000);
        scenario.existing = existing;
        scenario.source_mode = 0640;
        scenario.options.flags = ARSYNC_COPY_ATTRIBUTES_ONLY;
        scenario.options.preserve = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES;
        Simulation simulation(scenario);
        simulation.run();
        CHECK_MESSAGE(simulation.world.problems.empty(), report(simulation));
        REQUIRE(simulation.outcome().result == 0);
        CHECK(simulation.destination()->content == simulation.old_content());
        CHECK((simulation.destination()->attributes.mode & 07777) == 0640);
    }
}

TEST_CASE("an extended attribute that changes between two looks is copied whole, and no more") {
    const std::pair<const char*, const char*> values[] = {{"", "value"}, {"a long value", "short"}};
    for (const auto& [before, after] : values) {
        Scenario scenario = by_method(ARSYNC_METHOD_AUTO, 5000);
        scenario.options.preserve = ARSYNC_PRESERVE_XATTR;
        Simulation simulation(scenario);
        simulation.source().attributes.xattrs["user.note"] = before;
        unsigned looks = 0;
        simulation.meanwhile = [&, then = after](const Step& step) {
            if (step.call == Call::get_xattr && ++looks == 2)
                simulation.source().attributes.xattrs["user.note"] = then;
        };
        simulation.run();
        CHECK(simulation.outcome().result == 0);
        CHECK(simulation.destination()->attributes.xattrs["user.note"] == after);
    }
}

// What the mask of the ACL allowed those that it names.
TEST_CASE("where its ACL is refused, a copy's group gets no more by its mode") {
    for (const uint64_t size : {uint64_t{5000}, uint64_t{2} << 20}) {
        Scenario scenario = by_method(ARSYNC_METHOD_AUTO, size);
        scenario.buffer_size = 256 * 1024;
        scenario.xattrs = true;
        scenario.source_mode = 0664;
        scenario.options.preserve = ARSYNC_PRESERVE_MODE;
        Simulation simulation(scenario);
        unsigned refused = 0;
        simulation.refuse = [&](const Step& step) {
            const bool sets = step.call == Call::set_xattr;
            refused += sets;
            return sets ? -EOPNOTSUPP : 0;
        };
        simulation.run();
        CHECK(refused == 1);
        CHECK(simulation.outcome().result == -EOPNOTSUPP);
        CHECK(simulation.outcome().stage == ARSYNC_STAGE_MODE);
        CHECK((simulation.destination()->attributes.mode & 07777) == 0604);
    }
}

TEST_CASE("where its ACL cannot be read, a copy's group gets no more by its mode") {
    for (const int error : {EIO, EPERM, ETIMEDOUT}) {
        Scenario scenario = by_method(ARSYNC_METHOD_AUTO, 5000);
        scenario.xattrs = true;
        scenario.source_mode = 0664;
        scenario.options.preserve = ARSYNC_PRESERVE_MODE;
        Simulation simulation(scenario);
        simulation.refuse = [&](const Step& step) {
            return step.call == Call::get_xattr && step.subject == Subject::source ? -error : 0;
        };
        simulation.run();
        CHECK(simulation.outcome().result == -error);
        CHECK(simulation.outcome().stage == ARSYNC_STAGE_MODE);
        CHECK((simulation.destination()->attributes.mode & 07777) == 0604);
    }
}

// As FUSE says it for a server without such things.
TEST_CASE("a source that can have no attributes has none, for what is brought up to date") {
    Scenario scenario = by_method(ARSYNC_METHOD_AUTO, 5000);
    scenario.xattrs = true;
    scenario.existing = Existing::larger;
    scenario.options.update = ARSYNC_UPDATE_CHANGED;
    scenario.options.preserve = ARSYNC_PRESERVE_XATTR;
    for (const int error : {EOPNOTSUPP, ENOSYS}) {
        Simulation simulation(scenario);
        simulation.refuse = [&](const Step& step) {
            const bool lists = step.call == Call::list_xattrs && step.subject == Subject::source;
            return lists ? -error : 0;
        };
        simulation.meanwhile = [&](const Step& step) {
            if (step.call == Call::list_xattrs && step.subject == Subject::destination)
                simulation.destination()->attributes.xattrs["user.old"] = "old";
        };
        simulation.run();
        CHECK(simulation.outcome().result == 0);
        const bool is_unknown = error == ENOSYS; // without /proc
        CHECK(simulation.destination()->attributes.xattrs.contains("user.old") == is_unknown);
    }
}

TEST_CASE("an owner that is refused by EACCES is one for lack of privilege") {
    Scenario scenario = by_method(ARSYNC_METHOD_AUTO, 5000);
    scenario.world.privileged = false;
    scenario.source_uid = 1000;
    scenario.options.preserve = ARSYNC_PRESERVE_OWNER;
    Simulation simulation(scenario);
    unsigned asked = 0;
    simulation.refuse = [&](const Step& step) {
        const bool gives = step.call == Call::chown;
        asked += gives;
        return gives ? -EACCES : 0;
    };
    simulation.run();
    CHECK(asked == 2); // the group by itself, too
    CHECK(simulation.outcome().result == 0);
    CHECK((simulation.outcome().flags & ARSYNC_COMPLETION_OWNER_LOST) != 0);
}

TEST_CASE("a file that hides its size is copied to its end") {
    for (const Method method : all_methods)
        for (const uint64_t size : {0ul, 1ul, 4096ul, 100'001ul})
            for (const auto cache : {ARSYNC_CACHE_AUTO, ARSYNC_CACHE_DROP})
                for (const bool verify : {false, true}) {
                    Scenario scenario = by_method(method, size);
                    scenario.options.reflink = ARSYNC_REFLINK_AUTO;
                    scenario.hides_size = true;
                    scenario.options.cache = cache;
                    scenario.options.flags = verify ? ARSYNC_COPY_VERIFY : 0;
                    scenario.world.short_percent = 30;
                    scenario.world.interrupt_percent = 10;
                    Simulation simulation(scenario);
                    expect_copied(simulation);
                }
}

TEST_CASE("that nobody knows which attributes what is brought up to date has is told") {
    Scenario scenario = by_method(ARSYNC_METHOD_AUTO, 5000);
    scenario.xattrs = true;
    scenario.existing = Existing::larger;
    scenario.options.update = ARSYNC_UPDATE_CHANGED;
    scenario.options.preserve = ARSYNC_PRESERVE_XATTR;
    for (const int error : {EIO, EACCES, EOPNOTSUPP}) {
        Simulation simulation(scenario);
        unsigned listed = 0;
        simulation.refuse = [&](const Step& step) {
            const bool lists =
                step.call == Call::list_xattrs && step.subject == Subject::destination;
            listed += lists;
            return lists ? -error : 0;
        };
        simulation.run();
        CHECK(listed > 0);
        const bool known = error == EOPNOTSUPP; // there are none
        CHECK(simulation.outcome().result == (known ? 0 : -error));
        CHECK(simulation.outcome().stage == (known ? ARSYNC_STAGE_NONE : ARSYNC_STAGE_XATTR));
        CHECK((simulation.outcome().flags & ARSYNC_COMPLETION_COPIED) != 0);
        CHECK(simulation.destination()->content == simulation.original());
    }
}

} // namespace arsync::sim
