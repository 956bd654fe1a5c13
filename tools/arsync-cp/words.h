// The words that options take, in the order in which complaints list them.
#pragma once

#include "arsync.h"
#include "choice.h"
#include "options.h"

namespace cp {

inline constexpr Choice backup_kinds[] = {
    {"none", static_cast<int>(BackupKind::None)},
    {"off", static_cast<int>(BackupKind::None)},
    {"simple", static_cast<int>(BackupKind::Simple)},
    {"never", static_cast<int>(BackupKind::Simple)},
    {"existing", static_cast<int>(BackupKind::Existing)},
    {"nil", static_cast<int>(BackupKind::Existing)},
    {"numbered", static_cast<int>(BackupKind::Numbered)},
    {"t", static_cast<int>(BackupKind::Numbered)},
};

inline constexpr Choice sparse_words[] = {
    {"never", ARSYNC_SPARSE_NEVER},
    {"auto", ARSYNC_SPARSE_AUTO},
    {"always", ARSYNC_SPARSE_ALWAYS},
};

inline constexpr Choice update_words[] = {
    {"all", static_cast<int>(Update::All)},
    {"none", static_cast<int>(Update::None)},
    {"none-fail", static_cast<int>(Update::NoneFail)},
    {"older", static_cast<int>(Update::Older)},
};

inline constexpr Choice yes_no_words[] = {
    {"yes", 1},
    {"no", 0},
};

inline constexpr Choice reflink_words[] = {
    {"auto", ARSYNC_REFLINK_AUTO},
    {"always", ARSYNC_REFLINK_ALWAYS},
    {"never", ARSYNC_REFLINK_NEVER},
};

inline constexpr Choice method_words[] = {
    {"auto", ARSYNC_METHOD_AUTO},
    {"inline", ARSYNC_METHOD_INLINE},
    {"reflink", ARSYNC_METHOD_REFLINK},
    {"copy_file_range", ARSYNC_METHOD_COPY_FILE_RANGE},
    {"fixed", ARSYNC_METHOD_FIXED},
    {"direct", ARSYNC_METHOD_DIRECT},
    {"buffered-direct", ARSYNC_METHOD_BUFFERED_DIRECT},
    {"heap", ARSYNC_METHOD_HEAP},
    {"managed", ARSYNC_METHOD_MANAGED},
};

inline constexpr Choice cache_words[] = {
    {"auto", ARSYNC_CACHE_AUTO},
    {"keep", ARSYNC_CACHE_KEEP},
    {"direct", ARSYNC_CACHE_DIRECT},
    {"drop", ARSYNC_CACHE_DROP},
};

inline constexpr Choice backend_words[] = {
    {"auto", ARSYNC_BACKEND_AUTO},
    {"uring", ARSYNC_BACKEND_URING},
    {"threads", ARSYNC_BACKEND_THREADS},
};

} // namespace cp
