package arsync

/*
#include <stdlib.h>
#include <unistd.h>
#include <fcntl.h>
#include <arsync.h>

static int duplicate_of(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 3); }
*/
import "C"

import (
	"os"
	"runtime"
	"sync"
	"syscall"
)

// Pool is a pool of the library: worker threads, their rings and buffers. One that nobody holds any more
// is closed when its jobs have ended.
type Pool struct{ in *innards }

// innards is what the pool's goroutine holds. How it hangs together:
//
//   - Every call of the library on the pool is made with use held for reading, but those of the
//     goroutine; arsync_pool_close with use held for writing, after the goroutine has ended.
//   - A submit holds jobsMu from before the call until the job is in jobs, so that the goroutine finds
//     whatever it is told of. It takes a job out when its completion of KindJob comes, the last one.
type innards struct {
	use    sync.RWMutex
	c      *C.arsync_pool // by which buffers are known after the close, too
	closed bool
	event  *os.File // a duplicate of the pool's event descriptor, in Go's poller
	jobsMu sync.Mutex
	jobs   map[C.arsync_job]*Job
	ended  chan struct{} // closed when the goroutine has ended
	closer sync.Once
}

// Open opens a pool. It is to be given back by [Pool.Close].
func Open(opts ...OpenOption) (*Pool, error) {
	options := C.arsync_pool_options{struct_size: C.sizeof_arsync_pool_options}
	for _, o := range opts {
		o.applyToPool(&options)
	}
	in := &innards{jobs: map[C.arsync_job]*Job{}, ended: make(chan struct{})}
	if err := failure("open pool", C.arsync_pool_open(&options, &in.c)); err != nil {
		return nil, err
	}
	fd := C.duplicate_of(C.arsync_pool_event_fd(in.c))
	if fd < 0 {
		C.arsync_pool_close(in.c)
		return nil, refusal("open pool", syscall.EMFILE)
	}
	in.event = os.NewFile(uintptr(fd), "arsync events")
	poll, err := newPoller(in)
	if err != nil {
		in.event.Close()
		C.arsync_pool_close(in.c)
		return nil, err
	}
	go poll.run()
	p := &Pool{in}
	runtime.SetFinalizer(p, func(p *Pool) { go p.in.close() })
	return p, nil
}

// Close stops: no more submissions, all jobs are cancelled, and what waits for one is told so. It
// returns when no operation is under way any more. It may be called more than once; a call after
// it is an error that is [io/fs.ErrClosed].
func (p *Pool) Close() error {
	runtime.SetFinalizer(p, nil)
	p.in.close()
	return nil
}

func (in *innards) close() {
	in.closer.Do(func() {
		C.arsync_pool_shutdown(in.c, C.ARSYNC_SHUTDOWN_CANCEL)
		<-in.ended
		in.use.Lock()
		defer in.use.Unlock()
		C.arsync_pool_close(in.c)
		in.closed = true
		in.event.Close()
	})
}

// call calls the library with the pool, unless it is closed.
func (p *Pool) call(op string, f func(c *C.arsync_pool) C.int) error {
	p.in.use.RLock()
	defer p.in.use.RUnlock()
	if p.in.closed {
		return refusal(op, syscall.ESHUTDOWN)
	}
	return failure(op, f(p.in.c))
}

// Shutdown lets the pool come to its end, in one way or the other: a submit from now on is an error
// that is [io/fs.ErrClosed]. It does not wait; the jobs are told of as ever, and the pool is yet to be
// closed.
func (p *Pool) Shutdown(how Shutdown) error {
	return p.call("shutdown", func(c *C.arsync_pool) C.int {
		return C.arsync_pool_shutdown(c, C.uint32_t(how))
	})
}

// Info is what a pool uses, and why; see arsync_info.
type Info struct {
	Backend                           Backend
	Workers, WorkersStarted           uint32
	BufferCount, BufferSize           uint32
	QueueDepth                        uint32
	BuffersRegistered, BuffersRefused uint32
	Flags                             PoolFlags
	BackendReason, BuffersReason      string
	SQPollReason, IOPollReason        string
	KernelFeatures                    string
}

