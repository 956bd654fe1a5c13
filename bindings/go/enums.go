package arsync

/*
#include <arsync.h>
*/
import "C"

// Backend is how operations reach the kernel; an [OpenOption].
type Backend uint32

// See enum arsync_backend.
const (
	BackendAuto    Backend = C.ARSYNC_BACKEND_AUTO    // io_uring, or threads where that is denied
	BackendUring   Backend = C.ARSYNC_BACKEND_URING   // io_uring or an error
	BackendThreads Backend = C.ARSYNC_BACKEND_THREADS // plain system calls on helper threads
)

func (b Backend) String() string { return C.GoString(C.arsync_backend_name(C.uint32_t(b))) }

// PoolFlags are an [OpenOption], and may be or'ed.
type PoolFlags uint32

// See ARSYNC_POOL_*.
const (
	SQPoll    PoolFlags = C.ARSYNC_POOL_SQPOLL     // a kernel thread takes submissions
	IOPoll    PoolFlags = C.ARSYNC_POOL_IOPOLL     // poll the device for ends of O_DIRECT transfers
	HugePages PoolFlags = C.ARSYNC_POOL_HUGE_PAGES // buffers in reserved huge pages
)

// Shutdown is how a pool comes to its end.
type Shutdown uint32

// See enum arsync_shutdown.
const (
	ShutdownDrain  Shutdown = C.ARSYNC_SHUTDOWN_DRAIN  // let all jobs end as they would
	ShutdownCancel Shutdown = C.ARSYNC_SHUTDOWN_CANCEL // cancel all jobs; also after ShutdownDrain
)

// Method is how the data is moved; an [Option], and what a [Completion] says ran.
type Method uint16

// See enum arsync_method.
const (
	MethodAuto           Method = C.ARSYNC_METHOD_AUTO
	MethodInline         Method = C.ARSYNC_METHOD_INLINE
	MethodReflink        Method = C.ARSYNC_METHOD_REFLINK
	MethodCopyFileRange  Method = C.ARSYNC_METHOD_COPY_FILE_RANGE
	MethodFixed          Method = C.ARSYNC_METHOD_FIXED
	MethodDirect         Method = C.ARSYNC_METHOD_DIRECT
	MethodBufferedDirect Method = C.ARSYNC_METHOD_BUFFERED_DIRECT
	MethodDirectBuffered Method = C.ARSYNC_METHOD_DIRECT_BUFFERED
)

func (m Method) String() string { return C.GoString(C.arsync_method_name(C.uint32_t(m))) }

// Reflink is whether blocks may be shared with the source; an [Option].
type Reflink uint32

// See enum arsync_reflink.
const (
	ReflinkAuto   Reflink = C.ARSYNC_REFLINK_AUTO
	ReflinkAlways Reflink = C.ARSYNC_REFLINK_ALWAYS
	ReflinkNever  Reflink = C.ARSYNC_REFLINK_NEVER
)

// Cache is what the copy leaves in the page cache; an [Option].
type Cache uint32

// See enum arsync_cache.
const (
	CacheAuto   Cache = C.ARSYNC_CACHE_AUTO
	CacheKeep   Cache = C.ARSYNC_CACHE_KEEP
	CacheDirect Cache = C.ARSYNC_CACHE_DIRECT
	CacheDrop   Cache = C.ARSYNC_CACHE_DROP
)

// Replace is what happens to a destination that exists; an [Option].
type Replace uint32

// See enum arsync_replace.
const (
	ReplaceInPlace   Replace = C.ARSYNC_REPLACE_IN_PLACE  // overwrite its content, as cp does
	ReplaceExclusive Replace = C.ARSYNC_REPLACE_EXCLUSIVE // fail with EEXIST
	ReplaceAtomic    Replace = C.ARSYNC_REPLACE_ATOMIC    // the name shows the old or the complete new file
	ReplaceRemove    Replace = C.ARSYNC_REPLACE_REMOVE    // remove it first
)

// Update is which files that exist at the destination are replaced at all; an [Option].
type Update uint32

// See enum arsync_update.
const (
	UpdateAll      Update = C.ARSYNC_UPDATE_ALL
	UpdateNone     Update = C.ARSYNC_UPDATE_NONE
	UpdateOlder    Update = C.ARSYNC_UPDATE_OLDER
	UpdateChanged  Update = C.ARSYNC_UPDATE_CHANGED
	UpdateAsk      Update = C.ARSYNC_UPDATE_ASK       // each is a [Question] of the job
	UpdateAskOlder Update = C.ARSYNC_UPDATE_ASK_OLDER // each that is older is one
)

