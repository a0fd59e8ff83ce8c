// Never waits for anything.
package main

func main() {
	for {
	}
}
