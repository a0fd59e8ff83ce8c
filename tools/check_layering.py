#!/usr/bin/env python3
"""Checks who includes whom: the folder rules and the sole users of third-party libraries; and that no files call each other in
a ring. Run as a test.

  tools/check_layering.py [ROOT]
  tools/check_layering.py --rings ARCHIVE...    of object files, as `nm` shows them

Prints every violation as `file:line: message` or `ring: files`, and exits with 1 if there is one. The rules are the tables
below; adding a file to them is a decision about structure, so it belongs in a commit that says why.
"""
import fnmatch
import os
import re
import subprocess
import sys

# What of the compiler is public, and what of the tools is for all of them.
COMPILER = ["compiler/build_identity.h", "compiler/compile.h", "compiler/function_cache.h", "compiler/process/cache_channel.h", "compiler/process/child_process.h",
            "compiler/process/freeze.h", "compiler/process/option_set.h", "compiler/process/worker.h"]
SHARED = ["tools/registry/*.h", "tools/sandbox/*.h", "tools/support/*.h", "tools/support/*.def"]
# Folder -> patterns of our own headers that its files may include.
OWN = {
    "runtime-stubs": ["runtime-stubs/*"],
    "compiler": ["compiler/*", "runtime-stubs/include/*", "tools/registry/digest.h", "tools/sandbox/*.h", "tools/support/*.h", "tools/support/*.def"],
    "cache-server": ["cache-server/*", "tools/cache/keeper.h", *COMPILER, *SHARED, "runtime-stubs/include/*"],
    "tools/cache": ["tools/cache/*", "compiler/compile.h", "compiler/function_cache.h", "compiler/process/cache_channel.h", "compiler/process/child_process.h",
                    "tools/registry/*.h", "tools/sandbox/sandbox.h", "tools/support/*.h"],
    "tools/cli": ["tools/cli/*", "compiler/phase_clock.h", "tools/cache/courier_process.h", "tools/cache/keeper.h", "tools/cache/shared_cache.h",
                  "tools/cache/store.h", "tools/exec/run_limits.h", *COMPILER, *SHARED, "runtime-stubs/include/*"],
    # It speaks to strangers for programs: nothing of what runs them but the form of the channel.
    "tools/broker": ["tools/broker/*", "tools/node/loop.h", "tools/registry/address_kind.h", "tools/sandbox/*.h", "tools/support/*.h",
                     "runtime-stubs/include/*"],
    # It speaks to strangers: nothing of the compiler, nothing that opens what it carries.
    "tools/courier": ["tools/courier/*", "tools/cache/courier_channel.h", "tools/registry/address_kind.h", "tools/sandbox/*.h",
                      "tools/support/*.h", "runtime-stubs/include/*"],
    "tools/exec": ["tools/exec/*", *SHARED, "runtime-stubs/include/*"],
    "tools/node": ["tools/node/*", *SHARED, "runtime-stubs/include/*"],
    "tools/registry": ["tools/registry/*", "tools/support/*.h"],
    "tools/sandbox": ["tools/sandbox/*", "tools/support/*.h"],
    "tools/support": ["tools/support/*"],
    "benchmarks": ["benchmarks/*", "runtime-stubs/include/*"],
    "test": ["test/*", "compiler/*", "cache-server/*", "runtime-stubs/*", "tools/broker/*", "tools/node/*", "tools/cache/*", "tools/courier/*", *SHARED],
}

