// A directory with files and a tree to be copied, and how a copy differs.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace arsync {

namespace fs = std::filesystem;

// A tree of a few files, one of them of several chunks, another with a hole.
struct Place {
    fs::path top;
    explicit Place(std::string name) {
        top = mkdtemp(name.data());
        fs::create_directories(top / "from/sub");
        for (int i = 0; i < 20; ++i)
            std::ofstream(top / "from/sub" / std::to_string(i)) << "file " << i;
        std::string text(700'000, 'x');
        for (size_t i = 0; i < text.size(); i += 1000)
            text.replace(i, 8, std::to_string(10'000'000 + i));
        std::ofstream(top / "from/large") << text;
        std::ofstream(top / "from/sparse") << "data";
        fs::resize_file(top / "from/sparse", 300'000);
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { fs::remove_all(top); }
};

inline std::string content(const fs::path& path) {
    std::ifstream file(path);
    std::string all(fs::file_size(path), '\0');
    file.read(all.data(), static_cast<std::streamsize>(all.size()));
    return all;
}

// "", or what is not as in the source.
inline std::string difference(const fs::path& from, const fs::path& to) {
    if (!fs::is_directory(from))
        return content(from) == content(to) ? "" : to.string();
    for (const auto& entry : fs::recursive_directory_iterator(from)) {
        const fs::path there = to / fs::relative(entry.path(), from);
        if (entry.is_directory() ? !fs::is_directory(there)
                                 : content(entry.path()) != content(there))
            return there.string();
    }
    return "";
}

} // namespace arsync
