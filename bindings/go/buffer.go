package arsync

/*
#include <arsync.h>
*/
import "C"

import (
	"context"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"
)

// Buffer is memory of a pool, that files are read into and written from without a copy in this process;
// see "Buffers" in arsync.h. It is 4096-aligned, as O_DIRECT wants it.
//
// A buffer is to be released. One that nobody holds any more, and that is neither read into nor written
// from, the garbage collector releases: so keep the Buffer for as long as what [Buffer.Bytes] gave is used.
// Closing the pool leaves it alone.
type Buffer struct {
	pool *Pool
	id   C.uint64_t
	size int

	mu    sync.RWMutex // written to release
	bytes []byte       // nil: it was released
}

func (p *Pool) leased(c C.arsync_buffer) *Buffer {
	bytes := unsafe.Slice((*byte)(c.data), int(c.size))
	b := &Buffer{pool: p, id: c.id, size: len(bytes), bytes: bytes}
	runtime.SetFinalizer(b, (*Buffer).Release)
	return b
}

// Bytes is the memory, valid until the buffer is released; nil afterwards. While it is read into, do not look at it;
// while it is written from, leave it as it is.
func (b *Buffer) Bytes() []byte {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.bytes
}

// Len is how many bytes it has, or had.
func (b *Buffer) Len() int { return b.size }

// use locks the memory against a release until mu is unlocked, unless it was released before.
func (b *Buffer) use(op string) error {
	b.mu.RLock()
	if b.bytes != nil {
		return nil
	}
	b.mu.RUnlock()
	e := refusal(op, syscall.EBADF)
	e.Reason, e.cause = "the buffer has been released", fs.ErrClosed
	return e
}

