// What nobody should do to the package, and what happens to whoever does.
package arsync_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"arsync"
)

// items are copies of a few small files.
func (w *work) items(count int) []arsync.Item {
	items := make([]arsync.Item, count)
	for i := range items {
		src := fmt.Sprint("small", i%500)
		if i < 500 {
			w.write(src, 10)
		}
		items[i] = arsync.Item{Src: w.path(src), Dst: w.path(fmt.Sprint("to", i)), UserData: uint64(i)}
	}
	return items
}

func TestWantsItsEntriesReadOrWaitedFor(t *testing.T) {
	w := newWork(t)
	const count = 12000
	items := w.items(count)
	w.write("small", 10)
	p := w.open()
	job, err := p.SubmitList(background, items)
	w.no(err)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		progress, err := job.Progress()
		w.no(err) // it is held up by what nobody reads
		if progress.Paused {
			break
		}
	}
	_, err = p.Copy(background, w.path("other"), w.path("small")) // which concerns no other job
	w.no(err)
	w.no(job.Adjust(arsync.Adjustment{Pause: true}))
	w.no(job.Adjust(arsync.Adjustment{Resume: true}))
	progress, err := job.Progress()
	w.no(err)
	if !progress.Paused || progress.EntriesDone == count {
		t.Error(progress)
	}
	seen := make([]bool, count)
	for item, err := range job.Entries() {
		w.no(err)
		if seen[item.UserData] {
			t.Fatal(item.UserData, "was told of twice")
		}
		seen[item.UserData] = true
	}
	_, err = job.Wait()
	w.no(err)
	for i := range seen {
		if !seen[i] {
			t.Fatal(i, "was not told of")
		}
	}

	// Who only waits has all of it kept.
	job, err = p.SubmitList(background, items, arsync.UpdateNone)
	w.no(err)
	<-job.Done()
	count2 := 0
	for range job.Entries() {
		count2++
	}
	if count2 != count {
		t.Error(count2)
	}
}

func TestAddsManyItemsBeforeAnyIsRead(t *testing.T) {
	w := newWork(t)
	list, err := w.open().OpenList(background)
	w.no(err)
	w.no(list.Add(w.items(30000)...))
	w.no(list.End())
	w.fails(list.End(), syscall.EINVAL)
	sum := uint64(0)
	for item, err := range list.Entries() {
		w.no(err)
		sum += item.UserData
	}
	if sum != 30000*29999/2 {
		t.Error(sum)
	}
}

func TestSubmitsFromManyGoroutinesWhileThePoolCloses(t *testing.T) {
	w := newWork(t)
	w.write("small", 10)
	for range 5 {
		p := w.open()
		var all sync.WaitGroup
		for g := range 16 {
			all.Add(1)
			go func() {
				defer all.Done()
				for i := range 100 {
					job, err := p.Submit(background, w.path(fmt.Sprint("to", g, i%10)), w.path("small"))
					if err != nil {
						w.fails(err, syscall.ESHUTDOWN)
						return
					}
					_, _ = job.Progress()
					job.Cancel()
					if _, err = job.Wait(); err != nil {
						w.fails(err, syscall.ECANCELED)
					}
				}
			}()
		}
		time.Sleep(time.Millisecond)
		w.no(p.Close())
		all.Wait()
	}
}

