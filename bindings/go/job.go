package arsync

/*
#include <arsync.h>
*/
import "C"

import (
	"context"
	"errors"
	"iter"
	"sync"
	"syscall"
)

// As many completions that nobody has read hold a job up.
const unreadMax = C.ARSYNC_ENTRIES_WAITING_MAX

// Job is a copy that was submitted: of a file, a range, a tree or a list.
//
// What it tells of entries and items, and what it asks, [Job.Entries] gives. The job is paused while
// 4096 of them are unread, as copying waits in the library then, unless somebody waits for the job's
// end by [Job.Wait] or [Job.Done]: then all are kept that are not read.
type Job struct {
	pool      *Pool
	id        C.arsync_job
	ctx       context.Context
	forget    func() bool // its context
	op        string      // "" of a copy
	src, dst  string
	userData  uint64
	items     *itemTable // of a list
	wantsFile bool
	ignores   bool // what is told of entries; nobody will ask
	keeps     any  // what the library may use until the end

	mu     sync.Mutex
	told   sync.Cond
	unread []Completion
	last   Completion // of the job itself, when it has ended
	ended  bool
	done   chan struct{} // nil until somebody asks
	// Who waits for the end, or for room, without reading.
	waiters int
	paused  bool // by who uses the job,
	held    bool // and by what is unread
}

// tell takes completions of the job, in the pool's goroutine.
func (j *Job) tell(batch []C.arsync_completion) {
	j.mu.Lock()
	for i := range batch {
		c := &batch[i]
		if c.kind == C.ARSYNC_COMPLETION_JOB {
			j.last = j.completionOf(c)
			j.end()
			break
		}
		if !j.ignores {
			j.unread = append(j.unread, j.completionOf(c))
		}
		if c.kind == C.ARSYNC_COMPLETION_ITEM && j.items != nil {
			j.items.remove(uint64(c.user_data))
		}
	}
	j.holdOrLetGo()
	j.mu.Unlock()
	j.told.Broadcast()
}

func (j *Job) operation() string {
	if j.op == "" {
		return "copy"
	}
	return j.op
}

func (j *Job) end() {
	j.ended = true
	if j.done != nil {
		close(j.done)
	}
	if j.forget != nil {
		j.forget()
	}
	j.keeps = nil
}

// holdOrLetGo pauses the job if too much is unread, and lets it go on if not; with mu held.
func (j *Job) holdOrLetGo() {
	full := len(j.unread) >= unreadMax && j.waiters == 0 && j.done == nil
	if full == j.held || j.ended {
		return
	}
	j.held = full
	switch {
	case full && !j.paused:
		j.adjust(C.ARSYNC_ADJUST_PAUSE)
	case !full && !j.paused:
		j.adjust(C.ARSYNC_ADJUST_RESUME)
	}
}

func (j *Job) adjust(what C.uint32_t) {
	change := C.arsync_adjustment{struct_size: C.sizeof_arsync_adjustment, what: what}
	_ = j.pool.call("adjust", func(c *C.arsync_pool) C.int { return C.arsync_job_adjust(c, j.id, &change) })
}

// waitUntil waits, with mu held, until something holds that is told of.
func (j *Job) waitUntil(holds func() bool) {
	j.waiters++
	j.holdOrLetGo()
	for !j.ended && !holds() {
		j.told.Wait()
	}
	j.waiters--
}

// Wait waits until the job has ended, whatever its context says, and tells what came of it. Any number
// of goroutines may.
func (j *Job) Wait() (Completion, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.waitUntil(func() bool { return false })
	return j.last, j.last.Err
}

// Done is closed when the job has ended; then Wait does not wait.
func (j *Job) Done() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.done == nil {
		j.done = make(chan struct{})
		if j.ended {
			close(j.done)
		}
		j.holdOrLetGo()
	}
	return j.done
}

// Entries gives what the job tells of entries, items and ways, and asks, as it comes, until the job has
// ended, each with its error. What is not read when the loop is left, the next one gives.
func (j *Job) Entries() iter.Seq2[Completion, error] {
	return func(yield func(Completion, error) bool) {
		for batch := j.read(nil); batch != nil && j.give(batch, yield); batch = j.read(batch) {
		}
	}
}

// give gives a batch to a loop, and takes back what is left when that is left, by a panic too.
func (j *Job) give(batch []Completion, yield func(Completion, error) bool) bool {
	given := 0
	defer func() {
		if given < len(batch) {
			j.takeBack(batch[given:])
		}
	}()
	for given < len(batch) {
		given++
		if !yield(batch[given-1], batch[given-1].Err) {
			return false
		}
	}
	return true
}

