// tls_wish.go - what `aotc build` adds to package internal/nettrace: a word of net/http to net, in a context.
package nettrace

// TLSKey is the key of a TLSWish.
type TLSKey struct{}

// TLSWish asks for a connection on which the program speaks HTTP/1.1 with Host and the host speaks TLS. Given says that
// it is one; else TLS is the program's affair.
type TLSWish struct {
	Host  string
	Given bool
}
