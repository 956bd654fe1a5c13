// The cases of test/bindings/cases.md, in their order.
package arsync_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"arsync"
)

var background = context.Background()

// ---- One copy ----

func TestCopiesAFile(t *testing.T) {
	w := newWork(t)
	done, err := arsync.Copy(background, w.path("to"), w.path("from"))
	w.no(err)
	w.same("to", "from")
	if done.Bytes != fileSize || done.Method == arsync.MethodAuto || done.Details != nil {
		t.Errorf("%+v", done)
	}
}

func TestTellsWhatFailed(t *testing.T) {
	w := newWork(t)
	_, err := arsync.Copy(background, w.path("to"), w.path("missing"))
	e := w.fails(err, syscall.ENOENT)
	if e.Stage != arsync.StageOpenSource || e.Side != arsync.Source || e.Path != w.path("missing") {
		t.Errorf("%+v", e)
	}
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "missing: open source: No such file") {
		t.Error(err)
	}
	w.isNotThere("to")
}

func TestHandsOnOptions(t *testing.T) {
	w := newWork(t)
	w.write("to", 10)
	_, err := arsync.Copy(background, w.path("to"), w.path("from"), arsync.ReplaceExclusive)
	e := w.fails(err, syscall.EEXIST)
	if e.Side != arsync.Destination || e.Path != w.path("to") || !e.Conflict || !errors.Is(err, fs.ErrExist) {
		t.Errorf("%+v", e)
	}
	then := time.Unix(1000000000, 123456789)
	w.no(os.Chmod(w.path("from"), 0640))
	w.no(os.Chtimes(w.path("from"), then, then))
	_, err = arsync.Copy(background, w.path("to"), w.path("from"), arsync.ReplaceAtomic,
		arsync.PreserveMode|arsync.PreserveTimes, arsync.DurabilityFull, arsync.Verify)
	w.no(err)
	w.same("to", "from")
	info, err := os.Stat(w.path("to"))
	w.no(err)
	if info.Mode().Perm() != 0640 || !info.ModTime().Equal(then) {
		t.Error(info.Mode(), info.ModTime())
	}
}

func TestRefusesMistakenOptions(t *testing.T) {
	w := newWork(t)
	_, err := arsync.Copy(background, w.path("to"), w.path("from"), arsync.BackupSimple, arsync.BackupSuffix("/"))
	e := w.fails(err, syscall.EINVAL)
	if !strings.HasPrefix(e.Reason, "backup_suffix") {
		t.Error(e.Reason)
	}
	w.isNotThere("to")
}

func TestRefusesBadPaths(t *testing.T) {
	w := newWork(t)
	_, err := arsync.Copy(background, w.path("to"), "")
	w.fails(err, syscall.ENOENT)
	_, err = arsync.Copy(background, w.path("to"), strings.Repeat("x", 4096))
	w.fails(err, syscall.ENAMETOOLONG)
	_, err = arsync.Copy(background, w.path("to"), w.path("from")+"\x00")
	w.fails(err, syscall.EINVAL)
	_, err = arsync.Copy(background, w.path("to\x00"), w.path("from"))
	w.fails(err, syscall.EINVAL)
	_, err = arsync.CopyList(background, []arsync.Item{{Src: w.path("from"), Dst: w.path("to\x00")}})
	w.fails(err, syscall.EINVAL)
	w.isNotThere("to")
}

func TestCopiesNamesThatAreNotUtf8(t *testing.T) {
	const name = "\xff\xfe x"
	w := newWork(t)
	w.no(os.Mkdir(w.path("tree"), 0755))
	w.write("tree/"+name, 10)
	_, err := arsync.Copy(background, w.path(name), w.path("tree/"+name))
	w.no(err)
	w.same(name, "tree/"+name)
	job, err := w.open().SubmitTree(background, w.path("copy"), w.path("tree"), arsync.ReportAll)
	w.no(err)
	told := false
	for entry, err := range job.Entries() {
		w.no(err)
		told = told || entry.Path == name
	}
	if !told {
		t.Error("the entry was not told of")
	}
	w.same("copy/"+name, "tree/"+name)
}

func TestTellsDetailsOnRequest(t *testing.T) {
	w := newWork(t)
	const want = arsync.WantSource | arsync.WantDestination | arsync.WantTimes | arsync.WantDigest
	first, err := arsync.Copy(background, w.path("to"), w.path("from"), want, arsync.Verify)
	w.no(err)
	d := first.Details
	if d == nil || d.Has != want {
		t.Fatalf("%+v", d)
	}
	if d.Source.Size != fileSize || d.Destination.Size != fileSize || d.Source.Inode == d.Destination.Inode ||
		d.Source.Mode&syscall.S_IFMT != syscall.S_IFREG || d.Begin == 0 || d.Begin > d.End {
		t.Errorf("%+v", d)
	}
	info, err := os.Stat(w.path("from"))
	w.no(err)
	if !d.Source.ModTime.Equal(info.ModTime()) {
		t.Error(d.Source.ModTime, info.ModTime())
	}
	again, err := arsync.Copy(background, w.path("again"), w.path("to"), want, arsync.Verify)
	w.no(err)
	if again.Details.Digest != d.Digest || d.Digest == [2]uint64{} {
		t.Error(again.Details.Digest, d.Digest)
	}
}