func TestCancelsTenThousandByOneContext(t *testing.T) {
	w := newWork(t)
	p := w.open(arsync.ByteRate(64 << 10))
	ctx, cancel := context.WithCancel(background)
	var jobs []*arsync.Job
	for i := range 10000 {
		job, err := p.Submit(ctx, w.path(fmt.Sprint("to", i)), w.path("from"))
		w.no(err)
		jobs = append(jobs, job)
	}
	cancel()
	for _, job := range jobs {
		_, err := job.Wait()
		w.fails(err, syscall.ECANCELED)
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}

func TestClosesAPoolThatNobodyHolds(t *testing.T) {
	w := newWork(t)
	// Not those of Go: it keeps as many as have ever waited in calls at once.
	before := threads(t, "arsync/")
	for range 20 {
		p, err := arsync.Open()
		w.no(err)
		_, err = p.Copy(background, w.path("to"), w.path("from"))
		w.no(err)
	}
	if opened := threads(t, "arsync/"); opened <= before {
		t.Fatal(before, "threads became", opened, "by 20 pools")
	}
	for deadline := time.Now().Add(time.Minute); threads(t, "arsync/") > before; {
		if time.Now().After(deadline) {
			t.Fatal(before, "threads became", threads(t, "arsync/"))
		}
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
	}
	w.same("to", "from")
}

func TestKeepsBorrowedDirectoriesOpen(t *testing.T) {
	w := newWork(t)
	p := w.open(arsync.ByteRate(6 << 20))
	dir, err := os.Open(w.dir)
	w.no(err)
	job, err := p.Submit(background, "to", "from", arsync.SrcDir(dir), arsync.DstDir(dir), arsync.BorrowDirs)
	w.no(err)
	dir = nil // and nobody else holds it
	for range 10 {
		runtime.GC()
		time.Sleep(5 * time.Millisecond)
	}
	_, err = job.Wait()
	w.no(err)
	w.same("to", "from")
}

func TestRefusesClosedFiles(t *testing.T) {
	w := newWork(t)
	file, err := os.Open(w.path("from"))
	w.no(err)
	w.no(file.Close())
	p := w.open()
	_, err = p.Copy(background, w.path("to"), "", arsync.SrcFile(file))
	w.fails(err, syscall.EBADF)
	_, err = p.SubmitRange(background, nil, 0, file, 0, 1)
	w.fails(err, syscall.EBADF)
	_, err = p.Copy(background, w.path("to"), "", arsync.SrcFile(nil))
	w.fails(err, syscall.EBADF)
	w.fails(p.Shutdown(7), syscall.EINVAL)
	_, err = arsync.Open(arsync.Workers(1000))
	w.fails(err, syscall.EINVAL)
}

func TestUsesWhatBelongsToAClosedPool(t *testing.T) {
	w := newWork(t)
	w.write("to", 1)
	p := w.open()
	set, err := p.OpenLinkSet()
	w.no(err)
	list, err := p.OpenList(background)
	w.no(err)
	job, err := p.Submit(background, w.path("to"), w.path("from"), arsync.UpdateAsk)
	w.no(err)
	var question *arsync.Question
	for question = range job.Questions() {
		break
	}
	w.no(p.Close())
	w.fails(question.Answer(arsync.AnswerSkip), syscall.ESHUTDOWN)
	w.fails(set.Close(), syscall.ESHUTDOWN)
	w.fails(list.Add(arsync.Item{Src: "a", Dst: "b"}), syscall.ESHUTDOWN)
	w.fails(list.End(), syscall.ESHUTDOWN)
	if err := list.End(); !errors.Is(err, fs.ErrClosed) {
		t.Error(err)
	}
	job.Cancel()
	_, err = list.Wait()
	w.fails(err, syscall.ECANCELED)
	for range list.Entries() {
		t.Error("there is nothing to tell")
	}
}

func TestTellsOfMirrorsThatWouldTakeFromEachOther(t *testing.T) {
	w := newWork(t)
	w.tree("one")
	w.tree("two")
	items := []arsync.Item{{Src: w.path("one"), Dst: w.path("to"), UserData: 1},
		{Src: w.path("two"), Dst: w.path("to/dir"), UserData: 2}}
	job, err := w.open().SubmitList(background, items, arsync.Recursive|arsync.Mirror)
	w.no(err)
	count := 0
	for item, err := range job.Entries() {
		if err == nil || item.Flags&arsync.InMirror == 0 || item.UserData+item.Details.Other.UserData != 3 {
			t.Errorf("%+v", item)
		}
		count++
	}
	if count != 1 {
		t.Error(count)
	}
	w.isNotThere("to")
}

func TestReleasesBuffersThatNobodyHolds(t *testing.T) {
	w := newWork(t)
	p := w.open(arsync.LeaseCount(2))
	w.buffer(p)
	job, err := p.SubmitAcquire(background, 2)
	w.no(err)
	w.waitCollecting(job)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		runtime.GC()
		if buffers, err := p.TryAcquire(2); err == nil {
			buffers[0].Release()
			buffers[1].Release()
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// waitCollecting waits while garbage is collected.
func (w *work) waitCollecting(job *arsync.Job) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		runtime.GC()
		select {
		case <-job.Done():
			return
		default:
		}
	}
	w.t.Fatal("the buffers did not come")
}

func TestReadsAndWritesABuffersMemory(t *testing.T) {
	w := newWork(t)
	b := w.buffer(w.open(arsync.Buffers(0, 4096)))
	defer b.Release()
	n, err := b.WriteAt([]byte("abc"), 4094)
	if n != 2 || !errors.Is(err, io.ErrShortWrite) {
		t.Error(n, err)
	}
	all, err := io.ReadAll(io.NewSectionReader(b, 4090, 100))
	w.no(err)
	if string(all[4:]) != "ab" {
		t.Errorf("%q", all)
	}
	_, err = b.ReadAt(nil, -1)
	w.fails(err, syscall.EINVAL)
	_, err = b.WriteAt([]byte("a"), 5000)
	if !errors.Is(err, io.ErrShortWrite) {
		t.Error(err)
	}
}

func TestTellsThatABufferOrASetIsAnotherPools(t *testing.T) {
	w := newWork(t)
	one, other := w.open(), w.open()
	// The other's has a number that this one knows, too.
	mine, theirs := w.buffer(one), w.buffer(other)
	defer mine.Release()
	defer theirs.Release()
	source, err := os.Open(w.path("from"))
	w.no(err)
	defer source.Close()
	file, err := one.OpenFile(source)
	w.no(err)
	refused := func(err error, reason string) {
		t.Helper()
		var e *arsync.Error
		if !errors.As(err, &e) || e.Err != syscall.EINVAL || e.Reason != reason {
			t.Error(err)
		}
	}
	_, err = file.Read(background, theirs, 0, 10, 0)
	refused(err, "buffer: of another pool")
	_, err = file.Write(background, theirs, 0, 10, 0)
	refused(err, "buffer: of another pool")
	_, err = file.Read(background, mine, 0, 10, 0)
	w.no(err)

	mySet, err := one.OpenLinkSet()
	w.no(err)
	theirSet, err := other.OpenLinkSet()
	w.no(err)
	_, err = one.Copy(background, w.path("to"), w.path("from"), arsync.InSet(theirSet), arsync.PreserveLinks)
	refused(err, "link_set: of another pool")
	_, err = one.Copy(background, w.path("to"), w.path("from"), arsync.InSet(mySet), arsync.PreserveLinks)
	w.no(err)
}

func TestTouchesNothingOfAReleasedBuffer(t *testing.T) {
	w := newWork(t)
	b := w.buffer(w.open())
	size := b.Len()
	b.Release()
	b.Release()
	some := make([]byte, 10)
	if n, err := b.ReadAt(some, 0); n != 0 || !errors.Is(err, fs.ErrClosed) {
		t.Error(n, err)
	}
	if n, err := b.WriteAt(some, 0); n != 0 || !errors.Is(err, fs.ErrClosed) {
		t.Error(n, err)
	}
	if b.Bytes() != nil || b.Len() != size {
		t.Error(len(b.Bytes()), b.Len())
	}

	// Nor while another goroutine is at it.
	b = w.buffer(w.open())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := b.ReadAt(some, 0); err != nil {
				return
			}
		}
	}()
	b.Release()
	<-done
}

