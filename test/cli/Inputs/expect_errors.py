"""expect_errors.py TEST PROGRAM ARTIFACT...: runs the lines of TEST that say "exit code | arguments | what stderr contains".

The arguments' word `add` or `odd` stands for the artifact of that position: the first, the second.
"""
import subprocess
import sys

test, program, *artifacts = sys.argv[1:]
names = dict(zip(("add", "odd"), artifacts))
cases = [line.strip().split("|") for line in open(test) if line.startswith("  ")]
failures = 0
for code, arguments, message in cases:
    words = arguments.split()
    words[:1] = [names.get(word, word) for word in words[:1]]
    done = subprocess.run([program, *words], capture_output=True, text=True)
    if done.returncode == int(code) and message.strip() in done.stderr and done.stdout == "":
        continue
    failures += 1
    print(f"{arguments.strip()}: exit code {done.returncode}, {done.stderr.strip()!r}; expected {code} and {message.strip()!r}")
sys.exit(failures != 0 or not cases)
