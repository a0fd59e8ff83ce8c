"""quantities.py BIN: reads from --help which options of the programs are quantities and in which range. What is missing or
out of it is refused with exit code 2 and one reason; the ends are not, then something else of the command line is."""
import concurrent.futures
import os
import re
import subprocess
import sys

UNITS = {
    "N": {"a whole number": {"": 1}},
    "SIZE": {"a number of bytes, or one with K, M, G or T": {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}},
    "DURATION": {
        "a number with ns, us, ms, s, m, h or d": {"ns": 1, "us": 1000, "ms": 10**6, "s": 10**9, "m": 60 * 10**9,
                                                   "h": 3600 * 10**9, "d": 86400 * 10**9},
        "a number with s, m, h or d": {"s": 1, "m": 60, "h": 3600, "d": 86400},
    },
    "PERCENT": {"a percentage like 5 or 0.5": {"": 1, "%": 1}},
}
# What strtod, strtoul or CLI11 would take, and what nobody does; all forms are in test/unit/support.
NO_NUMBERS = ["nan", "inf", "-1", "+1", "1e3", "0x10", " 1", "1 ", "5x", ""]


def run(*words):
    return subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def help_of(words):
    """Option -> (prefix of its value, kind, least, most), and the names of subcommands."""
    text = run(*words, "--help").stdout
    lines = re.sub(r"\n {6,}", " ", text).splitlines()  # one for each option
    options = {}
    for line in lines:
        found = re.match(r"  (?:-\w,)?(--[a-z-]+) (1/|)(\S+)", line)
        if not found:
            continue
        option, prefix, kind = found[1], found[2], found[3].partition("=")[0]
        assert kind.partition(":")[0] not in ("UINT", "INT", "FLOAT", "NUMBER"), f"{words}: {option} is not read as all others are"
        if kind not in UNITS:
            continue
        ends = re.search(r"\b(?:N )?from (\w+%?) to (\w+%?)[;)]", line)
        assert ends, f"{words}: {option}: --help says no range"
        options[option] = (prefix, kind, *ends.groups())
    _, _, commands = text.partition("\nSubcommands:\n")
    return options, re.findall(r"^  ([a-z-]+) ", commands.partition("\n\n")[0], re.MULTILINE)


def number(text, units):
    digits, unit = re.fullmatch(r"(\d+)(\D*)", text).groups()
    return int(digits) * units[unit]


def refuse(words, option, prefix, value, reason):
    done = run(*words, option, prefix + value)
    name = os.path.basename(words[0])
    lead = f"{name}: {option}: " + (f"{prefix}N: " if prefix else "")
    return [] if done.returncode == 2 and done.stderr.split("\n")[0] == f"{lead}{reason}: {value}" else [(words, option, value, reason, done)]


def take(words, option, prefix, value):
    done = run(*words, option, prefix + value)
    return [] if done.returncode != 0 and option not in done.stderr and "terminate" not in done.stderr else [(words, option, value, done)]


def check(words, option, prefix, kind, least, most):
    said = run(*words, option, prefix + "nan").stderr
    found = [entry for entry in UNITS[kind].items() if f"expected {entry[0]}: " in said]
    if len(found) != 1:
        return [(words, option, "nan", said)]
    (expected, units), = found
    smallest = next(iter(units))
    wrong = list(NO_NUMBERS)
    wrong += [value + list(units)[-1] for value in ("nan", "-1")] + ["5S", *(["0", "5"] if kind == "DURATION" else [])]
    wrong += [] if kind == "PERCENT" else ["1.5" + smallest]
    bad = []
    for value in wrong:
        bad += refuse(words, option, prefix, value, f"expected {expected}")
    outside = [str(number(most, units) + 1) + smallest, "1" + "0" * 23 + smallest, "1" + "0" * 23 + list(units)[-1]]
    if number(least, units):
        outside += [str(number(least, units) - 1) + smallest, "0" + smallest]
    for value in outside:
        bad += refuse(words, option, prefix, value, f"must be from {least} to {most}")
    for value in (least, most, str(number(least, units)) + smallest, str(number(most, units)) + smallest):
        bad += take(words, option, prefix, value)
    return bad


def program(name, *rest):
    return [os.path.join(sys.argv[1], name), *rest]


# Each fails for another reason when its options are right.
commands = [program("aotc-exec", "/nonexistent"), program("aotc-node", "serve", "--listen", "nonsense", "--app", "a=b", "--max-memory", "64K")]
for name in ("aotc", "aotc-server"):
    subcommands = help_of(program(name))[1]
    assert subcommands, name
    commands += [program(name), *(program(name, subcommand) for subcommand in subcommands)]
tasks = [(words, option, *rest) for words in commands for option, rest in help_of(words)[0].items()]
found = {(os.path.basename(task[0][0]), task[1]) for task in tasks}
for known in (("aotc-server", "--queue"), ("aotc-server", "--keep"), ("aotc-node", "--deadline"), ("aotc-exec", "--timeout"), ("aotc", "--jobs")):
    assert known in found, f"{known} is not found in --help"
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    bad = [entry for entries in pool.map(lambda task: check(*task), tasks) for entry in entries]
for entry in bad:
    print(*entry, sep=" | ")
print(f"{len(tasks)} options")
sys.exit(1 if bad else 0)
