package edge

import (
	"context"
	"net/netip"
)

// RequestInfo is what is known of a request, and not in it.
type RequestInfo struct {
	// ID is the request's in the node's log.
	ID string
	// Client is who asks: the other end of the connection or, where that is a proxy that the node trusts, whom it names.
	Client netip.Addr
	// Country is where the client is, as a trusted proxy says in the field that the node's --country-header names.
	Country string
}

type requestKey struct{}

// Request returns what is known of the request that is answered. An instance answers one request, so any context will do
// in a node; natively it is the one that WithRequest made. False where nothing is known.
func Request(ctx context.Context) (RequestInfo, bool) {
	if info, ok := ctx.Value(requestKey{}).(RequestInfo); ok {
		return info, true
	}
	return hostRequest()
}

// WithRequest returns a context by which Request returns info: for tests, and for middleware of programs that run
// natively.
func WithRequest(ctx context.Context, info RequestInfo) context.Context {
	return context.WithValue(ctx, requestKey{}, info)
}
