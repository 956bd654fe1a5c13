// A directory seen through a filesystem that fails on demand: test/fuse/faultfs.cpp says how.
#pragma once

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
    // Let go on what hangs.
    void go_on() const;

private:
    bool wait_until_mounted();

    Directory parent_;
    std::string path_;
    std::string backing_;
    std::string why_;
    pid_t server_ = -1;
};

} // namespace live
