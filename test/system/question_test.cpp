// ARSYNC_UPDATE_ASK: what is at the destination is asked about, and the copy goes on by the answer.
#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <filesystem>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "system/check.h"
#include "system/child.h"
#include "system/tree.h"

namespace live {

namespace {

Options asking(uint32_t more_flags = 0) {
    return recursive(more_flags).with_update(ARSYNC_UPDATE_ASK).with_report(ARSYNC_REPORT_ALL);
}

// A job of one file, which asks before it puts a new one in the place of an old one.
arsync_job submit_asking(Pool& pool, const Directory& directory) {
    write_file(directory / "from", "new");
    write_file(directory / "to", "old");
    const arsync_job job =
        pool.submit(directory / "from", directory / "to", Options().with_update(ARSYNC_UPDATE_ASK));
    REQUIRE(job != 0);
    return job;
}

struct Asked {
    std::string path;
    bool of_job = false; // has no path
    arsync_question id = 0;
    arsync_facts source = {};
    arsync_facts destination = {};
};

Asked asked_by(const arsync_completion& done) {
    REQUIRE(done.kind == ARSYNC_COMPLETION_QUESTION);
    REQUIRE(done.details);
    return {done.path ? done.path : "", done.path == nullptr, done.details->question,
            done.details->source, done.details->destination};
}

// So many questions; entries that end meanwhile go to `entries`.
std::vector<Asked> wait_for_questions(Pool& pool, size_t count,
                                      std::vector<Entry>* entries = nullptr) {
    std::vector<Asked> all;
    while (all.size() < count) {
        const arsync_completion done = pool.wait();
        REQUIRE(done.result != -ETIMEDOUT);
        if (done.kind == ARSYNC_COMPLETION_ENTRY) {
            if (entries)
                entries->push_back(
                    {done.path, done.result, done.stage, done.action, done.flags, done.bytes});
            continue;
        }
        all.push_back(asked_by(done));
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    return all;
}

int answer(Pool& pool, const Asked& asked, uint32_t how) {
    return arsync_answer(pool.get(), asked.id, how);
}

struct Ended {
    arsync_completion job = {};
    std::vector<Entry> entries;
    std::vector<std::string> names; // that were taken, of entries or of the job
    const Entry* find(const std::string& path) const {
        for (const Entry& entry : entries)
            if (entry.path == path)
                return &entry;
        return nullptr;
    }
};

// To the job's end, with one answer to whatever is asked yet.
Ended finish(Pool& pool, uint32_t how = ARSYNC_ANSWER_SKIP) {
    Ended ended;
    for (;;) {
        ended.job = pool.wait();
        const arsync_completion& done = ended.job;
        REQUIRE(done.result != -ETIMEDOUT);
        if (done.kind == ARSYNC_COMPLETION_QUESTION) {
            CHECK(answer(pool, asked_by(done), how) == 0);
            continue;
        }
        if (done.details && done.details->name)
            ended.names.push_back(done.details->name);
        if (done.kind == ARSYNC_COMPLETION_JOB)
            break;
        ended.entries.push_back(
            {done.path, done.result, done.stage, done.action, done.flags, done.bytes});
    }
    ended.job.details = nullptr;
    return ended;
}

size_t open_descriptors() {
    size_t count = 0;
    DIR* directory = opendir("/proc/self/fd");
    REQUIRE(directory);
    while (readdir(directory))
        ++count;
    closedir(directory);
    return count;
}

} // namespace

TEST_CASE_FIXTURE(Clean, "a tree asks about what is there, and goes on by each answer") {
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const Directory directory;
        make_files(directory / "from", {"both.tar.gz", "new", "replace", "skip", "sub/replace"});
        make_files(directory / "to", {"both.tar.gz", "replace", "skip", "sub/replace"}, " old");
        make_files(directory / "to", {"both (1).tar.gz"}, " older");
        set_mtime(directory / "to/skip", 1000, 5);
        Pool pool{PoolOptions(backend)};
        REQUIRE(pool.submit(directory / "from", directory / "to", asking(), 7) != 0);
        const std::vector<Asked> asked = wait_for_questions(pool, 4);
        CHECK(asked[0].path == "both.tar.gz");
        CHECK(asked[1].path == "replace");
        CHECK(asked[2].path == "skip");
        CHECK(asked[3].path == "sub/replace");

        const arsync_facts& told = asked[2].destination;
        struct stat facts;
        REQUIRE(stat((directory / "to/skip").c_str(), &facts) == 0);
        CHECK(told.size == static_cast<uint64_t>(facts.st_size));
        CHECK(told.mtime_s == 1000);
        CHECK(told.mtime_ns == 5);
        CHECK(told.mode == facts.st_mode);
        CHECK(told.inode == facts.st_ino);
        CHECK(makedev(told.device_major, told.device_minor) == facts.st_dev);
        REQUIRE(stat((directory / "from/skip").c_str(), &facts) == 0);
        CHECK(asked[2].source.inode == facts.st_ino);
        CHECK(asked[2].source.size == static_cast<uint64_t>(facts.st_size));

        CHECK(answer(pool, asked[3], ARSYNC_ANSWER_REPLACE) == 0);
        CHECK(answer(pool, asked[0], ARSYNC_ANSWER_KEEP_BOTH) == 0);
        CHECK(answer(pool, asked[2], ARSYNC_ANSWER_SKIP) == 0);
        CHECK(answer(pool, asked[2], ARSYNC_ANSWER_REPLACE) == -ENOENT);
        CHECK(answer(pool, asked[1], 0) == -EINVAL);
        CHECK(answer(pool, asked[1], ARSYNC_ANSWER_REPLACE) == 0);
        const Ended ended = finish(pool);
        CHECK(ended.job.result == 0);
        CHECK(ended.job.user_data == 7);
        CHECK(ended.names == std::vector<std::string>{"both (2).tar.gz"});
        CHECK((ended.find("both.tar.gz")->flags & ARSYNC_COMPLETION_KEPT_BOTH) != 0);
        CHECK(ended.find("skip")->action == ARSYNC_ACTION_SKIP);
        CHECK(ended.find("replace")->action == ARSYNC_ACTION_COPY);
        CHECK(answer(pool, asked[1], ARSYNC_ANSWER_REPLACE) == -ENOENT);

        CHECK_NAMES(directory / "to", {"both.tar.gz", "both (1).tar.gz", "both (2).tar.gz", "new",
                                       "replace", "skip", "sub", "sub/replace"});
        CHECK(read_file(directory / "to/both.tar.gz") == "both.tar.gz old");
        CHECK(read_file(directory / "to/both (1).tar.gz") == "both (1).tar.gz older");
        CHECK(read_file(directory / "to/both (2).tar.gz") == "both.tar.gz");
        CHECK(read_file(directory / "to/replace") == "replace");
        CHECK(read_file(directory / "to/sub/replace") == "sub/replace");
        CHECK(read_file(directory / "to/skip") == "skip old");
    }
}

TEST_CASE_FIXTURE(Clean, "a job of one file asks with no path, and is begun anew by the answer") {
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        for (const uint32_t how :
             {ARSYNC_ANSWER_SKIP, ARSYNC_ANSWER_REPLACE, ARSYNC_ANSWER_KEEP_BOTH}) {
            CAPTURE(how);
            const Directory directory;
            Pool pool{PoolOptions(backend)};
            const arsync_job job = submit_asking(pool, directory);
            const Asked asked = wait_for_questions(pool, 1)[0];
            CHECK(asked.of_job);
            CHECK(pool.progress(job).stage == ARSYNC_STAGE_ASK);
            CHECK(answer(pool, asked, how) == 0);
            const Ended ended = finish(pool);
            CHECK(ended.job.result == 0);
            CHECK(read_file(directory / "to") == (how == ARSYNC_ANSWER_REPLACE ? "new" : "old"));
            CHECK((ended.job.action == ARSYNC_ACTION_SKIP) == (how == ARSYNC_ANSWER_SKIP));
            if (how == ARSYNC_ANSWER_KEEP_BOTH) {
                CHECK(ended.names == std::vector<std::string>{"to (1)"});
                CHECK(read_file(directory / "to (1)") == "new");
            } else {
                CHECK(directory.entries() == 2);
            }
        }
    }
}

