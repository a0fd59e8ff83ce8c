// Takes requests as newer programs do: each is promised, then waited for, until there is none. Of each it says whose it is, and
// which one of its own.
package main

import (
	"strconv"
	"unsafe"
)

//go:wasmimport fastly_http_downstream next_request
func nextRequest(mask, options, promise uint32) uint32

//go:wasmimport fastly_http_downstream next_request_wait
func nextRequestWait(promise, request, body uint32) uint32

//go:wasmimport fastly_http_downstream downstream_client_ip_addr
func clientAddress(request, octets, size uint32) uint32

//go:wasmimport fastly_http_downstream downstream_original_header_count
func headerCount(request, count uint32) uint32

//go:wasmimport fastly_http_body new
func newBody(body uint32) uint32

//go:wasmimport fastly_http_body write
func writeBody(body, text, size, end, written uint32) uint32

//go:wasmimport fastly_http_resp new
func newResponse(response uint32) uint32

//go:wasmimport fastly_http_resp send_downstream
func sendDownstream(response, body, streaming uint32) uint32

//go:wasmimport fastly_http_cache is_request_cacheable
func isCacheable(request, cacheable uint32) uint32

var options [64]byte
var promise, request, body, response, text, size, written, count uint32
var address [16]byte

func at(p *uint32) uint32 { return uint32(uintptr(unsafe.Pointer(p))) }

func check(status, wanted uint32) {
	if status != wanted {
		panic("status " + strconv.Itoa(int(status)))
	}
}

func main() {
	for number := 1; ; number++ {
		check(nextRequest(0, uint32(uintptr(unsafe.Pointer(&options))), at(&promise)), 0)
		status := nextRequestWait(promise, at(&request), at(&body))
		if status == 10 {
			println("no more after", number-1)
			return
		}
		check(status, 0)
		check(clientAddress(request, uint32(uintptr(unsafe.Pointer(&address))), at(&size)), 0)
		check(clientAddress(request+1, uint32(uintptr(unsafe.Pointer(&address))), at(&size)), 3)
		check(headerCount(request, at(&count)), 0)
		check(isCacheable(request, at(&count)), 5)
		line := []byte("request " + strconv.Itoa(number) + " from " + strconv.Itoa(int(address[0])) + ", " + strconv.Itoa(int(size)) + " bytes\n")
		check(newBody(at(&body)), 0)
		check(writeBody(body, uint32(uintptr(unsafe.Pointer(&line[0]))), uint32(len(line)), 0, at(&written)), 0)
		check(newResponse(at(&response)), 0)
		check(sendDownstream(response, body, 0), 0)
	}
}
