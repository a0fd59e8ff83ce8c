// host_network.go - what `aotc build` adds to package net: a program's way to its host.
//
// Go's port for wasip1 has no sockets: whatever listens or connects does so inside of the program (net_fake.go). Here
// Listen on tcp takes the listener that the host opened before the program began; Dial on tcp, and the resolver, ask the
// host, which has an allow-list; and who can be reached in neither way is said to be out of reach at once. The overlay
// renames four functions of the package, so that callers get those below:
//
//	socket                fakeSocket           of net_fake.go, for what goes on inside
//	lookupStaticHost      lookupHostsFile      of hosts.go
//	goLookupIPCNAMEOrder  lookupWithDial       of dnsclient_unix.go
//	tryOneName            askServers           of dnsclient_unix.go
//
// A loopback address without a port is for the program itself, as net/http/httptest asks for one: it stays inside.
// Beside this file stands one that knows how the version of Go remembers who listens inside.
package net

import (
	"context"
	"errors"
	"internal/nettrace"
	"internal/poll"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/net/dns/dnsmessage"
)

// The descriptor of the host's listener.
const hostDescriptor = 3

// What the host can be asked for (aotc/outbound.h).
const (
	outboundLookup = 1 + iota
	outboundConnect
	outboundHTTPS
)

type outboundEnd struct {
	address [16]byte
	port    uint16
	_       [3]uint16
}

//go:wasmimport aotc_outbound open
func outboundOpen(service uint32, name unsafe.Pointer, size uint32, port uint32, fd unsafe.Pointer) uint32

//go:wasmimport aotc_outbound state
func outboundState(fd uint32, ends unsafe.Pointer) uint32

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

var (
	errNoOutbound = &hostError{"the host makes no connections for this program: aotc-node and aotc run do with --allow, and none is made before a snapshot", syscall.ENETUNREACH}
	errNotAllowed = &hostError{"it is not on the host's allow-list (--allow)", syscall.EACCES}
	errOnlyTCP    = &hostError{"the host connects by tcp only", syscall.ENETUNREACH}
	errOnlyIP     = &hostError{"the host looks up addresses of names only", syscall.ENETUNREACH}
)

func socket(ctx context.Context, net string, family, sotype, proto int, ipv6only bool, laddr, raddr sockaddr, control func(context.Context, string, string, syscall.RawConn) error) (*netFD, error) {
	if raddr != nil {
		if listensInside(raddr) {
			return fakeSocket(ctx, net, family, sotype, proto, ipv6only, laddr, raddr, control)
		}
		if address, ok := raddr.(*TCPAddr); ok {
			return connectHost(ctx, address)
		}
		return nil, errOnlyTCP
	}
	if address, ok := laddr.(*TCPAddr); ok && !(address.IP.IsLoopback() && address.Port == 0) {
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

// Opens what the host is asked for, and waits until it is known what comes of it. The error is an errno, or the
// context's.
func openHost(ctx context.Context, service uint32, name string, port int) (fd *netFD, ends [2]outboundEnd, err error) {
	text := append([]byte(name), 0)
	var number uint32
	if e := outboundOpen(service, unsafe.Pointer(&text[0]), uint32(len(name)), uint32(port), unsafe.Pointer(&number)); e != 0 {
		return nil, ends, syscall.Errno(e)
	}
	fd = newFD("tcp", int(number))
	if err := fd.init(); err != nil {
		fd.Close()
		return nil, ends, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		fd.pfd.SetWriteDeadline(deadline)
	}
	if done := ctx.Done(); done != nil {
		waits, over := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(over)
			select {
			case <-done:
				fd.pfd.SetWriteDeadline(aLongTimeAgo)
			case <-waits:
			}
		}()
		defer func() {
			close(waits)
			<-over
			if err == nil && ctx.Err() != nil {
				err = mapErr(ctx.Err())
				fd.Close()
			}
		}()
	}
	for {
		err := fd.pfd.WaitWrite()
		e := syscall.Errno(outboundState(number, unsafe.Pointer(&ends)))
		if e == 0 {
			fd.pfd.SetWriteDeadline(noDeadline)
			return fd, ends, nil
		}
		if e != syscall.EINPROGRESS {
			err = e
		}
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			err = mapErr(ctx.Err())
		}
		fd.Close()
		return nil, ends, err
	}
}

func (end *outboundEnd) tcpAddr() *TCPAddr {
	ip := IP(append([]byte(nil), end.address[:]...))
	if four := ip.To4(); four != nil {
		ip = four
	}
	return &TCPAddr{IP: ip, Port: int(end.port)}
}

// In place of a name's address while net/http connects by TLS: the host finds the name itself (RFC 7600's dummy).
var addressOfName = IPv4(192, 0, 0, 8)