// Info tells what the pool uses. It decides the backend if no copy has needed it yet.
func (p *Pool) Info() (Info, error) {
	c := C.arsync_info{struct_size: C.sizeof_arsync_info}
	err := p.call("info", func(pool *C.arsync_pool) C.int { return C.arsync_pool_info(pool, &c) })
	if err != nil {
		return Info{}, err
	}
	return Info{
		Backend: Backend(c.backend), Workers: uint32(c.workers), WorkersStarted: uint32(c.workers_started),
		BufferCount: uint32(c.buffer_count), BufferSize: uint32(c.buffer_size),
		QueueDepth:        uint32(c.queue_depth),
		BuffersRegistered: uint32(c.buffers_registered), BuffersRefused: uint32(c.buffers_refused),
		Flags:         PoolFlags(c.flags),
		BackendReason: C.GoString(&c.backend_reason[0]), BuffersReason: C.GoString(&c.buffers_reason[0]),
		SQPollReason: C.GoString(&c.sqpoll_reason[0]), IOPollReason: C.GoString(&c.iopoll_reason[0]),
		KernelFeatures: C.GoString(&c.kernel_features[0]),
	}, nil
}

// Stats are counters since a pool was opened; see arsync_stats.
type Stats struct {
	QueueDepthMax                                                 uint32
	JobsSubmitted, JobsCompleted, JobsFailed, JobsCancelled       uint64
	BytesRead, BytesWritten, BytesReflinked, BytesOffloaded       uint64
	BytesCopiedInUserSpace                                        uint64
	Reads, ReadsFixed, ReadsInline                                uint64
	Writes, WritesFixed, WritesInline                             uint64
	ShortTransfers, Submissions, Enters, HelperCalls, BufferWaits uint64
	BusyNs, QueueDepthNs                                          uint64
}

// Stats tells what the pool has done.
func (p *Pool) Stats() (Stats, error) {
	c := C.arsync_stats{struct_size: C.sizeof_arsync_stats}
	err := p.call("stats", func(pool *C.arsync_pool) C.int { return C.arsync_pool_stats(pool, &c) })
	if err != nil {
		return Stats{}, err
	}
	return Stats{
		QueueDepthMax: uint32(c.queue_depth_max),
		JobsSubmitted: uint64(c.jobs_submitted), JobsCompleted: uint64(c.jobs_completed),
		JobsFailed: uint64(c.jobs_failed), JobsCancelled: uint64(c.jobs_cancelled),
		BytesRead: uint64(c.bytes_read), BytesWritten: uint64(c.bytes_written),
		BytesReflinked: uint64(c.bytes_reflinked), BytesOffloaded: uint64(c.bytes_offloaded),
		BytesCopiedInUserSpace: uint64(c.bytes_copied_in_user_space),
		Reads:                  uint64(c.reads), ReadsFixed: uint64(c.reads_fixed), ReadsInline: uint64(c.reads_inline),
		Writes: uint64(c.writes), WritesFixed: uint64(c.writes_fixed), WritesInline: uint64(c.writes_inline),
		ShortTransfers: uint64(c.short_transfers), Submissions: uint64(c.submissions),
		Enters: uint64(c.enters), HelperCalls: uint64(c.helper_calls), BufferWaits: uint64(c.buffer_waits),
		BusyNs: uint64(c.busy_ns), QueueDepthNs: uint64(c.queue_depth_ns),
	}, nil
}

// LinkSet is a set of jobs between which hard links are kept; see arsync_link_set_open.
type LinkSet struct {
	pool *Pool
	id   C.arsync_link_set
}

// OpenLinkSet opens a set, for [InSet]. It is closed with its pool, if not before.
func (p *Pool) OpenLinkSet() (*LinkSet, error) {
	set := &LinkSet{pool: p}
	err := p.call("open link set", func(c *C.arsync_pool) C.int { return C.arsync_link_set_open(c, &set.id) })
	if err != nil {
		return nil, err
	}
	return set, nil
}

// Close forgets the set. Jobs that were submitted with it still use it.
func (s *LinkSet) Close() error {
	return s.pool.call("close link set", func(c *C.arsync_pool) C.int {
		return C.arsync_link_set_close(c, s.id)
	})
}
