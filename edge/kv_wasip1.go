//go:build wasip1

package edge

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

//go:wasmimport aotc_outbound open
func outboundOpen(service uint32, name unsafe.Pointer, size uint32, port uint32, fd unsafe.Pointer) uint32

const outboundKV = 4 // as in aotc/outbound.h

// A stream to the store answers one request at a time; those that are not in use wait here.
var kvIdle struct {
	sync.Mutex
	streams []*os.File
}

func kvStream() (*os.File, error) {
	kvIdle.Lock()
	defer kvIdle.Unlock()
	if last := len(kvIdle.streams) - 1; last >= 0 {
		stream := kvIdle.streams[last]
		kvIdle.streams = kvIdle.streams[:last]
		return stream, nil
	}
	name := [...]byte{'k', 'v'}
	var fd uint32
	switch e := syscall.Errno(outboundOpen(outboundKV, unsafe.Pointer(&name[0]), uint32(len(name)), 0, unsafe.Pointer(&fd))); e {
	case 0:
		return os.NewFile(uintptr(fd), "edge store"), nil
	case syscall.ENETUNREACH:
		if !Thawed() {
			return nil, ErrNotYet
		}
		return nil, ErrNoStore
	default:
		return nil, e
	}
}

func kvAsk(ctx context.Context, request kvRequest) (kvAnswer, error) {
	if err := ctx.Err(); err != nil {
		return kvAnswer{}, err
	}
	stream, err := kvStream()
	if err != nil {
		return kvAnswer{}, err
	}
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { stream.SetDeadline(time.Unix(1, 0)) })
		defer stop()
	}
	answer, status, err := kvExchange(stream, request)
	if err != nil {
		stream.Close()
		if ctx.Err() != nil {
			return kvAnswer{}, ctx.Err()
		}
		if errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.ENETUNREACH) {
			return kvAnswer{}, ErrNoStore
		}
		return kvAnswer{}, err
	}
	if ctx.Err() != nil {
		stream.Close() // its deadline may come yet
	} else {
		kvIdle.Lock()
		kvIdle.streams = append(kvIdle.streams, stream)
		kvIdle.Unlock()
	}
	if status >= uint32(len(kvStatus)) {
		return answer, errBroken
	}
	return answer, kvStatus[status]
}

const kvHead = 24 // bytes, of requests and answers

func kvExchange(stream *os.File, request kvRequest) (answer kvAnswer, status uint32, err error) {
	bytes := make([]byte, kvHead, kvHead+len(request.key)+len(request.value))
	binary.LittleEndian.PutUint32(bytes, uint32(len(request.key)+len(request.value)))
	binary.LittleEndian.PutUint16(bytes[4:], request.operation)
	binary.LittleEndian.PutUint16(bytes[6:], uint16(len(request.key)))
	binary.LittleEndian.PutUint64(bytes[8:], request.version)
	binary.LittleEndian.PutUint64(bytes[16:], request.number)
	bytes = append(append(bytes, request.key...), request.value...)
	if _, err := stream.Write(bytes); err != nil {
		return answer, 0, err
	}
	var head [kvHead]byte
	if _, err := io.ReadFull(stream, head[:]); err != nil {
		return answer, 0, err
	}
	value := make([]byte, binary.LittleEndian.Uint32(head[:]))
	if _, err := io.ReadFull(stream, value); err != nil {
		return answer, 0, err
	}
	answer.entry = Entry{Value: value, Version: binary.LittleEndian.Uint64(head[8:])}
	if expires := binary.LittleEndian.Uint64(head[16:]); expires != 0 {
		answer.entry.Expires = time.UnixMilli(int64(expires))
	}
	if request.operation == kvList {
		for len(value) >= 2 && len(value)-2 >= int(binary.LittleEndian.Uint16(value)) {
			size := int(binary.LittleEndian.Uint16(value))
			answer.keys = append(answer.keys, string(value[2:2+size]))
			value = value[2+size:]
		}
		if last := len(answer.keys) - 1; answer.entry.Version == 1 && last >= 0 {
			answer.next, answer.keys = answer.keys[last], answer.keys[:last]
		}
	}
	return answer, binary.LittleEndian.Uint32(head[4:]), nil
}
