#include "crash/works.h"

#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "crash/must.h"
#include "crash/random.h"
#include "system/acl.h"
#include "system/command.h"
#include "system/content.h"
#include "system/list.h"
#include "system/opened.h"
#include "system/tree.h"

namespace crash {

namespace {

using live::Options;

constexpr uint64_t small = 20'000;
constexpr uint64_t large = (1 << 20) + 70'000; // has no name before it is complete
constexpr uint64_t direct = (4 << 20) + 5'000; // goes past the page cache
constexpr int many = 24;                       // more than a list syncs one by one
constexpr uint32_t kept =
    ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER | ARSYNC_PRESERVE_TIMES | ARSYNC_PRESERVE_XATTR;

void describe_file(const std::string& path, unsigned number) {
    must(setxattr(path.c_str(), "user.note", "source", 6, 0), path);
    live::set_owner(path, 1000 + number, 1000);
    live::set_mode(path, 0640);
    live::set_mtime(path, 1'000'000'000 + number, 123'456'000);
}

// An ACL, and cap_net_bind_service as VFS_CAP_REVISION_2 has it: neither is a "user." attribute,
// and the kernel itself changes both when it changes the mode, or what is in the file.
void give_rights(const std::string& path) {
    const std::string acl = live::acl_for(1234);
    must(setxattr(path.c_str(), live::acl_name, acl.data(), acl.size(), 0), path);
    std::string capability;
    for (const uint32_t word : {0x02000001u, 1u << 10, 0u, 0u, 0u})
        live::append(capability, word, 4);
    must(setxattr(path.c_str(), "security.capability", capability.data(), capability.size(), 0),
         path);
}

std::string numbered(int i) {
    return (i % 3 == 0 ? "a/" : "b/") + std::string("file") + std::to_string(i);
}

std::vector<std::string> listed() {
    std::vector<std::string> names;
    for (int i = 0; i < many; ++i)
        names.push_back(numbered(i));
    return names;
}

// What is there before, of other content and length, beside what nobody may touch.
void make_bystander(const std::string& at) {
    live::write_pattern(at + "/bystander", 5'000, 77);
    live::make_symlink("bystander", at + "/link to bystander");
}

void make_old_tree(const std::string& at) {
    live::make_directories(at + "/tree/a");
    live::make_directories(at + "/tree/b");
    for (int i = 0; i < many; i += 2)
        live::write_pattern(at + "/tree/" + numbered(i), 9'000 + static_cast<uint64_t>(i), 300);
    live::write_pattern(at + "/tree/large", large / 2, 301);
    live::make_symlink("old", at + "/tree/symlink");
}

void make_extra(const std::string& at) {
    live::write_pattern(at + "/tree/extra", 7'000, 302);
    live::make_directories(at + "/tree/extra directory/below");
    live::write_pattern(at + "/tree/extra directory/below/file", 7'000, 303);
}

// Makes plans; what each work is like is left to chance.
class Planner {
public:
    Planner(uint64_t seed, bool durable) : random_(seed), durable_(durable) {}

    Plan plan() {
        add_files();
        add_trees();
        add_lists();
        add_links();
        add_kept();
        add_writes();
        add_commands();
        for (size_t i = plan_.size(); i > 1; --i)
            std::swap(plan_[i - 1], plan_[random_.below(i)]);
        return std::move(plan_);
    }

private:
    Options options(bool atomic) {
        Options options;
        options.durability = durable_ ? ARSYNC_DURABILITY_FULL : ARSYNC_DURABILITY_NONE;
        options.replace = atomic ? ARSYNC_REPLACE_ATOMIC : ARSYNC_REPLACE_IN_PLACE;
        options.reflink = random_.one_in(2) ? ARSYNC_REFLINK_NEVER : ARSYNC_REFLINK_AUTO;
        options.preserve = random_.one_in(2) ? kept : 0;
        return options;
    }
    Promise promise(const Options& options) const {
        Promise promise;
        promise.atomic = options.replace == ARSYNC_REPLACE_ATOMIC;
        promise.times = (options.preserve & ARSYNC_PRESERVE_TIMES) != 0;
        promise.links = (options.preserve & ARSYNC_PRESERVE_LINKS) != 0;
        promise.suffix = options.backup == ARSYNC_BACKUP_NONE ? "" : "~";
        return promise;
    }
    Work work(const std::string& name, const Options& options) {
        Work work;
        work.name = name + (options.replace == ARSYNC_REPLACE_ATOMIC ? ", atomic" : "") +
                    (options.backup != ARSYNC_BACKUP_NONE ? ", backup" : "") +
                    (options.preserve != 0 ? ", attributes" : "") +
                    (options.reflink == ARSYNC_REFLINK_NEVER ? ", no reflink" : "");
        work.promise = promise(options);
        work.options = options;
        work.prepare = make_bystander;
        work.inside = random_.one_in(2);
        return work;
    }
    void add(Work work) { plan_.push_back({std::move(work)}); }

    void add_files() {
        std::vector<Work> together;
        for (const char* name : {"small", "large", "direct", "sparse", "empty"}) {
            for (const bool atomic : {false, true}) {
                for (const int old : {0, 1, 2}) { // nothing, a file, one that is backed up
                    // The largest ones would make all states slow.
                    if (name == std::string("direct") && !random_.one_in(4))
                        continue;
                    Options how = options(atomic);
                    how.backup = old == 2 ? ARSYNC_BACKUP_SIMPLE : ARSYNC_BACKUP_NONE;
                    Work one = work(std::string(old == 0 ? "new " : "replaced ") + name, how);
                    one.promise.single = true;
                    one.from = one.to = name;
                    one.prepare = [=](const std::string& at) {
                        make_bystander(at);
                        if (old != 0)
                            live::write_pattern(at + "/" + name, 300'000, 200);
                    };
                    together.push_back(std::move(one));
                }
            }
        }
        while (!together.empty()) {
            plan_.emplace_back();
            for (uint64_t count = 1 + random_.below(8); count > 0 && !together.empty(); --count) {
                const auto one =
                    together.begin() + static_cast<ptrdiff_t>(random_.below(together.size()));
                plan_.back().push_back(std::move(*one));
                together.erase(one);
            }
        }
    }

    void add_tree(const std::string& name, Options how, bool old, bool extra) {
        how.flags |= ARSYNC_COPY_RECURSIVE;
        how.preserve = live::preserve_all;
        Work tree = work(name, how);
        tree.promise.tree = true;
        tree.prepare = [=](const std::string& at) {
            make_bystander(at);
            if (old)
                make_old_tree(at);
            if (extra)
                make_extra(at);
        };
        tree.run = [how](const Place& place, live::Pool& pool) {
            const live::TreeCopy copy =
                live::copy_tree(pool, place.source + "/tree", place.destination + "/tree", how);
            return copy.job.result == 0 ? "" : live::words(copy);
        };
        add(std::move(tree));
    }

    void add_trees() {
        for (const bool atomic : {false, true}) {
            add_tree("new tree", options(atomic), false, false);
            add_tree("tree over a tree", options(atomic), true, false);
            Options how = options(atomic);
            how.backup = ARSYNC_BACKUP_SIMPLE;
            add_tree("tree over a tree", how, true, false);
            how = options(atomic);
            how.flags |= ARSYNC_COPY_MIRROR;
            add_tree("mirror", how, true, true);
            how.update = ARSYNC_UPDATE_CHANGED;
            add_tree("mirror of what changed", how, true, true);
        }
    }

    void add_list(const std::string& name, const Options& how, size_t count) {
        Work list = work(name, how);
        list.prepare = [](const std::string& at) {
            make_bystander(at);
            make_old_tree(at);
        };
        list.run = [=](const Place& place, live::Pool& pool) {
            std::vector<std::string> names = listed();
            names.resize(count);
            const live::ListCopy copy =
                live::copy_list_between(pool, place.source + "/tree", place.destination + "/tree",
                                        live::Items::entries(names), how);
            return copy.job.result == 0 ? "" : live::words(copy);
        };
        add(std::move(list));
    }

    void add_lists() {
        for (const bool atomic : {false, true}) {
            for (const bool beneath : {false, true}) {
                Options how = options(atomic);
                if (beneath)
                    how.flags |= ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH;
                const std::string name = beneath ? " below its parents" : "";
                add_list("long list" + name, how, many);
                how = options(atomic);
                how.backup = ARSYNC_BACKUP_SIMPLE;
                add_list("short list" + name, how, 6);
            }
        }
    }

    void add_copy(const std::string& name, const Options& how, const std::string& from,
                  const std::string& old) {
        Work copy = work(name, how);
        copy.from = copy.to = from;
        copy.prepare = [=](const std::string& at) {
            make_bystander(at);
            live::make_directories(at + "/there");
            if (!old.empty())
                live::make_symlink(old, at + "/" + from);
        };
        add(std::move(copy));
    }

    void add_parents(Options how, uint32_t beneath) {
        how.flags |= ARSYNC_COPY_PARENTS | beneath;
        Work copy = work("new directories on the way", how);
        copy.run = [how](const Place& place, live::Pool&) -> std::string {
            const live::Opened from(place.source);
            const live::Opened to(place.destination);
            const char* const path = "tree/deep/er/file";
            const int error = arsync_copy(from.get(), path, to.get(), path, &how, nullptr);
            return error == 0 ? "" : arsync_strerror(error);
        };
        add(std::move(copy));
    }

    void add_links() {
        for (const bool atomic : {false, true}) {
            Options how = options(atomic);
            how.symlinks = ARSYNC_SYMLINKS_KEEP;
            add_copy("new symbolic link", how, "symlink", "");
            if (!atomic)
                how.replace = ARSYNC_REPLACE_REMOVE;
            add_copy("symbolic link for another", how, "symlink", "old text");
            add_parents(options(atomic), atomic ? 0 : ARSYNC_COPY_BENEATH);
        }
        Options how = options(false);
        how.preserve = 0;
        how.flags |= ARSYNC_COPY_HARD_LINK;
        add_copy("new hard link", how, "small", "");
        plan_.back().back().inside = true;
        how = options(false);
        how.replace = ARSYNC_REPLACE_REMOVE;
        Work removed = work("removed and made anew", how);
        removed.from = removed.to = "large";
        removed.prepare = [](const std::string& at) {
            make_bystander(at);
            live::write_pattern(at + "/large", 300'000, 200);
        };
        add(std::move(removed));
    }

    // What is there already, or is said to be elsewhere.
    void add_kept() {
        Options how = options(false);
        how.preserve = kept;
        how.update = ARSYNC_UPDATE_CHANGED;
        Work work_on = work("attributes brought up to date", how);
        work_on.from = work_on.to = "small";
        work_on.prepare = [](const std::string& at) {
            make_bystander(at);
            live::write_pattern(at + "/small", small, 1); // with the source's content and time
            live::set_mtime(at + "/small", 1'000'000'000 + 's', 123'456'000);
        };
        add(work_on);
        how.update = ARSYNC_UPDATE_ALL;
        how.flags |= ARSYNC_COPY_ATTRIBUTES_ONLY;
        work_on.name = "attributes only";
        work_on.options = how;
        add(work_on);
        for (const bool dangling : {false, true}) {
            how = options(false);
            how.flags |= dangling ? ARSYNC_COPY_DANGLING : 0;
            Work through = work(dangling ? "through a dangling link" : "through a link", how);
            through.from = through.to = "large";
            through.prepare = [=](const std::string& at) {
                make_bystander(at);
                live::make_directories(at + "/there");
                live::make_symlink("there/file", at + "/large");
                if (!dangling)
                    live::write_pattern(at + "/there/file", 300'000, 200);
            };
            add(std::move(through));
        }
        how = options(false);
        if (durable_)
            how.durability = ARSYNC_DURABILITY_FILE;
        Work file = work("replaced, durable without its name", how);
        file.from = file.to = "large";
        file.prepare = [](const std::string& at) {
            make_bystander(at);
            live::write_pattern(at + "/large", 300'000, 200);
        };
        add(std::move(file));
    }

    static std::string range_into(const Place& place, live::Pool& pool, const Options& how,
                                  int mode) {
        const int from = must(open((place.source + "/sparse").c_str(), O_RDONLY), place.source);
        const int to =
            must(open((place.destination + "/large").c_str(), O_RDWR | mode), place.destination);
        const arsync_completion done = pool.copy_range(from, 1 << 20, to, 100'000, 200'000, how);
        close(from);
        close(to);
        return done.result == 0 ? "" : live::words(done);
    }

    static std::string buffer_into(const Place& place, live::Pool& pool, bool durable) {
        const int to =
            must(open((place.destination + "/large").c_str(), O_RDWR), place.destination);
        arsync_file file = 0;
        arsync_buffer buffer = {};
        int error = arsync_buffer_acquire(pool.get(), 1, &buffer);
        if (error == 0)
            error = arsync_file_open(pool.get(), to, 0, &file);
        close(to);
        if (error == 0) {
            memset(buffer.data, 'w', 200'000);
            error = arsync_submit_write(pool.get(), file, 123'456, buffer.id, 0, 200'000, 0, 0,
                                        nullptr);
        }
        if (error == 0)
            error = pool.wait().result;
        if (error == 0 && durable)
            error = arsync_submit_sync(pool.get(), file, ARSYNC_SYNC_DATA, 0, nullptr);
        if (error == 0 && durable)
            error = pool.wait().result;
        arsync_buffer_release(pool.get(), buffer.id);
        arsync_file_close(pool.get(), file);
        return error == 0 ? "" : arsync_strerror(error);
    }

    void add_writes() {
        const auto prepare = [](const std::string& at) {
            make_bystander(at);
            live::write_pattern(at + "/large", 400'000, 200);
        };
        Options how = options(false);
        how.preserve = 0;
        for (const int mode : {0, O_DSYNC}) {
            Options of_range = how;
            if (mode != 0)
                of_range.durability = ARSYNC_DURABILITY_NONE;
            Work range = work(mode == 0 ? "range" : "range to what is open with O_DSYNC", how);
            range.prepare = prepare;
            range.run = [=, mode = durable_ ? mode : 0](const Place& place, live::Pool& pool) {
                return range_into(place, pool, of_range, mode);
            };
            add(std::move(range));
        }
        Work written = work("buffer written and synced", how);
        written.prepare = prepare;
        written.run = [durable = durable_](const Place& place, live::Pool& pool) {
            return buffer_into(place, pool, durable);
        };
        add(std::move(written));
        for (const bool old : {false, true}) {
            how = options(old);
            Work alone = work("arsync_copy", how);
            alone.prepare = [old](const std::string& at) {
                make_bystander(at);
                if (old)
                    live::write_pattern(at + "/small", 300'000, 200);
            };
            alone.run = [how](const Place& place, live::Pool&) -> std::string {
                const int error =
                    arsync_copy(AT_FDCWD, (place.source + "/small").c_str(), AT_FDCWD,
                                (place.destination + "/small").c_str(), &how, nullptr);
                return error == 0 ? "" : arsync_strerror(error);
            };
            add(std::move(alone));
        }
    }

    void add_command(const std::string& words, const std::string& source, bool atomic,
                     const std::string& suffix) {
        const char* const command = getenv("ARSYNC_CP");
        if (!command)
            return;
        Work one;
        one.name = "arsync-cp " + words + " " + source;
        one.promise.atomic = atomic;
        one.promise.times = one.promise.links = one.promise.tree = true;
        one.promise.suffix = suffix;
        one.inside = random_.one_in(2);
        one.prepare = [](const std::string& at) {
            make_bystander(at);
            make_old_tree(at);
        };
        one.run = [=, durable = durable_](const Place& place, live::Pool&) {
            return live::output_in(place.source, command + (" " + words) +
                                                     (durable ? " --durable " : " ") + source +
                                                     " " + place.destination);
        };
        add(std::move(one));
    }

    void add_commands() {
        add_command("-a", "tree", false, "");
        add_command("-a --atomic", "tree", true, "");
        add_command("-a --atomic --backup", "tree", true, "~");
        add_command("-a --mirror", "tree", false, "");
        add_command("-a --atomic", "small large sparse symlink", true, "");
        add_command("-a", "small large sparse symlink", false, "");
    }

    Random random_;
    const bool durable_;
    Plan plan_;
};

} // namespace

Plan plan_of(uint64_t seed, bool durable) {
    return Planner(seed, durable).plan();
}

void make_source(const std::string& at) {
    live::make_directories(at + "/tree/a");
    live::make_directories(at + "/tree/b/empty");
    live::make_directories(at + "/tree/deep/er");
    live::write_pattern(at + "/small", small, 1);
    live::write_pattern(at + "/large", large, 2);
    live::write_pattern(at + "/direct", direct, 3);
    live::write_pattern(at + "/empty", 0, 4);
    live::write_sparse(at + "/sparse", 6 << 20,
                       {{1 << 20, (1 << 20) + 50'000}, {5 << 20, (5 << 20) + 9'000}});
    live::make_symlink("nowhere/at all", at + "/symlink");
    for (const char* name : {"/small", "/large", "/direct", "/empty", "/sparse"})
        describe_file(at + name, static_cast<unsigned>(name[1]));
    for (const char* name :
         {"/small", "/sparse"}) // one that goes the way of small files, and holes
        give_rights(at + name);
    for (int i = 0; i < many; ++i) {
        const auto number = static_cast<unsigned>(i);
        const std::string path = at + "/tree/" + numbered(i);
        live::write_pattern(path, 3'000 + 500u * number, 10 + number);
        describe_file(path, number);
        if (i % 4 == 0)
            give_rights(path);
    }
    live::write_pattern(at + "/tree/large", large, 5);
    live::write_pattern(at + "/tree/deep/er/file", small, 6);
    live::make_hard_link(at + "/tree/large", at + "/tree/b/same as large");
    live::make_symlink("a/file0", at + "/tree/symlink");
    live::make_node(at + "/tree/fifo", S_IFIFO | 0600);
    for (const char* name :
         {"/tree/deep/er", "/tree/deep", "/tree/b/empty", "/tree/b", "/tree/a", "/tree"}) {
        live::set_mode(at + name, 0750);
        live::set_mtime(at + name, 1'100'000'000, 5'000);
    }
}

} // namespace crash
