// Directories to copy in: "in" with a few things, which stay, and "out", which is emptied.
#pragma once

#include <string>

namespace fuzz {

class Place {
public:
    Place();
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    void empty_out();
    void expect_in_untouched() const;
    int in() const { return in_; }
    int out() const { return out_; }
    const std::string& root() const { return root_; }

private:
    std::string root_;
    int in_ = -1;
    int out_ = -1;
};

} // namespace fuzz
