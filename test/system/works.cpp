#include "system/works.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <set>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "system/content.h"
#include "system/tree.h"

namespace live {

namespace {

constexpr const char* attribute = "user.arsync";
constexpr uint64_t range_begin = 5000, range_length = 300'000, range_place = 9000;
constexpr uint64_t large_size = 600'000;
constexpr size_t operation_length = 100'000;
// In steps, for a process that was stopped meanwhile has not waited.
constexpr int poll_ms = 500, polls = 120;
constexpr const char* old_text = "what was there before";

std::string attribute_of(const std::string& path) {
    char value[64];
    const ssize_t size = lgetxattr(path.c_str(), attribute, value, sizeof value);
    return size < 0 ? "" : std::string(value, static_cast<size_t>(size));
}

// "", or how they differ.
std::string unlike(const std::string& from, const std::string& to, bool attributes) {
    struct stat a;
    struct stat b;
    if (lstat(from.c_str(), &a) < 0)
        return "has no source";
    if (lstat(to.c_str(), &b) < 0)
        return "is not there";
    if ((a.st_mode & S_IFMT) != (b.st_mode & S_IFMT))
        return "is of another kind";
    if (S_ISREG(a.st_mode))
        if (const std::string where = difference(from, to); !where.empty())
            return "has another content: " + where;
    if (S_ISLNK(a.st_mode) && text_of(from) != text_of(to))
        return "leads elsewhere";
    if ((S_ISCHR(a.st_mode) || S_ISBLK(a.st_mode)) && a.st_rdev != b.st_rdev)
        return "is another device";
    if (!attributes)
        return "";
    if (a.st_mode != b.st_mode)
        return "has another mode";
    if (a.st_uid != b.st_uid || a.st_gid != b.st_gid)
        return "has another owner";
    if (a.st_mtim.tv_sec != b.st_mtim.tv_sec || a.st_mtim.tv_nsec != b.st_mtim.tv_nsec)
        return "has another time";
    return attribute_of(from) == attribute_of(to) ? "" : "has other attributes";
}

std::string words(const Outcome& told) {
    return std::string(told.kind == 0 ? "refused" : arsync_completion_kind_name(told.kind)) +
           " \"" + told.path + "\" " + arsync_action_name(told.action) + ": " +
           arsync_stage_name(told.stage) + ": " +
           (told.result == 0 ? "ok" : arsync_strerror(told.result)) + ", flags " +
           std::to_string(told.flags);
}

bool is_attribute(uint32_t stage) {
    switch (stage) {
    case ARSYNC_STAGE_OWNER:
    case ARSYNC_STAGE_XATTR:
    case ARSYNC_STAGE_MODE:
    case ARSYNC_STAGE_TIMES:
    case ARSYNC_STAGE_CONTEXT:
    case ARSYNC_STAGE_FLAGS:
        return true;
    default:
        return false;
    }
}

bool is_old(const std::string& path) {
    return kind_of(path) == S_IFREG && read_file(path) == old_text;
}

void make_socket(const std::string& path) {
    // Its address has little room, and is looked up from here.
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    const std::string directory = path.substr(0, path.rfind('/'));
    const int fd = open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", fd,
             path.c_str() + directory.size() + 1);
    const int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bind(made, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    close(made);
    close(fd);
}

void put(Outcomes& out, uint32_t work, const arsync_completion& done) {
    if (out.count >= std::size(out.all))
        return;
    Outcome& told = out.all[out.count];
    told = {};
    told.work = work;
    told.kind = done.kind;
    told.action = done.action;
    told.stage = done.stage;
    told.flags = done.flags;
    told.result = done.result;
    told.user_data = done.user_data;
    if (done.path) {
        told.has_path = true;
        strncpy(told.path, done.path, sizeof told.path - 1);
    }
    if (done.details && done.details->totals)
        told.errors = done.details->totals->errors;
    if (done.details && done.details->error_path) {
        told.has_error_path = true;
        strncpy(told.error_path, done.details->error_path, sizeof told.error_path - 1);
    }
    ++out.count;
}

} // namespace

Works::Works(const Place& from, const Place& to, std::initializer_list<uint32_t> methods)
    : from_(from), to_(to) {
    make_source();
    make_list(methods);
    source_ = state(from_.real);
}

Works::~Works() {
    close_all();
}

void Works::close_all() {
    for (int* fd : {&from_fd_, &to_fd_, &large_fd_, &range_fd_, &written_fd_}) {
        if (*fd >= 0)
            close(*fd);
        *fd = -1;
    }
}

void Works::make_source() {
    const std::string& top = from_.real;
    make_directories(top + "/tree/a/b/c");
    make_directories(top + "/tree/empty");
    write_pattern(top + "/small", 5000);
    write_sparse(top + "/large", large_size, {{0, 400'000}, {500'000, large_size}}, 2);
    write_file(top + "/tree/nothing", "");
    write_pattern(top + "/tree/small", 100, 3);
    write_pattern(top + "/tree/a/large", 300'000, 4);
    write_sparse(top + "/tree/a/sparse", 700'000, {{65536, 131072}}, 5);
    write_pattern(top + "/tree/a/b/private", 3000, 6);
    write_pattern(top + "/tree/a/b/c/deep", 10, 7);
    make_hard_link(top + "/tree/small", top + "/tree/a/other");
    make_symlink("small", top + "/tree/link");
    make_symlink("nowhere", top + "/tree/a/dangling");
    make_node(top + "/tree/fifo", S_IFIFO | 0640);
    make_socket(top + "/tree/socket");
    if (geteuid() == 0) {
        make_node(top + "/tree/device", S_IFCHR | 0600, makedev(1, 3));
        set_owner(top + "/tree/a/large", 1234, 4321);
        set_owner(top + "/large", 1234, 4321);
    }
    for (const char* name : {"/small", "/large", "/tree/small", "/tree/a"})
        setxattr((top + name).c_str(), attribute, name, strlen(name), 0);
    set_mode(top + "/tree/a/b/private", 0400);
    set_mode(top + "/tree/a/b", 0750);
    set_mode(top + "/large", 0640);
    for (const auto& [path, what] : contents(top))
        set_mtime(top + path, 1'000'000'000 + static_cast<int64_t>(path.size()), 5);
}

void Works::make_list(std::initializer_list<uint32_t> methods) {
    const auto all = [] { return Options().with_preserve(preserve_all); };
    works_.push_back({"alone", Shape::alone, "small", all()});
    for (const uint32_t method : methods)
        works_.push_back({"by " + method_name(method), Shape::file, "large",
                          all().with_method(method).with_want(ARSYNC_WANT_TOTALS)});
    works_.push_back({"small", Shape::file, "small", all()});
    works_.push_back(
        {"durable", Shape::file, "large",
         all().with_durability(ARSYNC_DURABILITY_FULL).with_flags(ARSYNC_COPY_VERIFY)});
    works_.push_back({"dropped", Shape::file, "large",
                      all().with_cache(ARSYNC_CACHE_DROP).with_sparse(ARSYNC_SPARSE_ALWAYS)});
    works_.push_back({"in place", Shape::file, "large", all(), Before::old});
    works_.push_back(
        {"removed", Shape::file, "small", all().with_replace(ARSYNC_REPLACE_REMOVE), Before::old});
    works_.push_back(
        {"atomic", Shape::file, "small", all().with_replace(ARSYNC_REPLACE_ATOMIC), Before::old});
    Options careful = all()
                          .with_replace(ARSYNC_REPLACE_ATOMIC)
                          .with_backup(ARSYNC_BACKUP_NUMBERED)
                          .with_durability(ARSYNC_DURABILITY_FULL);
    works_.push_back({"careful", Shape::file, "large", careful, Before::old});

    const auto tree = [](uint32_t flags) {
        return archive(flags)
            .with_report(ARSYNC_REPORT_ALL)
            .with_want(ARSYNC_WANT_TOTALS | ARSYNC_WANT_ERROR_PATH);
    };
    works_.push_back({"tree", Shape::tree, "tree", tree(0)});
    works_.push_back(
        {"new atomic tree", Shape::tree, "tree", tree(0).with_replace(ARSYNC_REPLACE_ATOMIC)});
    works_.push_back({"careful tree", Shape::tree, "tree",
                      tree(ARSYNC_COPY_VERIFY | ARSYNC_COPY_FORCE)
                          .with_replace(ARSYNC_REPLACE_ATOMIC)
                          .with_backup(ARSYNC_BACKUP_NUMBERED)
                          .with_durability(ARSYNC_DURABILITY_FULL),
                      Before::tree});
    works_.push_back({"mirror", Shape::tree, "tree",
                      tree(ARSYNC_COPY_MIRROR)
                          .with_replace(ARSYNC_REPLACE_ATOMIC)
                          .with_update(ARSYNC_UPDATE_CHANGED),
                      Before::tree});

    works_.push_back({"entries",
                      Shape::entries,
                      "",
                      tree(ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH),
                      Before::nothing,
                      {"tree/a/b/private", "tree/small", "tree/link", "tree/a/other", "large",
                       "tree/fifo", "tree/a/b/c", "small"}});
    works_.push_back(
        {"list",
         Shape::list,
         "",
         tree(0).with_replace(ARSYNC_REPLACE_ATOMIC).with_durability(ARSYNC_DURABILITY_FULL),
         Before::nothing,
         {"small", "large", "tree/link", "tree/a", "tree/a/sparse"}});
    works_.push_back({"range", Shape::range, "large", Options()});
    works_.push_back({"operations", Shape::operations, "small", Options()});
}

void Works::make_old_tree(const std::string& top) const {
    make_directories(top + "/a/b");
    make_directories(top + "/extra/more");
    for (const char* name :
         {"/small", "/a/large", "/a/b/private", "/extra/file", "/extra/more/file"})
        write_file(top + name, old_text);
}

void Works::prepare() {
    close_all();
    for (const auto& entry : std::filesystem::directory_iterator(to_.real))
        std::filesystem::remove_all(entry.path());
    for (const Work& work : works_) {
        const std::string to = to_.real + "/" + work.name;
        if (work.before == Before::old)
            write_file(to, old_text);
        if (work.before == Before::tree)
            make_old_tree(to);
        if (work.shape == Shape::entries || work.shape == Shape::list)
            make_directories(to);
    }
    const auto opened = [](const std::string& path, int flags) {
        return open(path.c_str(), flags | O_CLOEXEC, 0600);
    };
    from_fd_ = opened(from_.shown, O_RDONLY | O_DIRECTORY);
    to_fd_ = opened(to_.shown + "/entries", O_RDONLY | O_DIRECTORY);
    large_fd_ = opened(from_.shown + "/large", O_RDONLY);
    range_fd_ = opened(to_.shown + "/range", O_RDWR | O_CREAT);
    written_fd_ = opened(to_.shown + "/operations", O_RDWR | O_CREAT);
}

// ---- running ----

void Works::run(uint32_t backend, Outcomes& out) const {
    PoolOptions options(backend);
    options.workers = 2;
    options.buffer_size = 1 << 18;
    options.buffer_count = 4;
    arsync_pool* pool = nullptr;
    out.open_error = arsync_pool_open(&options, &pool);
    if (out.open_error < 0)
        return;
    for (uint32_t number = 0; number < works_.size() && !out.hung; ++number)
        run_one(pool, number, out);
    if (out.hung)
        return;
    arsync_completion stray;
    while (arsync_poll(pool, &stray, 1, 0) > 0)
        ++out.strays;
    out.close_error = arsync_pool_close(pool);
}

void Works::run_one(arsync_pool* pool, uint32_t number, Outcomes& out) const {
    const Work& work = works_[number];
    if (work.shape == Shape::operations) {
        run_operations(pool, number, out);
        return;
    }
    arsync_completion done = {};
    if (work.shape == Shape::alone) {
        const int result =
            arsync_copy(AT_FDCWD, (from_.shown + "/" + work.source).c_str(), AT_FDCWD,
                        (to_.shown + "/" + work.name).c_str(), &work.options, &done);
        if (done.kind == 0)
            done.result = result; // of the arguments
        put(out, number, done);
        arsync_details_free(done.details);
        return;
    }
    arsync_job job = 0;
    done.result = submit(pool, work, job);
    if (done.result < 0)
        put(out, number, done);
    else
        wait_for(pool, number, job, out);
}

// Until the job has ended.
bool Works::wait_for(arsync_pool* pool, uint32_t number, arsync_job job, Outcomes& out) const {
    for (;;) {
        arsync_completion done = {};
        int polled = 0;
        for (int i = 0; i < polls && polled == 0; ++i)
            polled = arsync_poll(pool, &done, 1, poll_ms);
        out.hung = polled != 1;
        if (out.hung)
            return false;
        if (done.job != job)
            ++out.strays;
        put(out, number, done);
        if (done.kind == ARSYNC_COMPLETION_JOB && done.job == job)
            return true;
    }
}

int Works::submit(arsync_pool* pool, const Work& work, arsync_job& job) const {
    if (work.shape == Shape::entries)
        return submit_entries(pool, work, job);
    if (work.shape == Shape::list)
        return submit_list(pool, work, job);
    if (work.shape == Shape::range)
        return arsync_submit_copy_range(pool, large_fd_, range_begin, range_fd_, range_place,
                                        range_length, &work.options, 0, &job);
    return arsync_submit_copy(pool, AT_FDCWD, (from_.shown + "/" + work.source).c_str(), AT_FDCWD,
                              (to_.shown + "/" + work.name).c_str(), &work.options, 0, &job);
}

int Works::submit_entries(arsync_pool* pool, const Work& work, arsync_job& job) const {
    std::vector<arsync_item> items;
    for (const std::string& name : work.items)
        items.push_back({name.c_str(), name.c_str(), items.size(), 0});
    return arsync_submit_list(pool, from_fd_, to_fd_, items.data(), items.size(), &work.options, 0,
                              &job);
}

int Works::submit_list(arsync_pool* pool, const Work& work, arsync_job& job) const {
    std::vector<std::string> names;
    for (size_t i = 0; i < work.items.size(); ++i) {
        names.push_back(from_.shown + "/" + work.items[i]);
        names.push_back(to_.shown + "/" + work.name + "/" + std::to_string(i));
    }
    std::vector<arsync_item> items;
    for (size_t i = 0; i < work.items.size(); ++i)
        items.push_back({names[2 * i].c_str(), names[2 * i + 1].c_str(), i, 0});
    return arsync_submit_list(pool, AT_FDCWD, AT_FDCWD, items.data(), items.size(), &work.options,
                              0, &job);
}

// A buffer is read into, and written.
void Works::run_operations(arsync_pool* pool, uint32_t number, Outcomes& out) const {
    arsync_buffer buffer = {};
    arsync_file source = 0;
    arsync_file destination = 0;
    arsync_completion refused = {};
    refused.result = arsync_buffer_acquire(pool, 1, &buffer);
    const bool leased = refused.result == 0;
    if (refused.result == 0)
        refused.result = arsync_file_open(pool, large_fd_, 0, &source);
    if (refused.result == 0)
        refused.result = arsync_file_open(pool, written_fd_, 0, &destination);
    arsync_job job = 0;
    const auto ended = [&](int submitted) {
        refused.result = submitted;
        return submitted == 0 && wait_for(pool, number, job, out) &&
               out.all[out.count - 1].result == 0;
    };
    if (refused.result == 0 &&
        ended(arsync_submit_read(pool, source, 0, buffer.id, 0, operation_length, 0, 0, &job)) &&
        ended(
            arsync_submit_write(pool, destination, 0, buffer.id, 0, operation_length, 0, 1, &job)))
        ended(arsync_submit_sync(pool, destination, 0, 2, &job));
    if (refused.result < 0)
        put(out, number, refused);
    if (out.hung)
        return;
    if (source != 0)
        arsync_file_close(pool, source);
    if (destination != 0)
        arsync_file_close(pool, destination);
    if (leased)
        arsync_buffer_release(pool, buffer.id);
}

// ---- judging ----

struct Works::Judged {
    const Work& work;
    std::vector<Outcome> all;
    Excuses excuses;
    bool is_unknown(const std::string& path) const {
        return !excuses.lied_about.empty() && path.find(excuses.lied_about) != std::string::npos;
    }
    const Outcome* job() const {
        const Outcome* found = nullptr;
        for (const Outcome& told : all)
            if (told.kind == ARSYNC_COMPLETION_JOB || told.kind == 0)
                found = &told;
        return found;
    }
};

int Works::result_of(const std::string& name, const Outcomes& out) const {
    int result = 1;
    unsigned ends = 0;
    for (uint32_t i = 0; i < out.count; ++i) {
        const Outcome& told = out.all[i];
        if (works_[told.work].name != name ||
            (told.kind != ARSYNC_COMPLETION_JOB && told.kind != 0))
            continue;
        result = told.result;
        ++ends;
    }
    return ends == 1 ? result : 1;
}

unsigned Works::errors(const Outcomes& out) const {
    unsigned errors = out.open_error < 0;
    for (uint32_t i = 0; i < out.count; ++i)
        errors += out.all[i].result < 0 &&
                  works_[out.all[i].work].options.method != ARSYNC_METHOD_REFLINK;
    return errors;
}

std::string Works::tell_errors(const Outcomes& out) const {
    std::string text;
    for (uint32_t i = 0; i < out.count; ++i)
        if (out.all[i].result < 0)
            text += works_[out.all[i].work].name + ": " + words(out.all[i]) + "\n";
    return text;
}

std::string Works::judge(const Outcomes& out, Excuses excuses) {
    close_all();
    if (out.hung)
        return "hangs after " +
               (out.count > 0 ? words(out.all[out.count - 1]) : std::string("nothing"));
    if (out.open_error < 0) {
        if (out.count > 0)
            return "completions without a pool";
        if (!excuses.no_pool)
            return "no pool opens: " + std::string(strerror(-out.open_error));
    } else if (out.close_error < 0) {
        return "cannot be closed";
    }
    if (out.strays > 0)
        return "completions that belong to no job";
    std::string wrong;
    for (uint32_t number = 0; out.open_error == 0 && number < works_.size(); ++number) {
        Judged judged{works_[number], {}, excuses};
        for (uint32_t i = 0; i < out.count; ++i)
            if (out.all[i].work == number)
                judged.all.push_back(out.all[i]);
        const std::string what = judge_work(judged);
        if (what.empty())
            continue;
        wrong += works_[number].name + ": " + what + "\n";
        for (const Outcome& told : judged.all)
            if (told.result < 0)
                wrong += "  " + words(told) + "\n";
    }
    if (const std::string changed = difference(source_, state(from_.real)); !changed.empty())
        wrong += "the source: " + changed + "\n";
    if (!excuses.names_stay)
        for (const auto& [path, what] : contents(to_.real))
            if (path.find(".arsync-") != std::string::npos &&
                (excuses.lied_about.empty() || path.find(excuses.lied_about) == std::string::npos))
                wrong += "left: " + path + "\n";
    return wrong;
}

std::string Works::judge_work(const Judged& judged) const {
    const Work& work = judged.work;
    unsigned jobs = 0;
    for (const Outcome& told : judged.all) {
        jobs += told.kind == ARSYNC_COMPLETION_JOB || told.kind == 0;
        if (told.kind != 0 && told.result < 0 && told.stage == ARSYNC_STAGE_NONE)
            return "an error without a stage";
        if (told.result == 0 && told.stage != ARSYNC_STAGE_NONE)
            return "a stage without an error";
    }
    if (work.shape == Shape::operations || work.shape == Shape::range)
        return judge_range(judged);
    if (jobs != 1)
        return std::to_string(jobs) + " completions of the job";
    const Outcome& job = *judged.job();
    const std::string from = from_.real + "/" + work.source;
    const std::string to = to_.real + "/" + work.name;
    if (work.shape == Shape::alone || work.shape == Shape::file)
        return judge_name(judged, job, from, to);
    unsigned errors = 0;
    for (const Outcome& told : judged.all)
        errors += told.kind != ARSYNC_COMPLETION_JOB && told.result < 0;
    if (job.kind != 0 && job.result == 0 && errors > 0)
        return "errors that the job does not tell of";
    if (job.kind != 0 && job.result < 0 && errors > 0 && !job.has_error_path)
        return "no path of the first error";
    if (work.shape == Shape::tree)
        return judge_tree(judged, from, to, judged.all, job.result);
    for (size_t i = 0; i < work.items.size(); ++i) {
        std::vector<Outcome> entries;
        const Outcome* item = nullptr;
        for (const Outcome& told : judged.all) {
            if (told.user_data != i || told.kind == ARSYNC_COMPLETION_JOB || told.kind == 0)
                continue;
            if (told.kind == ARSYNC_COMPLETION_ITEM) {
                if (item)
                    return "an item with two completions";
                item = &told;
            } else if (told.kind == ARSYNC_COMPLETION_ENTRY) {
                entries.push_back(told);
            }
        }
        if (!item && job.result == 0)
            return "an item without a completion";
        const std::string source = from_.real + "/" + work.items[i];
        const std::string copy =
            to + "/" + (work.shape == Shape::entries ? work.items[i] : std::to_string(i));
        if (!item) {
            if (!judged.excuses.names_stay && kind_of(copy) != 0 && kind_of(copy) != S_IFDIR)
                return "something at an item that was not begun";
            continue;
        }
        const std::string wrong = kind_of(source) == S_IFDIR
                                      ? judge_tree(judged, source, copy, entries, item->result)
                                      : judge_name(judged, *item, source, copy);
        if (!wrong.empty())
            return work.items[i] + ": " + wrong;
    }
    return "";
}

// Of anything but a directory.
std::string Works::judge_name(const Judged& judged, const Outcome& told, const std::string& from,
                              const std::string& to) const {
    const Work& work = judged.work;
    const bool is_name_of_lie =
        !judged.excuses.lied_about.empty() && told.action == ARSYNC_ACTION_HARD_LINK;
    if (judged.is_unknown(from) || judged.is_unknown(to) || is_name_of_lie)
        return "";
    const bool complete = told.result == 0 || (told.flags & ARSYNC_COMPLETION_COPIED) != 0;
    const bool atomic = work.options.replace == ARSYNC_REPLACE_ATOMIC;
    if (complete) {
        // A link has what the name has that it is of, and that has told of it.
        const bool attributes = told.result == 0 && told.action != ARSYNC_ACTION_HARD_LINK &&
                                (told.flags & ARSYNC_COMPLETION_OWNER_LOST) == 0;
        const std::string wrong = unlike(from, to, attributes);
        if (!wrong.empty())
            return "is said to be complete, and " + wrong;
    } else if (is_attribute(told.stage) && !judged.excuses.names_stay && kind_of(to) != 0 &&
               work.before == Before::nothing) {
        return "lost an attribute, and is there";
    } else if (kind_of(to) != 0 && !is_old(to)) {
        // There is what is new, in part or whole.
        if (work.before == Before::nothing && !judged.excuses.names_stay)
            return "failed, and is there";
        if (atomic && !unlike(from, to, false).empty())
            return "is neither the old file nor the new one";
    } else if (kind_of(to) == 0 && work.before == Before::old && atomic) {
        return "has lost the old file";
    }
    const bool backs_up = work.options.backup != ARSYNC_BACKUP_NONE;
    if (backs_up && work.before == Before::old && !is_old(to) && !is_old(to + ".~1~"))
        return "has lost the backup";
    return "";
}

std::string Works::judge_tree(const Judged& judged, const std::string& from, const std::string& to,
                              const std::vector<Outcome>& entries, int result) const {
    const bool fresh = judged.work.before == Before::nothing;
    std::set<std::string> told_of;
    std::set<std::string> failed;
    for (const Outcome& told : entries)
        if (told.kind == ARSYNC_COMPLETION_ENTRY && told.result < 0)
            failed.insert(told.path);
    for (const Outcome& told : entries) {
        if (told.kind != ARSYNC_COMPLETION_ENTRY)
            continue;
        const std::string path = told.path;
        const std::string below = path.empty() ? "" : "/" + path;
        told_of.insert(path);
        if (judged.is_unknown(from + below) || judged.is_unknown(to + below))
            continue;
        if (told.action == ARSYNC_ACTION_REMOVE ||
            (told.stage == ARSYNC_STAGE_REMOVE && kind_of(from + below) == 0)) {
            if (told.result == 0 && kind_of(to + below) != 0)
                return path + ": is removed, and is there";
            continue;
        }
        const bool directory = kind_of(from + below) == S_IFDIR;
        std::string wrong;
        if (!directory)
            wrong = judge_name(judged, told, from + below, to + below);
        else if (!failed.contains(path))
            wrong = unlike(from + below, to + below, true);
        if (!wrong.empty())
            return "\"" + path + "\": " + wrong;
    }
    for (const auto& [below, what] : contents(from)) {
        const std::string path = below.empty() ? "" : below.substr(1);
        if (told_of.contains(path) || judged.is_unknown(from + below) ||
            judged.is_unknown(to + below))
            continue;
        if (result == 0)
            return "\"" + path + "\": nothing was said of it";
        if (fresh && !judged.excuses.names_stay && kind_of(to + below) != 0)
            return "\"" + path + "\": is there, and nothing was said of it";
    }
    if (result == 0 && judged.work.name == "mirror" && kind_of(to + "/extra") != 0)
        return "what was to be removed is there";
    return "";
}

// What is written to open files.
std::string Works::judge_range(const Judged& judged) const {
    if (judged.is_unknown("/large") || judged.is_unknown("/" + judged.work.name))
        return "";
    const std::string to = to_.real + "/" + judged.work.name;
    const std::string source = read_file(from_.real + "/large");
    if (judged.work.shape == Shape::range) {
        if (!judged.job() || judged.all.size() != 1)
            return "not one completion";
        const std::string wanted =
            std::string(range_place, '\0') + source.substr(range_begin, range_length);
        return judged.job()->result < 0 || read_file(to) == wanted ? "" : "has another content";
    }
    uint64_t step = 0;
    for (const Outcome& told : judged.all) {
        if (told.kind != 0 && told.user_data != step++)
            return "not one completion of each operation";
        if (told.kind != 0 && told.result == 0 && told.user_data == 1 &&
            read_file(to) != source.substr(0, operation_length))
            return "has another content";
    }
    const bool all_succeeded = step == 3;
    return all_succeeded || (!judged.all.empty() && judged.all.back().result < 0)
               ? ""
               : "an end without an error";
}

} // namespace live
