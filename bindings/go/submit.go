package arsync

/*
#include <arsync.h>
*/
import "C"

import (
	"context"
	"errors"
	"os"
	"runtime"
	"syscall"
)

// ToEnd is a length that means to the source's end.
const ToEnd = ^uint64(0)

// Submit submits the copy of one file, or with [Recursive] of a tree, and does not wait for it.
func (p *Pool) Submit(ctx context.Context, dst, src string, opts ...Option) (*Job, error) {
	var s settings
	s.take(opts)
	return p.submitCopy(&Job{ctx: ctx, src: src, dst: dst}, &s)
}

// SubmitTree submits the copy of a directory with all that is in it: Submit with [Recursive].
func (p *Pool) SubmitTree(ctx context.Context, dst, src string, opts ...Option) (*Job, error) {
	return p.Submit(ctx, dst, src, Options(opts...), Recursive)
}

func (p *Pool) submitCopy(job *Job, s *settings) (*Job, error) {
	src, ok := bytesOf(job.src)
	dst, ok2 := bytesOf(job.dst)
	if !ok || !ok2 {
		e := refusal("submit", syscall.EINVAL)
		e.Reason = "a path has a NUL in it"
		return nil, e
	}
	return p.submit(job, s, func(c *C.arsync_pool, options *C.arsync_copy_options, srcDir, dstDir C.int) C.int {
		return C.arsync_submit_copy(c, srcDir, charsOf(src), dstDir, charsOf(dst), options, 0, &job.id)
	})
}

// SubmitRange submits the copy of length bytes, or [ToEnd], between two open files, which may be
// closed as soon as it returns, unless [KeepLocks] is among the options.
func (p *Pool) SubmitRange(ctx context.Context, dst *os.File, dstOffset uint64, src *os.File,
	srcOffset, length uint64, opts ...Option) (*Job, error) {
	if dst == nil || src == nil {
		return nil, refusal("submit", syscall.EBADF)
	}
	var s settings
	s.take(opts)
	s.src, s.dst = src, dst
	job := &Job{ctx: ctx, src: src.Name(), dst: dst.Name()}
	return p.submit(job, &s, func(c *C.arsync_pool, options *C.arsync_copy_options, srcFD, dstFD C.int) C.int {
		return C.arsync_submit_copy_range(c, srcFD, C.uint64_t(srcOffset), dstFD, C.uint64_t(dstOffset),
			C.uint64_t(length), options, 0, &job.id)
	})
}

// submit submits a copy.
func (p *Pool) submit(job *Job, s *settings,
	call func(c *C.arsync_pool, options *C.arsync_copy_options, src, dst C.int) C.int) (*Job, error) {
	if err := s.refuseSetOfOthers(p); err != nil {
		return nil, err
	}
	job.userData, job.keeps = s.userData, [2]*os.File{s.src, s.dst}
	job.wantsFile = Want(s.c.want)&WantFile != 0
	if Flags(s.c.flags)&Recursive != 0 || job.items != nil {
		s.c.want |= C.uint32_t(WantErrorPath) // for Error.Path
	}
	return p.start(job, func(c *C.arsync_pool) error {
		return s.call(func(options *C.arsync_copy_options, src, dst C.int) C.int { return call(c, options, src, dst) })
	})
}

// start makes the call that a job begins with.
func (p *Pool) start(job *Job, call func(c *C.arsync_pool) error) (*Job, error) {
	defer runtime.KeepAlive(p)
	if job.ctx.Err() != nil {
		return nil, cancelled(job.ctx, job.src)
	}
	job.pool = p
	job.told.L = &job.mu
	if err := p.in.add(job, call); err != nil {
		return nil, err
	}
	if job.ctx.Done() != nil {
		stop := context.AfterFunc(job.ctx, job.Cancel)
		job.mu.Lock()
		defer job.mu.Unlock()
		if job.forget = stop; job.ended {
			stop()
		}
	}
	return job, nil
}

// add has the job known before the pool's goroutine can be told of it.
func (in *innards) add(job *Job, call func(c *C.arsync_pool) error) error {
	in.use.RLock()
	defer in.use.RUnlock()
	if in.closed {
		return refusal("submit", syscall.ESHUTDOWN)
	}
	in.jobsMu.Lock()
	defer in.jobsMu.Unlock()
	if err := call(in.c); err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.Path = job.src
		}
		return err
	}
	in.jobs[job.id] = job
	return nil
}
