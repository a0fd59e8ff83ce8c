// host_tls.go - what `aotc build` adds to package net/http: TLS is spoken by the host.
//
// A program that begins with each request would make a new connection each time, with a handshake, and has no
// certificates to check by. So a Transport that leaves TLS as it is by default has the host speak it: what it connects
// to, by whatever dialer it has, is asked for with a TLSWish in the context, and is a connection on which it speaks
// HTTP/1.1. Behind it the host has connections that it keeps and shares, of HTTP/2 where that is to be had. The overlay
// renames two methods, so that their callers get those below:
//
//	hasCustomTLSDialer  hasOwnTLSDialer  of transport.go
//	customDialTLS       dialOwnTLS       of transport.go
package http

import (
	"context"
	"crypto/tls"
	"internal/nettrace"
	"net"
)

func (t *Transport) hasCustomTLSDialer() bool { return t.hasOwnTLSDialer() || t.usualTLS() }

// Whether nothing is said of how TLS is to be spoken but which protocols it may lead to.
func (t *Transport) usualTLS() bool {
	c := t.TLSClientConfig
	return c == nil || len(c.Certificates) == 0 && c.GetClientCertificate == nil && c.RootCAs == nil && !c.InsecureSkipVerify && c.ServerName == "" &&
		c.VerifyPeerCertificate == nil && c.VerifyConnection == nil && c.KeyLogWriter == nil && c.MinVersion <= tls.VersionTLS12
}

func (t *Transport) customDialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	if t.hasOwnTLSDialer() {
		return t.dialOwnTLS(ctx, network, addr)
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	wish := &nettrace.TLSWish{Host: host}
	conn, err := t.dial(context.WithValue(ctx, nettrace.TLSKey{}, wish), network, addr)
	if err != nil || wish.Given {
		return conn, err
	}
	config := new(tls.Config)
	if t.TLSClientConfig != nil {
		config = t.TLSClientConfig.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = host
	}
	return tls.Client(conn, config), nil
}