TEST_CASE_FIXTURE(Clean,
                  "what is paused with a question is asked it once, and heeds the answer later") {
    const auto adjust = [](Pool& pool, arsync_job job, uint32_t what) {
        arsync_adjustment adjustment = {};
        adjustment.struct_size = sizeof(adjustment);
        adjustment.what = what;
        return arsync_job_adjust(pool.get(), job, &adjustment);
    };
    constexpr int silence_ms = 50;
    for (const uint32_t backend : backends())
        for (const bool answered_first : {false, true}) {
            CAPTURE(backend_name(backend));
            CAPTURE(answered_first);
            const Directory directory;
            Pool pool{PoolOptions(backend)};
            const arsync_job job = submit_asking(pool, directory);
            const Asked asked = wait_for_questions(pool, 1)[0];
            arsync_completion none;
            CHECK(adjust(pool, job, ARSYNC_ADJUST_PAUSE) == 0);
            if (answered_first)
                CHECK(answer(pool, asked, ARSYNC_ANSWER_REPLACE) == 0);
            CHECK(arsync_poll(pool.get(), &none, 1, silence_ms) == 0);
            CHECK(read_file(directory / "to") == "old");
            CHECK(adjust(pool, job, ARSYNC_ADJUST_RESUME) == 0);
            if (!answered_first) {
                CHECK(arsync_poll(pool.get(), &none, 1, silence_ms) == 0);
                CHECK(answer(pool, asked, ARSYNC_ANSWER_REPLACE) == 0);
            }
            CHECK(pool.wait().result == 0);
            CHECK(read_file(directory / "to") == "new");
            CHECK(arsync_poll(pool.get(), &none, 1, 0) == 0);
        }
}

