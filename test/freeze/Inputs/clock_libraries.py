"""How old libraries think they are, in the node: clock_libraries.py WASM PREFIX, with the module of libraries/clock."""
import subprocess
import sys
import time

from harness import AOTC, check
from node import get, node

WASM, PREFIX = sys.argv[1:]
FRESH = "rate false, httprate 429, oauth2 token1, jwt valid true, context <nil>\n"
OLD = "rate true, httprate 200, oauth2 token2, jwt valid false, context {}\n"

for words, context in ([], "<nil>"), (["--arg", "context"], "context deadline exceeded"):
    path = f"{PREFIX}.aotc"
    subprocess.check_call([AOTC, "compile", WASM, "--tier", "quick", "--snapshot", "required", "-o", path, *words], stdout=subprocess.DEVNULL)
    with node([f"app={path}"]) as n:
        for expected in FRESH, FRESH, OLD.format(context), OLD.format(context):
            if expected != FRESH:
                time.sleep(21)  # httprate's window slides over the one before
            status, body = get(n.port, "/")
            print(body.decode(), end="")
            check(status == 200 and body.decode() == expected, f"{status}, not {expected}")