// ---- Jobs of a pool ----

func TestCopiesThroughAPool(t *testing.T) {
	w := newWork(t)
	job, err := w.open().Submit(background, w.path("to"), w.path("from"), arsync.UserData(7))
	w.no(err)
	done, err := job.Wait()
	w.no(err)
	if done.Kind != arsync.KindJob || done.UserData != 7 || done.Bytes != fileSize {
		t.Errorf("%+v", done)
	}
	w.same("to", "from")
}

func TestWakesItsWaiter(t *testing.T) {
	w := newWork(t)
	job, err := w.open().Submit(background, w.path("to"), w.path("from"))
	w.no(err)
	select {
	case <-job.Done():
	case <-time.After(time.Minute):
		t.Fatal("nobody was woken")
	}
	_, err = job.Wait()
	w.no(err)
}

func TestReportsProgress(t *testing.T) {
	w := newWork(t)
	w.no(os.Mkdir(w.path("tree"), 0755))
	w.no(os.Rename(w.path("from"), w.path("tree/from")))
	w.write("tree/asked", 10)
	w.write("to/asked", 20)
	job, err := w.open().SubmitTree(background, w.path("to"), w.path("tree"), arsync.UpdateAsk)
	w.no(err)
	var before, total, speed uint64
	for deadline := time.Now().Add(time.Minute); before < fileSize && time.Now().Before(deadline); {
		progress, err := job.Progress()
		w.no(err)
		if progress.BytesDone < before || progress.BytesDone > progress.BytesTotal {
			t.Error(progress)
		}
		before, total = progress.BytesDone, progress.BytesTotal
		speed = max(speed, progress.BytesPerSecond)
		time.Sleep(time.Millisecond)
	}
	if before < fileSize || total < fileSize || speed == 0 {
		t.Error(before, total, speed)
	}
	for question := range job.Questions() {
		w.no(question.Answer(arsync.AnswerSkip))
	}
	_, err = job.Wait()
	w.no(err)
	_, err = job.Progress()
	w.fails(err, syscall.ENOENT)
	w.fails(job.Adjust(arsync.Adjustment{Pause: true}), syscall.ENOENT)
}

func TestCancelsAJob(t *testing.T) {
	w := newWork(t)
	p := w.open(arsync.ByteRate(64 << 10))
	job, err := p.Submit(background, w.path("to"), w.path("from"))
	w.no(err)
	job.Cancel()
	_, err = job.Wait()
	w.fails(err, syscall.ECANCELED)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
	defer cancel()
	_, err = p.Copy(ctx, w.path("to"), w.path("from"))
	w.fails(err, syscall.ECANCELED)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	_, err = p.Copy(ctx, w.path("to"), w.path("from")) // it is not even submitted
	w.fails(err, syscall.ECANCELED)
	w.isNotThere("to")
}

func TestPausesAndResumes(t *testing.T) {
	w := newWork(t)
	w.write("to", 10)
	job, err := w.open().Submit(background, w.path("to"), w.path("from"), arsync.UpdateAsk, arsync.ReflinkNever)
	w.no(err)
	var question *arsync.Question
	for question = range job.Questions() {
		break
	}
	w.no(job.Adjust(arsync.Adjustment{Pause: true}))
	progress, err := job.Progress()
	w.no(err)
	if !progress.Paused {
		t.Error(progress)
	}
	w.no(question.Answer(arsync.AnswerReplace))
	select {
	case <-job.Done():
		t.Error("it ended though it was paused")
	case <-time.After(time.Second):
	}
	noLimit, high := uint64(0), int32(1)
	w.no(job.Adjust(arsync.Adjustment{Resume: true, ByteRate: &noLimit, Priority: &high}))
	_, err = job.Wait()
	w.no(err)
	w.same("to", "from")
}

func TestSurvivesAnAbandonedJob(t *testing.T) {
	w := newWork(t)
	p := w.open()
	for i := range 100 {
		_, err := p.Submit(background, w.path(fmt.Sprint("abandoned", i)), w.path("from"))
		w.no(err)
		if i%10 == 0 {
			runtime.GC()
		}
	}
	_, err := p.Copy(background, w.path("to"), w.path("from"))
	w.no(err)
	w.no(p.Close())
}

func TestCopiesTenThousandAtOnce(t *testing.T) {
	w := newWork(t)
	w.write("small", 100)
	p := w.open()
	before := threads(t, "")
	var jobs []*arsync.Job
	for i := range 10000 {
		job, err := p.Submit(background, w.path(fmt.Sprint("to", i)), w.path("small"))
		w.no(err)
		jobs = append(jobs, job)
	}
	during, routines := threads(t, ""), runtime.NumGoroutine()
	for _, job := range jobs {
		_, err := job.Wait()
		w.no(err)
	}
	if during-before > 100 || routines > 100 {
		t.Error(before, "threads became", during, "and there are", routines, "goroutines")
	}
	w.same("to9999", "small")
}

