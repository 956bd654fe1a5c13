// Places to copy in: directories, file systems in images, loop devices. Each is undone when its
// object goes, and by the kernel if the process dies first: mounts are in a namespace of its own,
// images have no name, loop devices detach themselves.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace live {

// ext4_by_blocks: without extents, as an image that was made for ext3.
enum class Kind { ext4, xfs, btrfs, tmpfs, overlay, ext4_by_blocks };
std::string name_of(Kind kind);

// Tells test/run that this case could not run here. For a case that then returns.
void skip(const std::string& reason);

// A block device whose content is in an unnamed file.
class LoopDevice {
public:
    // in: the directory of the file, or wherever temporary files go.
    explicit LoopDevice(uint64_t size, const std::string& in = "");
    LoopDevice(const LoopDevice&) = delete;
    LoopDevice& operator=(const LoopDevice&) = delete;
    ~LoopDevice();

    bool usable() const { return fd_ >= 0; }
    const std::string& why() const { return why_; } // it is not usable
    const std::string& path() const { return path_; }

private:
    bool attach(int image);

    int fd_ = -1;
    std::string path_;
    std::string why_;
};

// How an image is made and mounted, if that matters.
struct Image {
    std::string in = {};           // the directory of its file
    const char* options = nullptr; // of mount(8)
};

// A mounted file system.
class Volume {
public:
    // megabytes: 0 for enough for all cases that share it. Overlay is over a shared ext4.
    explicit Volume(Kind kind, uint64_t megabytes = 0, const Image& image = {});
    Volume(const Volume&) = delete;
    Volume& operator=(const Volume&) = delete;
    ~Volume();

    bool usable() const { return why_.empty(); }
    const std::string& why() const { return why_; }
    const std::string& path() const { return path_; }

private:
    void mount_image(const char* type, uint64_t megabytes, const Image& image,
                     const std::vector<std::string>& features = {});
    void mount_overlay();

    std::string path_;
    std::string why_;
    bool mounted_ = false;
};

// The volume of that kind which all cases share, made when first asked for.
const Volume& shared_volume(Kind kind);

// A small file system in memory (a tmpfs is of a megabyte) over a directory that is there. The
// directory is to be on a volume, whose mounts are our own.
class Mounted {
public:
    explicit Mounted(const std::string& path, const std::string& type = "tmpfs");
    Mounted(const Mounted&) = delete;
    Mounted& operator=(const Mounted&) = delete;
    ~Mounted();

    bool usable() const { return usable_; }
    std::string why() const { return "cannot mount a " + type_; }

private:
    std::string path_;
    std::string type_;
    bool usable_;
};

// A new directory, removed with all that is in it.
class Directory {
public:
    Directory(); // on ext4 if it can be had, else wherever temporary files go
    explicit Directory(const Volume& volume);
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    ~Directory();

    const std::string& path() const { return path_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }
    // How many names are in it, those that start with a dot too.
    size_t entries() const;

private:
    std::string path_;
};

bool is_root();
// Whether the command is in the path, the administrator's directories included.
bool has_command(const std::string& name);

// A directory under one more path, on a volume whose mounts are our own.
class Bound {
public:
    Bound(const std::string& what, const std::string& where);
    Bound(const Bound&) = delete;
    Bound& operator=(const Bound&) = delete;
    ~Bound();

    bool usable() const { return usable_; }
    std::string why() const { return "cannot bind a mount"; }

private:
    const std::string where_;
    const bool usable_;
};

} // namespace live

// Leaves the case, visibly, where a volume or device cannot be had.
#define NEEDS(place)                                                                               \
    do {                                                                                           \
        if (!(place).usable()) {                                                                   \
            live::skip((place).why());                                                             \
            return;                                                                                \
        }                                                                                          \
    } while (false)
#define NEEDS_ROOT()                                                                               \
    do {                                                                                           \
        if (!live::is_root()) {                                                                    \
            live::skip("needs root");                                                              \
            return;                                                                                \
        }                                                                                          \
    } while (false)