TEST_CASE_FIXTURE(Clean, "a link that leads to itself is asked about where it may be removed") {
    for (const bool force : {true, false}) {
        CAPTURE(force);
        const Directory directory;
        write_pattern(directory / "from", 100);
        REQUIRE(symlink("to", (directory / "to").c_str()) == 0);
        Pool pool;
        REQUIRE(pool.submit(directory / "from", directory / "to",
                            Options()
                                .with_flags(force ? ARSYNC_COPY_FORCE : 0)
                                .with_update(ARSYNC_UPDATE_ASK)) != 0);
        if (force) {
            const Asked asked = wait_for_questions(pool, 1)[0];
            CHECK((asked.destination.mode & S_IFMT) == S_IFLNK);
            CHECK(answer(pool, asked, ARSYNC_ANSWER_REPLACE) == 0);
        }
        const Ended ended = finish(pool);
        INFO(words(ended.job));
        CHECK(ended.job.result == (force ? 0 : -ELOOP));
        CHECK(kind_of(directory / "to") == (force ? S_IFREG : S_IFLNK));
    }
    // One that is newer stays, unasked.
    const Directory directory;
    write_file(directory / "from", "new");
    set_mtime(directory / "from", 1'000'000'000);
    REQUIRE(symlink("to", (directory / "to").c_str()) == 0);
    Pool pool;
    for (const uint32_t update : {ARSYNC_UPDATE_ASK_OLDER, ARSYNC_UPDATE_OLDER}) {
        const arsync_completion done =
            pool.copy(directory / "from", directory / "to",
                      Options().with_flags(ARSYNC_COPY_FORCE).with_update(update));
        CHECK(done.result == 0);
        CHECK(done.action == ARSYNC_ACTION_SKIP);
        CHECK(text_of(directory / "to") == "to");
    }
}

TEST_CASE_FIXTURE(Clean, "of what stays by an answer the wanted facts are told") {
    const Directory directory;
    make_files(directory / "from", {"file"});
    make_files(directory / "to", {"file"}, " old");
    const uint32_t want = ARSYNC_WANT_SOURCE | ARSYNC_WANT_DESTINATION | ARSYNC_WANT_TIMES;
    for (const bool single : {false, true}) {
        CAPTURE(single);
        Pool pool;
        const std::string below = single ? "/file" : "";
        REQUIRE(pool.submit(directory / ("from" + below), directory / ("to" + below),
                            asking().with_want(want)) != 0);
        arsync_completion done = pool.wait();
        while (done.kind == ARSYNC_COMPLETION_ENTRY && done.path && *done.path == '\0')
            done = pool.wait(); // the root
        CHECK(answer(pool, asked_by(done), ARSYNC_ANSWER_SKIP) == 0);
        done = pool.wait();
        CHECK(done.action == ARSYNC_ACTION_SKIP);
        REQUIRE(done.details);
        CHECK((done.details->has & want) == want);
        CHECK(done.details->source.inode == inode_of(directory / "from/file"));
        CHECK(done.details->destination.inode == inode_of(directory / "to/file"));
        CHECK(done.details->end_ns >= done.details->begin_ns);
        CHECK(done.details->begin_ns > 0);
        if (!single)
            CHECK(finish(pool).job.result == 0);
    }
}

TEST_CASE_FIXTURE(Clean, "a link that is not to be followed is asked about once, and stays") {
    const Directory directory;
    write_pattern(directory / "from", 100);
    write_pattern(directory / "file", 10, 9);
    REQUIRE(symlink("file", (directory / "to").c_str()) == 0);
    for (const uint32_t replace :
         {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_REMOVE, ARSYNC_REPLACE_ATOMIC}) {
        Pool pool;
        const Options options = Options()
                                    .with_flags(ARSYNC_COPY_NOFOLLOW)
                                    .with_update(ARSYNC_UPDATE_ASK)
                                    .with_replace(replace);
        pool.submit(directory / "from", directory / "to", options);
        int questions = 0;
        arsync_completion done = pool.wait();
        while (done.kind == ARSYNC_COMPLETION_QUESTION && ++questions < 5) {
            CHECK(answer(pool, asked_by(done), ARSYNC_ANSWER_REPLACE) == 0);
            done = pool.wait();
        }
        CAPTURE(replace);
        INFO(words(done));
        CHECK(questions <= 1);
        CHECK(done.kind == ARSYNC_COMPLETION_JOB);
        if (replace == ARSYNC_REPLACE_IN_PLACE) {
            CHECK(done.result == -ELOOP);
            CHECK(done.stage == ARSYNC_STAGE_OPEN_DESTINATION);
        }
        CHECK(size_of(directory / "file") == 10);
    }
}

TEST_CASE_FIXTURE(Clean, "stop, a cancel and a close end questions too") {
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        for (const std::string way : {"stop", "cancel", "close"}) {
            CAPTURE(way);
            const Directory directory;
            make_files(directory / "from", {"a", "b", "sub/c"});
            make_files(directory / "to", {"a", "b", "sub/c"}, " old");
            Pool pool{PoolOptions(backend)};
            const arsync_job tree = pool.submit(directory / "from", directory / "to", asking());
            const std::vector<Asked> of_tree = wait_for_questions(pool, 3);
            const arsync_job file = pool.submit(directory / "from/a", directory / "to/a", asking());
            const Asked of_file = wait_for_questions(pool, 1)[0];
            if (way == "close") {
                CHECK(pool.close() == 0);
            } else {
                if (way == "stop") {
                    CHECK(answer(pool, of_tree[1], ARSYNC_ANSWER_STOP) == 0);
                    CHECK(answer(pool, of_file, ARSYNC_ANSWER_STOP) == 0);
                } else {
                    CHECK(arsync_job_cancel(pool.get(), tree) == 0);
                    CHECK(arsync_job_cancel(pool.get(), file) == 0);
                }
                for (const Asked& asked : of_tree)
                    CHECK(answer(pool, asked, ARSYNC_ANSWER_REPLACE) == -ENOENT);
                CHECK(answer(pool, of_file, ARSYNC_ANSWER_REPLACE) == -ENOENT);
                CHECK(finish(pool).job.result == -ECANCELED);
                CHECK(finish(pool).job.result == -ECANCELED);
            }
            for (const char* name : {"a", "b", "sub/c"})
                CHECK(read_file(directory / (std::string("to/") + name)) ==
                      std::string(name) + " old");
        }
    }
}

