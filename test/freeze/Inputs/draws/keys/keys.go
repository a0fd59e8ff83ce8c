// Package keys makes a key when the program starts, which all instances are to share.
package keys

import "crypto/rand"

var Key = make([]byte, 8)

func init() { rand.Read(Key) }
