// Each operation of a filesystem fails in turn, with each of the errors that filesystems give, on
// either side of copies of every kind: they end, and say the truth.
#include <cstdlib>
#include <memory>
#include <set>
#include <string>

#include "system/check.h"
#include "system/faulty_mount.h"
#include "system/tree.h"
#include "system/works.h"

namespace live {

namespace {

constexpr const char* operations[] = {
    "getattr",   "readlink", "mknod",           "mkdir",   "unlink",    "rmdir",       "symlink",
    "rename",    "link",     "chmod",           "chown",   "truncate",  "open",        "read",
    "write",     "statfs",   "flush",           "release", "fsync",     "setxattr",    "getxattr",
    "listxattr", "opendir",  "create",          "utimens", "fallocate", "removexattr", "readdir",
    "fsyncdir",  "lseek",    "copy_file_range",
};
constexpr const char* errors[] = {"EIO", "ENOSPC", "EDQUOT", "ESTALE", "EROFS", "EACCES", "EMFILE"};

// By these a name is found and removed.
bool removes(const std::string& operation) {
    for (const char* which : {"getattr", "unlink", "rmdir"})
        if (operation.ends_with(which))
            return true;
    return false;
}

bool at_length() {
    return getenv("ARSYNC_FAULTS_AT_LENGTH") != nullptr;
}

enum class Side { source, destination };

class Sweep {
public:
    explicit Sweep(Side side) : side_(side), mount_({}), plain_(shared_volume(Kind::tmpfs)) {
        if (!mount_.usable())
            return;
        const Place faulty(mount_.path(), mount_.backing());
        const Place plain(plain_.path());
        const std::initializer_list<uint32_t> some = {ARSYNC_METHOD_AUTO, ARSYNC_METHOD_FIXED};
        works_ = std::make_unique<Works>(side == Side::source ? faulty : plain,
                                         side == Side::source ? plain : faulty,
                                         at_length() ? all_methods : some);
    }
    const FaultyMount& mount() const { return mount_; }

    // "", or what does not hold. failed: whether the operation was asked for so often.
    std::string run(uint32_t backend, const std::string& operation, const std::string& fault,
                    bool& failed) {
        const auto outcomes = std::make_unique<Outcomes>();
        works_->prepare();
        const size_t descriptors = open_descriptors();
        mount_.fail(fault);
        works_->run(backend, *outcomes);
        failed = mount_.asked().failed > 0;
        mount_.fail("");
        std::string wrong;
        if (!outcomes->hung && open_descriptors() != descriptors)
            wrong += "it leaves descriptors open\n";
        if (fault.empty() && works_->errors(*outcomes) > 0)
            wrong += "it fails where nothing does:\n" + works_->tell_errors(*outcomes);
        return wrong + works_->judge(*outcomes, {.names_stay = side_ == Side::destination &&
                                                               removes(operation)});
    }

private:
    const Side side_;
    const FaultyMount mount_;
    const Directory plain_;
    std::unique_ptr<Works> works_;
};

// Each operation with one of the errors, from the first time on, or only the second one; at length
// with all of them, and whenever it may be.
class Faults {
public:
    Faults(Sweep& swept, uint32_t backend) : swept_(swept), backend_(backend) {}

    void all_of(const std::string& operation) {
        CAPTURE(operation);
        number_ += std::size(errors) - 1; // another one than of the last operation
        for (const std::string error : errors) {
            if (!at_length() && number_++ % std::size(errors) != 0)
                continue;
            if (!fails(operation, error, 1)) {
                unasked_.insert(operation);
                return;
            }
            fails("once=" + operation, error, 2);
            for (uint64_t from = 3; at_length() && fails("once=" + operation, error, from);
                 from += 1 + from / 4)
                fails(operation, error, from);
        }
    }
    const std::set<std::string>& unasked() const { return unasked_; }

private:
    bool fails(const std::string& what, const std::string& error, uint64_t from) {
        const std::string fault = what + ":" + error + ":" + std::to_string(from);
        CAPTURE(fault);
        bool failed = false;
        CHECK(swept_.run(backend_, what, fault, failed) == "");
        return failed;
    }

    Sweep& swept_;
    const uint32_t backend_;
    size_t number_ = 0;
    std::set<std::string> unasked_;
};

// unasked: what no copy asks for at this side.
void sweep(Side side, const std::set<std::string>& unasked) {
    Sweep swept(side);
    NEEDS(swept.mount());
    for (const uint32_t backend : backends()) {
        CAPTURE(backend_name(backend));
        bool failed = false;
        CHECK(swept.run(backend, "", "", failed) == "");
        Faults faults(swept, backend);
        for (const char* operation : operations)
            faults.all_of(operation);
        for (const std::string& operation : faults.unasked()) {
            CAPTURE(operation);
            CHECK(unasked.contains(operation));
        }
    }
}

} // namespace

TEST_CASE_FIXTURE(Clean, "whichever operation fails at the source, copies end and say the truth") {
    sweep(Side::source, {"chmod", "chown", "copy_file_range", "create", "fallocate", "fsyncdir",
                         "link", "mkdir", "mknod", "removexattr", "rename", "rmdir", "setxattr",
                         "symlink", "truncate", "unlink", "utimens", "write"});
}

TEST_CASE_FIXTURE(Clean,
                  "whichever operation fails at the destination, copies end and say the truth") {
    sweep(Side::destination, {"copy_file_range", "fallocate", "lseek", "readlink"});
}

} // namespace live
