// http-wasm's conformance kit: says where its upstream is and writes its guest, then asks the node that it is told of, by
// HTTP/1.1 and HTTP/2.
package kit

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/http-wasm/http-wasm-host-go/tck"
)

var url string

func TestMain(m *testing.M) {
	upstream := tck.StartBackend("127.0.0.1:0")
	if err := os.WriteFile(os.Getenv("GUEST"), tck.GuestWASM, 0o600); err != nil {
		panic(err)
	}
	fmt.Println(upstream.URL)
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		panic(err)
	}
	url = strings.TrimSpace(line)
	os.Exit(m.Run())
}

func TestHTTP1(t *testing.T) { tck.Run(t, &http.Client{Transport: &http.Transport{}}, url) }

func TestHTTP2(t *testing.T) {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	tck.Run(t, &http.Client{Transport: &http.Transport{Protocols: &protocols}}, url)
}
