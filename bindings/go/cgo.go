package arsync

/*
#cgo pkg-config: arsync
#include <stdlib.h>
#include <arsync.h>

#if ARSYNC_VERSION_MAJOR != 0 || ARSYNC_VERSION_NUMBER < 1000
#error "this package is for arsync.h 0.1 or a later one of major version 0"
#endif
*/
import "C"

import (
	"strings"
	"syscall"
	"unsafe"
)

// VersionNumber is the version of the header that the package was built with, as
// ARSYNC_VERSION_NUMBER has it: 0.1.0 is 1000. [LibraryVersion] tells that of the library that runs.
const VersionNumber = C.ARSYNC_VERSION_NUMBER

// LibraryVersion is the version of the library that runs, as "0.1.0", and as one number as
// [VersionNumber] has it.
func LibraryVersion() (string, uint32) {
	return C.GoString(C.arsync_version()), uint32(C.arsync_version_number())
}

// Strerror tells what an errno value means, in the library's words.
func Strerror(errno syscall.Errno) string { return C.GoString(C.arsync_strerror(C.int(errno))) }

// bytesOf is s with a NUL at its end, for C to read during one call; paths with a NUL inside are refused.
func bytesOf(s string) ([]byte, bool) {
	if strings.IndexByte(s, 0) >= 0 {
		return nil, false
	}
	b := make([]byte, len(s)+1)
	copy(b, s)
	return b, true
}

func charsOf(b []byte) *C.char { return (*C.char)(unsafe.Pointer(unsafe.SliceData(b))) }