func TestTellsWhenTheJobLimitIsReached(t *testing.T) {
	w := newWork(t)
	p := w.open(arsync.JobLimit(1), arsync.ByteRate(64<<10))
	job, err := p.Submit(background, w.path("to"), w.path("from"))
	w.no(err)
	_, err = p.Submit(background, w.path("to2"), w.path("from"))
	w.fails(err, syscall.EAGAIN)
	job.Cancel()
	_, err = job.Wait()
	w.fails(err, syscall.ECANCELED)
	w.write("small", 10)
	_, err = p.Copy(background, w.path("to2"), w.path("small"))
	w.no(err)
}

func TestKeepsHardLinksBetweenJobs(t *testing.T) {
	w := newWork(t)
	w.no(os.Link(w.path("from"), w.path("from2")))
	p := w.open()
	set, err := p.OpenLinkSet()
	w.no(err)
	for _, name := range []string{"", "2"} {
		_, err = p.Copy(background, w.path("to"+name), w.path("from"+name), arsync.PreserveLinks, arsync.InSet(set))
		w.no(err)
	}
	w.no(set.Close())
	w.fails(set.Close(), syscall.ENOENT)
	_, err = p.Copy(background, w.path("to3"), w.path("from"), arsync.PreserveLinks, arsync.InSet(set))
	w.fails(err, syscall.EINVAL)
	one, err := os.Stat(w.path("to"))
	w.no(err)
	two, err := os.Stat(w.path("to2"))
	w.no(err)
	if !os.SameFile(one, two) {
		t.Error("they are two files")
	}
}

func TestCopiesBetweenOpenFiles(t *testing.T) {
	w := newWork(t)
	from, err := os.Open(w.path("from"))
	w.no(err)
	defer from.Close()
	to, err := os.Create(w.path("to"))
	w.no(err)
	p := w.open()
	_, err = p.Copy(background, "", "", arsync.SrcFile(from), arsync.DstFile(to))
	w.no(err)
	w.same("to", "from")

	job, err := p.SubmitRange(background, to, 0, from, 4096, 1000)
	w.no(err)
	w.no(to.Close()) // the library has its own
	done, err := job.Wait()
	w.no(err)
	if done.Bytes != 1000 || string(w.read("to")[:1000]) != string(w.read("from")[4096:5096]) {
		t.Error(done.Bytes)
	}
	_, err = p.CopyRange(background, to, 0, from, 0, arsync.ToEnd)
	w.fails(err, syscall.EBADF)

	dir, err := os.Open(w.dir)
	w.no(err)
	defer dir.Close()
	_, err = p.Copy(background, "to2", "from", arsync.SrcDir(dir), arsync.DstDir(dir))
	w.no(err)
	w.same("to2", "from")
}

func TestGivesTheFinishedFile(t *testing.T) {
	w := newWork(t)
	done, err := w.open().Copy(background, w.path("to"), w.path("from"), arsync.WantFile)
	w.no(err)
	if done.File == nil {
		t.Fatal("there is none")
	}
	defer done.File.Close()
	info, err := done.File.Stat()
	w.no(err)
	start := make([]byte, 100)
	_, err = done.File.ReadAt(start, 0)
	w.no(err)
	if info.Size() != fileSize || string(start) != string(w.read("from")[:100]) {
		t.Error(info.Size())
	}
}

// ---- Lists and trees ----

func TestCopiesAList(t *testing.T) {
	w := newWork(t)
	items := []arsync.Item{
		{Src: w.path("from"), Dst: w.path("to1"), UserData: 11},
		{Src: w.path("missing"), Dst: w.path("to2"), UserData: 12},
		{Src: w.path("from"), Dst: w.path("to3"), UserData: 13},
	}
	job, err := w.open().SubmitList(background, items, arsync.UserData(99))
	w.no(err)
	results := map[uint64]error{}
	for item, err := range job.Entries() {
		if item.Kind != arsync.KindItem {
			t.Error(item.Kind)
		}
		results[item.UserData] = err
	}
	if len(results) != 3 || results[11] != nil || results[13] != nil {
		t.Error(results)
	}
	if e := w.fails(results[12], syscall.ENOENT); e.Path != w.path("missing") || e.Side != arsync.Source {
		t.Errorf("%+v", e)
	}
	done, err := job.Wait()
	e := w.fails(err, syscall.ENOENT)
	if done.Action != arsync.ActionList || done.UserData != 99 || e.Path != w.path("missing") {
		t.Errorf("%+v %+v", done, e)
	}
	w.same("to3", "from")

	all, err := arsync.CopyList(background, items, arsync.UpdateNone)
	w.fails(err, syscall.ENOENT)
	if len(all) != 3 {
		t.Error(all)
	}
	all, err = arsync.CopyList(background, nil)
	w.no(err)
	if len(all) != 0 {
		t.Error(all)
	}
}

func TestAddsToAnOpenList(t *testing.T) {
	w := newWork(t)
	w.write("small", 10)
	list, err := w.open().OpenList(background)
	w.no(err)
	for i := range 1000 {
		w.no(list.Add(arsync.Item{Src: w.path("small"), Dst: w.path(fmt.Sprint("to", i)), UserData: uint64(i)}))
	}
	w.no(list.End())
	w.fails(list.Add(arsync.Item{Src: w.path("small"), Dst: w.path("late")}), syscall.EINVAL)
	seen := map[uint64]bool{}
	for item, err := range list.Entries() {
		w.no(err)
		seen[item.UserData] = true
	}
	_, err = list.Wait()
	w.no(err)
	if len(seen) != 1000 {
		t.Error(len(seen))
	}
	w.same("to999", "small")
}

