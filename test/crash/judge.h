// Whether what is there after a crash is what was promised.
//
//     not begun    everything is as it was
//     done         where it is durable, everything is as it was when its completion came: names,
//                  kinds, content, owner, mode and attributes, times and links if they were wanted
//     under way    what the copy has no business with is as it was, and there are no names but
//                  those of before and after and temporary ones. Atomic and durable: a file is the
//                  old or the new one, with its attributes. What was replaced is there or has its
//                  backup. A large single file has no name before it is complete
#pragma once

#include <string>
#include <vector>

#include "crash/facts.h"
#include "crash/works.h"

namespace crash {

enum class Progress { not_begun, under_way, done };

struct Before_and_after {
    Facts old;    // before it began
    Facts copied; // when its completion came
};

// What does not hold, a line each.
std::vector<std::string> judge(const Work& work, Progress progress, const Before_and_after& known,
                               const Facts& found);

// Whether it is one that the library has given to what is not complete.
bool is_temporary(const std::string& path);

} // namespace crash