# Prefix of a third-party header -> the only files that may include it.
SOLE_USERS = [
    ("wabt/", ["compiler/wasm/module_reader.h"]),
    ("lld/", ["compiler/artifact/link*.cpp"]),
    ("CLI/", ["tools/support/quantity_option.h", "tools/cli/*", "cache-server/main.cpp", "cache-server/config_file.*", "cache-server/options.*"]),
    ("nlohmann/", ["compiler/process/worker*", "tools/cache/keeper.cpp", "tools/cache/remote_cache.cpp", "tools/cli/*", "tools/registry/*", "cache-server/*"]),
    ("rocksdb/", ["cache-server/store/backend_rocksdb.cpp", "cache-server/store/chunk_cache.cpp", "tools/cache/database.cpp", "test/unit/cache/damage_test.cpp",
                 "test/unit/server/edit_store.cpp"]),
    ("seccomp.h", ["tools/sandbox/filter.c", "test/attack/*"]),
    ("linux/landlock.h", ["tools/sandbox/landlock.c"]),
    ("sys/prctl.h", ["tools/sandbox/*", "compiler/process/child_process.cpp", "tools/cli/subprocess.cpp", "tools/node/*", "cache-server/main.cpp"]),
    # The node and the client use the parser alone, and the type in which it takes bytes.
    ("boost/beast", ["cache-server/http/http_session.*", "tools/registry/http_client.cpp", "tools/node/http.cpp", "tools/broker/http_request.cpp"]),
    ("boost/asio/buffer.hpp", ["cache-server/http/http_session.*", "tools/registry/http_client.cpp", "tools/node/http.cpp", "tools/broker/http_request.cpp"]),
    ("boost/asio", ["cache-server/http/http_session.*", "cache-server/http/listener.*", "cache-server/http/tls.*"]),
    ("zstd.h", ["tools/registry/zstd_frames.cpp", "tools/node/compressor.cpp"]),
    ("zlib.h", ["cache-server/http/content_coding.cpp", "tools/node/compressor.cpp"]),
    ("nghttp2/", ["tools/node/http2_session.cpp"]),
    ("openssl/", ["tools/registry/digest.cpp", "tools/node/tls.cpp"]),
    ("sodium.h", ["tools/registry/digest.cpp", "tools/registry/signing.cpp"]),
    ("mbedtls/", ["tools/registry/client_tls.cpp", "tools/registry/p256.cpp"]),
    ("curl/", ["tools/courier/transfer.h", "tools/courier/main.cpp", "tools/broker/http_pool.h", "tools/broker/main.cpp"]),
    ("yaml.h", ["tools/support/yaml_tree.cpp"]),
    ("lmdb.h", ["tools/broker/kv_lmdb.cpp"]),
    ("hiredis/", ["tools/broker/redis_reply.cpp", "tools/courier/redis.cpp", "tools/support/redis_command.cpp"]),
    ("prometheus/", ["cache-server/metrics.*"]),
    ("gtest/", ["test/unit/*"]),
    ("xxhash.h", ["runtime-stubs/core/load.c", "runtime-stubs/wasi/wasi_files.c", "compiler/artifact/link.cpp", "compiler/function_cache.cpp", "cache-server/store/store.cpp", "tools/broker/kv_lmdb.cpp", "tools/cache/shelf.cpp", "test/unit/*", "test/fuzz/*"]),
    # Errors, views of bytes and hashes are shared vocabulary; code generation stays in the compiler.
    ("llvm/ADT/", ["compiler/*", "tools/*", "cache-server/*", "test/unit/*", "test/fuzz/*"]),
    ("llvm/Support/", ["compiler/*", "tools/*", "cache-server/*", "test/unit/*"]),
    ("llvm", ["compiler/*", "test/unit/compiler/*"]),
]

# The node runtime is libc and the kernel's interface (xxHash is used as a header): these, and nothing in C++.
RUNTIME_SYSTEM = re.compile(r"(sys|linux|asm|net|netinet|arpa)/[a-z0-9_/-]+\.h|[a-z0-9_]+\.h")
RUNTIME_FORBIDDEN = {"zlib.h", "zstd.h", "execinfo.h"}
RUNTIME_FILES = [re.compile(r"runtime-stubs/.*"), re.compile(r"tools/(exec/(aotc_exec|invoke|options)|support/.*)\.c")]

