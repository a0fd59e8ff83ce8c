// A net/http server that answers with a page made by html/template: a table of twenty rows.
package main

import (
	"html/template"
	"log"
	"net"
	"net/http"
	"os"
)

type row struct {
	Name  string
	Price float64
	Tags  []string
}

const page = `<!doctype html><title>{{.Title}}</title><h1>{{.Title}}</h1><table>
{{range $i, $r := .Rows}}<tr><td>{{$i}}<td><a href="/item?name={{$r.Name}}">{{$r.Name}}</a><td>{{printf "%.2f" $r.Price}}<td>{{range $r.Tags}}<i>{{.}}</i>{{end}}
{{end}}</table><script>var page = {{.Title}};</script>`

func main() {
	tmpl := template.Must(template.New("page").Parse(page))
	var rows []row
	for i := 0; i < 20; i++ {
		rows = append(rows, row{"item <" + string(rune('a'+i)) + ">", float64(i) * 1.1, []string{"new", "a & b"}})
	}
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		log.Fatal("no listening socket at fd 3: ", err)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := tmpl.Execute(w, map[string]any{"Title": r.URL.Path, "Rows": rows}); err != nil {
			log.Print(err)
		}
	})
	log.Fatal(http.Serve(listener, nil))
}
