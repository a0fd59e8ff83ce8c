// A handler that does what the request's X-Do says: words, and what they are about, one after the other; built by Go as a
// reactor. Its answers, and what it finds out, are fields of the response.
package main

import (
	"strconv"
	"strings"
	"time"
	"unsafe"
)

func main() {}

type place = unsafe.Pointer

//go:wasmimport http_handler enable_features
func enableFeatures(features uint32) uint32

//go:wasmimport http_handler get_config
func getConfig(buffer place, limit uint32) uint32

//go:wasmimport http_handler log
func log(level int32, text place, size uint32)

//go:wasmimport http_handler log_enabled
func logEnabled(level int32) uint32

//go:wasmimport http_handler get_method
func getMethod(buffer place, limit uint32) uint32

//go:wasmimport http_handler set_method
func setMethod(text place, size uint32)

//go:wasmimport http_handler get_uri
func getURI(buffer place, limit uint32) uint32

//go:wasmimport http_handler set_uri
func setURI(text place, size uint32)

//go:wasmimport http_handler get_protocol_version
func getProtocolVersion(buffer place, limit uint32) uint32

//go:wasmimport http_handler get_source_addr
func getSourceAddr(buffer place, limit uint32) uint32

//go:wasmimport http_handler get_header_names
func getHeaderNames(kind uint32, buffer place, limit uint32) uint64

//go:wasmimport http_handler get_header_values
func getHeaderValues(kind uint32, name place, size uint32, buffer place, limit uint32) uint64

//go:wasmimport http_handler set_header_value
func setHeaderValue(kind uint32, name place, size uint32, value place, valueSize uint32)

//go:wasmimport http_handler add_header_value
func addHeaderValue(kind uint32, name place, size uint32, value place, valueSize uint32)

//go:wasmimport http_handler remove_header
func removeHeader(kind uint32, name place, size uint32)

//go:wasmimport http_handler read_body
func readBody(kind uint32, buffer place, limit uint32) uint64

//go:wasmimport http_handler write_body
func writeBody(kind uint32, text place, size uint32)

//go:wasmimport http_handler get_status_code
func getStatusCode() uint32

//go:wasmimport http_handler set_status_code
func setStatusCode(status uint32)

var buffer [1 << 16]byte

func at(text string) (place, uint32) { return place(unsafe.StringData(text + " ")), uint32(len(text)) }

func room() (place, uint32) { return place(&buffer), uint32(len(buffer)) }

func text(size uint32) string { return string(buffer[:size]) }

// Zeros between them become commas.
func list(found uint64) string {
	return strings.ReplaceAll(strings.TrimSuffix(string(buffer[:uint32(found)]), "\x00"), "\x00", ",")
}

const response = 1

func tell(name, value string) {
	n, size := at(name)
	v, valueSize := at(value)
	addHeaderValue(response, n, size, v, valueSize)
}

func values(kind uint32, name string) string {
	n, size := at(name)
	b, limit := room()
	return list(getHeaderValues(kind, n, size, b, limit))
}

func body(kind uint32) string {
	all := ""
	for {
		b, limit := room()
		got := readBody(kind, b, limit)
		all += text(uint32(got))
		if got>>32 == 1 {
			return all
		}
	}
}

func number(text string) uint32 {
	digits, _, _ := strings.Cut(text, " ")
	n, _ := strconv.Atoi(digits)
	return uint32(n)
}

func count[T uint32 | int](n T) string { return strconv.Itoa(int(n)) }

// Returns whether the next handler is to answer.
func do(words string) uint64 {
	next := uint64(0)
	for _, word := range strings.Split(words, ";") {
		word, about, _ := strings.Cut(strings.TrimSpace(word), " ")
		kind := number(about)
		_, rest, _ := strings.Cut(about, " ")
		name, value, _ := strings.Cut(rest, "=")
		switch word {
		case "":
		case "next":
			next = 1 | 77<<32
		case "features":
			tell("features", count(enableFeatures(kind)))
		case "config":
			b, limit := room()
			tell("config", text(getConfig(b, limit)))
		case "log":
			t, size := at(rest)
			log(int32(kind)-1, t, size)
			tell("enabled", count(logEnabled(int32(kind)-1)))
		case "who":
			b, limit := room()
			tell("method", text(getMethod(b, limit)))
			tell("uri", text(getURI(b, limit)))
			tell("version", text(getProtocolVersion(b, limit)))
			tell("source", text(getSourceAddr(b, limit)))
		case "long":
			// What does not fit is not written.
			buffer[0] = '!'
			tell("uri-size", count(getURI(place(&buffer), 1))+string(buffer[:1]))
		case "method":
			setMethod(at(about))
		case "uri":
			setURI(at(about))
		case "names":
			b, limit := room()
			tell("names", list(getHeaderNames(kind, b, limit)))
		case "values":
			tell("values", values(kind, name))
		case "set", "add":
			n, size := at(name)
			v, valueSize := at(strings.NewReplacer(`\r`, "\r", `\n`, "\n", `\0`, "\x00").Replace(value))
			if word == "set" {
				setHeaderValue(kind, n, size, v, valueSize)
			} else {
				addHeaderValue(kind, n, size, v, valueSize)
			}
		case "many":
			for range number(rest) {
				n, size := at("x-many")
				v, valueSize := at(strings.Repeat("y", 8000))
				addHeaderValue(kind, n, size, v, valueSize)
			}
		case "remove":
			n, size := at(rest)
			removeHeader(kind, n, size)
		case "read":
			tell("body", count(len(body(kind))))
		case "copy":
			all := body(kind)
			t, size := at(strings.ToUpper(all))
			writeBody(kind, t, size)
		case "write":
			t, size := at(strings.Repeat(name, max(1, int(number(value)))))
			writeBody(kind, t, size)
		case "status":
			setStatusCode(kind)
		case "tell-status":
			tell("status", count(getStatusCode()))
		case "grow":
			for {
				writeBody(kind, place(&buffer), uint32(len(buffer)))
			}
		case "far":
			// Each is near the end of memory, or behind it.
			far := place(uintptr(0xfffffff0))
			switch rest {
			case "get":
				getMethod(far, 1<<20)
			case "set":
				setMethod(far, 32)
			case "names":
				getHeaderNames(0, far, 1<<31)
			case "values":
				getHeaderValues(0, far, 1<<31, place(&buffer), 1)
			case "value":
				n, size := at("x")
				setHeaderValue(response, n, size, far, 0xffffffff)
			case "read":
				readBody(0, far, 0xffffffff)
			case "write":
				writeBody(response, far, 0xffffffff)
			case "log":
				log(0, far, 0xffffffff)
			}
		case "sleep":
			time.Sleep(time.Duration(kind) * time.Millisecond)
		case "loop":
			for {
			}
		case "panic":
			panic(about)
		default:
			panic("unknown word: " + word)
		}
	}
	return next
}

//go:wasmexport handle_request
func handleRequest() uint64 { return do(values(0, "x-do")) }

//go:wasmexport handle_response
func handleResponse(context, failed uint32) {
	after := values(0, "x-after")
	if after != "" {
		do(strings.ReplaceAll(after, "CONTEXT", count(context)+","+count(failed)))
	}
}
