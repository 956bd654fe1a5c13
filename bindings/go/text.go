package arsync

/*
#include <errno.h>
#include <arsync.h>
*/
import "C"

import (
	"errors"
	"runtime"
	"syscall"
	"unsafe"
)

// Quoting is how [Quote] quotes a name.
type Quoting uint32

// See enum arsync_quoting.
const (
	QuoteShell    Quoting = C.ARSYNC_QUOTE_SHELL     // so that a shell takes it for one word
	QuoteIfNeeded Quoting = C.ARSYNC_QUOTE_IF_NEEDED // the same, but what is such a word already stays
	QuoteWord     Quoting = C.ARSYNC_QUOTE_WORD      // in quotation marks, as a word in a sentence
)

// Quote makes a file's name, of any bytes, one that can be shown: a terminal gets no byte that it would
// obey. What is not ASCII is escaped too, unless the program has called setlocale(3).
func Quote(name string, how Quoting) (string, error) {
	chars := []byte(name)
	return textOf("quote", func(text *C.char, size C.size_t) C.int {
		return C.arsync_quote(charsOf(chars), C.size_t(len(chars)), C.uint32_t(how), text, size)
	})
}

// textOf is what a function of the library writes that returns how long it is.
func textOf(op string, write func(text *C.char, size C.size_t) C.int) (string, error) {
	for size := 512; ; {
		text := make([]byte, size)
		length := int(write(charsOf(text), C.size_t(size)))
		if length < 0 {
			return "", failure(op, C.int(length))
		}
		if length < size {
			return string(text[:length]), nil
		}
		size = length + 1
	}
}

// Describe tells what [Pool.Info] tells in lines of text, for a log.
func (p *Pool) Describe() (string, error) {
	return p.text("describe pool", func(c *C.arsync_pool, text *C.char, size C.size_t) C.int {
		return C.arsync_pool_describe(c, text, size)
	})
}

// JSON tells what [Pool.Info] and [Pool.Stats] tell as an object in one line; see arsync_pool_json.
func (p *Pool) JSON() (string, error) {
	return p.text("describe pool", func(c *C.arsync_pool, text *C.char, size C.size_t) C.int {
		return C.arsync_pool_json(c, text, size)
	})
}

func (p *Pool) text(op string, write func(c *C.arsync_pool, text *C.char, size C.size_t) C.int) (string, error) {
	return textOf(op, func(text *C.char, size C.size_t) C.int {
		p.in.use.RLock()
		defer p.in.use.RUnlock()
		if p.in.closed {
			return -C.ESHUTDOWN
		}
		return write(p.in.c, text, size)
	})
}

// JSON is a record of it for logs and other programs, an object in one line; see arsync_completion_json
// for its members. dst and src are the names of what it is about: the program's own, with Path below
// them. outcome is what came of it in the program's own words, and message what is said of it; "" is
// the library's words, and nothing.
func (done *Completion) JSON(dst, src, outcome, message string) (string, error) {
	var pinned pinner
	defer pinned.Unpin()
	c := done.laidOut(&pinned)
	cDst, cSrc := pinned.chars(dst), pinned.chars(src)
	var cOutcome *C.char
	if outcome != "" {
		cOutcome = pinned.chars(outcome)
	}
	cMessage := pinned.chars(message)
	if pinned.hasNUL {
		return "", refusal("describe", syscall.EINVAL)
	}
	return textOf("describe", func(text *C.char, size C.size_t) C.int {
		return C.arsync_completion_json(c, cSrc, cDst, cOutcome, cMessage, text, size)
	})
}

