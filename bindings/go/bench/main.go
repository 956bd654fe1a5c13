// bench FROM TO COUNT - copy the files FROM/0, FROM/1 ... to TO as one list, and print the seconds it
// took, from before the list is made until each of its items has been told of.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"arsync"
)

func main() {
	if len(os.Args) != 4 {
		fail("usage: bench FROM TO COUNT")
	}
	count, err := strconv.Atoi(os.Args[3])
	if err != nil {
		fail(err)
	}
	pool, err := arsync.Open()
	if err != nil {
		fail(err)
	}
	defer pool.Close()
	start := time.Now()
	items := make([]arsync.Item, count)
	for i := range items {
		name := strconv.Itoa(i)
		items[i] = arsync.Item{Src: os.Args[1] + "/" + name, Dst: os.Args[2] + "/" + name, UserData: uint64(i)}
	}
	job, err := pool.SubmitList(context.Background(), items)
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
	if told != count {
		fail("not all were told of")
	}
	fmt.Printf("%.4f\n", time.Since(start).Seconds())
}

func fail(why any) {
	fmt.Fprintln(os.Stderr, "bench:", why)
	os.Exit(1)
}
