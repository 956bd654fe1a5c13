package arsync

/*
#include <stdlib.h>
#include <arsync.h>
*/
import "C"

import (
	"context"
	"strings"
	"syscall"
	"unsafe"
)

// Item is one thing that a list copies.
type Item struct {
	Src, Dst string
	UserData uint64 // comes back in the item's completions
}

// As the user_data of a list's own completions; items have theirs by their places in the table.
const listItself = ^uint64(0)

// itemTable knows the items of a list until they have ended.
type itemTable struct {
	items   []Item
	free    []uint64
	removed uint64 // so far
}

func (t *itemTable) add(item Item) uint64 {
	if n := len(t.free); n > 0 {
		place := t.free[n-1]
		t.free = t.free[:n-1]
		t.items[place] = item
		return place
	}
	t.items = append(t.items, item)
	return uint64(len(t.items) - 1)
}

func (t *itemTable) find(place uint64) *Item {
	if place >= uint64(len(t.items)) {
		return nil
	}
	return &t.items[place]
}

func (t *itemTable) remove(place uint64) {
	if item := t.find(place); item != nil {
		*item = Item{}
		t.free = append(t.free, place)
		t.removed++
	}
}

// cItems are items in C's memory, for the time of a call.
type cItems struct {
	memory unsafe.Pointer
	items  []C.arsync_item
}

func (c *cItems) release() { C.free(c.memory) }

// at is where the array begins from an item on.
func (c *cItems) at(i int) *C.arsync_item {
	if i == len(c.items) {
		return nil
	}
	return &c.items[i]
}

// toC lays out items and their paths in one piece of memory; places are their user_data.
func toC(items []Item, place func(Item) uint64) (*cItems, error) {
	size := len(items)*C.sizeof_arsync_item + 1
	for i := range items {
		if strings.IndexByte(items[i].Src, 0) >= 0 || strings.IndexByte(items[i].Dst, 0) >= 0 {
			e := refusal("submit", syscall.EINVAL)
			e.Reason = "a path has a NUL in it"
			return nil, e
		}
		size += len(items[i].Src) + len(items[i].Dst) + 2
	}
	memory := C.malloc(C.size_t(size))
	c := &cItems{memory, unsafe.Slice((*C.arsync_item)(memory), len(items))}
	paths := unsafe.Slice((*byte)(memory), size)[len(items)*C.sizeof_arsync_item:]
	put := func(s string) *C.char {
		at := (*C.char)(unsafe.Pointer(unsafe.SliceData(paths)))
		paths[copy(paths, s)] = 0
		paths = paths[len(s)+1:]
		return at
	}
	for i, item := range items {
		c.items[i] = C.arsync_item{src: put(item.Src), dst: put(item.Dst), user_data: C.uint64_t(place(item))}
	}
	return c, nil
}

// SubmitList submits the copy of many things as one job, which does not wait. Each has a completion of
// [KindItem] among the job's entries; see "Lists" in arsync.h.
func (p *Pool) SubmitList(ctx context.Context, items []Item, opts ...Option) (*Job, error) {
	var s settings
	s.take(opts)
	return p.submitList(&Job{ctx: ctx}, items, &s)
}

func (p *Pool) submitList(job *Job, items []Item, s *settings) (*Job, error) {
	job.items = &itemTable{items: make([]Item, 0, len(items))}
	c, err := toC(items, job.items.add)
	if err != nil {
		return nil, err
	}
	defer c.release()
	return p.submit(job, s, func(pool *C.arsync_pool, options *C.arsync_copy_options, src, dst C.int) C.int {
		return C.arsync_submit_list(pool, src, dst, c.at(0), C.uint64_t(len(items)), options,
			C.uint64_t(listItself), &job.id)
	})
}

// List is a list that is not known as a whole when it begins.
type List struct{ *Job }

// OpenList begins a list. [List.Add] adds to it, and [List.End] ends it.
func (p *Pool) OpenList(ctx context.Context, opts ...Option) (*List, error) {
	var s settings
	s.take(opts)
	job := &Job{ctx: ctx, items: &itemTable{}}
	_, err := p.submit(job, &s, func(pool *C.arsync_pool, options *C.arsync_copy_options, src, dst C.int) C.int {
		return C.arsync_list_open(pool, src, dst, options, C.uint64_t(listItself), &job.id)
	})
	if err != nil {
		return nil, err
	}
	return &List{job}, nil
}

// How many items one call hands over at most.
const addMax = 1024

// Add adds items, and waits while too many wait to be begun. An error that is [syscall.ENOENT] says
// that the list was cancelled, or has ended.
func (l *List) Add(items ...Item) error {
	for len(items) > 0 {
		taken, err := l.addSome(items[:min(len(items), addMax)])
		if err != nil {
			return err
		}
		items = items[taken:]
	}
	return nil
}

// addSome adds the first of these items, and returns how many; if that is none, after a while.
func (l *List) addSome(items []Item) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, err := toC(items, l.items.add)
	if err != nil {
		return 0, err
	}
	defer c.release()
	var taken C.int
	err = l.pool.call("add to list", func(pool *C.arsync_pool) C.int {
		taken = C.arsync_list_add(pool, l.id, c.at(0), C.uint32_t(len(items)))
		return taken
	})
	for _, rest := range c.items[max(int(taken), 0):] {
		l.items.remove(uint64(rest.user_data))
	}
	if err == nil && taken == 0 {
		before := l.items.removed
		l.waitUntil(func() bool { return l.items.removed != before })
	}
	return int(taken), err
}

// End ends the list: there will be no more items.
func (l *List) End() error {
	return l.pool.call("end list", func(c *C.arsync_pool) C.int { return C.arsync_list_end(c, l.id) })
}
