"""helper_section.py PROGRAM...: disassembles the section aotc_helpers and looks at where its code goes. Programs that were not
built are left out."""
import os
import re
import subprocess
import sys

ON_HOST_STACK = {"aotc_host_call", "aotc_memory_grow", "aotc_table_grow", "aotc_record_raised"}
INTO_THE_GUEST = {"aotc_enter", "aotc_catch_call"}
BRANCH = re.compile(r"^\s*[0-9a-f]+:\s+(call|jmp|bl|blr|br|b|j[a-z]+|b\.[a-z]+|cbn?z|tbn?z)q?\s+(.*)$")


def look(program):
    text = subprocess.run(["llvm-objdump", "--disassemble", "--no-show-raw-insn", "--section=aotc_helpers", program],
                          check=True, capture_output=True, text=True).stdout
    inside = set(re.findall(r"^[0-9a-f]+ <(.*)>:$", text, re.MULTILINE))
    wrong, function, targets = [], None, set()
    for line in text.splitlines():
        if match := re.match(r"^[0-9a-f]+ <(.*)>:$", line):
            function = match[1]
        if not (match := BRANCH.match(line)):
            continue
        if target := re.search(r"<([^+>]*)", match[2]):
            targets.add(target[1])
            if target[1] not in inside | ON_HOST_STACK:
                wrong.append(f"{function} goes to {target[1]}")
        elif function not in INTO_THE_GUEST:
            wrong.append(f"{function}: {line.strip()}")
    missing = (ON_HOST_STACK | {"aotc_raise", "aotc_leave"}) - targets
    if missing:
        wrong.append(f"the disassembly does not show {missing}")
    return [f"{program}: {problem}" for problem in wrong]


problems = [problem for program in sys.argv[1:] if os.path.exists(program) for problem in look(program)]
print("\n".join(problems))
sys.exit(1 if problems else 0)
