// Files and directories through package os, in the directory that the first argument names.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

func check(what string, err error) {
	if err != nil {
		fmt.Println("FAIL", what, err)
		os.Exit(1)
	}
}

func main() {
	dir := os.Args[1]
	file := filepath.Join(dir, "a.txt")
	check("write", os.WriteFile(file, []byte("hello"), 0o644))
	f, err := os.OpenFile(file, os.O_APPEND|os.O_RDWR, 0)
	check("open", err)
	_, err = f.WriteString(" world")
	check("append", err)
	_, err = f.Seek(6, io.SeekStart)
	check("seek", err)
	rest, err := io.ReadAll(f)
	check("read", err)
	fmt.Printf("rest %q\n", rest)
	info, err := f.Stat()
	check("stat", err)
	fmt.Println("size", info.Size(), info.Mode().IsRegular(), info.Name())
	_, err = f.ReadAt(rest[:5], 0)
	check("pread", err)
	fmt.Printf("start %q\n", rest)
	check("close", f.Close())

	check("truncate", os.Truncate(file, 3))
	when := time.Unix(1_000_000_000, 0)
	check("chtimes", os.Chtimes(file, when, when))
	info, err = os.Stat(file)
	check("stat again", err)
	fmt.Println("after", info.Size(), info.ModTime().Unix())

	check("mkdir", os.MkdirAll(filepath.Join(dir, "sub", "deep"), 0o755))
	check("rename", os.Rename(file, filepath.Join(dir, "sub", "b.txt")))
	check("symlink", os.Symlink("b.txt", filepath.Join(dir, "sub", "link")))
	target, err := os.Readlink(filepath.Join(dir, "sub", "link"))
	check("readlink", err)
	text, err := os.ReadFile(filepath.Join(dir, "sub", "link"))
	check("read through link", err)
	fmt.Printf("link %s %q\n", target, text)
	check("hard link", os.Link(filepath.Join(dir, "sub", "b.txt"), filepath.Join(dir, "sub", "c.txt")))
	for i := 0; i < 300; i++ {
		check("many", os.WriteFile(filepath.Join(dir, "sub", "deep", fmt.Sprintf("file-with-a-long-name-%03d", i)), nil, 0o600))
	}
	var names []string
	check("walk", filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if rel := strings.TrimPrefix(path, dir); err == nil && !strings.Contains(rel, "long-name") {
			names = append(names, rel)
		}
		return err
	}))
	sort.Strings(names)
	fmt.Println("tree", names)
	entries, err := os.ReadDir(filepath.Join(dir, "sub", "deep"))
	check("readdir", err)
	fmt.Println("entries", len(entries), entries[299].Name())

	_, err = os.Open(filepath.Join(dir, "absent"))
	fmt.Println("absent", errors.Is(err, fs.ErrNotExist))
	err = os.Mkdir(filepath.Join(dir, "sub"), 0o755)
	fmt.Println("exists", errors.Is(err, fs.ErrExist))
	fmt.Println("not empty", os.Remove(filepath.Join(dir, "sub")) != nil)
	check("remove all", os.RemoveAll(filepath.Join(dir, "sub")))
	_, err = os.Stat(filepath.Join(dir, "sub"))
	fmt.Println("gone", errors.Is(err, fs.ErrNotExist))
}
