"""Versions of an app that cost milliseconds to compile: handlers of http-wasm that answer by themselves."""
import subprocess

from harness import AOTC, compile_wat

TEXT = """(module
  (import "http_handler" "set_status_code" (func $status (param i32)))
  (import "http_handler" "write_body" (func $write (param i32 i32 i32)))
  (import "http_handler" "get_uri" (func $uri (param i32 i32) (result i32)))
  (memory (export "memory") 1 1)
  (data (i32.const 0) "%(text)s\\n")
  (func (export "handle_request") (result i64)
    (local $i i32)
    (call $uri (i32.const 1024) (i32.const 64)) drop
    %(work)s
    (call $status (i32.const %(status)d))
    (call $write (i32.const 1) (i32.const 0) (i32.const %(size)d))
    (i64.const 0))
  (func (export "handle_response") (param i32 i32)))
"""


def version(folder, text, status=200, traps="", turns=0):
    """An artifact that answers `text`. It traps at paths whose second character is one of `traps`, or all if it is "*";
    it turns so many million times before it answers."""
    work = ["(local.set $i (i32.const %d)) (loop $again (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))" % (turns * 1000000)] if turns else []
    work += ["(if (i32.eq (i32.load8_u (i32.const 1025)) (i32.const %d)) (then unreachable))" % ord(one) if one != "*" else "unreachable" for one in traps]
    path = f"{folder}/{text}.wat"
    with open(path, "w") as file:
        file.write(TEXT % {"text": text, "size": len(text) + 1, "status": status, "work": "\n    ".join(work)})
    compile_wat(path, f"{folder}/{text}.wasm")
    subprocess.run([AOTC, "compile", f"{folder}/{text}.wasm", "--tier", "quick", "--snapshot", "required", "-o", f"{folder}/{text}.aotc"], check=True, stdout=subprocess.DEVNULL)
    return f"{folder}/{text}.aotc"