func TestCopiesATree(t *testing.T) {
	w := newWork(t)
	w.tree("tree")
	job, err := w.open().SubmitTree(background, w.path("copy"), w.path("tree"), arsync.ReportAll, arsync.WantTotals)
	w.no(err)
	told := map[string]arsync.Action{}
	for entry, err := range job.Entries() {
		w.no(err)
		told[entry.Path] = entry.Action
	}
	done, err := job.Wait()
	w.no(err)
	for path, action := range map[string]arsync.Action{"": arsync.ActionMakeDirectory, "a": arsync.ActionCopy,
		"dir": arsync.ActionMakeDirectory, "dir/b": arsync.ActionCopy, "link": arsync.ActionSymbolicLink} {
		if told[path] != action {
			t.Errorf("%q: %v", path, told[path])
		}
	}
	totals := done.Details.Totals
	if totals == nil || totals.Entries != 5 || totals.Files != 2 || totals.Directories != 2 ||
		totals.Symlinks != 1 || totals.Bytes != 300 || totals.Errors != 0 {
		t.Errorf("%+v", totals)
	}
	w.same("copy/dir/b", "tree/dir/b")
}

func TestTellsEntriesThatFail(t *testing.T) {
	w := newWork(t)
	w.tree("tree")
	w.no(os.MkdirAll(w.path("copy/dir/b"), 0755))
	job, err := w.open().SubmitTree(background, w.path("copy"), w.path("tree"), arsync.WantErrorPath)
	w.no(err)
	count := 0
	for entry, err := range job.Entries() {
		e := w.fails(err, syscall.EISDIR)
		if entry.Path != "dir/b" || e.Path != w.path("copy/dir/b") || e.Side != arsync.Destination {
			t.Errorf("%+v", e)
		}
		count++
	}
	done, err := job.Wait()
	e := w.fails(err, syscall.EISDIR)
	if count != 1 || done.Details.ErrorPath != "dir/b" || e.Path != w.path("copy/dir/b") {
		t.Error(count, done.Details, e)
	}
	w.same("copy/a", "tree/a")
}

func TestAnswersQuestions(t *testing.T) {
	w := newWork(t)
	for _, name := range []string{"skip", "replace", "keep"} {
		w.write("tree/"+name, 10)
		w.write("to/"+name, 20)
	}
	job, err := w.open().SubmitTree(background, w.path("to"), w.path("tree"), arsync.UpdateAsk, arsync.ReportAll)
	w.no(err)
	answers := map[string]arsync.Answer{"skip": arsync.AnswerSkip, "replace": arsync.AnswerReplace,
		"keep": arsync.AnswerKeepBoth}
	name := ""
	for entry, err := range job.Entries() {
		w.no(err)
		if entry.Question != nil {
			if entry.Details.Source.Size != 10 || entry.Details.Destination.Size != 20 {
				t.Errorf("%+v", entry.Details)
			}
			w.no(entry.Question.Answer(answers[entry.Path]))
			w.fails(entry.Question.Answer(arsync.AnswerSkip), syscall.ENOENT)
		}
		if entry.Flags&arsync.KeptBoth != 0 {
			name = entry.Details.Name
		}
	}
	_, err = job.Wait()
	w.no(err)
	if name != "keep (1)" {
		t.Errorf("%q", name)
	}
	for name, size := range map[string]int{"skip": 20, "replace": 10, "keep": 20, "keep (1)": 10} {
		if len(w.read("to/"+name)) != size {
			t.Error(name)
		}
	}
	_, err = arsync.CopyTree(background, w.path("to"), w.path("tree"), arsync.UpdateAsk)
	w.fails(err, syscall.EINVAL) // there is nobody to answer
}

func TestStopsByAnAnswer(t *testing.T) {
	w := newWork(t)
	w.write("to", 10)
	job, err := w.open().Submit(background, w.path("to"), w.path("from"), arsync.UpdateAsk)
	w.no(err)
	for question, told := range job.Questions() {
		if told.Path != "" {
			t.Error(told.Path)
		}
		w.no(question.Answer(arsync.AnswerStop))
	}
	_, err = job.Wait()
	w.fails(err, syscall.ECANCELED)
	if len(w.read("to")) != 10 {
		t.Error("it was replaced")
	}
}

func TestLeavesALoopEarly(t *testing.T) {
	w := newWork(t)
	for i := range 100 {
		w.write(fmt.Sprint("tree/", i), 10)
		w.write(fmt.Sprint("to/", i), 10)
	}
	p := w.open()
	job, err := p.SubmitTree(background, w.path("copy"), w.path("tree"), arsync.ReportAll)
	w.no(err)
	seen := 0
	for range job.Entries() {
		if seen++; seen == 10 {
			break
		}
	}
	func() {
		defer func() { _ = recover() }()
		for range job.Entries() {
			seen++
			panic("in the middle")
		}
	}()
	_, err = job.Wait()
	w.no(err)
	for range job.Entries() {
		seen++
	}
	if seen != 101 {
		t.Error(seen)
	}
	asks, err := p.SubmitTree(background, w.path("to"), w.path("tree"), arsync.UpdateAsk)
	w.no(err)
	for range asks.Questions() {
		break
	}
	_, err = p.Copy(background, w.path("to2"), w.path("tree/1"))
	w.no(err)
	w.no(p.Close())
	_, err = asks.Wait()
	w.fails(err, syscall.ECANCELED)
}

