// wasm.go - the step before runc: the module or artifact in a container's image, compiled if it has to be, and the program and words with
// which runc starts it in place of what the image says.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/containerd/api/types"
	"github.com/containerd/containerd/mount"
	"github.com/containerd/containerd/sys/reaper"
	"github.com/containerd/continuity/fs"
)

// Variables of the container that are for this shim, and not for the program.
const (
	listenVariable   = "AOTC_LISTEN"   // where a server listens
	dirVariable      = "AOTC_DIR"      // directories of the image that a server reads, with colons between them
	snapshotVariable = "AOTC_SNAPSHOT" // off: a command, which runs from its beginning
)

const (
	inside      = "/.aotc" // where the container has our programs and its artifact
	patience    = 10 * time.Minute
	mostOutput  = 64 << 20
	mostSecrets = 64 // of aotc-exec
)

// What a node that is root needs to give its processes users of their own. A command needs nothing.
var nodeCapabilities = []string{"CAP_CHOWN", "CAP_DAC_READ_SEARCH", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID"}

type container struct {
	programs, bundle string
	rootfs           []*types.Mount
}

// What is changed of config.json. All the rest, which newer versions of containerd may know more of, stays as it is.
type process struct {
	Args         []string            `json:"args"`
	Env          []string            `json:"env"`
	Cwd          string              `json:"cwd"`
	Capabilities map[string][]string `json:"capabilities"`
}

type specMount struct {
	Destination string   `json:"destination"`
	Type        string   `json:"type"`
	Source      string   `json:"source"`
	Options     []string `json:"options"`
}

type object = map[string]json.RawMessage

// prepare rewrites the bundle of a container whose program is a WebAssembly module, or an artifact (.aotc). That of any other,
// such as a pod's pause, is left as it is.
func (c *container) prepare(ctx context.Context) error {
	path := filepath.Join(c.bundle, "config.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var spec, whole object
	var p process
	if err := json.Unmarshal(text, &spec); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if spec["process"] == nil {
		return nil
	}
	if err := errors.Join(json.Unmarshal(spec["process"], &whole), json.Unmarshal(spec["process"], &p)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if len(p.Args) == 0 {
		return nil
	}
	made, err := c.make(ctx, spec["root"], &p)
	if err != nil || !made {
		return err
	}
	server, err := c.isServer(ctx)
	if err != nil {
		return err
	}
	p.start(server)
	for key, value := range map[string]any{"args": p.Args, "env": p.Env, "capabilities": p.Capabilities, "noNewPrivileges": true} {
		if whole[key], err = json.Marshal(value); err != nil {
			return err
		}
	}
	if spec["process"], err = json.Marshal(whole); err != nil {
		return err
	}
	if err := c.addMounts(spec); err != nil {
		return err
	}
	if text, err = json.Marshal(spec); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

func (c *container) artifact() string { return filepath.Join(c.bundle, "aotc", "app.aotc") }

// make writes the container's artifact, if its program is one of ours.
func (c *container) make(ctx context.Context, root json.RawMessage, p *process) (made bool, err error) {
	folder := filepath.Join(c.bundle, "rootfs")
	if len(c.rootfs) == 0 {
		var named struct{ Path string }
		if err := json.Unmarshal(root, &named); err != nil {
			return false, fmt.Errorf("root: %w", err)
		}
		if folder = named.Path; !filepath.IsAbs(folder) {
			folder = filepath.Join(c.bundle, folder)
		}
	} else {
		// Where runc has it afterwards, so that whoever cleans up after it finds this, too.
		if err := os.Mkdir(folder, 0o711); err != nil && !os.IsExist(err) {
			return false, err
		}
		defer func() { err = errors.Join(err, mount.UnmountAll(folder, 0)) }()
		for _, m := range c.rootfs {
			one := mount.Mount{Type: m.Type, Source: m.Source, Options: append(slices.Clone(m.Options), "ro")}
			if err := one.Mount(folder); err != nil {
				return false, fmt.Errorf("cannot mount the image: %w", err)
			}
		}
	}
	module, kind, err := findProgram(folder, p)
	if err != nil || kind == native {
		return false, err
	}
	defer module.Close()
	if err := os.MkdirAll(filepath.Dir(c.artifact()), 0o711); err != nil {
		return false, err
	}
	if kind == wasm {
		err = c.compile(ctx, folder, module, p)
	} else {
		err = copyTo(c.artifact(), module)
	}
	return err == nil, err
}

type kind int

const (
	native kind = iota
	wasm
	artifact
)

// findProgram opens what the container's first word names, as its own root has it.
func findProgram(root string, p *process) (*os.File, kind, error) {
	names := []string{p.Args[0]}
	if !strings.Contains(p.Args[0], "/") {
		path, _ := value(p.Env, "PATH")
		names = nil
		for _, folder := range filepath.SplitList(path) {
			names = append(names, filepath.Join(folder, p.Args[0]))
		}
	}
	for _, name := range names {
		if !filepath.IsAbs(name) {
			name = filepath.Join("/", p.Cwd, name)
		}
		path, err := fs.RootPath(root, name)
		if err != nil {
			return nil, native, fmt.Errorf("%s: %w", name, err)
		}
		file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, native, err
		}
		k, err := kindOf(file, name)
		if err == nil && k != native {
			return file, k, nil
		}
		file.Close()
		return nil, native, err
	}
	return nil, native, nil // runc says what is wrong
}

func kindOf(file *os.File, name string) (kind, error) {
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return native, err
	}
	var head [4]byte
	if n, err := file.ReadAt(head[:], 0); n < len(head) {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return native, err
	}
	switch {
	case string(head[:]) == "\x00asm":
		return wasm, nil
	case string(head[:]) == "\x7fELF" && strings.HasSuffix(name, ".aotc"):
		return artifact, nil
	}
	return native, nil
}

// compile has aotc do it, in processes that are locked before they see a byte of the module. What is compiled is kept for other
// containers in AOTC_CACHE. A Go program is frozen with what it is given here.
func (c *container) compile(ctx context.Context, root string, module *os.File, p *process) error {
	words := []string{"compile", module.Name(), "-o", c.artifact(), "--target", "host", "--tier", "auto"}
	if snapshot, _ := value(p.Env, snapshotVariable); snapshot != "" {
		words = append(words, "--snapshot", snapshot)
	}
	for _, variable := range p.variables() {
		words = append(words, "--env", variable)
	}
	for _, word := range p.Args[1:] {
		words = append(words, "--arg="+word)
	}
	dirs, _ := value(p.Env, dirVariable)
	for _, dir := range filepath.SplitList(dirs) {
		host, err := fs.RootPath(root, filepath.Join("/", dir))
		if err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		words = append(words, "--dir", host+"::"+filepath.Join("/", dir)+":ro")
	}
	if _, err := c.run(ctx, words...); err != nil {
		return err
	}
	return os.Chmod(c.artifact(), 0o444)
}

// isServer tells whether the program was frozen where it waits for a listener.
func (c *container) isServer(ctx context.Context) (bool, error) {
	text, err := c.run(ctx, "inspect", "--json", c.artifact())
	if err != nil {
		return false, err
	}
	var report struct {
		Snapshot struct {
			WaitsFor string `json:"waits_for"`
		}
	}
	if err := json.Unmarshal(text, &report); err != nil {
		return false, fmt.Errorf("aotc inspect: %w", err)
	}
	return strings.Contains(report.Snapshot.WaitsFor, "listener"), nil
}

// run starts aotc and returns what it printed. Children of a shim are waited for by its reaper.
func (c *container) run(ctx context.Context, words ...string) ([]byte, error) {
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(c.programs, "aotc"), words...)
	cmd.Stdout, cmd.Stderr = &limited{&out}, &limited{&said}
	cmd.Env = os.Environ()
	if os.Getenv("AOTC_CACHE") == "" {
		cmd.Env = append(cmd.Env, "AOTC_CACHE=/var/cache/aotc")
	}
	exits, err := reaper.Default.Start(cmd)
	if err != nil {
		return nil, err
	}
	code, err := reaper.Default.WaitTimeout(cmd, exits, patience)
	if err == nil && code != 0 {
		err = fmt.Errorf("aotc %s: exit code %d: %s", words[0], code, strings.TrimSpace(said.String()))
	}
	return out.Bytes(), err
}

// limited keeps the first bytes.
type limited struct{ buffer *bytes.Buffer }

func (l *limited) Write(data []byte) (int, error) {
	l.buffer.Write(data[:min(len(data), max(0, mostOutput-l.buffer.Len()))])
	return len(data), nil
}

// variables are those of the program, each once: the last one counts.
func (p *process) variables() []string {
	own := []string{"", listenVariable, dirVariable, snapshotVariable}
	var kept []string
	for _, variable := range slices.Backward(p.Env) {
		if name, _, found := strings.Cut(variable, "="); found && !slices.Contains(own, name) {
			own, kept = append(own, name), append(kept, variable)
		}
	}
	slices.Reverse(kept)
	return kept
}

// start makes it the process that runs the artifact.
func (p *process) start(server bool) {
	variables, allowed := []string{}, []string(nil)
	if server {
		listen, found := value(p.Env, listenVariable)
		if !found {
			listen = ":8080"
		}
		p.Args = []string{inside + "/aotc-node", "serve", "--listen", listen, "--app", "app=" + inside + "/app.aotc"}
		allowed = nodeCapabilities
	} else {
		variables = p.variables()
		words := []string{inside + "/aotc-exec", "--cold", "--name", p.Args[0], "--dir", "/::/"}
		for i, variable := range variables {
			if name, _, _ := strings.Cut(variable, "="); i < mostSecrets {
				words = append(words, "--secret-env", name) // its own variable: no word that others can see
			} else {
				words = append(words, "--env", variable)
			}
		}
		p.Args = append(append(words, inside+"/app.aotc", "--"), p.Args[1:]...)
	}
	p.Env = variables
	for name, given := range p.Capabilities {
		p.Capabilities[name] = slices.DeleteFunc(given, func(capability string) bool { return !slices.Contains(allowed, capability) })
	}
}

// addMounts gives the container our programs, which are static, and its artifact.
func (c *container) addMounts(spec object) error {
	var mounts []json.RawMessage
	if spec["mounts"] != nil {
		if err := json.Unmarshal(spec["mounts"], &mounts); err != nil {
			return fmt.Errorf("mounts: %w", err)
		}
	}
	for _, source := range []string{filepath.Join(c.programs, "aotc-exec"), filepath.Join(c.programs, "aotc-node"), c.artifact()} {
		real, err := filepath.EvalSymlinks(source)
		if err != nil {
			return err
		}
		one, err := json.Marshal(specMount{inside + "/" + filepath.Base(source), "bind", real, []string{"bind", "ro", "nosuid", "nodev"}})
		if err != nil {
			return err
		}
		mounts = append(mounts, one)
	}
	var err error
	spec["mounts"], err = json.Marshal(mounts)
	return err
}

func copyTo(path string, from io.Reader) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, from)
	return errors.Join(err, file.Close())
}

func value(env []string, name string) (string, bool) {
	for _, variable := range slices.Backward(env) {
		if key, value, found := strings.Cut(variable, "="); found && key == name {
			return value, true
		}
	}
	return "", false
}
