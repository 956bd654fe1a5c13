// What a pool is given to do while something fails, over and over again.
#pragma once

#include <arsync.h>
#include <memory>
#include <string>

namespace work {

class Work {
public:
    // in_memory: where it is quick to make many files, and to sync them.
    explicit Work(bool in_memory);
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;
    virtual ~Work();

    virtual unsigned jobs() const { return 1; }
    // At the destination is what is to be there before.
    virtual void prepare() = 0;
    // Job number `number`: what the submit gives. Nothing is allocated on the way to it.
    virtual int submit(arsync_pool* pool, unsigned number) = 0;
    // What is to be done about a completion of a job, which may fail no more.
    virtual void ended(arsync_pool* pool, const arsync_completion& done) {
        static_cast<void>(pool);
        static_cast<void>(done);
    }
    // "", or what is not as it is to be when all jobs have succeeded.
    virtual std::string difference() const = 0;
    // "", or a temporary name that was left.
    std::string litter() const;

protected:
    std::string below(const std::string& name) const { return root_ + "/" + name; }

private:
    std::string root_;
};

// A file of a few pieces. thorough: with all that a copy may be asked to do about it.
std::unique_ptr<Work> file(bool thorough);
std::unique_ptr<Work> range(bool verified);
// A read into one leased buffer, a write from another, and a wait for a third.
std::unique_ptr<Work> leased();
// Some ninety entries of all kinds: into an empty place; with all that a copy may be asked to do;
// as a mirror, where there is much to be removed; with a question about every other one.
enum class Kind { plain, thorough, mirror, questions };
std::unique_ptr<Work> tree(Kind kind);
// The same of some ten entries.
std::unique_ptr<Work> small_tree(Kind kind);
// Two names of one file by two jobs of a link set, with the directories on the way.
std::unique_ptr<Work> linked();
// A list of some forty items of all kinds, with the directories on the way. of_one_tree: as entries
// of one tree, added to a list that is open.
std::unique_ptr<Work> list(bool of_one_tree);
// The same of some six items.
std::unique_ptr<Work> small_list(bool of_one_tree);
// A mount that no server answers for. It is in nobody's way; but while there is one, a job may come
// to it, and is asked where it belongs.
class ServerlessMount {
public:
    explicit ServerlessMount(std::string directory);
    ServerlessMount(const ServerlessMount&) = delete;
    ServerlessMount& operator=(const ServerlessMount&) = delete;
    ~ServerlessMount();
    bool is_there() const { return is_there_; } // it takes root

private:
    const std::string directory_;
    const int server_;
    bool is_there_ = false;
};

// Three jobs at once, one of which may wait for a server. Null: it takes root to mount what is the
// server's.
std::unique_ptr<Work> several();

} // namespace work
