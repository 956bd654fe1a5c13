// example FROM TO - copy a tree, with a progress bar, and ask what to do where something is in the way.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"arsync"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: example FROM TO")
		os.Exit(2)
	}
	// ^C cancels the copy; what it was at is removed before it ends.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := copyTree(ctx, os.Args[2], os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "example:", err)
		os.Exit(1)
	}
}

func copyTree(ctx context.Context, to, from string) error {
	pool, err := arsync.Open()
	if err != nil {
		return err
	}
	defer pool.Close()
	job, err := pool.SubmitTree(ctx, to, from, arsync.UpdateAsk, arsync.WantTotals,
		arsync.PreserveMode|arsync.PreserveTimes)
	if err != nil {
		return err
	}

	barEnded := make(chan struct{})
	go func() {
		defer close(barEnded)
		showProgress(job)
	}()
	lines := make(chan string)
	go readLines(lines)
	for entry, err := range job.Entries() {
		switch {
		case entry.Question != nil:
			answer := ask(ctx, lines, entry)
			if err := entry.Question.Answer(answer); err != nil && ctx.Err() == nil {
				return err
			}
		case err != nil:
			fmt.Fprintf(os.Stderr, "\r%v\n", err)
		}
	}
	done, err := job.Wait()
	<-barEnded
	if errors.Is(err, context.Canceled) {
		return errors.New("stopped")
	}
	if totals := done.Details.Totals; totals != nil {
		fmt.Printf("%d files, %d bytes, %d skipped\n", totals.Files, totals.Bytes, totals.Skipped)
	}
	return err
}

func readLines(lines chan<- string) {
	defer close(lines)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		lines <- in.Text()
	}
}

// There is an answer to stop where there will be none: stdin has ended, or ^C was pressed.
func ask(ctx context.Context, lines <-chan string, entry arsync.Completion) arsync.Answer {
	there := entry.Details.Destination
	for {
		fmt.Fprintf(os.Stderr, "\r%q is there (%d bytes, of %s): [s]kip, [r]eplace, keep [b]oth, s[t]op? ",
			entry.Path, there.Size, there.ModTime.Format(time.DateTime))
		var line string
		more := false
		select {
		case line, more = <-lines:
		case <-ctx.Done():
		}
		if !more {
			return arsync.AnswerStop
		}
		switch strings.TrimSpace(line) {
		case "s":
			return arsync.AnswerSkip
		case "r":
			return arsync.AnswerReplace
		case "b":
			return arsync.AnswerKeepBoth
		case "t":
			return arsync.AnswerStop
		}
	}
}

func showProgress(job *arsync.Job) {
	const width = 40
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-job.Done():
			fmt.Fprintf(os.Stderr, "\r%*s\r", width+30, "")
			return
		case <-tick.C:
		}
		progress, err := job.Progress()
		if err != nil {
			continue
		}
		full := 0
		if progress.BytesTotal > 0 {
			full = int(progress.BytesDone * width / progress.BytesTotal)
		}
		more := " "
		if progress.Walking {
			more = "+"
		}
		fmt.Fprintf(os.Stderr, "\r[%-*s] %d of %d%s", width, strings.Repeat("#", full),
			progress.EntriesDone, progress.EntriesTotal, more)
	}
}
