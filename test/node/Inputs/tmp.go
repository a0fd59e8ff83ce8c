// A server that uses its temporary directory: for the files of a form, and in the ways of package os.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func names() (list []string) {
	must(filepath.WalkDir(os.TempDir(), func(path string, entry os.DirEntry, err error) error {
		list = append(list, path)
		return err
	}))
	return list
}

func files(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, "found", names())
	dir, err := os.MkdirTemp("", "work-*")
	must(err)
	path := filepath.Join(dir, "file")
	must(os.WriteFile(path, []byte("one two"), 0o600))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	must(err)
	_, err = f.WriteString(" three")
	must(err)
	_, err = f.Seek(4, io.SeekStart)
	must(err)
	rest, err := io.ReadAll(f)
	must(err)
	must(os.Rename(path, filepath.Join(os.TempDir(), "moved")))
	must(os.Remove(filepath.Join(os.TempDir(), "moved")))
	info, err := f.Stat()
	must(err)
	must(f.Close())
	fmt.Fprintf(w, "%s, %d bytes, %d names\n", rest, info.Size(), len(names()))
	_, err = os.Stat(path)
	fmt.Fprintln(w, os.IsNotExist(err))
}

func main() {
	for _, name := range os.Args[1:] {
		must(os.WriteFile(filepath.Join(os.TempDir(), name), make([]byte, 20<<20), 0o600))
	}
	http.HandleFunc("/files", files)
	http.HandleFunc("/form", func(w http.ResponseWriter, r *http.Request) {
		f, header, err := r.FormFile("f") // keeps 32 MB in memory
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		size, err := io.Copy(io.Discard, f)
		fmt.Fprintln(w, header.Filename, header.Size, size, err, len(names()))
	})
	http.HandleFunc("/fill", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		fmt.Fprintln(w, os.WriteFile(filepath.Join(os.TempDir(), "full"), make([]byte, n), 0o600))
	})
	l, err := net.FileListener(os.NewFile(3, "listener"))
	must(err)
	log.Fatal(http.Serve(l, nil))
}
