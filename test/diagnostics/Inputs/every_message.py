#!/usr/bin/env python3
"""Compares the error messages in the sources with the tests: each must occur in one.

  every_message.py ROOT

A message is what the string literals in a call of one of REPORTERS say; its longest part between placeholders has to stand
in some test, as it is. unprovoked.txt beside this file lists the parts that no test can bring about, under the reason why;
an entry that has a test, or belongs to no message, is an error too. A test that names a message without provoking it gets
past this: that is what reviews are for.
"""
import os
import re
import sys

SOURCES = {"cache-server": (".cpp", ".h"), "compiler": (".cpp", ".h"), "runtime-stubs": (".c",), "tools": (".cpp", ".h", ".c")}
TESTS = (".wat", ".test", ".cpp", ".c", ".py", ".go")
REPORTERS = re.compile(r"\b(fail|fail_instr|error|make_error|createStringError|unsupported|aotc_fail|refuse|REFUSE|usage_error|usage|"
                       r"not_frozen|failure|Refusal|make_error<Refusal>|UsageError|system_failure|ValidationError)\(|\bfprintf\(stderr, |\bfputs\(")
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
PLACEHOLDER = re.compile(r"%%|%[-+ #0]*[0-9.*]*(?:hh|h|ll|l|z|j|t)?[a-zA-Z]|\{[^}]*\}|\\.|\0")


def files(root, folder, extensions):
    for path, folders, names in os.walk(os.path.join(root, folder)):
        for name in sorted(names):
            if name.endswith(extensions):
                yield os.path.join(path, name)


def call_text(text, start):
    """The arguments of the call whose parenthesis ends at `start`."""
    depth, at = 1, start
    while depth and at < len(text):
        if match := LITERAL.match(text, at):
            at = match.end()
            continue
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return text[start:at]


def parts_of(arguments):
    """The longest part of the message: adjacent literals are one, anything between others is a placeholder."""
    arguments = re.sub(r"PRI[a-zA-Z0-9]+", '"d"', arguments)
    joined = re.sub(r'"\s*"', "", arguments)
    message = "\0".join(LITERAL.findall(joined))
    return max((part.strip(" :,.\"'()") for part in PLACEHOLDER.split(message)), key=len, default="")


def main():
    root = sys.argv[1]
    here = os.path.dirname(os.path.abspath(__file__))
    messages = {}
    for folder, extensions in SOURCES.items():
        for path in files(root, folder, extensions):
            with open(path) as file:
                text = file.read()
            for match in REPORTERS.finditer(text):
                part = parts_of(call_text(text, match.end()))
                if len(part) >= 6:
                    line = text.count("\n", 0, match.start()) + 1
                    messages.setdefault(part, f"{os.path.relpath(path, root)}:{line}")
    tests = ""
    for path in files(root, "test", TESTS):
        with open(path, errors="replace") as file:
            tests += file.read()
    with open(os.path.join(here, "unprovoked.txt")) as file:
        unprovoked = {line.strip(" \n:,.\"'()") for line in file if line.startswith("  ")}
    wrong = [f"{where}: no test provokes \"{part}\"" for part, where in messages.items() if part not in tests and part not in unprovoked]
    wrong += [f"unprovoked.txt: a test has \"{part}\" now" for part in sorted(unprovoked) if part in tests]
    wrong += [f"unprovoked.txt: no message says \"{part}\"" for part in sorted(unprovoked) if part not in messages]
    print("\n".join(wrong + [f"{len(messages)} messages, {len(unprovoked)} of them unprovoked, {len(wrong)} problems"]))
    sys.exit(1 if wrong else 0)


main()