// Symlinks is what becomes of symbolic links in the source; an [Option].
type Symlinks uint32

// See enum arsync_symlinks.
const (
	SymlinksAuto      Symlinks = C.ARSYNC_SYMLINKS_AUTO
	SymlinksKeep      Symlinks = C.ARSYNC_SYMLINKS_KEEP
	SymlinksFollowTop Symlinks = C.ARSYNC_SYMLINKS_FOLLOW_TOP
	SymlinksFollow    Symlinks = C.ARSYNC_SYMLINKS_FOLLOW
)

// Report is which entries of a tree are told of by [Job.Entries]; an [Option].
type Report uint32

// See enum arsync_report.
const (
	ReportErrors Report = C.ARSYNC_REPORT_ERRORS // those that failed, or of which there is something to say
	ReportAll    Report = C.ARSYNC_REPORT_ALL
	ReportNone   Report = C.ARSYNC_REPORT_NONE
)

// Backup is what becomes of a file in the way of a new one; an [Option].
type Backup uint32

// See enum arsync_backup.
const (
	BackupNone     Backup = C.ARSYNC_BACKUP_NONE
	BackupSimple   Backup = C.ARSYNC_BACKUP_SIMPLE
	BackupNumbered Backup = C.ARSYNC_BACKUP_NUMBERED
	BackupExisting Backup = C.ARSYNC_BACKUP_EXISTING
)

// Durability is what is on stable storage when a job has ended; an [Option].
type Durability uint32

// See enum arsync_durability.
const (
	DurabilityNone Durability = C.ARSYNC_DURABILITY_NONE
	DurabilityFile Durability = C.ARSYNC_DURABILITY_FILE // data and size
	DurabilityFull Durability = C.ARSYNC_DURABILITY_FULL // the name too
)

// Sparse is what becomes of holes; an [Option].
type Sparse uint32

// See enum arsync_sparse.
const (
	SparseAuto   Sparse = C.ARSYNC_SPARSE_AUTO
	SparseAlways Sparse = C.ARSYNC_SPARSE_ALWAYS
	SparseNever  Sparse = C.ARSYNC_SPARSE_NEVER
)

// Preserve is what the copy keeps of its source's attributes; an [Option], and may be or'ed.
type Preserve uint32

// See ARSYNC_PRESERVE_*.
const (
	PreserveMode    Preserve = C.ARSYNC_PRESERVE_MODE
	PreserveOwner   Preserve = C.ARSYNC_PRESERVE_OWNER
	PreserveTimes   Preserve = C.ARSYNC_PRESERVE_TIMES
	PreserveXattr   Preserve = C.ARSYNC_PRESERVE_XATTR
	PreserveLinks   Preserve = C.ARSYNC_PRESERVE_LINKS
	PreserveContext Preserve = C.ARSYNC_PRESERVE_CONTEXT
	PreserveFlags   Preserve = C.ARSYNC_PRESERVE_FLAGS
	PreserveProject Preserve = C.ARSYNC_PRESERVE_PROJECT
)

// Flags are an [Option], and may be or'ed.
type Flags uint32

// See ARSYNC_COPY_*. The flags for open files are set by [SrcFile] and [DstFile].
const (
	Verify               Flags = C.ARSYNC_COPY_VERIFY
	Special              Flags = C.ARSYNC_COPY_SPECIAL
	AttributesOnly       Flags = C.ARSYNC_COPY_ATTRIBUTES_ONLY
	NoFollow             Flags = C.ARSYNC_COPY_NOFOLLOW
	DefaultMode          Flags = C.ARSYNC_COPY_DEFAULT_MODE
	Recursive            Flags = C.ARSYNC_COPY_RECURSIVE
	OneFileSystem        Flags = C.ARSYNC_COPY_ONE_FILE_SYSTEM
	Mirror               Flags = C.ARSYNC_COPY_MIRROR
	DryRun               Flags = C.ARSYNC_COPY_DRY_RUN
	StopOnError          Flags = C.ARSYNC_COPY_STOP_ON_ERROR
	HardLink             Flags = C.ARSYNC_COPY_HARD_LINK
	SymbolicLink         Flags = C.ARSYNC_COPY_SYMBOLIC_LINK
	KeepDirectorySymlink Flags = C.ARSYNC_COPY_KEEP_DIRECTORY_SYMLINK
	Force                Flags = C.ARSYNC_COPY_FORCE
	Parents              Flags = C.ARSYNC_COPY_PARENTS
	Beneath              Flags = C.ARSYNC_COPY_BENEATH
	KeepLocks            Flags = C.ARSYNC_COPY_KEEP_LOCKS
	Shallow              Flags = C.ARSYNC_COPY_SHALLOW
	Dangling             Flags = C.ARSYNC_COPY_DANGLING
	DirectoriesOnly      Flags = C.ARSYNC_COPY_DIRECTORIES_ONLY
	BareParents          Flags = C.ARSYNC_COPY_BARE_PARENTS
	InOrder              Flags = C.ARSYNC_COPY_IN_ORDER      // of a list: what comes of its items comes in their order
	BorrowDirs           Flags = C.ARSYNC_COPY_BORROW_DIRFDS // of SrcDir and DstDir, which stay open until the end
	srcFD                Flags = C.ARSYNC_COPY_SRC_FD
	dstFD                Flags = C.ARSYNC_COPY_DST_FD
)

