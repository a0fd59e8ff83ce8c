"""secret_env.py ARTIFACT FOLDER: serves a program whose snapshot needs the secret API_KEY, of 12 bytes."""
import sys

from harness import check
from node import Node, get, node

artifact, folder = sys.argv[1:]


def secret(value):
    with open(f"{folder}/{len(value)}", "w") as file:
        file.write(value + "\n")
    return f"--secret-env=app:API_KEY={folder}/{len(value)}"


with node([f"app={artifact}"], secret("abcdefghijkl"), "--compare-sample", "1/1") as n:
    for _ in range(3):
        check(get(n.port, "/") == (200, b"abcdefghijkl ABCDEFGHIJKL\n"), "the secret's value")
    for tenant in n.tenants():
        with open(f"/proc/{tenant}/cmdline", "rb") as file:
            check(b"abcdefghijkl" not in file.read(), "no secret in the command line")


class Refused(Node):
    """One that never gets ready."""

    def __init__(self, why, *options):
        self.why = why
        super().__init__([f"app={artifact}"], *options)

    def wait_for(self, condition, what):
        super().wait_for(condition if what.startswith("listening") else lambda: any(self.why in line["message"] for line in self.lines), self.why)


for why, *options in [("its snapshot has 1 secrets, 0 were given",), ("its snapshot needs the secret API_KEY, of 12 bytes", secret("short")),
                      ("cannot read the secret API_KEY in", f"--secret-env=app:API_KEY={folder}/none")]:
    n = Refused(why, *options)
    n.process.kill()
