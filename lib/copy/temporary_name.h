// Names that files have until they are complete.
#pragma once

#include <cerrno>
#include <string>

namespace arsync {

// ".NAME.arsync-XXXXXXXX", another each time; of "" it is ".arsync-XXXXXXXX". Throws Error.
std::string temporary_name_for(const std::string& name);

// make(temporary) with one after another while it says -EEXIST: what it says in the end. Some
// filesystems have shorter names than Linux; there it gets one without NAME.
template <class Make>
int try_temporary_names(std::string name, Make make) {
    for (;;) {
        const int result = make(temporary_name_for(name));
        if (result == -ENAMETOOLONG && !name.empty())
            name.clear();
        else if (result != -EEXIST)
            return result;
    }
}

} // namespace arsync
