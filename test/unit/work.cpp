#include "unit/work.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace work {

namespace {

namespace fs = std::filesystem;

constexpr const char* mounted = "mounted";

void write(const std::string& path, const std::string& content) {
    std::ofstream file(path);
    file << content;
    file.close();
    CHECK(file.good());
}

std::string content_of(const std::string& path) {
    std::string content;
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    char part[65536];
    for (ssize_t got; file >= 0 && (got = read(file, part, sizeof part)) > 0;)
        content.append(part, static_cast<size_t>(got));
    close(file);
    return content;
}

// Content that changes, without holes.
std::string text(size_t size) {
    std::string result(size, ' ');
    for (size_t i = 0; i < size; ++i)
        result[i] = static_cast<char>('a' + (i * 7 + i / 4096) % 26);
    return result;
}

arsync_copy_options no_options() {
    arsync_copy_options options = {};
    options.struct_size = sizeof options;
    return options;
}

int submit_copy(arsync_pool* pool, const std::string& from, const std::string& to,
                const arsync_copy_options& how) {
    return arsync_submit_copy(pool, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), &how, 0, nullptr);
}

class File final : public Work {
public:
    explicit File(bool thorough) : Work(thorough) {
        write(from_, text(300'000));
        how_ = no_options();
        if (!thorough)
            return;
        how_.flags = ARSYNC_COPY_VERIFY;
        how_.durability = ARSYNC_DURABILITY_FULL;
        how_.replace = ARSYNC_REPLACE_ATOMIC;
        how_.backup = ARSYNC_BACKUP_NUMBERED;
        how_.update = ARSYNC_UPDATE_CHANGED;
        how_.preserve = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_OWNER | ARSYNC_PRESERVE_TIMES |
                        ARSYNC_PRESERVE_XATTR | ARSYNC_PRESERVE_LINKS;
    }
    void prepare() override {
        for (const char* number : {".~1~", ".~2~"})
            unlink((to_ + number).c_str());
        write(to_, "before");
    }
    int submit(arsync_pool* pool, unsigned) override { return submit_copy(pool, from_, to_, how_); }
    std::string difference() const override {
        if (how_.backup != ARSYNC_BACKUP_NONE && content_of(to_ + ".~1~") != "before")
            return "the backup";
        return content_of(from_) == content_of(to_) ? "" : "the content";
    }

private:
    const std::string from_ = below("from");
    const std::string to_ = below("to");
    arsync_copy_options how_{};
};

class Range final : public Work {
public:
    explicit Range(bool verified) : Work(verified) {
        write(from_, text(begin_ + length_ + 10'000));
        how_ = no_options();
        how_.flags = verified ? ARSYNC_COPY_VERIFY : 0;
        how_.durability = verified ? ARSYNC_DURABILITY_FILE : ARSYNC_DURABILITY_NONE;
        source_ = open(from_.c_str(), O_RDONLY | O_CLOEXEC);
        destination_ = open(to_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        REQUIRE((source_ >= 0 && destination_ >= 0));
    }
    ~Range() override {
        close(source_);
        close(destination_);
    }
    void prepare() override { CHECK(ftruncate(destination_, 0) == 0); }
    int submit(arsync_pool* pool, unsigned) override {
        return arsync_submit_copy_range(pool, source_, begin_, destination_, place_, length_, &how_,
                                        0, nullptr);
    }
    std::string difference() const override {
        const std::string wanted =
            std::string(place_, '\0') + content_of(from_).substr(begin_, length_);
        return content_of(to_) == wanted ? "" : "the content";
    }

private:
    static constexpr size_t begin_ = 5000, length_ = 700'000, place_ = 9000;
    const std::string from_ = below("from");
    const std::string to_ = below("to");
    arsync_copy_options how_{};
    int source_ = -1;
    int destination_ = -1;
};

class Leased final : public Work {
public:
    Leased() : Work(true) {
        write(from_, text(length_));
        read_.reserve(length_); // not to be taken for the library's
        source_ = open(from_.c_str(), O_RDONLY | O_CLOEXEC);
        destination_ = open(to_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        REQUIRE((source_ >= 0 && destination_ >= 0));
    }
    ~Leased() override {
        close(source_);
        close(destination_);
    }
    unsigned jobs() const override { return 3; }
    void prepare() override {
        CHECK(ftruncate(destination_, 0) == 0);
        read_.clear();
    }
    int submit(arsync_pool* pool, unsigned number) override {
        if (number == 2)
            return arsync_submit_acquire(pool, 1, number, nullptr);
        arsync_buffer& buffer = buffers_[number];
        int result = arsync_buffer_acquire(pool, 1, &buffer);
        if (result < 0)
            return result;
        arsync_file file = 0;
        result = arsync_file_open(pool, number == 0 ? source_ : destination_, 0, &file);
        if (result == 0 && number == 0)
            result = arsync_submit_read(pool, file, 0, buffer.id, 0, length_, 0, number, nullptr);
        if (result == 0 && number == 1) {
            for (size_t i = 0; i < length_; ++i)
                static_cast<char*>(buffer.data)[i] = 'w';
            result = arsync_submit_write(pool, file, 0, buffer.id, 0, length_, 0, number, nullptr);
        }
        if (file != 0)
            CHECK(arsync_file_close(pool, file) == 0);
        if (result < 0)
            CHECK(arsync_buffer_release(pool, buffer.id) == 0);
        return result;
    }
    void ended(arsync_pool* pool, const arsync_completion& done) override {
        if (done.user_data == 2) {
            CHECK((done.result == 0) == (done.details && done.details->buffer_count == 1));
            if (done.result == 0)
                CHECK(arsync_buffer_release(pool, done.details->buffers[0].id) == 0);
            return;
        }
        const arsync_buffer& buffer = buffers_[done.user_data];
        if (done.user_data == 0 && done.result == 0)
            read_.assign(static_cast<const char*>(buffer.data), done.bytes);
        CHECK(arsync_buffer_release(pool, buffer.id) == 0);
    }
    std::string difference() const override {
        if (content_of(to_) != std::string(length_, 'w'))
            return "what was written";
        return read_ == content_of(from_) ? "" : "what was read";
    }

private:
    static constexpr size_t length_ = 300'000;
    const std::string from_ = below("from");
    const std::string to_ = below("to");
    arsync_buffer buffers_[2] = {};
    std::string read_;
    int source_ = -1;
    int destination_ = -1;
};

// More directories than one worker lists at once.
void make_tree(const std::string& root, int directories, int files) {
    for (int i = 0; i < directories; ++i) {
        const std::string directory = root + "/d" + std::to_string(i);
        fs::create_directories(directory + "/deeper");
        for (int j = 0; j < files; ++j)
            write(directory + "/" + std::to_string(j), text(static_cast<size_t>(j)));
        fs::create_hard_link(directory + "/0", directory + "/linked");
        fs::create_hard_link(directory + "/0", directory + "/deeper/linked");
        fs::create_symlink("0", directory + "/symbolic");
    }
}

// "", or the first entry of `from` that is not, or not the same, in `to`.
std::string missing(const std::string& from, const std::string& to, bool same) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(from)) {
        const std::string other = to + entry.path().string().substr(from.size());
        const fs::file_status there = fs::symlink_status(other);
        if (there.type() != entry.symlink_status().type())
            return other;
        const bool regular = fs::is_regular_file(there);
        if (same && regular && content_of(entry.path()) != content_of(other))
            return other;
    }
    return "";
}

class Tree final : public Work {
public:
    Tree(Kind kind, bool small) : Work(true), kind_(kind) {
        make_tree(from_, small ? 1 : kind == Kind::plain ? 6 : 5, small ? 3 : 14);
        if (kind == Kind::plain && !small)
            write(from_ + "/large", text(6 << 20));
        how_ = no_options();
        how_.flags = ARSYNC_COPY_RECURSIVE | (kind == Kind::mirror ? ARSYNC_COPY_MIRROR : 0);
        how_.preserve = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES | ARSYNC_PRESERVE_LINKS;
        how_.report = ARSYNC_REPORT_ALL;
        how_.update = kind == Kind::questions ? ARSYNC_UPDATE_ASK : ARSYNC_UPDATE_ALL;
        if (kind != Kind::thorough)
            return;
        how_.flags |= ARSYNC_COPY_VERIFY | ARSYNC_COPY_FORCE;
        how_.preserve |= ARSYNC_PRESERVE_OWNER | ARSYNC_PRESERVE_XATTR;
        how_.durability = ARSYNC_DURABILITY_FULL;
        how_.replace = ARSYNC_REPLACE_ATOMIC;
        how_.backup = ARSYNC_BACKUP_NUMBERED;
        how_.symlinks = ARSYNC_SYMLINKS_KEEP;
        how_.filter = "*.left-out\n";
    }
    void prepare() override {
        fs::remove_all(to_);
        if (kind_ == Kind::mirror) {
            make_tree(to_ + "/d0", 1, 4);
            make_tree(to_ + "/extra", 2, 4);
            fs::create_directories(to_ + "/d1/1/where a file is to be");
            write(to_ + "/d2", "where a directory is to be");
        } else if (kind_ != Kind::plain) {
            make_tree(to_, 3, 7);
        }
    }
    int submit(arsync_pool* pool, unsigned) override { return submit_copy(pool, from_, to_, how_); }
    std::string difference() const override {
        // What was there may be there still: that is what the answers say.
        const std::string lost = missing(from_, to_, kind_ != Kind::questions);
        return kind_ == Kind::mirror && lost.empty() ? missing(to_, from_, true) : lost;
    }

private:
    const Kind kind_;
    const std::string from_ = below("from");
    const std::string to_ = below("to");
    arsync_copy_options how_{};
};

class Linked final : public Work {
public:
    Linked() : Work(true) {
        fs::create_directories(from_ + "/a/b");
        fs::create_directories(from_ + "/c/d");
        fs::create_directory(to_);
        write(from_ + "/" + names_[0], text(100'000));
        fs::create_hard_link(from_ + "/" + names_[0], from_ + "/" + names_[1]);
        source_ = open(from_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        destination_ = open(to_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        how_ = no_options();
        how_.flags = ARSYNC_COPY_PARENTS | ARSYNC_COPY_BENEATH;
        how_.preserve = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES | ARSYNC_PRESERVE_LINKS;
    }
    ~Linked() override {
        close(source_);
        close(destination_);
    }
    unsigned jobs() const override { return 2; }
    void prepare() override {
        for (const char* top : {"/a", "/c"})
            fs::remove_all(to_ + top);
    }
    int submit(arsync_pool* pool, unsigned number) override {
        if (number == 0)
            how_.link_set = 0;
        int result = how_.link_set == 0 ? arsync_link_set_open(pool, &how_.link_set) : 0;
        if (result == 0)
            result = arsync_submit_copy(pool, source_, names_[number], destination_, names_[number],
                                        &how_, 0, nullptr);
        if (number == 1 && how_.link_set != 0)
            CHECK(arsync_link_set_close(pool, how_.link_set) == 0);
        return result;
    }
    std::string difference() const override {
        const std::string first = to_ + "/" + names_[0];
        const std::string second = to_ + "/" + names_[1];
        if (content_of(first) != content_of(from_ + "/" + names_[0]))
            return "the content";
        return fs::equivalent(first, second) ? "" : "the second name";
    }

private:
    const std::string from_ = below("from");
    const std::string to_ = below("to");
    const char* const names_[2] = {"a/b/one", "c/d/two"};
    arsync_copy_options how_{};
    int source_ = -1;
    int destination_ = -1;
};

// Files, two names of one, and a tree, with the directories on the way to them. More than one
// worker takes by itself.
class List final : public Work {
public:
    List(bool of_one_tree, int files)
        : Work(true), of_one_tree_(of_one_tree), last_("a/b/" + std::to_string(files - 1)) {
        make_tree(from_ + "/tree", 1, 5);
        fs::create_directories(from_ + "/a/b");
        fs::create_directories(from_ + "/c");
        fs::create_directory(to_);
        write(from_ + "/a/large", text(600'000));
        names_ = {"a/large", "tree", "c/linked"};
        for (int i = 0; i < files; ++i) {
            names_.push_back("a/b/" + std::to_string(i));
            write(from_ + "/" + names_.back(), text(static_cast<size_t>(i)));
        }
        fs::create_hard_link(from_ + "/" + names_.back(), from_ + "/c/linked");
        for (const std::string& name : names_)
            items_.push_back({name.c_str(), name.c_str(), items_.size(), 0});
        source_ = open(from_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        destination_ = open(to_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        how_ = no_options();
        how_.flags =
            ARSYNC_COPY_PARENTS | ARSYNC_COPY_RECURSIVE | (of_one_tree ? ARSYNC_COPY_BENEATH : 0);
        how_.preserve = ARSYNC_PRESERVE_MODE | ARSYNC_PRESERVE_TIMES | ARSYNC_PRESERVE_LINKS;
        how_.report = ARSYNC_REPORT_ALL;
    }
    ~List() override {
        close(source_);
        close(destination_);
    }
    void prepare() override {
        for (const char* top : {"/a", "/c", "/tree"})
            fs::remove_all(to_ + top);
    }
    int submit(arsync_pool* pool, unsigned) override {
        if (!of_one_tree_)
            return arsync_submit_list(pool, source_, destination_, items_.data(), items_.size(),
                                      &how_, 0, nullptr);
        arsync_job job = 0;
        int result = arsync_list_open(pool, source_, destination_, &how_, 0, &job);
        if (result < 0)
            return result;
        size_t added = 0;
        while (added < items_.size() && (result >= 0 || result == -ENOMEM)) {
            result = arsync_list_add(pool, job, items_.data() + added,
                                     static_cast<uint32_t>(items_.size() - added));
            added += result > 0 ? static_cast<size_t>(result) : 0;
        }
        CHECK((result > 0 || result == -ENOENT)); // it has failed already
        result = arsync_list_end(pool, job);
        CHECK((result == 0 || result == -ENOENT));
        return 0;
    }
    std::string difference() const override {
        const std::string lost = missing(from_, to_, true);
        if (!lost.empty())
            return lost;
        return fs::equivalent(to_ + "/c/linked", to_ + "/" + last_) ? "" : "the second name";
    }

private:
    const bool of_one_tree_;
    const std::string last_;
    const std::string from_ = below("from");
    const std::string to_ = below("to");
    std::vector<std::string> names_;
    std::vector<arsync_item> items_;
    arsync_copy_options how_{};
    int source_ = -1;
    int destination_ = -1;
};

// The first job might come to the mount, so that waits for nobody else's; and it lasts until the
// others are there.
class Several final : public Work {
public:
    Several() : Work(true) {
        REQUIRE(mkfifo(fifo_.c_str(), 0600) == 0);
        write(file_, text(5000));
        how_ = no_options();
        may_wait_ = no_options();
        may_wait_.flags = ARSYNC_COPY_RECURSIVE | ARSYNC_COPY_SPECIAL;
        may_wait_.symlinks = ARSYNC_SYMLINKS_FOLLOW;
    }
    bool is_mounted() const { return mount_.is_there(); }
    unsigned jobs() const override { return 3; }
    void prepare() override {
        for (const std::string& each : to_)
            unlink(each.c_str());
    }
    int submit(arsync_pool* pool, unsigned number) override {
        if (number == 0)
            return arsync_submit_copy(pool, AT_FDCWD, fifo_.c_str(), AT_FDCWD, to_[0].c_str(),
                                      &may_wait_, 0, &waits_);
        if (number == 1)
            let_begin(pool, waits_);
        const int result = submit_copy(pool, file_, to_[number], how_);
        if (number == 2)
            end_stream();
        return result;
    }
    std::string difference() const override {
        for (const std::string& each : to_)
            if (content_of(each) != content_of(file_))
                return each;
        return "";
    }

private:
    static void let_begin(arsync_pool* pool, arsync_job job) {
        arsync_progress progress = {};
        progress.struct_size = sizeof progress;
        while (arsync_job_progress(pool, job, &progress) == 0 &&
               progress.state != ARSYNC_JOB_COMPLETED && progress.stage != ARSYNC_STAGE_READ)
            usleep(100);
    }
    // If somebody reads it.
    void end_stream() const {
        const int out = open(fifo_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (out < 0)
            return;
        CHECK(::write(out, stream_.data(), stream_.size()) == static_cast<ssize_t>(stream_.size()));
        close(out);
    }

    const std::string fifo_ = below("fifo");
    const std::string file_ = below("file");
    const ServerlessMount mount_{below(mounted)};
    const std::string to_[3] = {below("0"), below("1"), below("2")};
    const std::string stream_ = text(5000);
    arsync_copy_options how_{};
    arsync_copy_options may_wait_{};
    arsync_job waits_ = 0;
};

} // namespace

ServerlessMount::ServerlessMount(std::string directory)
    : directory_(std::move(directory)), server_(open("/dev/fuse", O_RDWR | O_CLOEXEC)) {
    fs::create_directory(directory_);
    const std::string options =
        "fd=" + std::to_string(server_) + ",rootmode=40000,user_id=0,group_id=0";
    is_there_ =
        server_ >= 0 && mount("arsync-test", directory_.c_str(), "fuse", 0, options.c_str()) == 0;
}
ServerlessMount::~ServerlessMount() {
    if (is_there_)
        umount2(directory_.c_str(), MNT_DETACH);
    if (server_ >= 0)
        close(server_);
    std::error_code ignored;
    fs::remove(directory_, ignored);
}

Work::Work(bool in_memory)
    : root_(in_memory && fs::exists("/dev/shm") ? "/dev/shm/arsync-work.XXXXXX"
                                                : "/tmp/arsync-work.XXXXXX") {
    REQUIRE(mkdtemp(root_.data()));
}
Work::~Work() {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
}

std::string Work::litter() const {
    for (fs::recursive_directory_iterator at(root_), end; at != end; ++at) {
        const std::string name = at->path().filename();
        if (name.find(".arsync-") != std::string::npos)
            return at->path();
        if (name == mounted) // nobody would answer
            at.disable_recursion_pending();
    }
    return "";
}

std::unique_ptr<Work> file(bool thorough) {
    return std::make_unique<File>(thorough);
}
std::unique_ptr<Work> range(bool verified) {
    return std::make_unique<Range>(verified);
}
std::unique_ptr<Work> leased() {
    return std::make_unique<Leased>();
}
std::unique_ptr<Work> tree(Kind kind) {
    return std::make_unique<Tree>(kind, false);
}
std::unique_ptr<Work> small_tree(Kind kind) {
    return std::make_unique<Tree>(kind, true);
}
std::unique_ptr<Work> linked() {
    return std::make_unique<Linked>();
}
std::unique_ptr<Work> list(bool of_one_tree) {
    return std::make_unique<List>(of_one_tree, 36);
}
std::unique_ptr<Work> small_list(bool of_one_tree) {
    return std::make_unique<List>(of_one_tree, 3);
}
std::unique_ptr<Work> several() {
    auto work = std::make_unique<Several>();
    if (!work->is_mounted())
        return nullptr;
    return work;
}

} // namespace work
