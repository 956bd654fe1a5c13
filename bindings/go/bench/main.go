// bench FROM TO - copy the files in the directory FROM to the directory TO as one list, and print the
// seconds that took, from before the list is made until each of its items has been told of.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"arsync"
)

func main() {
	if len(os.Args) != 3 {
		fail("usage: bench FROM TO")
	}
	entries, err := os.ReadDir(os.Args[1])
	if err != nil {
		fail(err)
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name()
	}
	from, to := open(os.Args[1]), open(os.Args[2])
	pool, err := arsync.Open()
	if err != nil {
		fail(err)
	}
	defer pool.Close()
	start := time.Now()
	items := make([]arsync.Item, len(names))
	for i, name := range names {
		items[i] = arsync.Item{Src: name, Dst: name, UserData: uint64(i)}
	}
	job, err := pool.SubmitList(context.Background(), items, arsync.SrcDir(from), arsync.DstDir(to))
	if err != nil {
		fail(err)
	}
	told := 0
	for _, err := range job.Entries() {
		if err != nil {
			fail(err)
		}
		told++
	}
	if told != len(names) {
		fail("not all were told of")
	}
	fmt.Printf("%.4f\n", time.Since(start).Seconds())
}

func open(name string) *os.File {
	dir, err := os.Open(name)
	if err != nil {
		fail(err)
	}
	return dir
}

func fail(why any) {
	fmt.Fprintln(os.Stderr, "bench:", why)
	os.Exit(1)
}
