# The units for systemd are installed, systemd finds nothing wrong with them, and the programs take their command lines: the
# server's starts it, the node's gets as far as the file of its app.
# RUN: %python %s %t
import os
import shlex
import shutil
import signal
import subprocess

from harness import AOTC, BIN, fresh_folder, write_tokens

folder = fresh_folder()
build = os.path.dirname(BIN)
subprocess.run(["cmake", "--install", build, "--component", "units", "--prefix", folder], check=True, stdout=subprocess.DEVNULL)
os.makedirs(f"{folder}/etc/aotc")
os.makedirs(f"{folder}/var/lib/aotc")
shutil.move(write_tokens(folder, {}), f"{folder}/etc/aotc/tokens.json")
subprocess.run([AOTC, "keygen", f"{folder}/etc/aotc/fleet"], check=True, stdout=subprocess.DEVNULL)


def unit(name):
    """The unit's path, changed to this build's programs, and the command in it, with everything below `folder`."""
    path = f"{folder}/lib/systemd/system/{name}.service"
    with open(path) as file:
        text = file.read()
    program = next(line for line in text.splitlines() if line.startswith("ExecStart=")).split()[0][len("ExecStart="):]
    assert program.endswith("/bin/" + name), program
    with open(path, "w") as file:
        file.write(text.replace(program, os.path.join(BIN, name)))
    line = next(line for line in open(path) if line.startswith("ExecStart="))[len("ExecStart="):]
    return path, [word.replace("/etc/", folder + "/etc/").replace("/var/", folder + "/var/") for word in shlex.split(line)]


server_unit, server = unit("aotc-server")
assert server.pop() == "$AOTC_SERVER_OPTIONS"
server[server.index("127.0.0.1:8080")] = "127.0.0.1:0"
with subprocess.Popen(server, stdout=subprocess.PIPE, text=True) as process:
    assert process.stdout.readline().startswith("listening on http://127.0.0.1:"), server
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0

node_unit, node = unit("aotc-node")
assert node.pop() == "$AOTC_NODE_OPTIONS"
node[node.index(":80")], node[node.index("127.0.0.1:9090")] = "127.0.0.1:0", "127.0.0.1:0"
result = subprocess.run(node + ["--app", f"site={folder}/none.aotc"], capture_output=True, text=True)
assert result.returncode == 1 and "none.aotc" in result.stderr, result

if shutil.which("systemd-analyze"):
    result = subprocess.run(["systemd-analyze", "verify", server_unit, node_unit], capture_output=True, text=True)
    assert result.returncode == 0 and ".service:" not in result.stderr, result
