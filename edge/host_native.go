//go:build !wasip1

package edge

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func hostThawed() bool { return true }

func hostListen(uint32) {}

func hostRequest() (RequestInfo, bool) { return RequestInfo{}, false }

func hostValue(k kind, name string) (string, error) {
	folder := os.Getenv("AOTC_CONFIG")
	if k == secret {
		folder = os.Getenv("AOTC_SECRETS")
	}
	if folder == "" {
		return "", fs.ErrNotExist
	}
	text, err := os.ReadFile(filepath.Join(folder, name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fs.ErrNotExist
	}
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(string(text), "\n"), nil
}