// Want is what [Completion.Details] are to have; an [Option], and may be or'ed.
type Want uint32

// See ARSYNC_WANT_*.
const (
	WantTotals      Want = C.ARSYNC_WANT_TOTALS
	WantErrorPath   Want = C.ARSYNC_WANT_ERROR_PATH // of a tree or list; always asked for, for [Error.Path]
	WantSource      Want = C.ARSYNC_WANT_SOURCE
	WantDestination Want = C.ARSYNC_WANT_DESTINATION
	WantDigest      Want = C.ARSYNC_WANT_DIGEST
	WantTimes       Want = C.ARSYNC_WANT_TIMES
	WantFile        Want = C.ARSYNC_WANT_FD // the finished copy, still open: [Completion.File]
)

// Stage is what a job was doing when it failed, or does now.
type Stage uint16

// See enum arsync_stage.
const (
	StageNone            Stage = C.ARSYNC_STAGE_NONE
	StageQueue           Stage = C.ARSYNC_STAGE_QUEUE
	StageOpenSource      Stage = C.ARSYNC_STAGE_OPEN_SOURCE
	StageOpenDestination Stage = C.ARSYNC_STAGE_OPEN_DESTINATION
	StageCheck           Stage = C.ARSYNC_STAGE_CHECK
	StageAllocate        Stage = C.ARSYNC_STAGE_ALLOCATE
	StageRead            Stage = C.ARSYNC_STAGE_READ
	StageWrite           Stage = C.ARSYNC_STAGE_WRITE
	StageReflink         Stage = C.ARSYNC_STAGE_REFLINK
	StageCopyFileRange   Stage = C.ARSYNC_STAGE_COPY_FILE_RANGE
	StageTruncate        Stage = C.ARSYNC_STAGE_TRUNCATE
	StageOwner           Stage = C.ARSYNC_STAGE_OWNER
	StageXattr           Stage = C.ARSYNC_STAGE_XATTR
	StageMode            Stage = C.ARSYNC_STAGE_MODE
	StageTimes           Stage = C.ARSYNC_STAGE_TIMES
	StageSync            Stage = C.ARSYNC_STAGE_SYNC
	StageVerify          Stage = C.ARSYNC_STAGE_VERIFY
	StagePublish         Stage = C.ARSYNC_STAGE_PUBLISH
	StageClose           Stage = C.ARSYNC_STAGE_CLOSE
	StageMemory          Stage = C.ARSYNC_STAGE_MEMORY
	StageList            Stage = C.ARSYNC_STAGE_LIST
	StageMakeDirectory   Stage = C.ARSYNC_STAGE_MAKE_DIRECTORY
	StageReadLink        Stage = C.ARSYNC_STAGE_READ_LINK
	StageLink            Stage = C.ARSYNC_STAGE_LINK
	StageMakeSpecial     Stage = C.ARSYNC_STAGE_MAKE_SPECIAL
	StageRemove          Stage = C.ARSYNC_STAGE_REMOVE
	StageBackup          Stage = C.ARSYNC_STAGE_BACKUP
	StageContext         Stage = C.ARSYNC_STAGE_CONTEXT
	StageAsk             Stage = C.ARSYNC_STAGE_ASK
	StageFlags           Stage = C.ARSYNC_STAGE_FLAGS
)

func (s Stage) String() string { return C.GoString(C.arsync_stage_name(C.uint32_t(s))) }

// Action is what was done for an entry or a job.
type Action uint16

