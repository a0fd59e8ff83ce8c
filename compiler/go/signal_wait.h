// signal_wait.h - lets a Go program that asked for signals wait.
//
// os/signal has a goroutine that waits for the next signal, and none ever comes in WASI. Go's port for wasip1 waits in
// a loop around Gosched, so that this goroutine can always run, the scheduler never looks at what others wait for, and
// a server that calls signal.Notify, as for a graceful shutdown, burns a processor and answers nobody. Every other port
// sleeps in the kernel. Here the goroutine is parked for good instead: os/signal.signal_recv, which calls
// runtime.notetsleepg(&sig.note, -1), calls runtime.mcall(park_m), which is how runtime.gopark stops its goroutine.
//
// Source: runtime/sigqueue.go, lock_wasip1.go and proc.go of Go 1.21 to 1.27.
#pragma once

#include "pclntab.h"

namespace aotc {

// Rewrites two instructions of signal_recv, if the program has it and it is as Go's compiler makes it.
void park_signal_receiver(Module& module, const std::vector<GoFunction>& functions);

}  // namespace aotc
