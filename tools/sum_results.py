#!/usr/bin/env python3
"""Turns lit's JSON into the closing line of tools/check, after the names of what failed or was left out and why."""
import json
import re
import sys

with open(sys.argv[1]) as file:
    tests = json.load(file)["tests"]
passed = failed = skipped = 0
for test in sorted(tests, key=lambda t: t["name"]):
    code = test["code"]
    if code in ("PASS", "XFAIL", "FLAKYPASS"):
        passed += 1
    elif code in ("UNSUPPORTED", "SKIPPED", "EXCLUDED"):
        if code == "EXCLUDED":  # by --filter
            continue
        skipped += 1
        reason = re.search(r"(?m)^(?:Test requires|Skipped:).*", test.get("output", ""))
        print(f"skipped {test['name']}" + (f": {reason.group(0)}" if reason else ""))
    else:
        failed += 1
        print(f"failed  {test['name']} ({code.lower()})")
if passed + failed == 0:
    failed = 1
    print("no test ran")
print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
sys.exit(1 if failed else 0)
