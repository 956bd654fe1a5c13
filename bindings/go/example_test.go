package arsync_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"

	"arsync"
)

func dirWith(files ...string) string {
	dir, err := os.MkdirTemp("", "arsync-example-")
	if err != nil {
		panic(err)
	}
	for _, name := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("hello"), 0o644); err != nil {
			panic(err)
		}
	}
	return dir
}

func ExampleCopy() {
	dir := dirWith("from")
	defer os.RemoveAll(dir)
	done, err := arsync.Copy(context.Background(), filepath.Join(dir, "to"), filepath.Join(dir, "from"),
		arsync.PreserveMode|arsync.PreserveTimes, arsync.ReplaceAtomic)
	fmt.Println(done.Bytes, err)

	_, err = arsync.Copy(context.Background(), filepath.Join(dir, "to"), filepath.Join(dir, "missing"))
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output:
	// 5 <nil>
	// true
}

func ExampleCopyTree() {
	dir := dirWith("a", "b", "c.log")
	defer os.RemoveAll(dir)
	done, err := arsync.CopyTree(context.Background(), filepath.Join(dir, "..", filepath.Base(dir)+".copy"), dir,
		arsync.Filter("*.log"), arsync.WantTotals)
	defer os.RemoveAll(dir + ".copy")
	fmt.Println(done.Details.Totals.Files, err)
	// Output: 2 <nil>
}

func ExamplePool_SubmitList() {
	dir := dirWith("a", "b")
	defer os.RemoveAll(dir)
	pool, err := arsync.Open()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	here, err := os.Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer here.Close()
	job, err := pool.SubmitList(context.Background(),
		[]arsync.Item{{Src: "a", Dst: "a2"}, {Src: "b", Dst: "b2"}, {Src: "c", Dst: "c2"}},
		arsync.SrcDir(here), arsync.DstDir(here))
	if err != nil {
		fmt.Println(err)
		return
	}
	var lines []string
	for _, err := range job.Entries() {
		lines = append(lines, fmt.Sprint(err))
	}
	sort.Strings(lines)
	for _, line := range lines {
		fmt.Println(line)
	}
	// Output:
	// <nil>
	// <nil>
	// copy c: open source: No such file or directory
}

func ExampleJob_Questions() {
	from, to := dirWith("a", "b"), dirWith("b")
	defer os.RemoveAll(from)
	defer os.RemoveAll(to)
	pool, err := arsync.Open()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	job, err := pool.SubmitTree(context.Background(), to, from, arsync.UpdateAsk)
	if err != nil {
		fmt.Println(err)
		return
	}
	for question, about := range job.Questions() {
		fmt.Println(about.Path, "is there:", about.Details.Destination.Size, "bytes")
		_ = question.Answer(arsync.AnswerSkip)
	}
	_, err = job.Wait()
	fmt.Println(err)
	// Output:
	// b is there: 5 bytes
	// <nil>
}
