//go:build wasip1

package edge

import (
	"bytes"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"syscall"
	"unsafe"
)

// See runtime-stubs/wasi/wasi_edge.c.

//go:wasmimport aotc_edge thawed
func importThawed() uint32

//go:wasmimport aotc_edge events
func importEvents(which uint32, fd unsafe.Pointer) uint32

//go:wasmimport aotc_edge done
func importDone() uint32

//go:wasmimport aotc_edge value
func importValue(kind uint32, name unsafe.Pointer, nameSize uint32, buffer unsafe.Pointer, capacity uint32, size unsafe.Pointer) uint32

//go:wasmimport aotc_edge request
func importRequest(buffer unsafe.Pointer, capacity uint32, size unsafe.Pointer) uint32

var (
	eventsOnce, stdinOnce sync.Once
	stdinBefore           os.File // so that nothing closes its descriptor
)

func hostThawed() bool { return importThawed() != 0 }

// hostListen has the host tell what happens. A goroutine waits for it by the descriptor that it gives.
func hostListen(which uint32) {
	var fd uint32
	if e := importEvents(which, unsafe.Pointer(&fd)); e != 0 {
		panic("edge: the host gives no events: " + syscall.Errno(e).Error())
	}
	if which == thawEvent {
		stdinOnce.Do(waitForStdin)
	}
	eventsOnce.Do(func() { go serveEvents(os.NewFile(uintptr(fd), "edge events")) })
}

func serveEvents(events *os.File) {
	var event [1]byte
	for {
		if _, err := events.Read(event[:]); err != nil {
			return
		}
		switch event[0] {
		case thawEvent:
			run(&hooks.thaw)
		case idleEvent:
			run(&hooks.idle)
		}
		importDone()
	}
}

// waitForStdin has reads of os.Stdin wait as those of connections do. Go's port reads it by a call in which no goroutine
// runs, so nothing could be done before what is read.
func waitForStdin() {
	if syscall.SetNonblock(0, true) != nil {
		return
	}
	stdinBefore = *os.Stdin
	*os.Stdin = *os.NewFile(0, os.Stdin.Name())
}

func hostValue(k kind, name string) (string, error) {
	text := []byte(name)
	buffer := make([]byte, 512)
	for {
		var size uint32
		e := syscall.Errno(importValue(uint32(k), unsafe.Pointer(&text[0]), uint32(len(text)), unsafe.Pointer(&buffer[0]), uint32(len(buffer)), unsafe.Pointer(&size)))
		switch e {
		case 0:
			return string(buffer[:size]), nil
		case syscall.ERANGE:
			buffer = make([]byte, size)
		case syscall.ENOENT:
			return "", fs.ErrNotExist
		case syscall.EAGAIN:
			return "", ErrNotYet
		default:
			return "", e
		}
	}
}

// As in struct aotc_edge_request.
type hostRequestInfo struct {
	number  uint64
	client  [48]byte
	country [16]byte
}

func textOf(bytesAndZeros []byte) string {
	text, _, _ := bytes.Cut(bytesAndZeros, []byte{0})
	return string(text)
}

func hostRequest() (RequestInfo, bool) {
	var told hostRequestInfo
	var size uint32
	if importRequest(unsafe.Pointer(&told), uint32(unsafe.Sizeof(told)), unsafe.Pointer(&size)) != 0 {
		return RequestInfo{}, false
	}
	client, _ := netip.ParseAddr(textOf(told.client[:]))
	return RequestInfo{ID: strconv.FormatUint(told.number, 10), Client: client, Country: textOf(told.country[:])}, true
}
