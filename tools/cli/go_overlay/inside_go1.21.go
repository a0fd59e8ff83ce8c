// inside_go1.21.go - see host_network.go: who listens inside of a program of Go 1.21.
package net

func listensInside(address sockaddr) bool {
	listenersMu.Lock()
	defer listenersMu.Unlock()
	return listeners[fakeNetAddr{network: address.Network(), address: address.String()}] != nil
}
