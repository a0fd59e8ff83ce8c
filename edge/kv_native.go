//go:build !wasip1

package edge

import (
	"context"
	"io/fs"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

var kvMemory = struct {
	sync.Mutex
	entries map[string]Entry
	version uint64
}{entries: map[string]Entry{}}

func kvAsk(ctx context.Context, request kvRequest) (kvAnswer, error) {
	if err := ctx.Err(); err != nil {
		return kvAnswer{}, err
	}
	kvMemory.Lock()
	defer kvMemory.Unlock()
	now := time.Now()
	for key, entry := range kvMemory.entries {
		if !entry.Expires.IsZero() && !entry.Expires.After(now) {
			delete(kvMemory.entries, key)
		}
	}
	there, ok := kvMemory.entries[request.key]
	switch request.operation {
	case kvGet:
		if !ok {
			return kvAnswer{}, fs.ErrNotExist
		}
		there.Value = append([]byte{}, there.Value...)
		return kvAnswer{entry: there}, nil
	case kvPut:
		if request.version != anyVersion && request.version != there.Version {
			return kvAnswer{}, ErrConflict
		}
		kvMemory.version++
		entry := Entry{Value: append([]byte{}, request.value...), Version: kvMemory.version}
		if request.number != 0 {
			entry.Expires = now.Add(time.Duration(request.number) * time.Millisecond)
		}
		kvMemory.entries[request.key] = entry
		return kvAnswer{entry: entry}, nil
	case kvAdd:
		sum, number := int64(0), int64(request.number)
		if ok {
			var err error
			if sum, err = strconv.ParseInt(string(there.Value), 10, 64); err != nil || strconv.FormatInt(sum, 10) != string(there.Value) {
				return kvAnswer{}, ErrNotNumber
			}
		}
		if (sum+number > sum) != (number > 0) {
			return kvAnswer{}, ErrNotNumber
		}
		kvMemory.version++
		entry := Entry{Value: strconv.AppendInt(nil, sum+number, 10), Version: kvMemory.version, Expires: there.Expires}
		kvMemory.entries[request.key] = entry
		entry.Value = append([]byte{}, entry.Value...)
		return kvAnswer{entry: entry}, nil
	case kvDelete:
		if !ok {
			return kvAnswer{}, fs.ErrNotExist
		}
		delete(kvMemory.entries, request.key)
		return kvAnswer{}, nil
	}
	var answer kvAnswer
	for key := range kvMemory.entries {
		if strings.HasPrefix(key, request.key) && key > string(request.value) {
			answer.keys = append(answer.keys, key)
		}
	}
	sort.Strings(answer.keys)
	if uint64(len(answer.keys)) >= request.number {
		answer.keys = answer.keys[:request.number]
		answer.next = answer.keys[request.number-1]
	}
	return answer, nil
}
