// Package arsync copies files on Linux, fast and safely: it is libarsync, which does it on io_uring,
// for Go programs.
//
// One file, or a tree:
//
//	done, err := arsync.Copy(ctx, "to", "from")
//	done, err := arsync.CopyTree(ctx, "to", "from", arsync.PreserveMode|arsync.PreserveTimes)
//
// What else is to be said of a copy, options say: values of [Flags], [Replace], [Preserve] and the
// other types that are named for what they are about, and functions such as [Filter]. They mean what
// arsync.h says of the fields of the same names.
//
// A program with more to copy, or more to do meanwhile, opens a [Pool] and submits copies to it. Each
// is a [Job], that one waits for, asks how far it is, adjusts and cancels:
//
//	pool, err := arsync.Open()
//	defer pool.Close()
//	job, err := pool.SubmitTree(ctx, "to", "from", arsync.ReportAll)
//	for entry, err := range job.Entries() { ... }
//	done, err := job.Wait()
//
// # Contexts
//
// A context that is done cancels the job. What waits for the job still waits until it has ended, so
// that nothing is touched any more afterwards; the error then is [context.Canceled], or
// [context.DeadlineExceeded], as well as ECANCELED.
//
// # Errors
//
// They are of type [*Error], with the path, the side, and the stage at which it failed, and are what
// [errors.Is] takes them for: [io/fs.ErrNotExist], [syscall.ENOSPC], [context.Canceled].
//
// # Goroutines and threads
//
// All methods may be called by any number of goroutines at once. A pool has one goroutine, which waits
// in Go's own poller; there is none, and no thread, for each copy. Copies have the user, groups and
// capabilities that the thread had which opened the pool; so a program that changes those of single
// threads calls [Open] between [runtime.LockOSThread] and the end of the change. The package's own pool,
// which [Copy], [CopyTree] and [CopyList] use, is opened by the first of them.
//
// Strings that are paths are bytes, as Go has them: they need not be UTF-8. Relative ones belong to the
// working directory of the time when the copy runs, unless [SrcDir] or [DstDir] say otherwise.
package arsync
