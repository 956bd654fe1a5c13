package arsync

/*
#include <stdlib.h>
#include <arsync.h>
*/
import "C"

import (
	"syscall"
	"unsafe"
)

// named is an option that came as text.
type named struct {
	name  string
	value []string // one or none
}

// ParseOption gives an option of a copy by its name on a command line, from text; see arsync_option_set
// for names and values. The value may be left out where the name alone means something, as "recursive"
// does. An error that is [syscall.ENOENT] says that there is no such option; else its Reason says what
// is valid.
func ParseOption(name string, value ...string) (Option, error) {
	n := named{name, value}
	var s settings
	s.take(nil)
	if err := n.set(s.c, nil); err != nil {
		return nil, err
	}
	return n, nil
}

// ParseOpenOption is the same for an option of [Open], such as "jobs", which are workers.
func ParseOpenOption(name string, value ...string) (OpenOption, error) {
	n := named{name, value}
	pool := C.arsync_pool_options{struct_size: C.sizeof_arsync_pool_options}
	if err := n.set(nil, &pool); err != nil {
		return nil, err
	}
	return n, nil
}

// apply and applyToPool cannot fail: what else is set makes no difference to whether a value is valid.

func (n named) apply(s *settings) {
	if err := n.set(s.c, nil); err != nil {
		panic(err)
	}
	// What the library has set to C's copy of the value, which is gone.
	for _, text := range []struct {
		c   **C.char
		own **string
	}{
		{&s.c.backup_suffix, &s.suffix}, {&s.c.filter, &s.filter},
		{&s.c.user_map, &s.userMap}, {&s.c.group_map, &s.groupMap},
	} {
		if *text.c != nil {
			*text.c, *text.own = nil, &n.value[0]
		}
	}
}

func (n named) applyToPool(o *C.arsync_pool_options) {
	if err := n.set(nil, o); err != nil {
		panic(err)
	}
}

func (n named) set(options *C.arsync_copy_options, pool *C.arsync_pool_options) error {
	name, ok := bytesOf(n.name)
	if !ok || len(n.value) > 1 {
		return refusal("option "+n.name, syscall.EINVAL)
	}
	var value *C.char // not of Go: the library has options point to it
	if len(n.value) == 1 {
		if _, ok := bytesOf(n.value[0]); !ok {
			return refusal("option "+n.name, syscall.EINVAL)
		}
		value = C.CString(n.value[0])
		defer C.free(unsafe.Pointer(value))
	}
	var why [1024]C.char
	result := C.arsync_option_set(options, pool, charsOf(name), value, &why[0], C.size_t(len(why)))
	if result == 0 {
		return nil
	}
	e := refusal("option "+n.name, syscall.Errno(-result))
	e.Reason = C.GoString(&why[0])
	return e
}
