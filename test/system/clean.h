// What holds after every case: no descriptor and no thread of the library is left.
#pragma once

#include <string>
#include <vector>

namespace live {

// The fixture of every case that opens pools. Makes the shared volumes first, so that what they
// need is not counted.
class Clean {
public:
    Clean();
    Clean(const Clean&) = delete;
    Clean& operator=(const Clean&) = delete;
    ~Clean();

private:
    size_t descriptors_;
    size_t threads_;
};

size_t open_descriptors();
// The names of this process's threads.
std::vector<std::string> thread_names();

} // namespace live
