"""benchmarks/run channel: what handing a request to a tenant's process costs, over a socket pair and over shared memory.

benchmarks/channel.c does what the two sides of aotc-node do, without HTTP and guest.
"""
import json
import os

import common

WORK = 15000  # nanoseconds of the worker per request


def main(workspace, arguments):
    tool = os.path.join(workspace.build, "bin", "aotc-channel-benchmark")
    if not os.path.exists(tool):
        common.fail(f"{tool} is missing; build aotc first")
    results, rows = {}, []
    for work in (0, WORK):
        for depth in (1, 16):
            for _ in range(arguments.runs):
                for path in ("socket", "ring"):
                    output, _ = common.run([tool, path, str(depth), "100000", str(work)])
                    results.setdefault((path, depth, work), []).append(json.loads(output))
            for path in ("socket", "ring"):
                runs = results[path, depth, work]
                rows.append([path, str(depth), f"{work / 1e3:.0f}"] + [f"{common.median([r[key] for r in runs]):.2f}" for key in ("wall", "processor")])
    print(f"microseconds per request: median of {arguments.runs} interleaved runs of 100,000")
    common.print_table(rows, ["path", "under way", "worker's own", "wall", "processor"])
    common.write_json(arguments.json, "channel", workspace, {"runs": arguments.runs}, {" ".join(map(str, k)): v for k, v in results.items()})