TEST_CASE_FIXTURE(Clean, "what has come in the place of what was asked about is asked about anew") {
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        for (const uint32_t replace :
             {ARSYNC_REPLACE_IN_PLACE, ARSYNC_REPLACE_REMOVE, ARSYNC_REPLACE_ATOMIC}) {
            CAPTURE(replace);
            for (const bool single : {false, true}) {
                CAPTURE(single);
                const Directory directory;
                make_files(directory / "from", {"file"});
                make_files(directory / "to", {"file"}, " old");
                write_file(directory / "other", "other");
                Pool pool{PoolOptions(backend)};
                const std::string below = single ? "/file" : "";
                REQUIRE(pool.submit(directory / ("from" + below), directory / ("to" + below),
                                    asking().with_replace(replace)) != 0);
                const Asked first = wait_for_questions(pool, 1)[0];
                REQUIRE(rename((directory / "other").c_str(), (directory / "to/file").c_str()) ==
                        0);
                CHECK(answer(pool, first, ARSYNC_ANSWER_REPLACE) == 0);
                const Asked second = wait_for_questions(pool, 1)[0];
                CHECK(second.id != first.id);
                CHECK(second.destination.inode == inode_of(directory / "to/file"));
                CHECK(read_file(directory / "to/file") == "other");
                CHECK(answer(pool, second, ARSYNC_ANSWER_REPLACE) == 0);
                CHECK(finish(pool).job.result == 0);
                CHECK(read_file(directory / "to/file") == "file");
            }
        }
    }
}

TEST_CASE_FIXTURE(Clean, "what is gone by the time of the answer is made, at its own name") {
    for (const uint32_t how : {ARSYNC_ANSWER_REPLACE, ARSYNC_ANSWER_KEEP_BOTH}) {
        CAPTURE(how);
        const Directory directory;
        make_files(directory / "from", {"file"});
        make_files(directory / "to", {"file"}, " old");
        Pool pool;
        REQUIRE(pool.submit(directory / "from", directory / "to", asking()) != 0);
        const Asked asked = wait_for_questions(pool, 1)[0];
        REQUIRE(unlink((directory / "to/file").c_str()) == 0);
        CHECK(answer(pool, asked, how) == 0);
        const Ended ended = finish(pool);
        CHECK(ended.job.result == 0);
        CHECK(ended.names.empty());
        CHECK_NAMES(directory / "to", {"file"});
        CHECK(read_file(directory / "to/file") == "file");
    }
}