// ---- Pools ----

func TestKeepsTwoPoolsApart(t *testing.T) {
	w := newWork(t)
	one, two := w.open(arsync.ByteRate(64<<10)), w.open()
	slow, err := one.Submit(background, w.path("slow"), w.path("from"))
	w.no(err)
	job, err := two.Submit(background, w.path("to"), w.path("from"))
	w.no(err)
	w.no(one.Close())
	_, err = slow.Wait()
	w.fails(err, syscall.ECANCELED)
	_, err = job.Wait()
	w.no(err)
	_, err = two.Copy(background, w.path("to2"), w.path("from"))
	w.no(err)
	w.same("to2", "from")
}

func TestClosesWithJobsInFlight(t *testing.T) {
	w := newWork(t)
	p := w.open(arsync.ByteRate(64 << 10))
	var told sync.WaitGroup
	for i := range 20 {
		job, err := p.Submit(background, w.path(fmt.Sprint("to", i)), w.path("from"))
		w.no(err)
		told.Add(1)
		go func() {
			defer told.Done()
			_, err := job.Wait()
			w.fails(err, syscall.ECANCELED)
		}()
	}
	for range 4 {
		told.Add(1)
		go func() {
			defer told.Done()
			w.no(p.Close())
		}()
	}
	told.Wait()
	w.no(p.Close())
	_, err := p.Submit(background, w.path("late"), w.path("from"))
	w.fails(err, syscall.ESHUTDOWN)
	if !errors.Is(err, fs.ErrClosed) {
		t.Error(err)
	}
	_, err = p.Info()
	w.fails(err, syscall.ESHUTDOWN)
	w.isNotThere("to0")
}

func TestDrains(t *testing.T) {
	w := newWork(t)
	p := w.open()
	var jobs []*arsync.Job
	for i := range 10 {
		job, err := p.Submit(background, w.path(fmt.Sprint("to", i)), w.path("from"))
		w.no(err)
		jobs = append(jobs, job)
	}
	w.no(p.Shutdown(arsync.ShutdownDrain))
	_, err := p.Submit(background, w.path("late"), w.path("from"))
	w.fails(err, syscall.ESHUTDOWN)
	for _, job := range jobs {
		_, err := job.Wait()
		w.no(err)
	}
	w.no(p.Close())
}

func TestRunsCommandsWhileCopiesRun(t *testing.T) {
	w := newWork(t)
	p := w.open()
	var jobs []*arsync.Job
	for i := range 200 {
		job, err := p.Submit(background, w.path(fmt.Sprint("to", i%20)), w.path("from"), arsync.ReplaceAtomic)
		w.no(err)
		jobs = append(jobs, job)
		if i%10 != 0 {
			continue
		}
		// ls has the directory itself open, and go test may hand on what it has.
		out, err := exec.Command("ls", "-l", "/proc/self/fd").Output()
		w.no(err)
		for _, mark := range []string{"eventfd", "io_uring", w.dir} {
			if strings.Contains(string(out), mark) {
				t.Error(string(out))
			}
		}
	}
	for _, job := range jobs {
		_, err := job.Wait()
		w.no(err)
	}
}

func TestIsToldInAForkedChild(t *testing.T) {
	t.Skip("a Go program does not fork but to exec")
}

func TestTellsAboutItself(t *testing.T) {
	w := newWork(t)
	version, number := arsync.LibraryVersion()
	if number != arsync.VersionNumber || version != fmt.Sprintf("%d.%d.%d", number/1000000, number/1000%1000, number%1000) {
		t.Error(version, number)
	}
	p := w.open(arsync.Workers(2), arsync.Buffers(4, 1<<20), arsync.QueueDepth(32), arsync.BackendThreads)
	_, err := p.Copy(background, w.path("to"), w.path("from"))
	w.no(err)
	info, err := p.Info()
	w.no(err)
	if info.Backend != arsync.BackendThreads || info.Workers > 2 || info.BufferSize != 1<<20 || info.BackendReason == "" {
		t.Errorf("%+v", info)
	}
	stats, err := p.Stats()
	w.no(err)
	if stats.JobsSubmitted != 1 || stats.JobsCompleted != 1 || stats.JobsFailed != 0 {
		t.Errorf("%+v", stats)
	}
	for name, want := range map[string]string{
		arsync.StageOpenSource.String(): "open source", arsync.MethodBufferedDirect.String(): "buffered-direct",
		arsync.BackendUring.String(): "uring", arsync.ActionMakeDirectory.String(): "make directory",
		arsync.KindEntry.String(): "entry", arsync.Strerror(syscall.ENOSPC): "No space left on device",
	} {
		if name != want {
			t.Error(name, "is not", want)
		}
	}
}

