package arsync

/*
#include <arsync.h>
*/
import "C"

import (
	"context"
	"io/fs"
	"strings"
	"syscall"
)

// Side is the end of a copy at which it failed.
type Side uint8

// Of neither side is what the process is short of, a cancel, and what both have to do with.
const (
	NoSide Side = iota
	Source
	Destination
)

func (s Side) String() string { return [...]string{"", "source", "destination"}[s] }

// Error is what failed. It is what [errors.Is] finds of Err, and of a job that was cancelled
// [context.Canceled], or what its context ended by; of a closed pool [fs.ErrClosed].
type Error struct {
	Op       string        // "copy", or the call that was refused, such as "submit"
	Path     string        // the source, or at Destination that; of an entry with its path below it
	Side     Side          // at which end it failed
	Stage    Stage         // at what
	Conflict bool          // because of what is at the destination
	Reason   string        // of options that were refused: which field, and why; else ""
	Err      syscall.Errno // as the library tells it
	cause    error
}

func (e *Error) Error() string {
	parts := make([]string, 0, 4)
	if e.Path != "" {
		parts = append(parts, e.Op+" "+e.Path)
	} else {
		parts = append(parts, e.Op)
	}
	if e.Stage != StageNone {
		parts = append(parts, e.Stage.String())
	}
	parts = append(parts, Strerror(e.Err))
	if e.Reason != "" {
		parts = append(parts, e.Reason)
	}
	return strings.Join(parts, ": ")
}

// Unwrap gives Err, and the context's error or [fs.ErrClosed], for [errors.Is] and [errors.As].
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.cause}
}

// failure is what a call of the library said, which took no job.
func failure(op string, result C.int) error {
	if result >= 0 {
		return nil
	}
	return refusal(op, syscall.Errno(-result))
}

func refusal(op string, errno syscall.Errno) *Error {
	e := &Error{Op: op, Err: errno}
	if errno == syscall.ESHUTDOWN {
		e.cause = fs.ErrClosed
	}
	return e
}

func cancelled(ctx context.Context, path string) *Error {
	return &Error{Op: "copy", Path: path, Stage: StageQueue, Err: syscall.ECANCELED, cause: ctx.Err()}
}
