// Package middleware keeps the prefix of request ids as the library of this name does.
package middleware

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
)

var (
	prefix string
	served int
)

func init() {
	host, _ := os.Hostname()
	digits := ""
	for len(digits) < 10 {
		var bytes [12]byte
		rand.Read(bytes[:])
		digits = strings.NewReplacer("+", "", "/", "").Replace(base64.StdEncoding.EncodeToString(bytes[:]))
	}
	prefix = host + "/" + digits[:10]
}

func NextID() string {
	served++
	return fmt.Sprintf("%s-%06d", prefix, served)
}
