# THREATS.md: every boundary names the tests that guard it, one of them an attack; every attack is named; and what the document
# says of each process is what the rule sets say that the programs print.
# RUN: %python %s
import os
import re
import subprocess

from harness import BIN

tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
existing = {os.path.relpath(os.path.join(path, name), tests) for path, _, names in os.walk(tests) for name in names}
attacks = {f"attack/{name}" for name in os.listdir(os.path.join(tests, "attack")) if name.endswith((".py", ".test"))}
with open(os.path.join(tests, "..", "cache-server", "THREATS.md")) as file:
    text = file.read()


def table(name):
    """The rows of the table whose first column is `name`, each by the names of the columns."""
    lines = text[text.index(f"\n| {name} |") + 1:].split("\n\n")[0].splitlines()
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines]
    assert all(len(row) == len(header) for row in rows), [row for row in rows if len(row) != len(header)]
    return [dict(zip(header, row)) for row in rows]


boundaries = table("Boundary")
assert len(boundaries) >= 19
named = set()
for row in boundaries:
    guards = re.findall(r"`([^`]+)`", row["Guarded by"])
    for guard in guards:
        assert any(test == guard or test.endswith("/" + guard) for test in existing), f"{row['Boundary']}: there is no {guard}"
    assert attacks & set(guards), f"{row['Boundary']}: no attack"
    named |= set(guards)
assert attacks <= named, attacks - named


def in_words(program, process):
    """What a printed rule set says, as the columns of the document say it."""
    printed = subprocess.run([os.path.join(BIN, program), f"--print-sandbox={process}"], capture_output=True, text=True, check=True).stdout
    lines = [line.strip() for line in printed.splitlines()]
    calls = " ".join(line.split(": ", 1)[1] for line in lines if line.startswith("calls"))
    property_of = lambda name: next((line[len(name):].strip() for line in lines if line.startswith(name)), "")
    plain = set(re.sub(r"\([^)]*\)", "()", calls).split())
    code = re.search(r"mmap\((a file|the artifact), to read and execute", calls)
    files = "to read, as granted" if "openat(O_RDONLY)" in calls else "no"
    if "openat" in plain:
        files = "as granted" if "granted" in property_of("files") else "any"
    return {
        "Becomes": "as before" if property_of("before") else "nobody" if "without rights" in property_of("user") else "no other user",
        "Opens files": files,
        "Makes sockets": "yes" if "socket" in plain else "no",
        "Starts programs": "yes" if "execve" in plain else "no",
        "Handles signals": "yes" if "rt_sigaction" in plain else "no",
        "Maps code": code.group(1) if code else "no",
        "What else it calls": "ends it" if property_of("otherwise").startswith("the process ends") else "fails",
    }


processes = table("Process")
for row in processes:
    for program in row["Program"].split(", "):
        said = {column: row[column] for column in in_words(program, row["Process"])}
        assert said == in_words(program, row["Process"]), (row["Process"], said, in_words(program, row["Process"]))
for program in ("aotc", "aotc-broker", "aotc-courier", "aotc-exec", "aotc-node", "aotc-server"):
    printed = subprocess.run([os.path.join(BIN, program), "--print-sandbox"], capture_output=True, text=True, check=True).stdout
    names = set(re.findall(r"^([a-z-]+): ", printed, re.MULTILINE))
    assert names == {row["Process"] for row in processes if program in row["Program"].split(", ")}, (program, names)