// See enum arsync_action.
const (
	ActionNone           Action = C.ARSYNC_ACTION_NONE
	ActionCopy           Action = C.ARSYNC_ACTION_COPY
	ActionMakeDirectory  Action = C.ARSYNC_ACTION_MAKE_DIRECTORY
	ActionEnterDirectory Action = C.ARSYNC_ACTION_ENTER_DIRECTORY
	ActionSymbolicLink   Action = C.ARSYNC_ACTION_SYMBOLIC_LINK
	ActionHardLink       Action = C.ARSYNC_ACTION_HARD_LINK
	ActionMakeSpecial    Action = C.ARSYNC_ACTION_MAKE_SPECIAL
	ActionSkip           Action = C.ARSYNC_ACTION_SKIP
	ActionRemove         Action = C.ARSYNC_ACTION_REMOVE
	ActionTree           Action = C.ARSYNC_ACTION_TREE
	ActionList           Action = C.ARSYNC_ACTION_LIST
	ActionRead           Action = C.ARSYNC_ACTION_READ
	ActionWrite          Action = C.ARSYNC_ACTION_WRITE
	ActionSync           Action = C.ARSYNC_ACTION_SYNC
	ActionAcquire        Action = C.ARSYNC_ACTION_ACQUIRE
)

func (a Action) String() string { return C.GoString(C.arsync_action_name(C.uint32_t(a))) }

// Kind is what a [Completion] is about.
type Kind uint16

// See enum arsync_completion_kind.
const (
	KindJob      Kind = C.ARSYNC_COMPLETION_JOB      // a job has ended
	KindEntry    Kind = C.ARSYNC_COMPLETION_ENTRY    // an entry of a tree has
	KindQuestion Kind = C.ARSYNC_COMPLETION_QUESTION // something is at the destination: see [Question]
	KindItem     Kind = C.ARSYNC_COMPLETION_ITEM     // an item of a list has ended
	KindWay      Kind = C.ARSYNC_COMPLETION_WAY      // a directory on the way to an item
)

func (k Kind) String() string { return C.GoString(C.arsync_completion_kind_name(C.uint32_t(k))) }

// Outcome are the flags of a [Completion].
type Outcome uint32

// See ARSYNC_COMPLETION_*.
const (
	SourceChanged  Outcome = C.ARSYNC_COMPLETION_SOURCE_CHANGED
	SourceShrank   Outcome = C.ARSYNC_COMPLETION_SOURCE_SHRANK
	Fallback       Outcome = C.ARSYNC_COMPLETION_FALLBACK
	OwnerLost      Outcome = C.ARSYNC_COMPLETION_OWNER_LOST
	Replaced       Outcome = C.ARSYNC_COMPLETION_REPLACED
	BackedUp       Outcome = C.ARSYNC_COMPLETION_BACKED_UP
	Directory      Outcome = C.ARSYNC_COMPLETION_DIRECTORY
	VerifiedCached Outcome = C.ARSYNC_COMPLETION_VERIFIED_CACHED
	Copied         Outcome = C.ARSYNC_COMPLETION_COPIED
	KeptBoth       Outcome = C.ARSYNC_COMPLETION_KEPT_BOTH
	AtSource       Outcome = C.ARSYNC_COMPLETION_AT_SOURCE
	AtDestination  Outcome = C.ARSYNC_COMPLETION_AT_DESTINATION
	JustCreated    Outcome = C.ARSYNC_COMPLETION_JUST_CREATED
	Repeated       Outcome = C.ARSYNC_COMPLETION_REPEATED
	OnTheWay       Outcome = C.ARSYNC_COMPLETION_ON_THE_WAY
	Conflict       Outcome = C.ARSYNC_COMPLETION_CONFLICT
	InMirror       Outcome = C.ARSYNC_COMPLETION_IN_MIRROR
	NotRequired    Outcome = C.ARSYNC_COMPLETION_NOT_REQUIRED
)

// Answer is what one says to a [Question].
type Answer uint32

// See enum arsync_answer_kind.
const (
	AnswerSkip     Answer = C.ARSYNC_ANSWER_SKIP      // what is there stays
	AnswerReplace  Answer = C.ARSYNC_ANSWER_REPLACE   // it is replaced
	AnswerKeepBoth Answer = C.ARSYNC_ANSWER_KEEP_BOTH // it stays, and the copy gets another name
	AnswerStop     Answer = C.ARSYNC_ANSWER_STOP      // the job ends
)
