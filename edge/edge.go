// Package edge is what a program can know of the place where it runs, and do there, beyond what Go's library has for it.
//
// Under aotc a program is frozen when it waits for its first request, and each request is answered by an instance that
// goes on from there. So main runs once, wherever the snapshot was made, and what is different from instance to instance,
// or from place to place, cannot be made there: OnThaw does that. Config and Secret are what the operator of the place
// gives to the program, Request tells whose request it answers, and OnIdle runs after the response.
//
// Everything works natively, too, so that a program is tested with go test as any other: there is no snapshot then, and
// values come from the folders that AOTC_CONFIG and AOTC_SECRETS name.
//
// A program built for wasip1 with this package imports functions that aotc's hosts have, of the module "aotc_edge". On
// other hosts it is refused when it is loaded, by that name.
package edge

import (
	"errors"
	"fmt"
	"io/fs"
)

// ErrNotYet is what Config and Secret return before the thaw: in main, and in a request that warms a program up. What
// they return must not get into a snapshot, which is the same everywhere and can be read by whoever has it.
var ErrNotYet = errors.New("not available before the thaw: ask for it in a request, or in edge.OnThaw")

const maxName = 128

// Config returns what the operator gave the program under this name: natively the file with that name in the folder
// AOTC_CONFIG, without a line feed at its end. Without one the error is fs.ErrNotExist, before the thaw ErrNotYet.
func Config(name string) (string, error) {
	return value(config, name)
}

// Secret is as Config, for what should not be seen: natively the folder is AOTC_SECRETS. No secret is ever in a
// snapshot, and no host writes one to a log.
func Secret(name string) (string, error) {
	return value(secret, name)
}

type kind uint32 // as in aotc/wasi.h

const (
	config kind = iota
	secret
)

func (k kind) String() string {
	if k == secret {
		return "secret"
	}
	return "config"
}

func value(k kind, name string) (string, error) {
	if !isName(name) {
		return "", fmt.Errorf("edge: %v %q: %w", k, name, fs.ErrNotExist)
	}
	text, err := hostValue(k, name)
	if err != nil {
		return "", fmt.Errorf("edge: %v %q: %w", k, name, err)
	}
	return text, nil
}

// As the host has it for names of files.
func isName(name string) bool {
	if name == "" || len(name) > maxName || name[0] == '.' {
		return false
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}
