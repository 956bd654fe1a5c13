// Copies in every way of entries of every kind, made while something fails; and what must hold of
// them all, whatever that was.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "system/pool.h"

namespace live {

// A completion, or the error of a submit, in memory that a child may share.
struct Outcome {
    uint32_t work = 0;
    uint32_t kind = 0; // 0: refused
    uint32_t action = 0, stage = 0, flags = 0;
    int32_t result = 0;
    uint64_t user_data = 0;
    uint64_t errors = 0; // of the totals
    bool has_path = false, has_error_path = false;
    char path[100] = {}, error_path[100] = {};
};

struct Outcomes {
    int open_error = 0;
    int close_error = 0;
    bool hung = false; // the pool is left open then
    uint32_t strays = 0;
    uint32_t count = 0;
    Outcome all[1500];
};

// What failed itself, so that nobody could do it.
struct Excuses {
    bool names_stay = false; // nothing can be removed
    bool no_pool = false;    // none may open, and nothing is tried then
    std::string lied_about =
        {}; // if not empty, what of paths that contain it is right is not known
};

// A directory, and where what is in it can be looked at while it fails.
struct Place {
    Place(const std::string& both) : shown(both), real(both) {}
    Place(std::string seen, std::string behind) : shown(std::move(seen)), real(std::move(behind)) {}
    std::string shown;
    std::string real;
};

class Works {
public:
    // Both are there, and empty.
    Works(const Place& from, const Place& to,
          std::initializer_list<uint32_t> methods = all_methods);
    Works(const Works&) = delete;
    Works& operator=(const Works&) = delete;
    ~Works();

    // The destination is as it is to be before; opens what is handed in open.
    void prepare();
    // Calls nothing but the library.
    void run(uint32_t backend, Outcomes& out) const;
    // What came of the job of that name; 1 if it has not exactly one end.
    int result_of(const std::string& name, const Outcomes& out) const;
    // How many failed, other than for want of blocks that can be shared; and which.
    unsigned errors(const Outcomes& out) const;
    std::string tell_errors(const Outcomes& out) const;
    // "", or what does not hold.
    std::string judge(const Outcomes& out, Excuses excuses = {});

private:
    enum class Shape { alone, file, tree, entries, list, range, operations };
    enum class Before { nothing, old, tree };
    struct Work {
        std::string name;
        Shape shape;
        std::string source;
        Options options;
        Before before = Before::nothing;
        std::vector<std::string> items = {};
    };
    struct Judged; // one of them, with what was said of it

    void make_source();
    void make_list(std::initializer_list<uint32_t> methods);
    void make_old_tree(const std::string& top) const;
    void close_all();
    void run_one(arsync_pool* pool, uint32_t number, Outcomes& out) const;
    bool wait_for(arsync_pool* pool, uint32_t number, arsync_job job, Outcomes& out) const;
    int submit(arsync_pool* pool, const Work& work, arsync_job& job) const;
    int submit_entries(arsync_pool* pool, const Work& work, arsync_job& job) const;
    int submit_list(arsync_pool* pool, const Work& work, arsync_job& job) const;
    void run_operations(arsync_pool* pool, uint32_t number, Outcomes& out) const;

    std::string judge_work(const Judged& judged) const;
    std::string judge_name(const Judged& judged, const Outcome& told, const std::string& from,
                           const std::string& to) const;
    std::string judge_tree(const Judged& judged, const std::string& from, const std::string& to,
                           const std::vector<Outcome>& entries, int result) const;
    std::string judge_range(const Judged& judged) const;

    const Place from_;
    const Place to_;
    std::vector<Work> works_;
    std::map<std::string, std::string> source_; // as it was made
    int from_fd_ = -1, to_fd_ = -1, large_fd_ = -1, range_fd_ = -1, written_fd_ = -1;
};

} // namespace live
