// The system calls of a piece of code, as strace(1) sees them.
#pragma once

#include <functional>
#include <string>

namespace live {

// Runs body in a child, and gives the calls of all its threads, a line each: those named, or all.
// "" where they cannot be seen, "failed" if body said false. output: a file for them.
std::string trace_of(const std::function<bool()>& body, const std::string& output,
                     const std::string& calls = "all");

// How often one text has another in it.
int count_of(const std::string& text, const std::string& what);

} // namespace live
