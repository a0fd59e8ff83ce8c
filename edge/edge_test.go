package edge_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"aotc/edge"
)

func write(t *testing.T, variable, name, text string) {
	t.Helper()
	folder := t.TempDir()
	t.Setenv(variable, folder)
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestValues(t *testing.T) {
	write(t, "AOTC_CONFIG", "greeting", "hello\n")
	write(t, "AOTC_SECRETS", "key", "two\nlines\n\n")
	if text, err := edge.Config("greeting"); text != "hello" || err != nil {
		t.Errorf("%q %v", text, err)
	}
	if text, err := edge.Secret("key"); text != "two\nlines\n" || err != nil {
		t.Errorf("%q %v", text, err)
	}
	for _, name := range []string{"key", "", ".", "..", "../x", "a b", "greeting\x00"} {
		if text, err := edge.Config(name); text != "" || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %q %v", name, text, err)
		}
	}
	if _, err := edge.Secret("greeting"); fmt.Sprint(err) != `edge: secret "greeting": file does not exist` {
		t.Error(err)
	}
}

func TestHooks(t *testing.T) {
	var order []string
	edge.OnThaw(func() { order = append(order, "thaw") })
	edge.OnIdle(func() { order = append(order, "idle") })
	edge.OnIdle(func() { order = append(order, "and idle") })
	if !edge.Thawed() || fmt.Sprint(order) != "[thaw]" {
		t.Error(order)
	}
	edge.Idle()
	if fmt.Sprint(order) != "[thaw idle and idle]" {
		t.Error(order)
	}
}

func TestRequest(t *testing.T) {
	if info, ok := edge.Request(context.Background()); ok {
		t.Error(info)
	}
	given := edge.RequestInfo{ID: "7", Client: netip.MustParseAddr("192.0.2.1"), Country: "NL"}
	if info, ok := edge.Request(edge.WithRequest(context.Background(), given)); !ok || info != given {
		t.Error(info, ok)
	}
}