// staysOpen says whether the process has a descriptor of the file, when the library has closed its own, for which
// nobody waits.
func (w *work) staysOpen(path string) bool {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if !w.isOpen(path) {
			return false
		}
	}
	return true
}

func (w *work) isOpen(path string) bool {
	want, err := os.Stat(path)
	w.no(err)
	fds, err := os.ReadDir("/proc/self/fd")
	w.no(err)
	for _, fd := range fds {
		if info, err := os.Stat("/proc/self/fd/" + fd.Name()); err == nil && os.SameFile(info, want) {
			return true
		}
	}
	return false
}

func TestACopyWithAnErrorLeavesNoFileOpen(t *testing.T) {
	w := newWork(t)
	elsewhere, err := os.MkdirTemp("/var/tmp", "arsync")
	w.no(err)
	defer os.RemoveAll(elsewhere)
	if err := syscall.Setxattr(w.path("from"), "user.large", make([]byte, 20000), 0); err != nil {
		t.Skip("no large attributes here:", err)
	}
	to := elsewhere + "/to"
	options := arsync.Options(arsync.WantFile, arsync.PreserveXattr)
	p := w.open()
	done, err := p.Copy(background, to, w.path("from"), options)
	if err == nil {
		done.File.Close()
		t.Skip("large attributes there, too")
	}
	if e := w.fails(err, syscall.ENOSPC); e.Stage != arsync.StageXattr || done.File != nil || w.staysOpen(to) {
		t.Errorf("%v %+v", e, done)
	}
	job, err := p.Submit(background, to, w.path("from"), options)
	w.no(err)
	if done, err = job.Wait(); err == nil || done.File == nil {
		t.Fatal("who has the job has the file:", err)
	}
	w.no(done.File.Close())
}
