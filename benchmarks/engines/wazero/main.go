// Runs a wasip1 module in wazero's compiler mode.
//
//	wazero CACHE MODULE [ARG...]
//
// Compiled code is kept in the directory CACHE, so that starting costs little.
package main

import (
	"context"
	"errors"
	"log"
	"os"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"
)

func main() {
	ctx := context.Background()
	wasm, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	cache, err := wazero.NewCompilationCacheWithDir(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithCompilationCache(cache))
	wasi_snapshot_preview1.MustInstantiate(ctx, runtime)
	module, err := runtime.CompileModule(ctx, wasm)
	if err != nil {
		log.Fatal(err)
	}
	config := wazero.NewModuleConfig().WithArgs(os.Args[2:]...).WithStdout(os.Stdout).WithStderr(os.Stderr).
		WithSysWalltime().WithSysNanotime().WithSysNanosleep()
	_, err = runtime.InstantiateModule(ctx, module, config)
	var exit *sys.ExitError
	if errors.As(err, &exit) {
		os.Exit(int(exit.ExitCode()))
	}
	if err != nil {
		log.Fatal(err)
	}
}
