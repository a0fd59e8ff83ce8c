"""What an hour does to a frozen program: clock.py AOTC WASM PREFIX, with clock.go's module. Artifacts are made under PREFIX."""
import json
import subprocess
import sys

from age import age
from harness import BIN, check, serving
from node import get, node

AOTC, WASM, PREFIX = f"{BIN}/aotc", *sys.argv[1:]
HOUR, YEAR = 3600, 365 * 86400


def frozen(words, *options):
    path = f"{PREFIX}.{'.'.join([*words.split(), *options]) or 'plain'}.aotc".replace("--", "")
    subprocess.check_call([AOTC, "compile", WASM, "--tier", "quick", "--snapshot", "required", *options, "-o", path,
                           *(word for name in words.split() for word in ("--arg", name))], stdout=subprocess.DEVNULL)
    report = json.loads(subprocess.check_output([AOTC, "inspect", "--json", path]))
    return path, report["snapshot"]["clock"] if "snapshot" in report else json.dumps(report)


def aged(path, seconds):
    age(path, f"{path}.aged", seconds)
    return f"{path}.aged"


def ask(path, words, seconds):
    """In `aotc run`."""
    command = [AOTC, "run", "--timeout", "60s", "--tcplisten", "127.0.0.1:PORT", aged(path, seconds), "--", *words.split()]
    with serving(command) as (_, port):
        return get(port, "/?10")[1].decode()


def expect(words, said, path, cases):
    for seconds, answer in cases.items():
        told = ask(path, words, seconds)
        check(told.startswith(answer), f"{words or 'plain'}, {seconds} s: {told}, not {answer}")


plain, said = frozen("")
check(said == "advances: there is no timer", said)
young, old = "0 min, expired false, fired 0, ticks 0, context <nil>", "{} min, expired true, fired 0, ticks 0, context <nil>"
expect("", said, plain, {0: young, 300: "5 min, expired false", 2 * HOUR: old.format("120"), YEAR: old.format("525600"),
                         -2 * HOUR: young, 11 * YEAR: young, -200 * YEAR: young})
timer, said = frozen("timer")
check(said.startswith("advances until the first timer is due, in 3") and said.endswith(" s"), said)
expect("timer", said, timer, {1800: "30 min, expired true, fired 0", 2 * HOUR: "60 min, expired true, fired 1"})
ticker, said = frozen("ticker")
expect("ticker", said, ticker, {60: "1 min, expired false, fired 0, ticks 0", 2 * HOUR: "2 min, expired false, fired 0, ticks 1"})
context, said = frozen("context")
expect("context", said, context, {900: "15 min, expired true, fired 0, ticks 0, context <nil>",
                                  2 * HOUR: "20 min, expired true, fired 0, ticks 0, context context deadline exceeded"})
still, said = frozen("timer", "--clock", "continue")
check(said == "continues, as asked", said)
expect("timer", said, still, {2 * HOUR: young})

# What it waits for when it is thawed, it has waited for since the freeze: a second is left.
end = frozen("exit")[0]
code = subprocess.run([AOTC, "run", "--timeout", "60s", "--tcplisten", "127.0.0.1:0", aged(end, HOUR - 1), "--", "exit"], check=False).returncode
check(code == 7, f"the timer ends it: {code}")

# In the node, instances begin with their connection accepted, and yet the later one is older.
with node([f"app={aged(plain, 2 * HOUR)}"]) as n:
    first, second = (get(n.port, path)[1].decode() for path in ("/?50", "/"))
    check(first.startswith(old.format("120")) and second.startswith(old.format("120")), first + second)
    check(int(first.split()[-1]) < int(second.split()[-1]), f"time goes on between requests: {first} {second}")
with node([f"app={aged(context, 900)}"]) as n:
    first, second = (get(n.port, path)[1].decode() for path in ("/?50", "/"))
    check(first.startswith("15 min, expired true, fired 0, ticks 0, context <nil>"), first)
    check(int(first.split()[-1]) < int(second.split()[-1]), f"it goes on to the timer that set-up made: {first} {second}")
with node([f"app={aged(context, 2 * HOUR)}"]) as n:
    for _ in range(2):
        over = get(n.port, "/")[1].decode()
        check(over.startswith("20 min, expired true, fired 0, ticks 0, context context deadline exceeded"), f"{over}: a timer comes before the request")
# Unless a deadline has begun with the connection, which time must not use up before the request comes: from there it stands still.
timeouts, said = frozen("timeouts")
with node([f"app={aged(timeouts, 2 * HOUR)}"]) as n:
    first, second = (get(n.port, path)[1].decode() for path in ("/?1000", "/"))
    check(first.startswith(old.format("120")) and second.startswith(old.format("120")), f"{said}: {first}{second}")
    check(int(first.split()[-1]) > int(second.split()[-1]), f"time stands still between requests: {first} {second}")
earlier, said = frozen("context timeouts")
with node([f"app={aged(earlier, 900)}"]) as n:
    first, second = (get(n.port, path)[1].decode() for path in ("/?1000", "/"))
    check(int(first.split()[-1]) > int(second.split()[-1]), f"{said}: also where set-up made a later one: {first} {second}")
both, said = frozen("timeouts", "--clock", "continue")
with node([f"app={aged(both, 2 * HOUR)}"]) as n:
    status, body = get(n.port, "/")
    check(status == 200 and body.startswith(young.encode()), f"{status} {body}")
