// A directory seen through a filesystem that fails on demand: test/fuse/faultfs.cpp says how.
#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

#include "system/scratch.h"

namespace live {

// While it lives, `path()` shows `backing()`; both begin empty.
class FaultyMount {
public:
    explicit FaultyMount(const std::vector<std::string>& options);
    FaultyMount(const FaultyMount&) = delete;
    FaultyMount& operator=(const FaultyMount&) = delete;
    ~FaultyMount(); // what hangs goes on

    bool usable() const { return why_.empty(); }
    const std::string& why() const { return why_; }
    const std::string& path() const { return path_; }
    const std::string& backing() const { return backing_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }
    // What fails from now on, "OP:ERRNO[:N]" or "once=OP:ERRNO[:N]"; ""
    // is nothing.
    void fail(const std::string& what) const;
    // Of what fails: how often it was asked for since then, and how often it failed.
    struct Asked {
        uint64_t calls = 0, failed = 0;
    };
    Asked asked() const;
    // Let go on what hangs.
    void go_on() const;
    void hang_again() const;

private:
    bool wait_until_mounted();

    mutable uint64_t told_ = 0; // so often
    Directory parent_;
    std::string path_;
    std::string backing_;
    std::string why_;
    pid_t server_ = -1;
};

} // namespace live
