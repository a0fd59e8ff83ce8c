// A server that asks another one for each request: /ask?to=URL answers with what that says, /plain asks nobody. It is
// the other one, too: /origin answers, /hold does not.
package main

import (
	"flag"
	"io"
	"net/http"
	"os"
)

func main() {
	listen := flag.String("listen", ":8080", "")
	flag.Parse()
	say := func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello\n") }
	http.HandleFunc("/plain", say)
	http.HandleFunc("/origin", say)
	http.HandleFunc("/hold", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	http.HandleFunc("/ask", func(w http.ResponseWriter, r *http.Request) {
		answer, err := http.Get(r.URL.Query().Get("to"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		io.Copy(w, answer.Body)
	})
	os.Stderr.WriteString(http.ListenAndServe(*listen, nil).Error())
}
