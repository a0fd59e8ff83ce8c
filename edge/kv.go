package edge

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"
)

// KV is the app's key-value store: the same for all of its instances, on one node, or on all that keep it in one Redis.
// Natively it is in memory, and ends with the process.
//
// What Put, CompareAndSet, Add and Delete did is on the node's disk when they return without an error, or as safe as that
// Redis makes it. With another error than those below, ErrNotYet and what a context says included, it may have been
// done or not.
var KV Store

// Store is the type of KV.
type Store struct{}

// Entry is what the store has under a key.
type Entry struct {
	Value []byte
	// Version grows with each Put and Add of the app.
	Version uint64
	// Expires is when it goes; zero if it stays.
	Expires time.Time
}

const (
	// MaxKey is the largest number of bytes in a key, MaxValue that in a value.
	MaxKey, MaxValue = 480, 128 << 10
	maxList          = 1000
)

var (
	// ErrConflict is what CompareAndSet returns when another version is there.
	ErrConflict = errors.New("another version is there")
	// ErrFull is what puts return when the app has as much as it may have.
	ErrFull = errors.New("the store is full")
	// ErrNotNumber is what Add returns when what is there, or would be, is no number of 64 bits.
	ErrNotNumber = errors.New("it is not a number of 64 bits")
	// ErrNoStore is what all operations return where the host has no store.
	ErrNoStore = errors.New("the host has no store: aotc-node and aotc run do with --kv")

	errLarge   = fmt.Errorf("a key has 1 to %d bytes, a value %d at most", MaxKey, MaxValue)
	errBroken  = errors.New("the store cannot be used: the node's log says why")
	errTime    = errors.New("a time to live is not negative")
	anyVersion = ^uint64(0)
)

// Get returns what is there; fs.ErrNotExist if nothing is.
func (Store) Get(ctx context.Context, key string) (Entry, error) {
	if err := check(key, nil, 0); err != nil {
		return Entry{}, kvError("get", key, err)
	}
	answer, err := kvAsk(ctx, kvRequest{operation: kvGet, key: key})
	return answer.entry, kvError("get", key, err)
}

// Put puts the value there, for as long as ttl says, or for good if that is 0. It returns the entry's version.
func (Store) Put(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	return put(ctx, key, anyVersion, value, ttl)
}

// CompareAndSet is Put if the version that is there is this one, 0 if nothing is to be there. Otherwise nothing is done,
// and the error is ErrConflict.
func (Store) CompareAndSet(ctx context.Context, key string, version uint64, value []byte, ttl time.Duration) (uint64, error) {
	return put(ctx, key, version, value, ttl)
}

func put(ctx context.Context, key string, version uint64, value []byte, ttl time.Duration) (uint64, error) {
	err := check(key, value, ttl)
	if err != nil {
		return 0, kvError("put", key, err)
	}
	milliseconds := uint64((ttl + time.Millisecond - 1) / time.Millisecond)
	answer, err := kvAsk(ctx, kvRequest{operation: kvPut, key: key, value: value, version: version, number: milliseconds})
	return answer.entry.Version, kvError("put", key, err)
}

// Add adds to the number that is there, in decimal, or to 0 if nothing is, and returns the sum. Whoever else does so at the
// same time is counted, too. It stays for as long as what is there does.
func (Store) Add(ctx context.Context, key string, number int64) (int64, error) {
	err := check(key, nil, 0)
	if err != nil {
		return 0, kvError("add", key, err)
	}
	answer, err := kvAsk(ctx, kvRequest{operation: kvAdd, key: key, version: anyVersion, number: uint64(number)})
	if err != nil {
		return 0, kvError("add", key, err)
	}
	sum, err := strconv.ParseInt(string(answer.entry.Value), 10, 64)
	return sum, kvError("add", key, err)
}

// Delete removes what is there; fs.ErrNotExist if nothing is.
func (Store) Delete(ctx context.Context, key string) error {
	err := check(key, nil, 0)
	if err == nil {
		_, err = kvAsk(ctx, kvRequest{operation: kvDelete, key: key, version: anyVersion})
	}
	return kvError("delete", key, err)
}

// List returns keys that begin with the prefix, in the order of their bytes, from the first after `after` on: at most
// limit, or 1000, of them. There may be more after next, unless that is empty.
func (Store) List(ctx context.Context, prefix, after string, limit int) (keys []string, next string, err error) {
	if len(prefix) > MaxKey || len(after) > MaxKey {
		return nil, "", kvError("list", prefix, errLarge)
	}
	if limit <= 0 || limit > maxList {
		limit = maxList
	}
	answer, err := kvAsk(ctx, kvRequest{operation: kvList, key: prefix, value: []byte(after), number: uint64(limit)})
	return answer.keys, answer.next, kvError("list", prefix, err)
}

func check(key string, value []byte, ttl time.Duration) error {
	if key == "" || len(key) > MaxKey || len(value) > MaxValue {
		return errLarge
	}
	if ttl < 0 {
		return errTime
	}
	return nil
}

func kvError(what, key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("edge: %s %q: %w", what, key, err)
}

// As in aotc/kv.h.
const (
	kvGet = 1 + iota
	kvPut
	kvDelete
	kvList
	kvAdd
)

type kvRequest struct {
	operation uint16
	key       string
	value     []byte
	version   uint64
	number    uint64
}

type kvAnswer struct {
	entry Entry
	keys  []string
	next  string
}

var kvStatus = []error{nil, fs.ErrNotExist, ErrConflict, ErrFull, errors.ErrUnsupported, errBroken, ErrNotNumber}
