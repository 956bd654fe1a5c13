#include "sim/changes.h"

#include <utility>
#include <vector>

#include "sim/transfer.h"
#include "sim/tree.h"

namespace arsync::sim {

namespace {

using Name = std::pair<InodeNumber, std::string>; // in a directory

void change_file(World& world, Random& random, const Name& at) {
    const auto& [above, name] = at;
    Inode& inode = world.disk.at(world.disk.at(above).names.at(name));
    switch (random.below(4)) {
    case 0: {
        const std::vector<std::byte> more(5000, std::byte{0x77});
        inode.content.write(inode.content.size(), more.data(), more.size());
        inode.attributes.modified = inode.attributes.changed = world.now();
        break;
    }
    case 1:
        truncate(world, inode, inode.content.size() / 2);
        break;
    case 2:
        world.change_names(above, {{name, std::nullopt}});
        break;
    default:
        world.change_names(above, {{name, std::nullopt}});
        world.sources.insert(
            add_file(world, above, name.c_str(), content_of(another_content), 0600));
        break;
    }
}

} // namespace

std::string lie_about_something(World& world, Random& random, Lie lie) {
    std::vector<Name> files;
    for (const InodeNumber above : world.disk.numbers())
        for (const auto& [name, number] : world.disk.at(above).names) {
            const Inode& inode = world.disk.at(number);
            if (inode.is_file() && inode.links == 1 && world.sources.contains(number))
                files.emplace_back(above, name);
        }
    if (files.empty())
        return {};
    const auto& [above, name] = files[random.below(files.size())];
    world.lie = lie;
    world.lied_about = world.disk.at(above).names.at(name);
    world.lied_bytes = random.of({1ul, 777ul, 4096ul, 5000ul, 70'000ul});
    return world.path_of(above).substr(1) + "/" + name;
}

std::string change_something(World& world, Random& random) {
    std::vector<Name> files, directories;
    for (const InodeNumber above : world.disk.numbers()) {
        const bool is_destination =
            !world.sources.contains(above) && (world.path_of(above) + "/").starts_with("/out/");
        for (const auto& [name, number] : world.disk.at(above).names) {
            const Inode& inode = world.disk.at(number);
            if (inode.is_file() && inode.links == 1 && world.sources.contains(number))
                files.emplace_back(above, name);
            if (inode.is_directory() && is_destination)
                directories.emplace_back(above, name);
        }
    }
    const bool takes = !directories.empty() && (files.empty() || random.percent(25));
    const std::vector<Name>& from = takes ? directories : files;
    if (from.empty())
        return {};
    const Name at = from[random.below(from.size())];
    const std::string changed = world.path_of(at.first).substr(1) + "/" + at.second;
    world.note("somebody changes " + changed);
    if (takes)
        world.change_names(
            at.first, {{at.second, std::nullopt},
                       {at.second + " moved away", world.disk.at(at.first).names.at(at.second)}});
    else
        change_file(world, random, at);
    return changed;
}

} // namespace arsync::sim
