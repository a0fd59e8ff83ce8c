package edge

import "sync"

var hooks struct {
	sync.Mutex
	thaw, idle []func()
}

// OnThaw runs f once in each instance: after its thaw, and before it sees anything of the request that it answers. What
// f draws, reads or opens is the instance's own; what main drew is the same in all of them.
//
//	func main() {
//		edge.OnThaw(func() { key, _ = edge.Secret("key") })
//		log.Fatal(http.ListenAndServe(":8080", nil))
//	}
//
// Functions run in the order in which they were given, and the request waits for all of them. Where nothing is frozen,
// natively and in a program that starts from the beginning, f runs at once, as it does when it is given after the thaw.
// It has not run when a request comes that warms a program up for its snapshot.
//
// A program that reads the request from stdin has to do so by os.Stdin, which is made non-blocking.
func OnThaw(f func()) {
	if Thawed() {
		f()
		return
	}
	hooks.Lock()
	hooks.thaw = append(hooks.thaw, f)
	hooks.Unlock()
	hostListen(thawEvent)
}

// Thawed tells whether what is done now is done for one instance only. It is false in main before the snapshot, and for
// what happens while connections are accepted for all instances, http.Server.ConnContext for example.
func Thawed() bool {
	return hostThawed()
}

// OnIdle runs f in a node after each response, when the client has it and before the instance is thrown away: to send
// what was gathered in buffers, for example. Functions run in the order in which they were given, and all of them together
// have as long as the node's --grace-after says, 50 ms; then they are broken off where they are.
//
// Natively, and in `aotc run`, no program is thrown away after a response, and nothing runs unless Idle is called.
func OnIdle(f func()) {
	hooks.Lock()
	hooks.idle = append(hooks.idle, f)
	hooks.Unlock()
	hostListen(idleEvent)
}

// Idle runs what OnIdle was given: for tests, and for programs that end natively.
func Idle() {
	run(&hooks.idle)
}

func run(list *[]func()) {
	hooks.Lock()
	functions := append([]func(){}, *list...)
	hooks.Unlock()
	for _, f := range functions {
		f()
	}
}

// As in enum aotc_edge_event.
const (
	thawEvent = 1
	idleEvent = 2
)
