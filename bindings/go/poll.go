package arsync

/*
#include <errno.h>
#include <stdlib.h>
#include <arsync.h>
*/
import "C"

import (
	"syscall"
	"unsafe"
)

// How many completions one call of the library gives at most.
const batchSize = 256

// poller is the goroutine that takes completions from the library and hands them to their jobs. It
// waits in Go's poller, which tells of edges only: so it takes all there are before it waits again.
type poller struct {
	in    *innards
	raw   syscall.RawConn
	batch *C.arsync_completion // of C's memory, for the library to write pointers into
	jobs  [batchSize]*Job      // of the completions in batch
}

func newPoller(in *innards) (*poller, error) {
	raw, err := in.event.SyscallConn()
	if err != nil {
		return nil, err
	}
	batch := C.malloc(batchSize * C.sizeof_arsync_completion)
	return &poller{in: in, raw: raw, batch: (*C.arsync_completion)(batch)}, nil
}

func (p *poller) run() {
	defer close(p.in.ended)
	defer C.free(unsafe.Pointer(p.batch))
	if err := p.raw.Read(p.takeAll); err != nil {
		panic("arsync: " + err.Error()) // the file is this package's own, and open
	}
}

// takeAll hands on all there is, and says whether that was all there will ever be. After entries of a
// job there are most often more: then the library waits a moment, until they are many or there is
// something else, which costs less than a wake-up for each.
func (p *poller) takeAll(uintptr) bool {
	for moment := C.int(0); ; {
		n := C.arsync_poll(p.in.c, p.batch, batchSize, moment)
		if n == -C.ESHUTDOWN {
			return true
		}
		if n <= 0 {
			return false
		}
		batch := unsafe.Slice(p.batch, int(n))
		moment = 0
		if batch[n-1].kind != C.ARSYNC_COMPLETION_JOB {
			moment = 1
		}
		p.handOn(batch)
	}
}

// handOn tells the jobs. What is told of one job stands together more often than not.
func (p *poller) handOn(batch []C.arsync_completion) {
	p.find(batch)
	for begin := 0; begin < len(batch); {
		job := p.jobs[begin]
		end := begin + 1
		for end < len(batch) && p.jobs[end] == job {
			end++
		}
		job.tell(batch[begin:end])
		begin = end
	}
	clear(p.jobs[:len(batch)])
}

func (p *poller) find(batch []C.arsync_completion) {
	p.in.jobsMu.Lock()
	defer p.in.jobsMu.Unlock()
	var last C.arsync_job
	var job *Job
	for i := range batch {
		if batch[i].job != last {
			last = batch[i].job
			job = p.in.jobs[last]
		}
		p.jobs[i] = job
		if batch[i].kind == C.ARSYNC_COMPLETION_JOB {
			delete(p.in.jobs, last)
		}
	}
}