// ReadAt reads from the memory, as [io.ReaderAt] says. Of a released buffer it is an error that is
// [io/fs.ErrClosed].
func (b *Buffer) ReadAt(p []byte, offset int64) (int, error) {
	if err := b.use("read buffer"); err != nil {
		return 0, err
	}
	defer b.mu.RUnlock()
	if offset < 0 {
		return 0, refusal("read buffer", syscall.EINVAL)
	}
	if offset >= int64(len(b.bytes)) {
		return 0, io.EOF
	}
	n := copy(p, b.bytes[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt writes to the memory, as [io.WriterAt] says. What does not fit is [io.ErrShortWrite]. Of a released buffer
// it is an error that is [io/fs.ErrClosed].
func (b *Buffer) WriteAt(p []byte, offset int64) (int, error) {
	if err := b.use("write buffer"); err != nil {
		return 0, err
	}
	defer b.mu.RUnlock()
	if offset < 0 {
		return 0, refusal("write buffer", syscall.EINVAL)
	}
	n := 0
	if offset < int64(len(b.bytes)) {
		n = copy(b.bytes[offset:], p)
	}
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

// idIn is its number in that pool; in another one it may be another buffer's.
func (b *Buffer) idIn(op string, p *Pool) (C.uint64_t, error) {
	if b.pool.in != p.in {
		e := refusal(op, syscall.EINVAL)
		e.Reason = "buffer: of another pool"
		return 0, e
	}
	return b.id, nil
}

// Release gives it back, also while it is read into or written from, and after the pool was closed. It may be
// called more than once.
func (b *Buffer) Release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bytes == nil {
		return
	}
	b.bytes = nil
	runtime.SetFinalizer(b, nil)
	in := b.pool.in
	in.use.RLock()
	defer in.use.RUnlock()
	C.arsync_buffer_release(in.c, b.id)
}

// TryAcquire leases buffers that are free. An error that is [syscall.EAGAIN] says that there are not as many.
func (p *Pool) TryAcquire(count int) ([]*Buffer, error) {
	if count <= 0 || count > C.ARSYNC_LEASE_COUNT_MAX {
		return nil, refusal("acquire", syscall.EINVAL)
	}
	leased := make([]C.arsync_buffer, count)
	err := p.call("acquire", func(c *C.arsync_pool) C.int {
		return C.arsync_buffer_acquire(c, C.uint32_t(count), &leased[0])
	})
	if err != nil {
		return nil, err
	}
	buffers := make([]*Buffer, count)
	for i, buffer := range leased {
		buffers[i] = p.leased(buffer)
	}
	return buffers, nil
}

// Acquire leases buffers, and waits for them if it must.
func (p *Pool) Acquire(ctx context.Context, count int) ([]*Buffer, error) {
	done, err := wait(p.SubmitAcquire(ctx, count))
	return done.Buffers, err
}

// SubmitAcquire submits a job that waits for buffers. Its completion has them.
func (p *Pool) SubmitAcquire(ctx context.Context, count int) (*Job, error) {
	if count <= 0 || count > C.ARSYNC_LEASE_COUNT_MAX {
		return nil, refusal("acquire", syscall.EINVAL)
	}
	return p.submitPlain(&Job{ctx: ctx, op: "acquire"}, func(c *C.arsync_pool, job *C.arsync_job) C.int {
		return C.arsync_submit_acquire(c, C.uint32_t(count), 0, job)
	})
}

// submitPlain submits a job that has no options.
func (p *Pool) submitPlain(job *Job, call func(c *C.arsync_pool, job *C.arsync_job) C.int) (*Job, error) {
	return p.start(job, func(c *C.arsync_pool) error { return failure(job.op, call(c, &job.id)) })
}

// Stream is an offset that means one read(2) or write(2), as a pipe, a socket or a terminal has it.
const Stream = ^uint64(0)

// File is an open file of a pool, that is read into buffers and written from them. Operations on it have no
// order among each other.
type File struct {
	pool *Pool
	id   C.arsync_file
	name string
}

// OpenFile gives the pool an open file, which may be closed as soon as it returns. It is to be closed, and is
// with its pool.
func (p *Pool) OpenFile(file *os.File) (*File, error) {
	if file == nil {
		return nil, refusal("open file", syscall.EBADF)
	}
	f := &File{pool: p, name: file.Name()}
	var err error
	if withDescriptor(file, func(fd C.int) error {
		err = p.call("open file", func(c *C.arsync_pool) C.int { return C.arsync_file_open(c, fd, 0, &f.id) })
		return nil
	}) != nil {
		err = refusal("open file", syscall.EBADF)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Close closes it, when the operations that are under way have ended. An error that is [syscall.ENOENT] says
// that it was closed before.
func (f *File) Close() error {
	return f.pool.call("close file", func(c *C.arsync_pool) C.int { return C.arsync_file_close(c, f.id) })
}

// SubmitRead submits a read of length bytes, from offset of the file on, or [Stream], into the buffer from at on.
// The completion's Bytes are how many there were; fewer than length are the end of the file.
func (f *File) SubmitRead(ctx context.Context, b *Buffer, at, length, offset uint64) (*Job, error) {
	id, err := b.idIn("read", f.pool)
	if err != nil {
		return nil, err
	}
	return f.pool.submitPlain(&Job{ctx: ctx, op: "read", src: f.name, dst: f.name, keeps: b},
		func(c *C.arsync_pool, job *C.arsync_job) C.int {
			return C.arsync_submit_read(c, f.id, C.uint64_t(offset), id, C.uint64_t(at), C.uint64_t(length), 0, 0, job)
		})
}

// SubmitWrite submits a write of the same kind from the buffer. One buffer may be written to any number of files
// at once.
func (f *File) SubmitWrite(ctx context.Context, b *Buffer, at, length, offset uint64) (*Job, error) {
	id, err := b.idIn("write", f.pool)
	if err != nil {
		return nil, err
	}
	return f.pool.submitPlain(&Job{ctx: ctx, op: "write", src: f.name, dst: f.name, keeps: b},
		func(c *C.arsync_pool, job *C.arsync_job) C.int {
			return C.arsync_submit_write(c, f.id, C.uint64_t(offset), id, C.uint64_t(at), C.uint64_t(length), 0, 0, job)
		})
}

// SubmitSync submits a sync of what has been written to the file by then; of the data alone as fdatasync(2) does
// it.
func (f *File) SubmitSync(ctx context.Context, dataOnly bool) (*Job, error) {
	flags := C.uint32_t(0)
	if dataOnly {
		flags = C.ARSYNC_SYNC_DATA
	}
	return f.pool.submitPlain(&Job{ctx: ctx, op: "sync", src: f.name, dst: f.name},
		func(c *C.arsync_pool, job *C.arsync_job) C.int { return C.arsync_submit_sync(c, f.id, flags, 0, job) })
}

// Read reads as SubmitRead says, and waits.
func (f *File) Read(ctx context.Context, b *Buffer, at, length, offset uint64) (int, error) {
	done, err := wait(f.SubmitRead(ctx, b, at, length, offset))
	return int(done.Bytes), err
}

// Write writes as SubmitWrite says, and waits.
func (f *File) Write(ctx context.Context, b *Buffer, at, length, offset uint64) (int, error) {
	done, err := wait(f.SubmitWrite(ctx, b, at, length, offset))
	return int(done.Bytes), err
}

// Sync syncs as SubmitSync says, and waits.
func (f *File) Sync(ctx context.Context, dataOnly bool) error {
	_, err := wait(f.SubmitSync(ctx, dataOnly))
	return err
}