func connectHost(ctx context.Context, to *TCPAddr) (*netFD, error) {
	wish, _ := ctx.Value(nettrace.TLSKey{}).(*nettrace.TLSWish)
	if wish != nil {
		fd, ends, err := openHost(ctx, outboundHTTPS, wish.Host, to.Port)
		if err == nil {
			wish.Given = true
			return connected(fd, &ends, to), nil
		}
		if err != syscall.EACCES {
			return nil, connectError(err)
		}
		// TLS by the program itself may be allowed.
		if to.IP.Equal(addressOfName) {
			found, err := lookupHost(ctx, "ip", wish.Host)
			if err != nil {
				return nil, err
			}
			to = &TCPAddr{IP: found[0].IP, Port: to.Port}
		}
	}
	fd, ends, err := openHost(ctx, outboundConnect, to.IP.String(), to.Port)
	if err != nil {
		return nil, connectError(err)
	}
	return connected(fd, &ends, to), nil
}

func connected(fd *netFD, ends *[2]outboundEnd, to *TCPAddr) *netFD {
	fd.family, fd.sotype, fd.isConnected = syscall.AF_INET, syscall.SOCK_STREAM, true
	if to.IP.To4() == nil {
		fd.family = syscall.AF_INET6
	}
	local, remote := ends[0].tcpAddr(), ends[1].tcpAddr()
	if remote.Port == 0 {
		remote = to
	}
	fd.setAddr(local, remote)
	return fd
}

func connectError(err error) error {
	switch err {
	case syscall.ENETUNREACH:
		return errNoOutbound
	case syscall.EACCES:
		return errNotAllowed
	}
	if _, ok := err.(syscall.Errno); ok {
		return os.NewSyscallError("connect", err)
	}
	return err
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
func (r *Resolver) goLookupIPCNAMEOrder(ctx context.Context, network, name string, order hostLookupOrder, conf *dnsConfig) ([]IPAddr, dnsmessage.Name, error) {
	if r != nil && r.Dial != nil {
		return r.lookupWithDial(ctx, network, name, order, conf)
	}
	if wish, _ := ctx.Value(nettrace.TLSKey{}).(*nettrace.TLSWish); wish != nil && wish.Host == name {
		return []IPAddr{{IP: addressOfName}}, dnsmessage.Name{}, nil
	}
	cname, _ := dnsmessage.NewName(name)
	var found []IPAddr
	var err error
	if texts, canonical := lookupStaticHost(name); len(texts) > 0 {
		for _, text := range texts {
			if ip := ParseIP(text); ip != nil {
				found = append(found, IPAddr{IP: ip})
			}
		}
		cname, _ = dnsmessage.NewName(canonical)
	} else if !isDomainName(name) {
		return nil, dnsmessage.Name{}, &DNSError{Err: errNoSuchHost.Error(), Name: name, IsNotFound: true}
	} else if found, err = lookupHost(ctx, network, name); err != nil {
		return nil, dnsmessage.Name{}, err
	}
	var fits []IPAddr
	for _, one := range found {
		if four := one.IP.To4() != nil; network[len(network)-1] != '4' && network[len(network)-1] != '6' || four == (network[len(network)-1] == '4') {
			fits = append(fits, one)
		}
	}
	if len(fits) == 0 {
		return nil, dnsmessage.Name{}, &DNSError{Err: errNoSuchHost.Error(), Name: name, IsNotFound: true}
	}
	return fits, cname, nil
}

func lookupHost(ctx context.Context, network, name string) ([]IPAddr, error) {
	fd, _, err := openHost(ctx, outboundLookup, name, 0)
	if err != nil {
		return nil, lookupError(name, err)
	}
	defer fd.Close()
	var found []IPAddr
	for {
		ip := make(IP, IPv6len)
		n := 0
		for n < len(ip) {
			k, err := fd.pfd.Read(ip[n:])
			if n += k; err != nil || k == 0 {
				break
			}
		}
		if n < len(ip) {
			break
		}
		if four := ip.To4(); four != nil {
			ip = four
		}
		found = append(found, IPAddr{IP: ip})
	}
	if len(found) == 0 {
		return nil, lookupError(name, syscall.ENOENT)
	}
	return found, nil
}

func lookupError(name string, err error) error {
	is := &DNSError{Err: err.Error(), Name: name}
	switch {
	case err == syscall.ENOENT:
		is.Err, is.IsNotFound = errNoSuchHost.Error(), true
	case err == syscall.ENETUNREACH:
		is.Err = errNoOutbound.text
	case err == syscall.EACCES:
		is.Err = errNotAllowed.text
	case err == syscall.ETIMEDOUT || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded):
		is.IsTimeout, is.IsTemporary = true, true
	}
	return is
}

func (r *Resolver) tryOneName(ctx context.Context, conf *dnsConfig, name string, kind dnsmessage.Type) (dnsmessage.Parser, string, error) {
	if r != nil && r.Dial != nil {
		return r.askServers(ctx, conf, name, kind)
	}
	return dnsmessage.Parser{}, "", &DNSError{Err: errOnlyIP.text, Name: name}
}