// Describe tells what failed, or what a question asks, in a sentence in the words of cp; see
// arsync_describe. In place of names it has "$s" and "$d". It is "" if nothing failed. The arguments are
// those of the copy, or of the item; of a tree with [Recursive].
func (done *Completion) Describe(dst, src string, opts ...Option) (string, error) {
	var pinned pinner
	defer pinned.Unpin()
	c := done.laidOut(&pinned)
	cDst, cSrc := pinned.chars(dst), pinned.chars(src)
	if pinned.hasNUL {
		return "", refusal("describe", syscall.EINVAL)
	}
	var s settings
	s.take(opts)
	var text [512]C.char // twice what is enough
	err := s.call(func(options *C.arsync_copy_options, srcDir, dstDir C.int) C.int {
		return C.arsync_describe(c, options, srcDir, cSrc, dstDir, cDst, &text[0], C.size_t(len(text)))
	})
	var e *Error
	if errors.As(err, &e) {
		e.Op = "describe"
	}
	return C.GoString(&text[0]), err
}

// pinner keeps what C is to find where it is.
type pinner struct {
	runtime.Pinner
	hasNUL bool // in one of the strings
}

func (p *pinner) chars(s string) *C.char {
	b, ok := bytesOf(s)
	if !ok {
		p.hasNUL = true
		return nil
	}
	p.Pin(unsafe.SliceData(b))
	return charsOf(b)
}

// laidOut is the completion as the library told it, until the pinner lets go.
func (done *Completion) laidOut(pinned *pinner) *C.arsync_completion {
	c := &C.arsync_completion{
		kind: C.uint16_t(done.Kind), action: C.uint16_t(done.Action), method: C.uint16_t(done.Method),
		flags: C.uint32_t(done.Flags), bytes: C.uint64_t(done.Bytes), hole_bytes: C.uint64_t(done.HoleBytes),
	}
	pinned.Pin(c)
	if done.Path != "" {
		c.path = pinned.chars(done.Path)
	}
	var e *Error
	if errors.As(done.Err, &e) {
		c.result, c.stage = -C.int32_t(e.Err), C.uint16_t(e.Stage)
	}
	if done.Details != nil {
		c.details = done.Details.laidOut(pinned)
	}
	return c
}

func (d *Details) laidOut(pinned *pinner) *C.arsync_details {
	c := &C.arsync_details{
		struct_size: C.sizeof_arsync_details, has: C.uint32_t(d.Has), totals: d.Totals.laidOut(pinned),
		backup: pinned.chars(d.Backup), name: pinned.chars(d.Name), error_path: pinned.chars(d.ErrorPath),
		source: d.Source.laidOut(), destination: d.Destination.laidOut(),
		digest:   [2]C.uint64_t{C.uint64_t(d.Digest[0]), C.uint64_t(d.Digest[1])},
		begin_ns: C.uint64_t(d.Begin), end_ns: C.uint64_t(d.End),
	}
	pinned.Pin(c)
	return c
}

func (f *Facts) laidOut() C.arsync_facts {
	c := C.arsync_facts{
		size: C.uint64_t(f.Size), mode: C.uint32_t(f.Mode), inode: C.uint64_t(f.Inode),
		device_major: C.uint32_t(f.DeviceMajor), device_minor: C.uint32_t(f.DeviceMinor),
	}
	if f.Mode != 0 {
		c.mtime_s, c.mtime_ns = C.int64_t(f.ModTime.Unix()), C.uint32_t(f.ModTime.Nanosecond())
	}
	return c
}

func (t *Totals) laidOut(pinned *pinner) *C.arsync_totals {
	if t == nil {
		return nil
	}
	c := &C.arsync_totals{
		struct_size: C.sizeof_arsync_totals,
		entries:     C.uint64_t(t.Entries), files: C.uint64_t(t.Files), directories: C.uint64_t(t.Directories),
		symlinks: C.uint64_t(t.Symlinks), hard_links: C.uint64_t(t.HardLinks), specials: C.uint64_t(t.Specials),
		skipped: C.uint64_t(t.Skipped), removed: C.uint64_t(t.Removed), errors: C.uint64_t(t.Errors),
		bytes: C.uint64_t(t.Bytes), hole_bytes: C.uint64_t(t.HoleBytes),
	}
	for i, n := range t.FilesByMethod {
		c.files_by_method[i] = C.uint64_t(n)
	}
	pinned.Pin(c)
	return c
}
