"""options.py: what test/cli/quantities.test cannot see."""
import subprocess

from harness import BIN, check


def said(option, value):
    result = subprocess.run([f"{BIN}/aotc-node", "serve", "--listen", "nonsense", "--app", "a=b", option, value],
                            capture_output=True, text=True)
    return result.returncode, result.stderr


for value in ("10.0.0.0/33", "10.0.0/8", "proxy"):
    for option in ("--shared-address", "--trusted-proxies"):
        check(said(option, value)[1] == f"aotc-node: {option}: not an address or network like 10.0.0.0/8: {value}\n", value)
for value in ("5", "2/5", "1/"):
    check(said("--compare-sample", value)[0] == 2, value)
for value in (":", "127.0.0.1:", "127.0.0.1:+80", "127.0.0.1:-1", "127.0.0.1: 80", "127.0.0.1:65536", "127.0.0.1:0x50", "127.0.0.1:1" + "0" * 23):
    check(f"{value}: not an address" in said("--listen", value)[1], (value, said("--listen", value)))
