// A web application firewall: says whether a query on standard input would pass.
package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/corazawaf/coraza/v3"
)

const rules = `
SecRuleEngine On
SecRequestBodyAccess On
SecRule ARGS "@rx (?i)union\s+select" "id:1,phase:2,deny,status:403"
SecRule ARGS "@contains <script" "id:2,phase:2,deny,status:403"
`

func main() {
	waf, err := coraza.NewWAF(coraza.NewWAFConfig().WithDirectives(rules))
	if err != nil {
		panic(err)
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		transaction := waf.NewTransaction()
		transaction.ProcessURI("/?q="+lines.Text(), "GET", "HTTP/1.1")
		transaction.ProcessRequestHeaders()
		interruption, err := transaction.ProcessRequestBody()
		fmt.Println(interruption == nil, err)
		transaction.Close()
	}
}