INCLUDE = re.compile(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
SOURCE = (".c", ".cc", ".cpp", ".h", ".hpp", ".S", ".def")


def sources(root):
    for folder in OWN:
        for path, folders, files in os.walk(os.path.join(root, folder)):
            folders.sort()
            for name in sorted(files):
                if name.endswith(SOURCE):
                    yield os.path.relpath(os.path.join(path, name), root)


def resolve(root, source, header):
    """The file of ours that `header` means in `source`, or None."""
    for base in (os.path.dirname(source), "compiler", "runtime-stubs/include", "runtime-stubs", "cache-server", "tools", "benchmarks", "test"):
        candidate = os.path.normpath(os.path.join(base, header))
        if os.path.isfile(os.path.join(root, candidate)):
            return candidate
    return None


def matches(path, patterns):
    return any(fnmatch.fnmatch(path, pattern) for pattern in patterns)


def check_include(root, source, header):
    folder = next(name for name in OWN if source.startswith(name + "/"))
    own = resolve(root, source, header)
    if own:
        if not matches(own, OWN[folder]):
            return f"{folder} must not include {own}"
        return None
    for prefix, users in SOLE_USERS:
        if header.startswith(prefix):
            if not matches(source, users):
                return f"<{header}>: only {', '.join(users)} may include {prefix}*"
            break
    if any(pattern.fullmatch(source) for pattern in RUNTIME_FILES):
        if header in RUNTIME_FORBIDDEN or not RUNTIME_SYSTEM.fullmatch(header):
            return f"<{header}>: the node runtime uses libc and the kernel's headers only"
    return None


# Object files that may call whom they like: the assembly is where guest and host meet, so everything meets there.
CROSSROADS = re.compile(r"entry_\w+\.S\.o")
# One class in several files, each with a part of its members.
TOGETHER = ["lower*.cpp.o", "read_*.cpp.o"]


def unit(name):
    return next((pattern for pattern in TOGETHER if fnmatch.fnmatch(name, pattern)), name)


def calls(archives):
    """Object file -> {object file it takes a symbol of: those symbols}."""
    defined, wanted = {}, {}
    for archive in archives:
        name = None
        for line in subprocess.run(["nm", "-g", archive], capture_output=True, text=True, check=True).stdout.splitlines():
            words = line.split()
            if line.endswith(".o:"):
                name = None if CROSSROADS.fullmatch(line[:-1]) else unit(line[:-1])
            elif name and len(words) == 2 and words[0] == "U":
                wanted.setdefault(name, set()).add(words[1])
            elif name and len(words) == 3 and words[1] in "TDBR":
                defined[words[2]] = name
    graph = {}
    for name, symbols in wanted.items():
        for symbol in symbols:
            if defined.get(symbol, name) != name:
                graph.setdefault(name, {}).setdefault(defined[symbol], set()).add(symbol)
    return graph


def reachable(graph, start):
    seen, todo = set(), [start]
    while todo:
        for name in graph.get(todo.pop(), {}):
            if name not in seen:
                seen.add(name)
                todo.append(name)
    return seen


def check_rings(archives):
    graph = calls(archives)
    if not graph:
        sys.exit("check_layering: no calls between object files")
    after = {name: reachable(graph, name) for name in graph}
    rings = {tuple(sorted(other for other in names if name in after.get(other, ()))) for name, names in after.items() if name in names}
    for ring in sorted(rings):
        print("ring: " + ", ".join(ring))
        for name in ring:
            for other, symbols in sorted(graph[name].items()):
                if other in ring:
                    print(f"  {name} -> {other}: {', '.join(sorted(symbols)[:3])}")
    print(f"{len(graph)} files, {len(rings)} rings")
    sys.exit(1 if rings else 0)


def main():
    if sys.argv[1:2] == ["--rings"]:
        check_rings(sys.argv[2:])
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    count = violations = 0
    for source in sources(root):
        count += 1
        with open(os.path.join(root, source), encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                match = INCLUDE.match(line)
                message = match and check_include(root, source, match.group(1) or match.group(2))
                if message:
                    violations += 1
                    print(f"{source}:{number}: {message}")
    if count == 0:
        sys.exit(f"check_layering: no source file under {root}")
    print(f"{count} files, {violations} violations")
    sys.exit(1 if violations else 0)


main()
