"""Each of some hundred requests gets identifiers of its own: ids.py ARTIFACT, of freeze/Inputs/ids/serve."""
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from harness import check
from node import get, node

REQUESTS = 200
EPOCH = 1288834974657

with node([f"app={sys.argv[1]}"]) as n:
    answers = [get(n.port, "/")[1].decode().splitlines() for _ in range(REQUESTS)]
    # More than one instance makes some within a millisecond.
    with ThreadPoolExecutor(8) as threads:
        numbers = [int(line) for _, body in threads.map(lambda _: get(n.port, "/numbers"), range(REQUESTS)) for line in body.split()]
check(all(len(lines) == 7 for lines in answers), "seven identifiers each")
for values in zip(*answers, strict=True):
    check(len(set(values)) == REQUESTS, f"{REQUESTS} distinct ones like {values[0]}")
check(len(numbers) == 50 * REQUESTS == len(set(numbers)), f"{len(set(numbers))} of {len(numbers)} numbers are distinct")
check(len({number >> 22 for number in numbers}) < len(numbers) / 2, "many are of the same millisecond")
check({number >> 12 & 1023 for number in numbers} == {7}, "of the node that the program was given")
check(all(abs((number >> 22) + EPOCH - time.time() * 1000) < 600_000 for number in numbers), "with the time")
