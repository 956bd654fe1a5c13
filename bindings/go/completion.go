package arsync

/*
#include <stdlib.h>
#include <arsync.h>
*/
import "C"

import (
	"context"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// Completion is what came of a job, of an entry of a tree, of an item of a list; or a question. See
// arsync_completion.
type Completion struct {
	Kind      Kind
	Action    Action
	Method    Method
	Flags     Outcome
	Bytes     uint64 // of the source that are at the destination, holes included
	HoleBytes uint64
	// Of an entry, or a question about one: its path below source and destination, "" for the source
	// itself. Of a way: the source's.
	Path     string
	UserData uint64    // of the job, or the item
	Err      error     // nil, or of type *Error
	Details  *Details  // nil unless asked for by [Want], or there is something to say
	Question *Question // of KindQuestion
	// With WantFile: the copy, still open; the caller's to close. [Job.Wait] may give it beside an error, if only
	// an attribute was lost; Copy, with an error, has closed it.
	File    *os.File
	Buffers []*Buffer // of [Pool.SubmitAcquire]
}

// Totals are what a tree or a list did; see arsync_totals.
type Totals struct {
	Entries, Files, Directories, Symlinks, HardLinks, Specials uint64
	Skipped, Removed, Errors                                   uint64
	Bytes, HoleBytes                                           uint64
	FilesByMethod                                              [16]uint64
}

// Facts are what statx(2) tells of a file.
type Facts struct {
	Size                     uint64
	ModTime                  time.Time
	Mode                     uint32 // kind and permissions, as st_mode; 0: nothing is known
	DeviceMajor, DeviceMinor uint32
	Inode                    uint64
}

// Details are what a completion tells on request, and what belongs to its flags; see arsync_details.
type Details struct {
	Has         Want    // what was wanted and is here
	Totals      *Totals // nil: there are none
	Backup      string  // with BackedUp: the name that what was at the destination has now
	Name        string  // with KeptBoth: the name of the copy
	Source      Facts
	Destination Facts
	ErrorPath   string        // of a tree: the path of the entry whose error is the job's
	Digest      [2]uint64     // lower and higher half
	Begin, End  time.Duration // by CLOCK_MONOTONIC
	Other       *Item         // with InMirror: the item whose mirror it is
}

func factsOf(c *C.arsync_facts) Facts {
	f := Facts{Size: uint64(c.size), Mode: uint32(c.mode), DeviceMajor: uint32(c.device_major),
		DeviceMinor: uint32(c.device_minor), Inode: uint64(c.inode)}
	if f.Mode != 0 {
		f.ModTime = time.Unix(int64(c.mtime_s), int64(c.mtime_ns))
	}
	return f
}

func totalsOf(c *C.arsync_totals) *Totals {
	if c == nil {
		return nil
	}
	t := &Totals{
		Entries: uint64(c.entries), Files: uint64(c.files), Directories: uint64(c.directories),
		Symlinks: uint64(c.symlinks), HardLinks: uint64(c.hard_links), Specials: uint64(c.specials),
		Skipped: uint64(c.skipped), Removed: uint64(c.removed), Errors: uint64(c.errors),
		Bytes: uint64(c.bytes), HoleBytes: uint64(c.hole_bytes),
	}
	for i, n := range c.files_by_method {
		t.FilesByMethod[i] = uint64(n)
	}
	return t
}

func detailsOf(c *C.arsync_details) *Details {
	return &Details{
		Has: Want(c.has), Totals: totalsOf(c.totals), Backup: C.GoString(c.backup), Name: C.GoString(c.name),
		Source: factsOf(&c.source), Destination: factsOf(&c.destination), ErrorPath: C.GoString(c.error_path),
		Digest: [2]uint64{uint64(c.digest[0]), uint64(c.digest[1])},
		Begin:  time.Duration(c.begin_ns), End: time.Duration(c.end_ns),
	}
}

// completionOf is what the library tells of the job, in Go's memory.
func (j *Job) completionOf(c *C.arsync_completion) Completion {
	done := Completion{
		Kind: Kind(c.kind), Action: Action(c.action), Method: Method(c.method), Flags: Outcome(c.flags),
		Bytes: uint64(c.bytes), HoleBytes: uint64(c.hole_bytes), UserData: j.userData,
	}
	var item *Item
	if j.items != nil {
		item = j.items.find(uint64(c.user_data))
	}
	if item != nil {
		done.UserData = item.UserData
	}
	if c.path != nil {
		done.Path = C.GoString(c.path)
	}
	if c.details != nil {
		done.Details = detailsOf(c.details)
		if j.items != nil && done.Flags&InMirror != 0 {
			if other := j.items.find(uint64(c.details.other)); other != nil {
				item := *other
				done.Details.Other = &item
			}
		}
		if c.details.buffers != nil {
			for _, buffer := range unsafe.Slice(c.details.buffers, c.details.buffer_count) {
				done.Buffers = append(done.Buffers, j.pool.leased(buffer))
			}
		}
		if done.Kind == KindQuestion {
			done.Question = &Question{pool: j.pool, id: c.details.question}
		}
	}
	if c.result < 0 {
		done.Err = j.errorOf(c, &done, item)
	}
	if j.wantsFile && done.Kind == KindJob {
		if fd := C.arsync_take_fd(j.pool.in.c, c); fd >= 0 {
			done.File = os.NewFile(uintptr(fd), j.dst)
		}
	}
	return done
}

func (j *Job) errorOf(c *C.arsync_completion, done *Completion, item *Item) *Error {
	e := &Error{Op: j.operation(), Stage: Stage(c.stage), Conflict: done.Flags&Conflict != 0,
		Err: syscall.Errno(-c.result)}
	src, dst := j.src, j.dst
	if item != nil {
		src, dst = item.Src, item.Dst
	}
	e.Path = src
	switch {
	case done.Flags&AtSource != 0:
		e.Side = Source
	case done.Flags&AtDestination != 0:
		e.Side, e.Path = Destination, dst
	}
	below := done.Path
	if done.Kind == KindJob && done.Details != nil {
		below = done.Details.ErrorPath
	}
	switch {
	case done.Kind == KindWay:
		e.Path = done.Path
	case below != "" && e.Path != "":
		e.Path += "/" + below
	case below != "":
		e.Path = below
	}
	if e.Err == syscall.ECANCELED {
		e.cause = context.Canceled
		if err := j.ctx.Err(); err != nil {
			e.cause = err
		}
	}
	return e
}

// Question is what a job asks about something that is at its destination; see [UpdateAsk] and
// "Questions" in arsync.h. What is known of both sides is in the completion's details.
type Question struct {
	pool *Pool
	id   C.arsync_question
}

// Answer answers it, at any time before the job's end, from any goroutine. An error that is
// [syscall.ENOENT] says that it was answered before, or that its job has ended.
func (q *Question) Answer(answer Answer) error {
	return q.pool.call("answer", func(c *C.arsync_pool) C.int {
		return C.arsync_answer(c, q.id, C.uint32_t(answer))
	})
}
