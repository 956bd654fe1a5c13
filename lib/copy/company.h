// How many large files a pool's workers are moving at once.
//
// A file that is cached is read and written by several threads, of which one waits while another
// has the file's lock. Where there is a file for each processor, each has one thread, and the
// kernel's own copy from page to page takes less of it. ARCHITECTURE.md has the figures.
#pragma once

#include <atomic>

namespace arsync {

class Company {
public:
    explicit Company(unsigned processors) : processors_(processors) {}

    bool is_complete() const { return files_.load(std::memory_order_relaxed) >= processors_; }

    // Whoever moves a file, meanwhile. company: null, if there is none to be had.
    class Member {
    public:
        Member() = default;
        Member(const Member&) = delete;
        Member& operator=(const Member&) = delete;
        ~Member() {
            if (company_)
                company_->files_.fetch_sub(1, std::memory_order_relaxed);
        }
        void join(Company* company) {
            if (company_ || !company)
                return;
            company_ = company;
            company_->files_.fetch_add(1, std::memory_order_relaxed);
        }
        bool is_complete() const { return company_ && company_->is_complete(); }

    private:
        Company* company_ = nullptr;
    };

private:
    const unsigned processors_;
    std::atomic<unsigned> files_{0};
};

} // namespace arsync
