#include "sim/faults.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>

#include "sim/opening.h"
#include "sim/stages.h"

namespace arsync::sim {

namespace {

using Errors = std::vector<int>;

Errors operator+(Errors all, const Errors& more) {
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

// Of whatever asks a disk or a server.
const Errors any{EIO, ENOMEM, ESTALE};
// Of whatever needs space, and changes what is there.
const Errors any_change = any + Errors{ENOSPC, EDQUOT, EROFS};

Errors errors_of_open(const Step& step) {
    Errors all = any + Errors{EMFILE, ENFILE, EACCES, ENAMETOOLONG, ELOOP};
    if (is_temporary(step.flags))
        return all + Errors{ENOSPC, EDQUOT, EROFS, EOPNOTSUPP, EISDIR, EINVAL};
    const bool writes = !(step.flags & O_PATH) && (step.flags & O_ACCMODE) != O_RDONLY;
    if (writes)
        all = all + Errors{EROFS, EPERM, ETXTBSY, EBUSY};
    if (step.flags & O_CREAT)
        all = all + Errors{ENOSPC, EDQUOT};
    return all;
}

// Of whatever makes a name.
const Errors any_name = any_change + Errors{EACCES, EPERM, ENAMETOOLONG, EMLINK, EBUSY};

} // namespace

std::vector<int> errors_of(const Step& step) {
    switch (step.call) {
    case Call::open:
    case Call::open_beneath:
    case Call::open_on_ring:
        return errors_of_open(step);
    case Call::reopen:
        return {EIO, ENOMEM, EMFILE, ENFILE, EACCES, ENOSYS, ENXIO, EPERM};
    case Call::close:
        return {EIO, ENOSPC, EDQUOT, ESTALE};
    case Call::statx:
        return any + Errors{EACCES, ELOOP, ENAMETOOLONG};
    case Call::filesystem_type:
        return any + Errors{ENOSYS, EACCES};
    case Call::device_size:
        return {EIO, ENOTTY, EINVAL};
    case Call::page_cache:
        return {ENOSYS, EOPNOTSUPP, EPERM, EINVAL};
    case Call::place_on_disk:
    case Call::read_ahead:
        return {EIO, ENOSYS, EOPNOTSUPP, EINVAL};
    case Call::set_direct:
        return step.flags & O_DIRECT ? Errors{} : Errors{EINVAL, EOPNOTSUPP, EPERM};
    case Call::seek:
        return {EIO, EINVAL, EOPNOTSUPP, ESTALE, ENOMEM};
    case Call::list:
        return any + Errors{EINVAL, EACCES};
    case Call::set_list_position:
        return {EIO, EINVAL, ESPIPE};
    case Call::read_link:
        return any + Errors{EACCES, EINVAL, ENAMETOOLONG};
    case Call::read_cached:
        return {EIO, EAGAIN, EOPNOTSUPP, ENOMEM, ESTALE};
    case Call::read:
        return any + Errors{EAGAIN, EINTR, EINVAL, EOPNOTSUPP, ENODATA, EBADMSG};
    case Call::write_now: // what is interrupted is called again by Files itself
        return any_change + Errors{EAGAIN, EINVAL, EOPNOTSUPP, EFBIG, EPERM};
    case Call::write:
        return any_change + Errors{EAGAIN, EINTR, EINVAL, EOPNOTSUPP, EFBIG, EPERM};
    case Call::truncate:
        return any_change + Errors{EPERM, EACCES, EINVAL, EFBIG, ETXTBSY};
    case Call::allocate:
        return any_change + Errors{EOPNOTSUPP, ENOSYS, EINVAL, EFBIG, EPERM, EINTR, ENODEV};
    case Call::drop_cache:
        return {EINVAL, ESPIPE, ENOSYS};
    case Call::chmod:
        return any_change + Errors{EPERM, EACCES, EOPNOTSUPP};
    case Call::chown:
        return any_change + Errors{EPERM, EACCES, EINVAL};
    case Call::set_times:
        return any_change + Errors{EPERM, EACCES, EINVAL};
    case Call::list_xattrs:
        return any + Errors{EOPNOTSUPP, EACCES, EPERM, E2BIG};
    case Call::get_xattr:
        return any + Errors{EOPNOTSUPP, EACCES, EPERM, ENODATA, E2BIG};
    case Call::set_xattr:
        return any_change + Errors{EOPNOTSUPP, EACCES, EPERM, EINVAL, E2BIG, ERANGE};
    case Call::remove_xattr:
        return any_change + Errors{EOPNOTSUPP, EACCES, EPERM, ENODATA};
    case Call::inode_flags:
        return {EIO, ENOTTY, EOPNOTSUPP, ENOSYS, EPERM, EINVAL, ENOMEM};
    case Call::set_inode_flags:
    case Call::set_project:
        return any_change + Errors{ENOTTY, EOPNOTSUPP, EPERM, EACCES, EINVAL};
    case Call::project:
        return {EIO, ENOTTY, EOPNOTSUPP, ENOSYS, EINVAL, ENOMEM};
    case Call::link:
        return any_name + Errors{EOPNOTSUPP, EXDEV, EINVAL};
    case Call::make_link:
        return any_name + Errors{EOPNOTSUPP, EXDEV};
    case Call::rename:
        return any_name + Errors{EXDEV, EINVAL};
    case Call::make_directory:
        return any_name;
    case Call::make_special:
    case Call::make_symlink:
        return any_name + Errors{EOPNOTSUPP};
    case Call::unlink:
        return any + Errors{EROFS, EACCES, EPERM, EBUSY, ENOSPC, EDQUOT};
    case Call::remove_directory:
        return any + Errors{EROFS, EACCES, EPERM, EBUSY, ENOTEMPTY};
    case Call::sync:
        return {EIO, ENOSPC, EDQUOT, EROFS, EINVAL, ESTALE, EINTR};
    case Call::write_back:
        return {EIO, ENOSPC, EDQUOT, EINVAL, EOPNOTSUPP, ENOSYS, ESPIPE};
    case Call::sync_filesystem:
        return {EIO, ENOSPC, EDQUOT, EROFS, EPERM, ESTALE};
    case Call::reflink:
        return {EOPNOTSUPP, EXDEV, EINVAL, EPERM, ETXTBSY, EIO, ENOSPC, EDQUOT, ENOMEM, EROFS};
    case Call::copy_file_range:
        return any_change + Errors{EXDEV, EOPNOTSUPP, EINVAL, ENOSYS, EPERM, EFBIG, ETXTBSY};
    case Call::copy_cached:
        return {EIO, ENOMEM, EOPNOTSUPP, EINTR};
    case Call::settle_holes:
        return {EIO, ENOSPC, EDQUOT, EINVAL, EOPNOTSUPP};
    case Call::register_buffer:
        return {ENOMEM, EFAULT, EOPNOTSUPP, EBUSY, EPERM};
    case Call::wait:
    case Call::pause:
        return {EINTR};
    }
    return {};
}

int Faults::draw(const Step& step) const {
    if (const auto found = chosen_.find(step.index); found != chosen_.end())
        return found->second;
    for (const Planned& one : planned)
        if (one.step == step.index)
            if (const Errors all = errors_of(step); !all.empty())
                return all[one.draw % all.size()];
    return 0;
}

bool Faults::kept_from_removing(const std::string& path, bool cancelled) const {
    const auto last = [](const std::string& name) { return name.substr(name.rfind('/') + 1); };
    return (several() || cancelled) &&
           std::any_of(happened_.begin(), happened_.end(), [&](const Failure& one) {
               const bool removes = one.step.call == Call::unlink || one.step.call == Call::statx;
               const bool by_descriptor = one.step.call == Call::statx && one.step.path.empty();
               return removes && (by_descriptor || last(one.step.path) == last(path));
           });
}

bool Faults::says_no_attributes() const {
    return std::any_of(happened_.begin(), happened_.end(), [](const Failure& one) {
        const Call call = one.step.call;
        const bool asks =
            call == Call::list_xattrs || call == Call::get_xattr || call == Call::set_xattr;
        return asks && (means_no_attribute(one.error) || one.error == EINVAL);
    });
}

bool Faults::hides_attributes() const {
    return std::any_of(happened_.begin(), happened_.end(), [](const Failure& one) {
        return one.step.call == Call::get_xattr && one.step.subject == Subject::source &&
               means_no_attribute(one.error);
    });
}

bool Faults::says_none_of(Call call) const {
    return std::any_of(happened_.begin(), happened_.end(), [&](const Failure& one) {
        return one.step.call == call && (one.error == ENOTTY || one.error == EOPNOTSUPP ||
                                         one.error == EINVAL || one.error == ENOSYS);
    });
}

bool Faults::says_lost(const Outcome& outcome) const {
    return outcome.result == -EOPNOTSUPP && outcome.stage == ARSYNC_STAGE_FLAGS &&
           (says_none_of(Call::inode_flags) || says_none_of(Call::set_inode_flags) ||
            says_none_of(Call::project) || says_none_of(Call::set_project));
}

bool sweeps_all() {
    const char* const sweep = std::getenv("ARSYNC_SIM_SWEEP");
    return sweep && std::strcmp(sweep, "all") == 0;
}

std::vector<int> errors_in_sweep(const Step& step, size_t number, size_t count) {
    Errors all = errors_of(step);
    if (sweeps_all() || all.size() <= count)
        return all;
    std::rotate(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(number % all.size()),
                all.end());
    all.resize(count);
    return all;
}

} // namespace arsync::sim
