# What native code in a tenant's place says to the broker about its app's key-value store: requests that are none, other apps' keys, more than
# its room. Whoever says what is no request loses the stream, or the channel; others notice nothing. On each kind of store.
# RUN: %python %s %t
# REQUIRES: redis
import struct

from broker import ADD, ANY, CLOSE, CONFLICT, DATA, DELETE, EMFILE, EOPNOTSUPP, EPROTO, FULL, GET, LIST, MAX_KEY, MAX_VALUE, NO_NUMBER, NOT_THERE, OK, PUT, WRONG, Broker
from harness import check, fresh_folder
from remotes import ask_redis, redis

folder = fresh_folder()


def attack(store):
    broker = Broker(f"kv={store}", "kv-size=1048576", "app=a", "connections=4", "app=ab", "connections=4")
    a, ab = broker.tenant(0), broker.tenant(1)
    a.open()
    ab.open()
    check(a.ask(PUT, b"bkey", b"of a")[0] == OK and ab.ask(PUT, b"key", b"of ab")[0] == OK, "each puts")
    for key in (b"key", b"va", b"vab", b"tab", b"apps", b"\0", b"\0key", b"b\0key", b"\xff" * MAX_KEY, b"vab\0key"):
        check(a.ask(GET, key)[0] == NOT_THERE and a.ask(DELETE, key)[0] == NOT_THERE, f"{key} is nobody's")
    check(a.ask(LIST, b"", number=1000)[2] == b"\x04\0bkey" and ab.ask(LIST, b"", number=1000)[2] == b"\x03\0key", "and each lists its own")
    check(ab.ask(GET, b"key")[2] == b"of ab", "what another app put is as it was")

    # What is a request, but not of a kind that there is.
    for operation, key in ((0, b"k"), (6, b"k"), (65535, b"k"), (GET, b""), (PUT, b""), (DELETE, b""), (ADD, b"")):
        check(a.ask(operation, key) == (WRONG, 0, b""), f"operation {operation} of {key}")
    check(a.ask(LIST, b"", b"x" * (MAX_KEY + 1)) == (WRONG, 0, b""), "a list after what is no key")
    check(a.ask(PUT, b"k", b"", 7)[0] == CONFLICT and a.ask(PUT, b"k", b"", 0)[0] == OK and a.ask(PUT, b"k", b"", 0)[0] == CONFLICT, "versions")
    check(a.ask(PUT, b"k", b"", ANY, ANY)[0] == OK and a.ask(GET, b"k")[0] == OK, "a time to live without end")
    check(a.ask(LIST, b"", number=ANY)[2].count(b"k") == 2 and a.ask(LIST, b"", number=0)[0] == OK, "lists of any number")
    check(a.ask(PUT, b"l" * MAX_KEY, b"x" * MAX_VALUE)[0] == OK and len(a.ask(GET, b"l" * MAX_KEY)[2]) == MAX_VALUE, "the largest")
    check(a.ask(ADD, b"n", b"ignored", 7, ANY)[::2] == (OK, b"-1") and a.ask(ADD, b"bkey", number=1)[0] == NO_NUMBER, "sums")
    # What is none ends the stream.
    for size, key_size in ((MAX_KEY + MAX_VALUE + 1, 1), ((1 << 32) - 1, 1), (1, 2), (MAX_KEY + 1, MAX_KEY + 1), (MAX_VALUE + 2, 1), (0, 65535)):
        check(a.ask(PUT, b"", size=size, key_size=key_size) == EPROTO, f"{size} bytes, {key_size} of them a key")
        a.open()
        check(a.ask(GET, b"bkey")[2] == b"of a", "another stream")
    # Many at once, and none of them read before.
    for _ in range(200):
        a.say(struct.pack("<IHHQQ", 4, GET, 4, 0, 0) + b"bkey")
    check(all(a.answer() == (OK, 1, b"of a") for _ in range(200)), "one after the other")
    a.say(struct.pack("<IHHQQ", 0, GET, 0, 0, 0) * 10_000)
    check(all(a.answer() == (WRONG, 0, b"") for _ in range(10_000)), "as many as the window holds")
    # Half of one, and gone.
    a.say(struct.pack("<IHHQQ", 1000, PUT, 1, ANY, 0) + b"k")
    a.frame(CLOSE)
    a.open()
    a.say(struct.pack("<IHHQQ", 9, PUT, 4, ANY, 0) + b"bkeywrong")  # its answer has nobody to go to
    a.frame(CLOSE)
    a.open()
    check(a.ask(GET, b"bkey")[2] in (b"of a", b"wrong"), "the old or the new")
    # More than its room, as fast as it can.
    statuses = {a.ask(PUT, b"fill%d" % i, b"x" * 100_000)[0] for i in range(20)}
    check(statuses == {OK, FULL}, f"{statuses}")
    check(ab.ask(PUT, b"more", b"x" * 100_000)[0] == OK, "another app has its own")
    # More than the window holds ends the channel, and nobody else's.
    greedy = broker.tenant(0)
    greedy.open()
    try:
        for _ in range(6):
            greedy.frame(DATA, 0, struct.pack("<IHHQQ", MAX_KEY + MAX_VALUE, PUT, 1, ANY, 0) + b"x" * 60_000)
        ended = greedy.answer() in (None, EPROTO)
    except ConnectionError:
        ended = True
    check(ended, "a greedy one is not heard")
    # No more streams than connections.
    many = broker.tenant(1)
    for _ in range(3):
        many.open()
        many.hear()
    many.open()
    check(many.answer() == EMFILE, "and not more streams than the app may have")
    check(ab.ask(GET, b"key")[2] == b"of ab", "others go on")
    broker.end()


attack(f"{folder}/store")
with redis(folder) as port:
    ask_redis(port, "set", "of-another", "untouched")
    attack(f"redis://127.0.0.1:{port}")
    ours = {f"aotc:{{{app}}}:{what}" for app in ("a", "ab") for what in ("app", "names", "times", "values")}
    check(set(ask_redis(port, "keys", "*").split()) - ours == {"of-another"}, "nothing else is written")
    check(ask_redis(port, "get", "of-another") == "untouched", "or changed")

broker = Broker("app=a")
a = broker.tenant(0)
a.open()
check(a.answer() == EOPNOTSUPP, "where there is none")
broker.end()
