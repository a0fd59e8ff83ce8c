"""An AArch64 machine, emulated whole: with a kernel of its own, so that what confines processes confines them there, too.

    with Machine(folder, {"/bin/aotc-node": path}, ports=(8080,)) as machine:
        machine.run("aotc-node serve --listen 10.0.2.15:8080 >/log 2>&1 &")
        get(machine.ports[8080], "/")

Kernel, modules and busybox are Debian's, from build/arm64-root. The machine reaches what listens on this one's loopback by
the address HOST, and is reached by the ports of this one that `ports` then has.
"""
import glob
import os
import re
import shutil
import socket
import subprocess

from harness import check, talk, until

ROOT = f"{os.environ['AOTC_BUILD']}/arm64-root"
BIN = f"{os.environ['AOTC_BUILD']}/aarch64/bin"
HOST, SHELL = "10.0.2.2", 1
MODULES = ["drivers/virtio/virtio_ring", "drivers/virtio/virtio", "drivers/virtio/virtio_pci_modern_dev", "drivers/virtio/virtio_pci_legacy_dev",
           "drivers/virtio/virtio_pci", "net/core/failover", "drivers/net/net_failover", "drivers/net/virtio_net"]
# The first file system cannot be left: what is there moves to another one, as on any machine.
INIT = """#!/bin/busybox sh
busybox=/bin/busybox
for module in {modules}; do $busybox insmod /modules/$module.ko; done
$busybox mount -t tmpfs none /root
$busybox cp -a /bin /lib /usr /etc /given /root/ 2>/dev/null
$busybox mkdir /root/proc /root/dev /root/tmp
exec $busybox switch_root /root /bin/busybox sh -c '
/bin/busybox --install -s /bin
mount -t proc none /proc; mount -t devtmpfs none /dev
ip link set lo up; ip addr add 10.0.2.15/24 dev eth0; ip link set eth0 up; ip route add default via {host}
nc -ll -p {shell} -e sh & echo up >/dev/console; wait'
"""


def libraries(program):
    """What it is linked with, by the machine's own loader."""
    listing = subprocess.run(["qemu-aarch64", "-L", ROOT, "-E", "LD_TRACE_LOADED_OBJECTS=1", program], check=True, capture_output=True, text=True)
    return {path: ROOT + path for path in re.findall(r"(/\S+) \(0x", listing.stdout.replace(ROOT, ""))}


class Machine:
    def __init__(self, folder, files, ports=()):
        self.folder = folder
        self.ports = {port: self._free_port() for port in (*ports, SHELL)}
        kernel, = glob.glob(f"{ROOT}/boot/vmlinuz-*")
        modules = f"{ROOT}/lib/modules/{kernel.split('vmlinuz-')[1]}/kernel"
        given = {"/bin/busybox": f"{ROOT}/bin/busybox", **files, **{f"/modules/{m.rsplit('/')[-1]}.ko": f"{modules}/{m}.ko" for m in MODULES}}
        self._pack(given)
        open(f"{folder}/console", "w").close()
        network = ",".join(["user,id=net"] + [f"hostfwd=tcp:127.0.0.1:{here}-:{there}" for there, here in self.ports.items()])
        self.process = subprocess.Popen(
            ["qemu-system-aarch64", "-M", "virt", "-cpu", "max,pauth-impdef=on", "-smp", "2", "-m", "2G", "-no-reboot", "-nodefaults",
             "-display", "none", "-serial", f"file:{folder}/console", "-kernel", kernel, "-initrd", f"{folder}/initrd", "-append", "console=ttyAMA0 quiet panic=-1",
             "-netdev", network, "-device", "virtio-net-pci,netdev=net,romfile="])

    @staticmethod
    def _free_port():
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return free.getsockname()[1]

    def _pack(self, files):
        """The first file system, of which the kernel makes a copy in memory."""
        root = f"{self.folder}/initrd-root"
        for path, source in files.items():
            os.makedirs(os.path.dirname(root + path), exist_ok=True)
            shutil.copy(source, root + path)
        for empty in ("root", "dev"):
            os.makedirs(f"{root}/{empty}")
        with open(f"{root}/init", "w", opener=lambda path, flags: os.open(path, flags, 0o755)) as file:
            file.write(INIT.format(modules=" ".join(m.rsplit("/")[-1] for m in MODULES), host=HOST, shell=SHELL))
        with open(f"{self.folder}/initrd", "wb") as file:
            subprocess.run("find . | cpio -o -H newc --quiet", shell=True, check=True, cwd=root, stdout=file)

    def __enter__(self):
        until(lambda: self._is_up() and self._ask("true")[1], "the machine is up")
        return self

    def __exit__(self, *ignored):
        self.process.kill()
        self.process.wait()
        os.unlink(f"{self.folder}/initrd")
        shutil.rmtree(f"{self.folder}/initrd-root")

    def _is_up(self):
        check(self.process.poll() is None, "the machine runs")
        with open(f"{self.folder}/console") as console:
            return "up" in console.read().split()

    def _ask(self, command):
        """What a shell there prints, and its status, if there is one that listens."""
        said, _, status = talk(self.ports[SHELL], f"{command}\necho \"<$?>\"; exit\n".encode()).decode().rpartition("<")
        return said, status

    def run(self, command):
        """What the command prints, which must end well."""
        said, status = self._ask(command)
        check(status == "0>\n", f"{command}: {status}{said}")
        return said