// Questions gives what the job asks, with the completions that tell of it, and drops all else.
func (j *Job) Questions() iter.Seq2[*Question, Completion] {
	return func(yield func(*Question, Completion) bool) {
		for entry := range j.Entries() {
			if entry.Question != nil && !yield(entry.Question, entry) {
				return
			}
		}
	}
}

// read takes all that is unread, in exchange for memory that is not needed any more; nil: there will be
// nothing.
func (j *Job) read(spare []Completion) []Completion {
	clear(spare)
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.unread) == 0 && !j.ended {
		j.told.Wait()
	}
	if len(j.unread) == 0 {
		return nil
	}
	batch := j.unread
	j.unread = spare[:0]
	j.holdOrLetGo()
	return batch
}

func (j *Job) takeBack(rest []Completion) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.unread = append(rest[:len(rest):len(rest)], j.unread...)
	j.holdOrLetGo()
}

// Cancel asks the job to stop; what waits for it still waits until it has. It may end well all the
// same, if it is quicker.
func (j *Job) Cancel() {
	// That it has ended is no news.
	_ = j.pool.call("cancel", func(c *C.arsync_pool) C.int { return C.arsync_job_cancel(c, j.id) })
}

// Adjustment is how a job is to go on; see arsync_adjustment.
type Adjustment struct {
	Pause, Resume bool
	ByteRate      *uint64 // nil: as it was; 0: no limit
	Priority      *int32  // nil: as it was
}

// Adjust changes on what terms the job runs. An error that is [syscall.ENOENT] says that it has ended.
func (j *Job) Adjust(how Adjustment) error {
	if how.Pause && how.Resume {
		return refusal("adjust", syscall.EINVAL)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	change := C.arsync_adjustment{struct_size: C.sizeof_arsync_adjustment}
	if how.Pause {
		change.what |= C.ARSYNC_ADJUST_PAUSE
	}
	if how.Resume && !j.held {
		change.what |= C.ARSYNC_ADJUST_RESUME
	}
	if how.ByteRate != nil {
		change.what |= C.ARSYNC_ADJUST_BYTE_RATE
		change.byte_rate = C.uint64_t(*how.ByteRate)
	}
	if how.Priority != nil {
		change.what |= C.ARSYNC_ADJUST_PRIORITY
		change.priority = C.int32_t(*how.Priority)
	}
	err := j.pool.call("adjust", func(c *C.arsync_pool) C.int { return C.arsync_job_adjust(c, j.id, &change) })
	if err == nil {
		j.paused = (j.paused || how.Pause) && !how.Resume
	}
	return err
}

// JobState is what a job is at.
type JobState uint32

// See enum arsync_job_state.
const (
	JobQueued    JobState = C.ARSYNC_JOB_QUEUED
	JobRunning   JobState = C.ARSYNC_JOB_RUNNING
	JobCompleted JobState = C.ARSYNC_JOB_COMPLETED
)

// Progress is how far a job is; see arsync_progress.
type Progress struct {
	State                             JobState
	Stage                             Stage
	Method                            Method
	BytesTotal, BytesDone             uint64
	EntriesTotal, EntriesDone, Errors uint64
	BytesPerSecond                    uint64 // how fast BytesDone has grown of late
	Walking                           bool   // more entries may yet be found
	Paused                            bool
}

// Progress tells how far the job is. An error that is [syscall.ENOENT] says that it has ended.
func (j *Job) Progress() (Progress, error) {
	c := C.arsync_progress{struct_size: C.sizeof_arsync_progress}
	err := j.pool.call("progress", func(pool *C.arsync_pool) C.int {
		return C.arsync_job_progress(pool, j.id, &c)
	})
	if err != nil {
		// Of a closed pool each job has ended.
		if errors.Is(err, syscall.ESHUTDOWN) {
			err = refusal("progress", syscall.ENOENT)
		}
		return Progress{}, err
	}
	return Progress{
		State: JobState(c.state), Stage: Stage(c.stage), Method: Method(c.method),
		BytesTotal: uint64(c.bytes_total), BytesDone: uint64(c.bytes_done),
		EntriesTotal: uint64(c.entries_total), EntriesDone: uint64(c.entries_done), Errors: uint64(c.errors),
		BytesPerSecond: uint64(c.bytes_per_second),
		Walking:        c.flags&C.ARSYNC_PROGRESS_WALKING != 0, Paused: c.flags&C.ARSYNC_PROGRESS_PAUSED != 0,
	}, nil
}