TEST_CASE_FIXTURE(
    Clean, "a link that leads nowhere, in the place of what was asked about, is asked about") {
    for (const uint32_t replace : {ARSYNC_REPLACE_ATOMIC, ARSYNC_REPLACE_REMOVE}) {
        CAPTURE(replace);
        const Directory directory;
        make_files(directory.path(), {"from"});
        make_files(directory.path(), {"to"}, " old");
        Pool pool;
        REQUIRE(pool.submit(directory / "from", directory / "to", asking().with_replace(replace)) !=
                0);
        const Asked first = wait_for_questions(pool, 1)[0];
        REQUIRE(unlink((directory / "to").c_str()) == 0);
        REQUIRE(symlink("nowhere", (directory / "to").c_str()) == 0);
        CHECK(answer(pool, first, ARSYNC_ANSWER_REPLACE) == 0);
        const Asked second = wait_for_questions(pool, 1)[0];
        CHECK(std::filesystem::is_symlink(directory / "to"));
        CHECK(answer(pool, second, ARSYNC_ANSWER_REPLACE) == 0);
        CHECK(finish(pool).job.result == 0);
        CHECK(read_file(directory / "to") == "from");
    }
}

TEST_CASE_FIXTURE(Clean, "what is skipped by an answer need not be there any more") {
    const Directory directory;
    make_files(directory.path(), {"from"});
    make_files(directory.path(), {"to"}, " old");
    Pool pool;
    REQUIRE(pool.submit(directory / "from", directory / "to", asking()) != 0);
    const Asked asked = wait_for_questions(pool, 1)[0];
    REQUIRE(unlink((directory / "from").c_str()) == 0);
    CHECK(answer(pool, asked, ARSYNC_ANSWER_SKIP) == 0);
    const arsync_completion done = finish(pool).job;
    CHECK(done.result == 0);
    CHECK(done.action == ARSYNC_ACTION_SKIP);
    CHECK(read_file(directory / "to") == "to old");
}

TEST_CASE_FIXTURE(Clean,
                  "a file that is a directory by the time of the answer is asked about once") {
    for (const uint32_t how : {ARSYNC_ANSWER_REPLACE, ARSYNC_ANSWER_SKIP}) {
        CAPTURE(how);
        const Directory directory;
        make_files(directory.path(), {"from"});
        make_files(directory.path(), {"to"}, " old");
        Pool pool;
        REQUIRE(pool.submit(directory / "from", directory / "to",
                            asking().with_flags(ARSYNC_COPY_RECURSIVE)) != 0);
        const Asked asked = wait_for_questions(pool, 1)[0];
        for (const char* name : {"from", "to"})
            REQUIRE(unlink((directory / name).c_str()) == 0);
        REQUIRE(mkdir((directory / "from").c_str(), 0755) == 0);
        make_files(directory / "from", {"file"});
        CHECK(answer(pool, asked, how) == 0);
        arsync_completion done = pool.wait();
        while (done.kind == ARSYNC_COMPLETION_ENTRY)
            done = pool.wait();
        CHECK(done.kind == ARSYNC_COMPLETION_JOB);
        CHECK(done.result == 0);
        CHECK(exists(directory / "to/file") == (how == ARSYNC_ANSWER_REPLACE));
    }
}

TEST_CASE_FIXTURE(Clean, "an answer leads nowhere but to what was asked about") {
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const Directory directory;
        make_files(directory / "from", {"link", "swapped/file", "fifo"});
        make_files(directory / "outside", {"file"}, " outside");
        make_files(directory / "to", {"swapped/file"}, " old");
        make_symlink("../outside/file", directory / "to/link");
        make_node(directory / "to/fifo", S_IFREG | 0644);
        Pool pool{PoolOptions(backend)};
        REQUIRE(pool.submit(directory / "from", directory / "to", asking()) != 0);
        const std::vector<Asked> asked = wait_for_questions(pool, 3);
        CHECK(S_ISLNK(asked[1].destination.mode));
        // A directory out of the way, and in its place a link; a FIFO in place of a file.
        REQUIRE(rename((directory / "to/swapped").c_str(), (directory / "away").c_str()) == 0);
        make_symlink("../outside", directory / "to/swapped");
        REQUIRE(unlink((directory / "to/fifo").c_str()) == 0);
        make_node(directory / "to/fifo", S_IFIFO | 0644);
        for (const Asked& question : asked)
            CHECK(answer(pool, question, ARSYNC_ANSWER_REPLACE) == 0);
        const Ended ended = finish(pool, ARSYNC_ANSWER_REPLACE);
        CHECK(ended.job.result < 0);
        CHECK(read_file(directory / "outside/file") == "file outside");
        CHECK(kind_of(directory / "to/link") == S_IFREG);
        CHECK(read_file(directory / "to/link") == "link");
        CHECK(kind_of(directory / "to/fifo") == S_IFIFO);
        CHECK(ended.find("fifo")->result == -EOPNOTSUPP);
        // It goes on in the directory that was asked about if that is still open, else not at all.
        const Entry* swapped = ended.find("swapped/file");
        REQUIRE(swapped);
        CHECK(read_file(directory / "away/file") ==
              (swapped->result == 0 ? "swapped/file" : "swapped/file old"));
    }
}

