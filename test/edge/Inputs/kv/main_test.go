package main

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The same steps that kv.py has a node do.
func TestSteps(t *testing.T) {
	for _, step := range strings.Split(strings.TrimSpace(steps), "\n") {
		target, want, _ := strings.Cut(step, " -> ")
		if target == "sleep" {
			time.Sleep(60 * time.Millisecond)
			continue
		}
		answer := httptest.NewRecorder()
		handler().ServeHTTP(answer, httptest.NewRequest("GET", target, nil))
		if got, _ := io.ReadAll(answer.Body); strings.TrimSuffix(string(got), "\n") != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
}
