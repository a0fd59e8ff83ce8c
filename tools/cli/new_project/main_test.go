package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestHello(t *testing.T) {
	server := httptest.NewServer(handler())
	defer server.Close()
	for query, want := range map[string]string{"": "hello, world\n", "?name=you": "hello, you\n"} {
		answer, err := http.Get(server.URL + "/" + query)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK || string(text) != want {
			t.Errorf("%q: %s %q %v, want %q", query, answer.Status, text, err, want)
		}
	}
}
