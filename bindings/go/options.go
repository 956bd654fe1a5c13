package arsync

/*
#include <errno.h>
#include <arsync.h>
*/
import "C"

import (
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// OpenOption is an option of [Open]: [Backend], [PoolFlags], and what [Workers], [Buffers],
// [QueueDepth], [JobLimit], [ByteRate], [LeaseCount] and [ParseOpenOption] give. Each bound is the
// library's default if it is not named.
type OpenOption interface{ applyToPool(*C.arsync_pool_options) }

type openOption func(*C.arsync_pool_options)

func (f openOption) applyToPool(o *C.arsync_pool_options)    { f(o) }
func (b Backend) applyToPool(o *C.arsync_pool_options)       { o.backend = C.uint32_t(b) }
func (flags PoolFlags) applyToPool(o *C.arsync_pool_options) { o.flags |= C.uint32_t(flags) }

// Workers bounds the threads that run copies.
func Workers(n uint32) OpenOption {
	return openOption(func(o *C.arsync_pool_options) { o.workers = C.uint32_t(n) })
}

// Buffers bounds the buffers a worker, and says how many bytes each has; 0 is a default.
func Buffers(count, size uint32) OpenOption {
	return openOption(func(o *C.arsync_pool_options) {
		o.buffer_count, o.buffer_size = C.uint32_t(count), C.uint32_t(size)
	})
}

// QueueDepth is how many submission queue entries a worker has.
func QueueDepth(n uint32) OpenOption {
	return openOption(func(o *C.arsync_pool_options) { o.queue_depth = C.uint32_t(n) })
}

// JobLimit is how many jobs may be outstanding. A submit past it is EAGAIN.
func JobLimit(n uint32) OpenOption {
	return openOption(func(o *C.arsync_pool_options) { o.job_limit = C.uint32_t(n) })
}

// ByteRate is how many bytes a second all copies of the pool together may move.
func ByteRate(bytes uint64) OpenOption {
	return openOption(func(o *C.arsync_pool_options) { o.byte_rate = C.uint64_t(bytes) })
}

// LeaseCount is how many buffers the program may have at a time; see [Pool.Acquire].
func LeaseCount(n uint32) OpenOption {
	return openOption(func(o *C.arsync_pool_options) { o.lease_count = C.uint32_t(n) })
}

// Option is an option of a copy: [Flags], [Method], [Reflink], [Cache], [Replace], [Durability],
// [Preserve], [Sparse], [Update], [Symlinks], [Report], [Backup], [Want], and what [Chunks],
// [BackupSuffix], [Filter], [Range], [Required], [InSet], [UserData], [SrcDir], [DstDir], [SrcFile],
// [DstFile] and [ParseOption] give. Of bits, all that are named hold; of other values, the last. [Options]
// makes one of several.
type Option interface{ apply(*settings) }

// settings is what options come to. It is C's struct, and what that points to for the time of a call.
type settings struct {
	c                 *C.arsync_copy_options
	suffix, filter    *string
	userMap, groupMap *string
	userData          uint64
	src, dst          *os.File // directories, or the files themselves
	set               *LinkSet
}

type option func(*settings)

func (f option) apply(s *settings)     { f(s) }
func (v Flags) apply(s *settings)      { s.c.flags |= C.uint32_t(v) }
func (v Method) apply(s *settings)     { s.c.method = C.uint32_t(v) }
func (v Reflink) apply(s *settings)    { s.c.reflink = C.uint32_t(v) }
func (v Cache) apply(s *settings)      { s.c.cache = C.uint32_t(v) }
func (v Replace) apply(s *settings)    { s.c.replace = C.uint32_t(v) }
func (v Durability) apply(s *settings) { s.c.durability = C.uint32_t(v) }
func (v Preserve) apply(s *settings)   { s.c.preserve |= C.uint32_t(v) }
func (v Sparse) apply(s *settings)     { s.c.sparse = C.uint32_t(v) }
func (v Update) apply(s *settings)     { s.c.update = C.uint32_t(v) }
func (v Symlinks) apply(s *settings)   { s.c.symlinks = C.uint32_t(v) }
func (v Report) apply(s *settings)     { s.c.report = C.uint32_t(v) }
func (v Backup) apply(s *settings)     { s.c.backup = C.uint32_t(v) }
func (v Want) apply(s *settings)       { s.c.want |= C.uint32_t(v) }

type severalOptions []Option

func (several severalOptions) apply(s *settings) {
	for _, one := range several {
		one.apply(s)
	}
}

// Options makes one option of several.
func Options(several ...Option) Option { return severalOptions(several) }

// Chunks bounds the chunks of one file that are in flight.
func Chunks(n uint32) Option { return option(func(s *settings) { s.c.chunks = C.uint32_t(n) }) }

// Required is what of [Preserve] is not to be lost, all of it by default: the loss of anything else
// has [NotRequired].
func Required(what Preserve) Option {
	return option(func(s *settings) { s.c.required |= C.uint32_t(what) })
}

// BackupSuffix is what is put after the name of a backup; "~" if nothing is said.
func BackupSuffix(suffix string) Option { return option(func(s *settings) { s.suffix = &suffix }) }

// UserMap says whose copies are whose: "FROM:TO[,FROM:TO...]", ids, ranges, "*" or names.
func UserMap(pairs string) Option { return option(func(s *settings) { s.userMap = &pairs }) }

// GroupMap is the same of groups.
func GroupMap(pairs string) Option { return option(func(s *settings) { s.groupMap = &pairs }) }

// Filter is what to leave out of a tree: lines of patterns as in gitignore(5).
func Filter(lines string) Option { return option(func(s *settings) { s.filter = &lines }) }

// Range is the only part of a file that is copied, to the same place in a file that others may be
// writing too.
func Range(offset, length uint64) Option {
	return option(func(s *settings) {
		s.c.range_offset, s.c.range_length = C.uint64_t(offset), C.uint64_t(length)
	})
}

// InSet keeps hard links, with [PreserveLinks], between all jobs of the set.
func InSet(set *LinkSet) Option { return option(func(s *settings) { s.set = set }) }

// UserData comes back in the completions of a job, and means nothing to the library.
func UserData(n uint64) Option { return option(func(s *settings) { s.userData = n }) }

// SrcDir is the directory that relative paths of sources begin at.
func SrcDir(dir *os.File) Option { return option(func(s *settings) { s.src = dir }) }

// DstDir is the directory that relative paths of destinations begin at.
func DstDir(dir *os.File) Option { return option(func(s *settings) { s.dst = dir }) }

// SrcFile is an open file that is the source itself; src then is "".
func SrcFile(file *os.File) Option { return Options(srcFD, SrcDir(file)) }

// DstFile is an open file that is the destination itself; dst then is "".
func DstFile(file *os.File) Option { return Options(dstFD, DstDir(file)) }

func (s *settings) take(opts []Option) {
	s.c = &C.arsync_copy_options{}
	s.c.struct_size = C.sizeof_arsync_copy_options
	for _, o := range opts {
		o.apply(s)
	}
}

// refuseSetOfOthers refuses a link set of another pool, whose number may be another set's in this one.
func (s *settings) refuseSetOfOthers(p *Pool) error {
	if s.set == nil || s.set.pool.in == p.in {
		return nil
	}
	e := refusal("submit", syscall.EINVAL)
	e.Reason = "link_set: of another pool"
	return e
}

// call hands the options on, as they are to be during one call of the library: with strings that do
// not move, and with descriptors that are not closed.
func (s *settings) call(f func(options *C.arsync_copy_options, src, dst C.int) C.int) error {
	var pinned runtime.Pinner
	defer pinned.Unpin()
	ok := true
	pin := func(text *string) *C.char {
		if text == nil {
			return nil
		}
		b, whole := bytesOf(*text)
		if ok = ok && whole; !ok {
			return nil
		}
		pinned.Pin(unsafe.SliceData(b))
		return charsOf(b)
	}
	s.c.backup_suffix, s.c.filter = pin(s.suffix), pin(s.filter)
	s.c.user_map, s.c.group_map = pin(s.userMap), pin(s.groupMap)
	if !ok {
		return refusal("submit", syscall.EINVAL)
	}
	if s.set != nil {
		s.c.link_set = s.set.id
	}
	var result C.int
	err := withDescriptor(s.src, func(src C.int) error {
		return withDescriptor(s.dst, func(dst C.int) error {
			result = f(s.c, src, dst)
			return nil
		})
	})
	if err != nil {
		return refusal("submit", syscall.EBADF)
	}
	if result >= 0 {
		return nil
	}
	e := refusal("submit", syscall.Errno(-result))
	if result == -C.EINVAL {
		var why [256]C.char
		C.arsync_options_check(s.c, &why[0], C.size_t(len(why)))
		e.Reason = C.GoString(&why[0])
	}
	return e
}

// withDescriptor calls f with the descriptor of an open file, or AT_FDCWD.
func withDescriptor(file *os.File, f func(C.int) error) error {
	const workingDirectory = -100 // AT_FDCWD
	if file == nil {
		return f(workingDirectory)
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = raw.Control(func(fd uintptr) { inner = f(C.int(fd)) })
	if err != nil {
		return err
	}
	return inner
}
