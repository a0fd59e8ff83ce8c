package edge_test

import (
	"fmt"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"os"

	"aotc/edge"
)

// What is to differ from instance to instance is drawn at the thaw.
func ExampleOnThaw() {
	var session int64
	edge.OnThaw(func() { session = rand.Int63() })
	fmt.Println(session != 0)
	// Output: true
}

// A counter that is sent when the client has its response.
func ExampleOnIdle() {
	served := 0
	edge.OnIdle(func() { fmt.Println("served", served) })
	handler := func(w http.ResponseWriter, r *http.Request) { served++ }
	handler(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	edge.Idle() // a node does this
	// Output: served 1
}

func ExampleConfig() {
	folder, _ := os.MkdirTemp("", "config")
	defer os.RemoveAll(folder)
	os.WriteFile(folder+"/greeting", []byte("good day\n"), 0o600)
	os.Setenv("AOTC_CONFIG", folder) // natively; a node has --config APP=DIR, aotc run --config DIR
	greeting, err := edge.Config("greeting")
	fmt.Println(greeting, err)
	// Output: good day <nil>
}
