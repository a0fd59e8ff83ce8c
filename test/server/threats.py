# THREATS.md: every boundary names the tests that guard it, and they exist.
# RUN: %python %s
import os
import re

tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
existing = {os.path.relpath(os.path.join(path, name), tests) for path, _, names in os.walk(tests) for name in names}
with open(os.path.join(tests, "..", "cache-server", "THREATS.md")) as file:
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in file if line.startswith("|")]
header, rows = rows[0], rows[2:]
assert header[0] == "Boundary" and header[-1] == "Guarded by" and len(rows) >= 9, header
for row in rows:
    assert len(row) == len(header), row
    guards = re.findall(r"`([^`]+)`", row[-1])
    assert guards, f"{row[0]}: no test"
    for guard in guards:
        assert any(test == guard or test.endswith("/" + guard) for test in existing), f"{row[0]}: there is no {guard}"
