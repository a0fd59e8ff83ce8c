// A server of static files and a template, which has left files in /tmp at set-up.
package main

import (
	"bufio"
	"fmt"
	"html/template"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func list(root string) (names []string) {
	filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		names = append(names, path)
		return err
	})
	return names
}

func main() {
	dir := filepath.Join(os.TempDir(), "cache", "deep")
	kept := filepath.Join(dir, "kept")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		panic(err)
	}
	for path, text := range map[string]string{kept: "kept", filepath.Join(os.TempDir(), "other"): "other"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			panic(err)
		}
	}
	page := template.Must(template.ParseFiles("/site/page.html"))
	open := must(os.Open("/site/static/a.css"))
	word := must(bufio.NewReaderSize(open, 16).Peek(4))
	http.Handle("/static/", http.FileServer(http.Dir("/site")))
	http.HandleFunc("/page", func(w http.ResponseWriter, r *http.Request) { page.Execute(w, r.FormValue("name")) })
	http.HandleFunc("/open", func(w http.ResponseWriter, r *http.Request) {
		rest := make([]byte, 100)
		n, err := open.Read(rest)
		fmt.Fprintf(w, "%s %q %v\n", word, rest[:n], err)
	})
	http.HandleFunc("/write", func(w http.ResponseWriter, r *http.Request) {
		file := must(os.OpenFile(kept, os.O_WRONLY|os.O_APPEND, 0))
		must(file.WriteString(", and changed"))
		fmt.Fprintf(w, "%s\n", must(os.ReadFile(kept)))
		fmt.Fprintln(w, os.Truncate(kept, 6), len(must(os.ReadFile(kept))))
		fmt.Fprintln(w, os.Rename(dir, filepath.Join(os.TempDir(), "moved")), os.Remove(filepath.Join(os.TempDir(), "other")))
		fmt.Fprintln(w, list(os.TempDir()))
	})
	http.HandleFunc("/site", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, list("/site"))
		fmt.Fprintln(w, os.WriteFile("/site/new", nil, 0o600))
		fmt.Fprintln(w, os.WriteFile("/site/page.html", nil, 0o600))
		fmt.Fprintln(w, os.Truncate("/site/page.html", 1))
		fmt.Fprintln(w, os.Remove("/site/page.html"))
		fmt.Fprintln(w, os.Mkdir("/site/dir", 0o700))
		fmt.Fprintln(w, os.Rename("/site/page.html", "/site/other.html"))
		fmt.Fprintln(w, os.Rename("/site/page.html", "/tmp/page.html"))
		fmt.Fprintln(w, must(os.Stat("/site/static/a.css")).ModTime().Unix())
	})
	listener := must(net.FileListener(os.NewFile(3, "listener")))
	log.Fatal(http.Serve(listener, nil))
}
