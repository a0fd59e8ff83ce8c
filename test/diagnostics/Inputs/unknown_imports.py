"""Has `aotc validate` look at modules with imports, and prints what it says of each after its name."""
import os
import subprocess

AOTC = os.environ["AOTC_BIN"] + "/aotc"


def function(module, field, type="(param i32) (result i64)"):
    return f'(import "{module}" "{field}" (func {type}))'


MODULES = {
    "fastly": function("fastly_kv_store", "locate"),
    "fastly type": function("fastly_kv_store", "lookup"),
    "fastly later": function("fastly_kv_store", "locate", "(param i32) (result i32)"),
    "http": function("http_handler", "get_config"),
    "later": function("http_handler", "get_weather"),
    "proxy": function("env", "proxy_log"),
    "preview2": function("wasi:http/types@0.2.0", "[constructor]fields"),
    "wasix": function("wasix_32v1", "fd_dup"),
    "sockets": function("wasi_snapshot_preview1", "sock_open"),
    "gojs": function("gojs", "runtime.wasmExit"),
    "emscripten": function("env", "emscripten_memcpy_js"),
    "memory": '(import "GOT.mem" "heap" (memory 1))',
    "unknown": function("env", "nobody"),
    "function": function("wasi_snapshot_preview1", "fd_frobnicate"),
    "type": function("wasi_snapshot_preview1", "fd_read"),
    "escape": function("\\1b[2J", "\\c3\\a9"),
    "long": function("x" + "\\c3\\a9" * 60, "f"),
    "second": function("wasi_snapshot_preview1", "proc_exit", "(param i32)") + function("wasi_unstable", "fd_close"),
    "known": function("wasi_snapshot_preview1", "fd_close", "(param i32) (result i32)"),
}
for name, text in MODULES.items():
    with open(f"{name}.wat", "w") as file:
        file.write(f"(module {text})")
    subprocess.run(["wat2wasm", f"{name}.wat", "-o", f"{name}.wasm"], check=True)
    said = subprocess.run([AOTC, "validate", f"{name}.wasm"], capture_output=True, text=True)
    print(f"{name}: " + (said.stdout + said.stderr).strip().replace("aotc: ", "").replace(f"{name}.wasm: ", ""))
