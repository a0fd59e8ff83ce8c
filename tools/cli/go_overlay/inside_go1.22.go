// inside_go1.22.go - see host_network.go: who listens inside of a program, from Go 1.22 on.
package net

func listensInside(address sockaddr) bool {
	_, listens := sockets.Load(fakeAddr(address))
	return listens
}