TEST_CASE_FIXTURE(Clean, "a name of a list is not copied to another directory at its place") {
    const Directory directory;
    make_files(directory / "from", {"sub/file"});
    make_files(directory / "to", {"sub/file"}, " old");
    make_files(directory / "other", {"file"}, " other");
    Pool pool;
    const int from = open((directory / "from").c_str(), O_PATH);
    const int to = open((directory / "to").c_str(), O_PATH);
    const Options options = asking(ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH);
    REQUIRE(arsync_submit_copy(pool.get(), from, "sub/file", to, "sub/file", &options, 0,
                               nullptr) == 0);
    close(from);
    close(to);
    const Asked asked = wait_for_questions(pool, 1)[0];
    REQUIRE(renameat2(AT_FDCWD, (directory / "to/sub").c_str(), AT_FDCWD,
                      (directory / "other").c_str(), RENAME_EXCHANGE) == 0);
    CHECK(answer(pool, asked, ARSYNC_ANSWER_REPLACE) == 0);
    const Ended ended = finish(pool);
    CHECK(ended.job.result == -ESTALE);
    CHECK(read_file(directory / "to/sub/file") == "file other");
    CHECK(read_file(directory / "other/file") == "sub/file old");
}

TEST_CASE_FIXTURE(Clean,
                  "a directory behind a link is not gone on in once the link leads elsewhere") {
    constexpr int count = 100;
    const Directory directory;
    for (int i = 0; i < count; ++i) {
        const std::string name = std::to_string(i);
        make_files(directory / "from", {name + "/file"});
        make_files(directory / ("one/" + name), {"file"}, " old");
        make_files(directory / ("two/" + name), {"file"}, " other");
        make_directories(directory / "to");
        make_symlink("../one/" + name, directory / ("to/" + name));
    }
    check_in_child([&](Report& report) {
        const rlimit few = {64, 64}; // so that most directories are closed while they wait
        EXPECT(report, setrlimit(RLIMIT_NOFILE, &few) == 0);
        Pool pool;
        EXPECT(report, pool.submit(directory / "from", directory / "to",
                                   asking(ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK)) != 0);
        const std::vector<Asked> asked = wait_for_questions(pool, count);
        for (int i = 0; i < count; ++i) {
            const std::string link = directory / ("to/" + std::to_string(i));
            EXPECT(report, unlink(link.c_str()) == 0);
            make_symlink("../two/" + std::to_string(i), link);
        }
        for (const Asked& question : asked)
            EXPECT(report, answer(pool, question, ARSYNC_ANSWER_REPLACE) == 0);
        const Ended ended = finish(pool);
        int stale = 0;
        for (int i = 0; i < count; ++i) {
            const std::string file = std::to_string(i) + "/file";
            EXPECT(report, read_file(directory / ("two/" + file)) == "file other");
            const Entry* entry = ended.find(file);
            EXPECT(report, entry && (entry->result == 0 || entry->result == -ESTALE));
            stale += entry && entry->result == -ESTALE;
        }
        EXPECT(report, stale > 0);
    });
}

TEST_CASE_FIXTURE(Clean,
                  "a directory in a file's place is asked about, and is no file's to replace") {
    const Directory directory;
    make_files(directory / "from", {"a", "b"});
    make_files(directory / "to", {"a/", "b/"});
    Pool pool;
    REQUIRE(pool.submit(directory / "from", directory / "to", asking()) != 0);
    const std::vector<Asked> asked = wait_for_questions(pool, 2);
    CHECK(S_ISDIR(asked[0].destination.mode));
    CHECK(answer(pool, asked[0], ARSYNC_ANSWER_REPLACE) == 0);
    CHECK(answer(pool, asked[1], ARSYNC_ANSWER_KEEP_BOTH) == 0);
    const Ended ended = finish(pool);
    CHECK(ended.find("a")->result == -EISDIR);
    CHECK(ended.find("b")->result == 0);
    CHECK_NAMES(directory / "to", {"a", "b", "b (1)"});
}

