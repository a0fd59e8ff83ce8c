// host_network.go - what `aotc build` adds to package net: a program's way to its host.
//
// Go's port for wasip1 has no sockets: whatever listens or connects does so inside of the program (net_fake.go). Here
// Listen on tcp takes the listener that the host opened before the program began, and who is not inside is said to be
// out of reach at once. The overlay renames three functions of the package, so that callers get those below:
//
//	socket            fakeSocket           of net_fake.go, for what goes on inside
//	lookupStaticHost  lookupHostsFile      of hosts.go
//	tryOneName        askServers           of dnsclient_unix.go
//
// A loopback address without a port is for the program itself, as net/http/httptest asks for one: it stays inside.
// Beside this file stands one that knows how the version of Go remembers who listens inside.
package net

import (
	"context"
	"internal/poll"
	"sync"
	"syscall"

	"golang.org/x/net/dns/dnsmessage"
)

// The descriptor of the host's listener.
const hostDescriptor = 3

// WASI cannot duplicate a descriptor. What Listen gives out are copies that count their uses, and the first is kept, so
// that the host's listener is there again when a program has closed it.
var host struct {
	sync.Mutex
	kept   *poll.FD
	given  *netFD
	listen string // what it was given for
}

// hostError has a text of its own and is one of the system's errors to errors.Is.
type hostError struct {
	text string
	is   syscall.Errno
}

func (e *hostError) Error() string   { return e.text }
func (e *hostError) Unwrap() error   { return e.is }
func (e *hostError) Timeout() bool   { return false }
func (e *hostError) Temporary() bool { return false }

var errNoOutbound = &hostError{"aotc has no outbound connections yet: a program reaches only what listens inside of it", syscall.ENETUNREACH}

func socket(ctx context.Context, net string, family, sotype, proto int, ipv6only bool, laddr, raddr sockaddr, control func(context.Context, string, string, syscall.RawConn) error) (*netFD, error) {
	if raddr != nil {
		if !listensInside(raddr) {
			return nil, errNoOutbound
		}
	} else if address, ok := laddr.(*TCPAddr); ok && !(address.IP.IsLoopback() && address.Port == 0) {
		return listenHost(family, address)
	}
	return fakeSocket(ctx, net, family, sotype, proto, ipv6only, laddr, raddr, control)
}

func listenHost(family int, address *TCPAddr) (*netFD, error) {
	host.Lock()
	defer host.Unlock()
	// Nothing is done with a descriptor that is closed.
	if host.given != nil && host.given.pfd.RawControl(func(uintptr) {}) == nil {
		return nil, &hostError{"the host gave one listener, and this program's Listen on " + host.listen + " has it", syscall.EADDRINUSE}
	}
	if host.kept == nil {
		if kind, err := fd_fdstat_get_type(hostDescriptor); err != nil || kind != syscall.FILETYPE_SOCKET_STREAM {
			return nil, &hostError{"the host gave no listener: aotc run --tcplisten ADDR:PORT does, and aotc-node", syscall.EADDRNOTAVAIL}
		}
		if err := syscall.SetNonblock(hostDescriptor, true); err != nil {
			return nil, err
		}
		kept := &poll.FD{Sysfd: hostDescriptor, IsStream: true, ZeroReadIsEOF: true}
		if err := kept.Init("tcp", true); err != nil {
			return nil, err
		}
		host.kept = kept
	}
	fd := newPollFD("tcp", host.kept.Copy())
	if err := fd.init(); err != nil {
		fd.Close()
		return nil, err
	}
	fd.family, fd.sotype = family, syscall.SOCK_STREAM
	fd.laddr, fd.raddr = shownAddress(family, address), nil
	host.given, host.listen = fd, fd.laddr.String()
	return fd, nil
}

// What was asked for, in the words of a system that has it. Its port is 0 if any would do: the host's is not known here.
func shownAddress(family int, address *TCPAddr) *TCPAddr {
	shown := *address
	if shown.isWildcard() && family == syscall.AF_INET {
		shown.IP = IPv4zero
	} else if shown.isWildcard() {
		shown.IP = IPv6zero
	}
	return &shown
}

func lookupStaticHost(name string) ([]string, string) {
	if found, canonical := lookupHostsFile(name); len(found) > 0 {
		return found, canonical
	}
	lower := []byte(name)
	lowerASCIIBytes(lower)
	if text := string(lower); text == "localhost" || text == "localhost." {
		return []string{"127.0.0.1", "::1"}, "localhost."
	}
	return nil, ""
}

// A Resolver's own Dial may know a server inside.
func (r *Resolver) tryOneName(ctx context.Context, conf *dnsConfig, name string, kind dnsmessage.Type) (dnsmessage.Parser, string, error) {
	if r != nil && r.Dial != nil {
		return r.askServers(ctx, conf, name, kind)
	}
	return dnsmessage.Parser{}, "", &DNSError{Err: errNoOutbound.text, Name: name}
}
