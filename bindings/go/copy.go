package arsync

import (
	"context"
	"os"
	"sync"
	"syscall"
)

// Copy copies one file by a pool of the package's own, and returns when that is done. It is quick to
// call it any number of times, from any number of goroutines.
func Copy(ctx context.Context, dst, src string, opts ...Option) (Completion, error) {
	p, err := ownPool()
	if err != nil {
		return Completion{}, err
	}
	return p.Copy(ctx, dst, src, opts...)
}

// CopyTree copies a directory with all that is in it by a pool of the package's own, and returns when
// that is done: the error is the first one, and the completion's details have totals if [WantTotals]
// asks for them.
func CopyTree(ctx context.Context, dst, src string, opts ...Option) (Completion, error) {
	p, err := ownPool()
	if err != nil {
		return Completion{}, err
	}
	return p.CopyTree(ctx, dst, src, opts...)
}

// CopyList copies many things by a pool of the package's own; see [Pool.CopyList].
func CopyList(ctx context.Context, items []Item, opts ...Option) ([]Completion, error) {
	p, err := ownPool()
	if err != nil {
		return nil, err
	}
	return p.CopyList(ctx, items, opts...)
}

// Copy copies one file, and returns when that is done. As there is nobody to ask, [UpdateAsk] is EINVAL.
func (p *Pool) Copy(ctx context.Context, dst, src string, opts ...Option) (Completion, error) {
	var s settings
	s.take(opts)
	if err := s.refuseToAsk(); err != nil {
		return Completion{}, err
	}
	return wait(p.submitCopy(&Job{ctx: ctx, src: src, dst: dst, ignores: true}, &s))
}

// CopyTree copies a directory with all that is in it, and returns when that is done: the error is the
// first one. Who wants to know of each entry, or answer questions, submits the tree.
func (p *Pool) CopyTree(ctx context.Context, dst, src string, opts ...Option) (Completion, error) {
	return p.Copy(ctx, dst, src, Options(opts...), Recursive)
}

// CopyRange copies length bytes, or [ToEnd], between two open files.
func (p *Pool) CopyRange(ctx context.Context, dst *os.File, dstOffset uint64, src *os.File,
	srcOffset, length uint64, opts ...Option) (Completion, error) {
	return wait(p.SubmitRange(ctx, dst, dstOffset, src, srcOffset, length, opts...))
}

// CopyList copies many things, and returns when that is done, with what came of each, as [Job.Entries]
// tells, and the first error.
func (p *Pool) CopyList(ctx context.Context, items []Item, opts ...Option) ([]Completion, error) {
	var s settings
	s.take(opts)
	if err := s.refuseToAsk(); err != nil {
		return nil, err
	}
	job, err := p.submitList(&Job{ctx: ctx}, items, &s)
	if err != nil {
		return nil, err
	}
	_, err = job.Wait()
	return job.read(nil), err
}

// refuseToAsk: who waits for the end does not answer.
func (s *settings) refuseToAsk() error {
	if update := Update(s.c.update); update != UpdateAsk && update != UpdateAskOlder {
		return nil
	}
	e := refusal("submit", syscall.EINVAL)
	e.Reason = "update: there is nobody to ask"
	return e
}

func wait(job *Job, err error) (Completion, error) {
	if err != nil {
		return Completion{}, err
	}
	done, err := job.Wait()
	if err != nil && done.File != nil {
		// Who is given an error looks for nothing to close.
		done.File.Close()
		done.File = nil
	}
	return done, err
}

var own struct {
	mu   sync.Mutex
	pool *Pool
}

// ownPool is open from its first use on.
func ownPool() (*Pool, error) {
	own.mu.Lock()
	defer own.mu.Unlock()
	if own.pool == nil {
		p, err := Open()
		if err != nil {
			return nil, err
		}
		own.pool = p
	}
	return own.pool, nil
}
