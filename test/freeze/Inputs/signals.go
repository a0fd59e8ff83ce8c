// A graceful shutdown, as servers have it: waits for signals that cannot come, and for its input.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 {
		c := make(chan os.Signal, 1)
		signal.Notify(c)
		<-c
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	lines := make(chan string)
	go func() {
		for s := bufio.NewScanner(os.Stdin); s.Scan(); {
			lines <- s.Text()
		}
		close(lines)
	}()
	ticks := 0
	for ticker := time.NewTicker(time.Millisecond); ; {
		select {
		case line, more := <-lines:
			if more {
				fmt.Println("read", line)
				continue
			}
		case <-ticker.C:
			ticks++
			continue
		case <-c:
		case <-ctx.Done():
		}
		break
	}
	signal.Stop(c)
	stop()
	fmt.Println("stopped", ctx.Err(), ticks < 1000)
}