TEST_CASE_FIXTURE(Clean, "older only: what is newer stays without a question") {
    const Directory directory;
    make_files(directory / "from", {"older", "newer"});
    make_files(directory / "to", {"older", "newer"}, " old");
    set_mtime(directory / "to/older", 1000);
    set_mtime(directory / "to/newer", 4'000'000'000);
    Pool pool;
    REQUIRE(pool.submit(directory / "from", directory / "to",
                        asking().with_update(ARSYNC_UPDATE_ASK_OLDER)) != 0);
    const Asked asked = wait_for_questions(pool, 1)[0];
    CHECK(asked.path == "older");
    CHECK(answer(pool, asked, ARSYNC_ANSWER_REPLACE) == 0);
    const Ended ended = finish(pool);
    CHECK(ended.job.result == 0);
    CHECK(read_file(directory / "to/older") == "older");
    CHECK(read_file(directory / "to/newer") == "newer old");
}

TEST_CASE_FIXTURE(Clean,
                  "backups, links and directories' attributes come out as without questions") {
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const Directory directory;
        make_files(directory / "from", {"a/x", "b/y"});
        make_hard_link(directory / "from/a/x", directory / "from/b/x");
        make_files(directory / "to", {"a/x", "b/y", "b/x"}, " old");
        for (const char* name : {"a", "b"})
            set_mode(directory / ("from/" + std::string(name)), 0500);
        set_mtime(directory / "from/a", 1000);
        Pool pool{PoolOptions(backend)};
        REQUIRE(pool.submit(directory / "from", directory / "to",
                            archive()
                                .with_update(ARSYNC_UPDATE_ASK)
                                .with_backup(ARSYNC_BACKUP_SIMPLE)
                                .with_report(ARSYNC_REPORT_ALL)) != 0);
        std::vector<Asked> asked = wait_for_questions(pool, 3);
        std::reverse(asked.begin(), asked.end());
        for (const Asked& question : asked)
            CHECK(answer(pool, question, ARSYNC_ANSWER_REPLACE) == 0);
        CHECK(finish(pool).job.result == 0);
        CHECK(inode_of(directory / "to/a/x") == inode_of(directory / "to/b/x"));
        CHECK(read_file(directory / "to/a/x") == read_file(directory / "from/a/x"));
        CHECK(read_file(directory / "to/b/y~") == "b/y old");
        CHECK(read_file(directory / "to/b/x~") == "b/x old");
        struct stat facts;
        REQUIRE(stat((directory / "to/a").c_str(), &facts) == 0);
        CHECK((facts.st_mode & 07777) == 0500);
        CHECK(facts.st_mtim.tv_sec == 1000);
        for (const char* name : {"from/a", "from/b", "to/a", "to/b"})
            set_mode(directory / name, 0700);
    }
}

TEST_CASE_FIXTURE(Clean, "a job asks no more than 256 questions at a time, and all in the end") {
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const Directory directory;
        std::vector<std::string> names;
        for (int i = 0; i < 1500; ++i)
            names.push_back("d" + std::to_string(i % 3) + "/" + std::to_string(i));
        make_files(directory / "from", names);
        make_files(directory / "to", names, " old");
        Pool pool{PoolOptions(backend)};
        const size_t before = open_descriptors();
        REQUIRE(pool.submit(directory / "from", directory / "to", asking()) != 0);
        std::vector<Asked> waiting = wait_for_questions(pool, 256);
        arsync_completion none;
        size_t more = 0; // of those that were under way
        while (arsync_poll(pool.get(), &none, 1, 300) == 1)
            if (none.kind == ARSYNC_COMPLETION_QUESTION) {
                waiting.push_back(asked_by(none));
                ++more;
            }
        CHECK(waiting.size() < 256 + 64 * 8 + 1);
        CHECK(open_descriptors() < before + 200);
        // One at a time, each seen to its end before the next.
        for (int i = 0; i < 20; ++i) {
            const Asked asked = waiting.back();
            waiting.pop_back();
            CHECK(answer(pool, asked, ARSYNC_ANSWER_REPLACE) == 0);
            for (;;) {
                const arsync_completion done = pool.wait();
                REQUIRE(done.result == 0);
                if (done.kind == ARSYNC_COMPLETION_QUESTION)
                    waiting.push_back(asked_by(done));
                else if (done.path == asked.path)
                    break;
            }
        }
        for (const Asked& asked : waiting)
            CHECK(answer(pool, asked, ARSYNC_ANSWER_REPLACE) == 0);
        CHECK(finish(pool, ARSYNC_ANSWER_REPLACE).job.result == 0);
        CHECK(tree_difference(directory / "from", directory / "to") == "");
    }
}