// ---- Buffers ----

const mib = 1 << 20

func TestReadsAndWritesThroughABuffer(t *testing.T) {
	w := newWork(t)
	p := w.open()
	from, to := w.file(p, "from", os.O_RDONLY), w.file(p, "to", os.O_WRONLY|os.O_CREATE)
	b := w.buffer(p)
	if b.Len() < mib || len(b.Bytes()) != b.Len() {
		t.Fatal(b.Len())
	}
	job, err := from.SubmitRead(background, b, 0, mib, 1000)
	w.no(err)
	done, err := job.Wait()
	w.no(err)
	if done.Bytes != mib || done.Action != arsync.ActionRead || !bytes.Equal(b.Bytes()[:mib], w.read("from")[1000:1000+mib]) {
		t.Errorf("%+v", done)
	}
	copy(b.Bytes(), "abc")
	n, err := to.Write(background, b, 0, mib, 0)
	w.no(err)
	w.no(to.Sync(background, true))
	if n != mib || string(w.read("to")) != "abc"+string(w.read("from")[1003:1000+mib]) {
		t.Error(n)
	}
	head := make([]byte, 3)
	if _, err := b.ReadAt(head, 0); err != nil || string(head) != "abc" {
		t.Error(string(head), err)
	}
	w.no(from.Close())
	w.fails(from.Close(), syscall.ENOENT)
	b.Release()
	b.Release()
	_, err = to.Write(background, b, 0, 1, 0)
	w.fails(err, syscall.ENOENT)
}

func TestWritesOneBufferToThreeFiles(t *testing.T) {
	w := newWork(t)
	p := w.open()
	b := w.buffer(p)
	defer b.Release()
	_, err := w.file(p, "from", os.O_RDONLY).Read(background, b, 0, mib, 0)
	w.no(err)
	var jobs []*arsync.Job
	for i := range 3 {
		to := w.file(p, fmt.Sprint("to", i), os.O_WRONLY|os.O_CREATE)
		job, err := to.SubmitWrite(background, b, 0, mib, 0)
		w.no(err)
		w.no(to.Close()) // when the write has ended
		jobs = append(jobs, job)
	}
	for i, job := range jobs {
		done, err := job.Wait()
		w.no(err)
		if done.Bytes != mib || !bytes.Equal(w.read(fmt.Sprint("to", i)), w.read("from")[:mib]) {
			t.Error(i, done.Bytes)
		}
	}
}

func TestTellsTheEndOfAFile(t *testing.T) {
	w := newWork(t)
	p := w.open()
	from, b := w.file(p, "from", os.O_RDONLY), w.buffer(p)
	defer b.Release()
	n, err := from.Read(background, b, 0, mib, fileSize-10)
	w.no(err)
	if n != 10 || !bytes.Equal(b.Bytes()[:10], w.read("from")[fileSize-10:]) {
		t.Error(n)
	}
	_, err = from.Read(background, b, 0, uint64(b.Len())+1, 0)
	w.fails(err, syscall.EINVAL)
}

func TestGivesTheBufferBackOnError(t *testing.T) {
	w := newWork(t)
	p := w.open()
	from, b := w.file(p, "from", os.O_RDONLY), w.buffer(p)
	defer b.Release()
	_, err := from.Write(background, b, 0, 10, 0)
	if e := w.fails(err, syscall.EBADF); e.Stage != arsync.StageWrite || e.Op != "write" || e.Path != w.path("from") {
		t.Errorf("%+v", e)
	}
	n, err := from.Read(background, b, 0, 10, 0)
	w.no(err)
	if n != 10 {
		t.Error(n)
	}
}

func TestWaitsForABuffer(t *testing.T) {
	w := newWork(t)
	p := w.open(arsync.LeaseCount(1))
	b := w.buffer(p)
	_, err := p.TryAcquire(1)
	w.fails(err, syscall.EAGAIN)
	ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
	defer cancel()
	_, err = p.Acquire(ctx, 1)
	w.fails(err, syscall.ECANCELED)
	job, err := p.SubmitAcquire(background, 1)
	w.no(err)
	b.Release()
	done, err := job.Wait()
	w.no(err)
	if len(done.Buffers) != 1 || done.Action != arsync.ActionAcquire {
		t.Fatalf("%+v", done)
	}
	done.Buffers[0].Release()
}

func TestReleasesWhileBusy(t *testing.T) {
	w := newWork(t)
	p := w.open(arsync.LeaseCount(1))
	out, in, err := os.Pipe()
	w.no(err)
	defer in.Close()
	stream, err := p.OpenFile(out)
	w.no(err)
	b := w.buffer(p)
	job, err := stream.SubmitRead(background, b, 0, 10, arsync.Stream)
	w.no(err)
	b.Release()
	_, err = p.TryAcquire(1)
	w.fails(err, syscall.EAGAIN) // it is still read into
	_, err = in.WriteString("abcdefghij")
	w.no(err)
	done, err := job.Wait()
	w.no(err)
	if done.Bytes != 10 {
		t.Error(done.Bytes)
	}
	w.buffer(p).Release()
}

