"""wasmtime as a command, on the Python wheel: the same Cranelift and WASI as its own command line.

  wasmtime_engine.py compile MODULE.wasm OUT.cwasm
  wasmtime_engine.py run OUT.cwasm|MODULE.wasm [--dir HOST::GUEST] [--env K=V] [-- ARG...]

The stack is 8 MiB, as Go's own test harness asks of wasmtime. A guest's exit code is passed on; a trap exits with 134.
"""
import sys

import wasmtime
from wasmtime import _ffi as ffi

STACK = 8 << 20


def engine():
    config = wasmtime.Config()
    config.cranelift_opt_level = "speed"
    set_async_stack = getattr(ffi, "wasmtime_config_async_stack_size_set", None)
    if set_async_stack:  # must be larger than the wasm stack, though nothing here is asynchronous
        set_async_stack(config.ptr(), STACK + (1 << 20))
        config.max_wasm_stack = STACK
    return wasmtime.Engine(config)


def compile_module(source, output):
    with open(source, "rb") as file:
        module = wasmtime.Module(engine(), file.read())
    with open(output, "wb") as file:
        file.write(module.serialize())


def run(path, options, arguments):
    e = engine()
    if path.endswith(".cwasm"):
        module = wasmtime.Module.deserialize_file(e, path)
    else:
        module = wasmtime.Module.from_file(e, path)
    wasi = wasmtime.WasiConfig()
    wasi.argv = [path] + arguments
    wasi.env = [tuple(value.split("=", 1)) for name, value in options if name == "--env"]
    for name, value in options:
        if name == "--dir":
            host, guest = value.split("::")
            wasi.preopen_dir(host, guest)
    wasi.inherit_stdin()
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    store = wasmtime.Store(e)
    store.set_wasi(wasi)
    linker = wasmtime.Linker(e)
    linker.define_wasi()
    instance = linker.instantiate(store, module)
    try:
        instance.exports(store)["_start"](store)
    except wasmtime.ExitTrap as exit_trap:
        return exit_trap.code
    except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
        print(error, file=sys.stderr)
        return 134
    return 0


def main():
    command, path, rest = sys.argv[1], sys.argv[2], sys.argv[3:]
    if command == "compile":
        compile_module(path, rest[0])
        return 0
    options = []
    while rest and rest[0] in ("--dir", "--env"):
        options.append((rest[0], rest[1]))
        rest = rest[2:]
    return run(path, options, rest[1:] if rest[:1] == ["--"] else rest)


if __name__ == "__main__":
    sys.stdout.flush()
    sys.exit(main())