TEST_CASE_FIXTURE(Clean, "questions that nobody answers hold up nobody else") {
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        const Directory directory;
        make_files(directory / "from", {"a", "sub/b"});
        make_files(directory / "to", {"a", "sub/b"}, " old");
        PoolOptions one(backend);
        one.workers = 1;
        one.buffer_count = 1;
        Pool pool{one};
        rlimit limit{};
        getrlimit(RLIMIT_NOFILE, &limit);
        const unsigned trees = limit.rlim_cur >= 4096 ? 100 : 20;
        for (unsigned i = 0; i < trees; ++i)
            REQUIRE(pool.submit(directory / "from", directory / "to", asking()) != 0);
        for (int i = 0; i < 200; ++i)
            REQUIRE(pool.submit(directory / "from/a", directory / "to/a",
                                Options().with_update(ARSYNC_UPDATE_ASK)) != 0);
        std::vector<Asked> all = wait_for_questions(pool, trees * 2 + 200);
        write_pattern(directory / "large", 4 << 20);
        const arsync_completion done = pool.copy(directory / "large", directory / "copy",
                                                 Options().with_method(ARSYNC_METHOD_FIXED));
        CHECK(done.result == 0);
        for (const Asked& asked : all)
            CHECK(answer(pool, asked, ARSYNC_ANSWER_SKIP) == 0);
        for (unsigned i = 0; i < trees + 200; ++i)
            CHECK(finish(pool).job.result == 0);
    }
}

TEST_CASE_FIXTURE(Clean, "an error that ends the job ends its questions") {
    const Directory directory;
    std::vector<std::string> names;
    for (int i = 0; i < 400; ++i)
        names.push_back(std::to_string(i));
    make_files(directory / "from", names);
    make_files(directory / "to", names, " old");
    REQUIRE(unlink((directory / "to/7").c_str()) == 0);
    make_directories(directory / "to/7");
    Pool pool;
    REQUIRE(pool.submit(directory / "from", directory / "to", asking(ARSYNC_COPY_STOP_ON_ERROR)) !=
            0);
    Asked directory_asked;
    while (directory_asked.path != "7") {
        directory_asked = wait_for_questions(pool, 1)[0];
        if (directory_asked.path != "7")
            answer(pool, directory_asked, ARSYNC_ANSWER_SKIP);
    }
    CHECK(answer(pool, directory_asked, ARSYNC_ANSWER_REPLACE) == 0);
    for (;;) {
        const arsync_completion done = pool.wait();
        if (done.kind != ARSYNC_COMPLETION_JOB)
            continue;
        CHECK(done.result == -EISDIR);
        break;
    }
}

TEST_CASE_FIXTURE(Clean, "names that are kept as both are no longer than a name may be") {
    const Directory directory;
    std::string name;
    while (name.size() + 2 <= 250)
        name += "\xc3\xa4"; // one character of two bytes
    name += ".jpeg";
    make_files(directory / "from", {name});
    make_files(directory / "to", {name}, " old");
    Pool pool;
    REQUIRE(pool.submit(directory / "from", directory / "to", asking()) != 0);
    const Ended ended = finish(pool, ARSYNC_ANSWER_KEEP_BOTH);
    CHECK(ended.job.result == 0);
    REQUIRE(ended.names.size() == 1);
    CHECK(ended.names[0].ends_with(" (1).jpeg"));
    CHECK(ended.names[0].size() <= 255);
    CHECK((ended.names[0].size() - 9) % 2 == 0);
}

TEST_CASE_FIXTURE(Clean, "a dry run asks too, and changes nothing") {
    const Directory directory;
    make_files(directory / "from", {"a", "b"});
    make_files(directory / "to", {"a", "b"}, " old");
    const auto before = state(directory / "to");
    Pool pool;
    REQUIRE(pool.submit(directory / "from", directory / "to", asking(ARSYNC_COPY_DRY_RUN)) != 0);
    const std::vector<Asked> asked = wait_for_questions(pool, 2);
    CHECK(answer(pool, asked[0], ARSYNC_ANSWER_REPLACE) == 0);
    CHECK(answer(pool, asked[1], ARSYNC_ANSWER_KEEP_BOTH) == 0);
    const Ended ended = finish(pool);
    CHECK(ended.job.result == 0);
    CHECK(ended.names == std::vector<std::string>{"b (1)"});
    CHECK(difference(before, state(directory / "to")) == "");
}

TEST_CASE_FIXTURE(Clean, "questions are not for mirrors") {
    const Directory directory;
    make_files(directory / "from", {"a"});
    Pool pool;
    CHECK(pool.copy(directory / "from", directory / "to", asking(ARSYNC_COPY_MIRROR)).result ==
          -EINVAL);
}

} // namespace live
