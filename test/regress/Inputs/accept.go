// Waits in accept, to which nobody comes, while main goes on.
package main

import (
	"fmt"
	"net"
	"os"
	"time"
)

func main() {
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		panic(err)
	}
	fmt.Println("accepting")
	go func() {
		listener.Accept()
		fmt.Println("accepted nobody")
	}()
	time.Sleep(50 * time.Millisecond)
	fmt.Println("the others run")
}
