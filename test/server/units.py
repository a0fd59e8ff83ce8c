# The units for systemd are installed, systemd finds nothing wrong with them, nor much that is open, and the programs take their
# command lines: they do what the files of the packages say.
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
packaging = f"{os.path.dirname(__file__)}/../../packaging"
with open(f"{packaging}/server.yaml") as file:
    text = file.read()
assert "listen: 127.0.0.1:8080\n" in text, text
with open(f"{folder}/etc/aotc/server.yaml", "w") as file:
    file.write(text.replace(":8080", ":0").replace("/var/", folder + "/var/").replace("/etc/", folder + "/etc/"))
assert subprocess.run([*server, "--check-config"], capture_output=True, text=True).stdout == "nothing is wrong\n"
with subprocess.Popen(server, stdout=subprocess.PIPE, text=True) as process:
    assert process.stdout.readline().startswith("listening on http://127.0.0.1:"), server
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0

node_unit, node = unit("aotc-node")
with open(f"{packaging}/node.yaml") as file:
    text = file.read()
assert "listen: ':8080'\nadmin: 127.0.0.1:9090\napps: {}\n" in text, text
with open(f"{folder}/etc/aotc/node.yaml", "w") as file:
    file.write(text.replace("':8080'", "127.0.0.1:0").replace(":9090", ":0"))
assert subprocess.run([*node, "--check-config"], capture_output=True, text=True).stdout == "nothing is wrong: 0 apps\n"
with subprocess.Popen(node, stderr=subprocess.PIPE, text=True) as process:
    assert all("listening on 127.0.0.1:" in process.stderr.readline() for _ in range(2)), node
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0
# What stands there as an example is right but for the files that it names.
example = text[text.index("# apps:"):].replace("\n# ", "\n")[2:]
with open(f"{folder}/etc/aotc/node.yaml", "w") as file:
    file.write("listen: 127.0.0.1:0\n" + example)
result = subprocess.run([*node, "--check-config"], capture_output=True, text=True)
assert result.returncode == 2 and "/etc/aotc/fleet.pub: No such file" in result.stderr, result

if shutil.which("systemd-analyze"):
    for path in (server_unit, node_unit):
        result = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=30", path], capture_output=True, text=True)
        assert result.returncode == 0, result.stdout.splitlines()[-1:]
    result = subprocess.run(["systemd-analyze", "verify", server_unit, node_unit], capture_output=True, text=True)
    assert result.returncode == 0 and ".service:" not in result.stderr, result