func TestKeepsABufferPastItsPool(t *testing.T) {
	w := newWork(t)
	p := w.open()
	b := w.buffer(p)
	_, err := w.file(p, "from", os.O_RDONLY).Read(background, b, 0, mib, 0)
	w.no(err)
	w.no(p.Close())
	if !bytes.Equal(b.Bytes()[:mib], w.read("from")[:mib]) {
		t.Error("its memory is not what it was")
	}
	b.Release()
}

// ---- Text ----

func TestSetsOptionsByName(t *testing.T) {
	w := newWork(t)
	var opts []arsync.Option
	for _, words := range [][]string{{"recursive"}, {"filter", "/a"}, {"update", "none"}} {
		opt, err := arsync.ParseOption(words[0], words[1:]...)
		w.no(err)
		opts = append(opts, opt)
	}
	jobs, err := arsync.ParseOpenOption("jobs", "1")
	w.no(err)
	_, err = arsync.ParseOption("jobs", "1")
	w.fails(err, syscall.ENOENT)
	_, err = arsync.ParseOption("sparse", "x")
	e := w.fails(err, syscall.EINVAL)
	if !strings.HasPrefix(e.Reason, "invalid argument 'x'") || !strings.Contains(e.Reason, "'always'") {
		t.Error(err)
	}
	_, err = arsync.ParseOption("filter", "a\x00b")
	w.fails(err, syscall.EINVAL)
	p := w.open(jobs)
	info, err := p.Info()
	w.no(err)
	if info.Workers != 1 {
		t.Errorf("%+v", info)
	}
	w.write("tree/a", 10)
	w.write("tree/b", 10)
	for range 2 { // the second time everything is there
		_, err = p.Copy(background, w.path("to"), w.path("tree"), opts...)
		w.no(err)
	}
	w.isNotThere("to/a")
	w.same("to/b", "tree/b")
}

// members are those of a JSON object.
func (w *work) members(object string, err error) map[string]any {
	w.t.Helper()
	w.no(err)
	members := map[string]any{}
	w.no(json.Unmarshal([]byte(object), &members))
	return members
}

func (w *work) has(members map[string]any, want map[string]any) {
	w.t.Helper()
	for name, value := range want {
		if members[name] != value {
			w.t.Errorf("%s is %v, and not %v", name, members[name], value)
		}
	}
}

func TestWritesCompletionsAsJson(t *testing.T) {
	w := newWork(t)
	p := w.open()
	w.write("to", 10)
	done, err := p.Copy(background, w.path("to"), w.path("from"), arsync.BackupSimple)
	w.no(err)
	w.has(w.members(done.JSON("d/to", "\xff", "", "so")), map[string]any{
		"type": "file", "source_hex": "ff", "outcome": "copied", "backup": "d/to~", "message": "so",
		"bytes": float64(fileSize)})
	w.has(w.members(done.JSON("b", "a", "done", "")), map[string]any{"outcome": "done"})

	w.write("tree/a", 10)
	w.write("tree/b", 10)
	w.write("copy/a/x", 10)
	job, err := p.SubmitTree(background, w.path("copy"), w.path("tree"), arsync.WantTotals)
	w.no(err)
	for entry := range job.Entries() {
		w.has(w.members(entry.JSON("copy/a", "tree/a", "", "")),
			map[string]any{"type": "file", "outcome": "failed", "errno": float64(syscall.EISDIR)})
	}
	done, err = job.Wait()
	w.fails(err, syscall.EISDIR)
	w.has(w.members(done.JSON("copy", "tree", "", "")), map[string]any{
		"type": "tree", "outcome": "failed", "copied": 1.0, "entries": 3.0, "errors": 1.0})
	_, err = done.JSON("a\x00b", "a", "", "")
	w.fails(err, syscall.EINVAL)
}

func (w *work) says(said string, err error) func(want string) {
	return func(want string) {
		w.t.Helper()
		w.no(err)
		if !strings.HasPrefix(said, want) || (said == "") != (want == "") {
			w.t.Errorf("%q is not %q", said, want)
		}
	}
}

func TestDescribesWhatFailed(t *testing.T) {
	w := newWork(t)
	p := w.open()
	from, to := w.path("from"), w.path("to")
	done, err := p.Copy(background, to, w.path("missing"))
	w.fails(err, syscall.ENOENT)
	w.says(done.Describe(to, w.path("missing")))("cannot stat $s: No such file or directory")
	done, err = p.Copy(background, to, from)
	w.no(err)
	w.says(done.Describe(to, from))("")
	job, err := p.Submit(background, to, from, arsync.UpdateAsk)
	w.no(err)
	for asked, err := range job.Entries() {
		w.no(err)
		w.says(asked.Describe(to, from, arsync.UpdateAsk))("overwrite $d? ")
		w.no(asked.Question.Answer(arsync.AnswerSkip))
	}
	_, err = done.Describe(to, from, arsync.BackupSuffix("a/b"))
	if e := w.fails(err, syscall.EINVAL); e.Op != "describe" || e.Reason != "backup_suffix: has a slash" {
		t.Error(err)
	}

	w.write("tree/dir/a", 10)
	w.write("copy/dir/a/x", 10)
	tree, err := p.SubmitTree(background, w.path("copy"), w.path("tree"))
	w.no(err)
	for entry := range tree.Entries() {
		w.says(entry.Describe(w.path("copy"), w.path("tree"), arsync.Recursive))("cannot overwrite directory")
	}
	done, err = tree.Wait()
	w.fails(err, syscall.EISDIR)
	w.says(done.Describe(w.path("copy"), w.path("tree"), arsync.Recursive))("cannot overwrite directory")
}

