// What must be left of a tree's copy when the power goes.
#include "sim/tree_checks.h"

namespace arsync::sim {

namespace {

using Unsynced = Disk::Unsynced;

constexpr Unsynced policies[] = {Unsynced::lost, Unsynced::kept, Unsynced::mixed};

bool is_temporary(const std::string& name) {
    return name.starts_with(".") && name.find(".arsync-") != std::string::npos;
}

// As a disk comes back after a crash: each name that was there leads to what it led to, or to all
// of what is to be there; and no other names are there than those, and temporary ones.
class Recovered {
public:
    Recovered(TreeSimulation& simulation, const Disk& disk) : s_(simulation), disk_(disk) {}

    void check() {
        const Inode* top = s_.target_on(disk_, "");
        if (!top && s_.existed(""))
            s_.world.problem("after a crash the destination is gone");
        if (top)
            check_directory("", *top);
    }

private:
    void check_directory(const std::string& path, const Inode& directory) {
        const auto at = [&](const std::string& name) {
            return path.empty() ? name : path + "/" + name;
        };
        if (const Inode* before = s_.old(path))
            for (const auto& [name, _] : before->names)
                if (!directory.names.count(name) && !gives_way(at(name)) &&
                    !s_.expected().removed.count(top_of(at(name))))
                    s_.world.problem("a crash loses " + at(name));
        for (const auto& [name, number] : directory.names)
            check_name(at(name), name, disk_.at(number));
    }

    void check_name(const std::string& path, const std::string& name, const Inode& inode) {
        const Inode* before = s_.old(path);
        const Inode* right = s_.wanted(path);
        const bool is_old = before && before->number == inode.number;
        if (inode.is_directory() && (is_old || (right && right->is_directory())))
            check_directory(path, inode);
        else if (is_old && (!(inode.content == before->content) || inode.target != before->target))
            s_.world.problem("a crash damages " + path);
        else if (!is_old && right)
            check_new(path, *right, inode);
        else if (!is_old && !is_temporary(name))
            s_.world.problem("after a crash there is " + path);
    }

    // A file has got its attributes too before it gets its name, but for what comes last.
    void check_new(const std::string& path, const Inode& right, const Inode& inode) {
        const bool any_lost = s_.failed_step().has_value(); // of its attributes, and that is told
        Compared also = inode.is_file() && !any_lost ? s_.preserved() : Compared{};
        also.seals = also.project = false;
        for (const std::string& difference :
             differences(s_.world.disk, right.number, disk_, inode.number, also))
            s_.world.problem("after a crash " + path + ": " + difference);
    }

    // To what is of another kind: between them is a moment in which nothing is there.
    bool gives_way(const std::string& path) const {
        const Inode* right = s_.wanted(path);
        return right && right->is_directory() != s_.old(path)->is_directory() &&
               replaces_kinds(s_.scenario);
    }

    // Of what is in an extra directory it is that which was to be removed.
    std::string top_of(const std::string& path) const {
        for (size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1))
            if (s_.expected().removed.count(path.substr(0, end)))
                return path.substr(0, end);
        return path;
    }

    TreeSimulation& s_;
    const Disk& disk_;
};

// What is to be backed up is there, and whole.
void check_kept(TreeSimulation& s, const Disk& disk) {
    for (const std::string& path : s.old_paths())
        if (!s.is_kept(disk, path))
            s.world.problem("a crash loses " + path);
        else if (!(disk.at(s.old(path)->number).content == s.old(path)->content))
            s.world.problem("a crash damages " + path);
}

} // namespace

void check_after_crash(TreeSimulation& s) {
    if (!s.changed().empty() || s.world.damaged)
        return;
    const std::optional<Disk>& crashed = s.world.crashed();
    const arsync_copy_options& options = s.scenario.options;
    const bool atomic =
        options.replace == ARSYNC_REPLACE_ATOMIC && options.durability != ARSYNC_DURABILITY_NONE;
    const bool backs_up = options.backup != ARSYNC_BACKUP_NONE;
    Random random(s.scenario.world.seed + s.crash_at);
    for (const Unsynced data : policies)
        for (const Unsynced names : policies) {
            if (!crashed || !(atomic || backs_up))
                continue;
            const Disk disk = crashed->recover(data, names, random);
            if (backs_up)
                check_kept(s, disk);
            if (!atomic)
                continue;
            Recovered(s, disk).check();
            if (s.outcome().result != 0 || s.failed_step())
                continue;
            for (const std::string& difference : s.lost_on(disk))
                s.world.problem("a crash after the completion: " + difference);
        }
}

} // namespace arsync::sim
