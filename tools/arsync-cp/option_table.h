// How options are spelled.
#pragma once

#include <algorithm>
#include <array>
#include <getopt.h>
#include <iterator>

namespace cp {

enum LongOnly {
    Atomic = 256,
    AttributesOnly,
    Backend,
    Backup,
    BufferSize,
    Buffers,
    BwLimit,
    Cache,
    Context,
    ContinueOnError,
    CopyContents,
    Debug,
    DryRun,
    Durable,
    Exclude,
    ExcludeFrom,
    FilesFrom,
    Help,
    Include,
    IoPoll,
    Jobs,
    Json,
    KeepDirectorySymlink,
    Method,
    Mirror,
    NoPreserve,
    Parents,
    Preserve,
    Progress,
    QueueDepth,
    Reflink,
    RemoveDestination,
    SkipUnchanged,
    Sparse,
    SqPoll,
    StripTrailingSlashes,
    Verify,
    Version,
};

inline constexpr char short_options[] = "0abdfHilLnpPrRsS:t:TuvxZ";

// Those of GNU cp 9.1, which scripts abbreviate as it lets them.
inline constexpr option cps_options[] = {
    {"archive", no_argument, nullptr, 'a'},
    {"attributes-only", no_argument, nullptr, AttributesOnly},
    {"backup", optional_argument, nullptr, Backup},
    {"context", optional_argument, nullptr, Context},
    {"copy-contents", no_argument, nullptr, CopyContents},
    {"dereference", no_argument, nullptr, 'L'},
    {"force", no_argument, nullptr, 'f'},
    {"help", no_argument, nullptr, Help},
    {"interactive", no_argument, nullptr, 'i'},
    {"link", no_argument, nullptr, 'l'},
    {"no-clobber", no_argument, nullptr, 'n'},
    {"no-dereference", no_argument, nullptr, 'P'},
    {"no-preserve", required_argument, nullptr, NoPreserve},
    {"no-target-directory", no_argument, nullptr, 'T'},
    {"one-file-system", no_argument, nullptr, 'x'},
    {"parents", no_argument, nullptr, Parents},
    {"preserve", optional_argument, nullptr, Preserve},
    {"recursive", no_argument, nullptr, 'r'},
    {"reflink", optional_argument, nullptr, Reflink},
    {"remove-destination", no_argument, nullptr, RemoveDestination},
    {"sparse", required_argument, nullptr, Sparse},
    {"strip-trailing-slashes", no_argument, nullptr, StripTrailingSlashes},
    {"suffix", required_argument, nullptr, 'S'},
    {"symbolic-link", no_argument, nullptr, 's'},
    {"target-directory", required_argument, nullptr, 't'},
    {"update", optional_argument, nullptr, 'u'},
    {"verbose", no_argument, nullptr, 'v'},
    {"version", no_argument, nullptr, Version},
    {nullptr, 0, nullptr, 0},
};

inline constexpr option own_options[] = {
    {"atomic", no_argument, nullptr, Atomic},
    {"backend", required_argument, nullptr, Backend},
    {"buffer-size", required_argument, nullptr, BufferSize},
    {"buffers", required_argument, nullptr, Buffers},
    {"bwlimit", required_argument, nullptr, BwLimit},
    {"cache", required_argument, nullptr, Cache},
    {"continue-on-error", required_argument, nullptr, ContinueOnError},
    {"debug", no_argument, nullptr, Debug},
    {"dry-run", no_argument, nullptr, DryRun},
    {"durable", no_argument, nullptr, Durable},
    {"exclude", required_argument, nullptr, Exclude},
    {"exclude-from", required_argument, nullptr, ExcludeFrom},
    {"files-from", required_argument, nullptr, FilesFrom},
    {"include", required_argument, nullptr, Include},
    {"iopoll", no_argument, nullptr, IoPoll},
    {"jobs", required_argument, nullptr, Jobs},
    {"json", no_argument, nullptr, Json},
    {"keep-directory-symlink", no_argument, nullptr, KeepDirectorySymlink},
    {"method", required_argument, nullptr, Method},
    {"mirror", no_argument, nullptr, Mirror},
    {"null", no_argument, nullptr, '0'},
    {"progress", no_argument, nullptr, Progress},
    {"queue-depth", required_argument, nullptr, QueueDepth},
    {"skip-unchanged", no_argument, nullptr, SkipUnchanged},
    {"sqpoll", no_argument, nullptr, SqPoll},
    {"verify", no_argument, nullptr, Verify},
};

// All of them.
inline constexpr auto long_options = [] {
    std::array<option, std::size(own_options) + std::size(cps_options)> all{};
    auto end = std::copy(std::begin(own_options), std::end(own_options), all.begin());
    std::copy(std::begin(cps_options), std::end(cps_options), end);
    return all;
}();

} // namespace cp
