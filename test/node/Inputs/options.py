"""options.py"""
import os
import subprocess

from node import check

DURATION, SIZE, COUNT = ("expected a number with ns, us, ms, s, m or h", "expected a number of bytes, or one with K, M, G or T",
                         "expected a whole number")
NO_NUMBERS = ["nan", "inf", "-1", "+1", "1e3", "0x10", "1,5", ".5", "1.", " 1", "1 ", "1..5", "one", ""]
KINDS = {
    DURATION: (["--deadline", "--timeout", "--start-timeout", "--poll", "--grace", "--idle-timeout"], ["5", "5x", "5S", "1.5"], ["ms", "s"]),
    SIZE: (["--max-memory", "--tenant-memory", "--max-body", "--min-rate", "--front-memory"], ["5k", "5MB", "1.5"], ["", "M"]),
    COUNT: (["--workers", "--max-concurrency", "--max-instances", "--max-clients", "--max-per-address"], ["5K", "1.5"], [""]),
}
RANGES = {
    "--deadline": ("1us to 1h", ["0s", "0.0s", "999ns", "61m", "1" + "0" * 23 + "s"]),
    "--timeout": ("1ms to 24h", ["0s", "1us", "25h", "1" + "0" * 23 + "h"]),
    "--start-timeout": ("1s to 1h", ["0s", "999ms", "2h"]),
    "--poll": ("1ms to 24h", ["0s", "25h"]),
    "--max-memory": ("64K to 4G", ["0", "65535", "63.9K", "5G", "1" + "0" * 23]),
    "--tenant-memory": ("1M to 1024T", ["0", "1023K", "1025T"]),
    "--max-body": ("0 to 1T", ["1025G", "1" + "0" * 23]),
    "--workers": ("1 to 256", ["0", "257", "1" + "0" * 23]),
    "--max-concurrency": ("1 to 1000000", ["0", "1000001"]),
    "--max-instances": ("1 to 1000000", ["0", "1000001"]),
    "--max-clients": ("1 to 1000000", ["0", "1000001"]),
    "--max-per-address": ("1 to 1000000", ["0", "1000001"]),
    "--min-rate": ("1 to 1G", ["0", "2G"]),
    "--grace": ("100ms to 1h", ["0s", "99ms", "2h"]),
    "--idle-timeout": ("100ms to 24h", ["0s", "99ms", "25h"]),
    "--front-memory": ("1M to 1T", ["0", "1023K", "2T"]),
}


def said(option, value):
    result = subprocess.run([os.environ["AOTC_NODE"], "serve", "--listen", "nonsense", "--app", "a=b", option, value],
                            capture_output=True, text=True)
    return result.returncode, result.stderr


for reason, (options, wrong, units) in KINDS.items():
    for option in options:
        for value in wrong + [number + unit for number in NO_NUMBERS for unit in units if number + unit]:
            check(said(option, value) == (2, f"aotc-node: {option}: {reason}: {value}\n"), (option, value, said(option, value)))
for option, (range_, values) in RANGES.items():
    for value in values:
        check(said(option, value) == (2, f"aotc-node: {option}: must be from {range_}: {value}\n"), (option, value, said(option, value)))
for value in ("10.0.0.0/33", "10.0.0/8", "proxy"):
    check(said("--shared-address", value)[1] == f"aotc-node: --shared-address: not an address or network like 10.0.0.0/8: {value}\n", value)
# The ends, and fractions: what is complained about next is the address.
for option, values in {"--deadline": ["1us", "0.001ms", "1h", "1.5s"], "--timeout": ["24h"], "--max-memory": ["64K", "4G", "0.5M"],
                       "--max-body": ["0", "1T"], "--workers": ["256"], "--max-concurrency": ["1000000"]}.items():
    for value in values:
        check("nonsense: not an address" in said(option, value)[1], (option, value, said(option, value)))