func TestDescribesAPool(t *testing.T) {
	w := newWork(t)
	p := w.open(arsync.BackendThreads)
	_, err := p.Copy(background, w.path("to"), w.path("from"))
	w.no(err)
	said, err := p.Describe()
	w.no(err)
	if !strings.Contains(said, "threads") || !strings.HasSuffix(said, "\n") {
		t.Errorf("%q", said)
	}
	stats, err := p.Stats()
	w.no(err)
	w.has(w.members(p.JSON()), map[string]any{"backend": "threads", "bytes_read": float64(stats.BytesRead)})
	w.no(p.Close())
	_, err = p.JSON()
	w.fails(err, syscall.ESHUTDOWN)
}

func TestQuotesNames(t *testing.T) {
	w := newWork(t)
	long := strings.Repeat("a", 1000)
	for _, c := range []struct {
		name string
		how  arsync.Quoting
		want string
	}{
		{"a b", arsync.QuoteShell, "'a b'"}, {"it's", arsync.QuoteShell, `"it's"`}, {"", arsync.QuoteShell, "''"},
		{"new\nline", arsync.QuoteIfNeeded, `'new'$'\n''line'`}, {"\xff", arsync.QuoteIfNeeded, `''$'\377'`},
		{"plain", arsync.QuoteIfNeeded, "plain"}, {long, arsync.QuoteIfNeeded, long},
		{"plain", arsync.QuoteWord, "'plain'"},
	} {
		quoted, err := arsync.Quote(c.name, c.how)
		w.no(err)
		if quoted != c.want {
			t.Errorf("%s is not %s", quoted, c.want)
		}
	}
	_, err := arsync.Quote("a", 7)
	w.fails(err, syscall.EINVAL)
}

// ---- What they share ----

const fileSize = 3<<20 + 123

// work is a directory of the test's own, with a file "from".
type work struct {
	t   *testing.T
	dir string
}

func newWork(t *testing.T) *work {
	t.Helper()
	w := &work{t, t.TempDir()}
	w.write("from", fileSize)
	return w
}

func (w *work) path(name string) string { return filepath.Join(w.dir, name) }

func (w *work) write(name string, size int) {
	w.t.Helper()
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(uint32(i) * 2654435761 >> 13)
	}
	w.no(os.MkdirAll(filepath.Dir(w.path(name)), 0755))
	w.no(os.WriteFile(w.path(name), data, 0644))
}

func (w *work) read(name string) []byte {
	w.t.Helper()
	data, err := os.ReadFile(w.path(name))
	w.no(err)
	return data
}

// tree makes one of five entries and 300 bytes.
func (w *work) tree(name string) {
	w.t.Helper()
	w.write(name+"/a", 100)
	w.write(name+"/dir/b", 200)
	w.no(os.Symlink("a", w.path(name+"/link")))
}

func (w *work) open(opts ...arsync.OpenOption) *arsync.Pool {
	w.t.Helper()
	p, err := arsync.Open(opts...)
	w.no(err)
	w.t.Cleanup(func() { p.Close() })
	return p
}

// file is one of the pool.
func (w *work) file(p *arsync.Pool, name string, flags int) *arsync.File {
	w.t.Helper()
	opened, err := os.OpenFile(w.path(name), flags, 0644)
	w.no(err)
	defer opened.Close()
	file, err := p.OpenFile(opened)
	w.no(err)
	return file
}

func (w *work) buffer(p *arsync.Pool) *arsync.Buffer {
	w.t.Helper()
	buffers, err := p.TryAcquire(1)
	w.no(err)
	return buffers[0]
}

func (w *work) no(err error) {
	if err != nil {
		w.t.Helper()
		w.t.Fatal(err)
	}
}

func (w *work) fails(err error, want syscall.Errno) *arsync.Error {
	w.t.Helper()
	var e *arsync.Error
	if !errors.As(err, &e) || !errors.Is(err, want) {
		w.t.Errorf("%v, and not %v", err, want)
		return &arsync.Error{}
	}
	return e
}

func (w *work) same(one, other string) {
	w.t.Helper()
	if string(w.read(one)) != string(w.read(other)) {
		w.t.Errorf("%s is not %s", one, other)
	}
}

func (w *work) isNotThere(name string) {
	w.t.Helper()
	if _, err := os.Lstat(w.path(name)); !errors.Is(err, fs.ErrNotExist) {
		w.t.Errorf("%s: %v", name, err)
	}
}

// threads counts those whose names begin so: all by "", those of pools by "arsync/".
func threads(t *testing.T, prefix string) int {
	t.Helper()
	names, err := filepath.Glob("/proc/self/task/*/comm")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, name := range names {
		comm, err := os.ReadFile(name)
		if err == nil && strings.HasPrefix(string(comm), prefix) { // else it has ended meanwhile
			count++
		}
	}
	return count
}
