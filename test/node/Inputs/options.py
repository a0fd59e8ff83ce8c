"""options.py: what test/cli/quantities.test cannot see."""
import subprocess

from harness import BIN, check


def said(option, value):
    result = subprocess.run([f"{BIN}/aotc-node", "serve", "--listen", "nonsense", "--app", "a=b", option, value],
                            capture_output=True, text=True)
    return result.returncode, result.stderr


for value in ("10.0.0.0/33", "10.0.0/8", "proxy"):
    for option in ("--shared-address", "--trusted-proxies"):
        check(said(option, value)[1] == f"aotc-node: {option}: not an address or network like 10.0.0.0/8: {value}\n", value)
for rule in ("", "db", "tcp://db", "tcp://db:0", "tcp://db:65536", "tcp://db:x", "tcp://:80", "tcp://a b:80", "udp://db:53", "http://", "http://a..b",
             "https://[::1", "https://::1", "https://[127.0.0.1]", "https://a/path", "https://u@a", "*", "tcp://*:80"):
    check(said("--allow", f"a={rule}")[1].startswith("aotc-node: --allow: expected any, tcp://HOST:PORT,"), rule)
for rule in ("tcp://db:80,GET", "http://a,", "http://a,get", "http://a,GET,", "https://a:8443,GE T"):
    check(said("--allow", f"a={rule}")[1].startswith("aotc-node: --allow: expected methods like GET,POST"), rule)
for rule in ("any", "tcp://db:5432", "tcp://[fd00::1]:*", "http://*.example", "https://127.0.0.1:8443,GET,POST"):
    check("not an address" in said("--allow", f"a={rule}")[1], rule)  # of --listen
    check(said("--allow", f"b={rule}")[1] == "aotc-node: --allow: no app is called: b\n", rule)
check(said("--allow", "any")[1] == "aotc-node: --allow: expected APP=TARGET: any\n", "no app")
for network in ("10.0.0.0/33", "10/8", "db", "fd00::/129", "10.0.0.0/"):
    check(said("--allow-private", f"a={network}")[1] == f"aotc-node: --allow-private: not an address or network like 10.0.0.0/8: {network}\n", network)
check(said("--allow-private", "10.0.0.0/8")[1] == "aotc-node: --allow-private: expected APP=NETWORK: 10.0.0.0/8\n", "no app")
check(said("--allow-private", "b=10.0.0.0/8")[1] == "aotc-node: --allow-private: no app is called: b\n", "another app")
check(said("--listen-tls", "127.0.0.1:0") == (2, "aotc-node: --listen-tls needs: --certificate\n"), said("--listen-tls", "127.0.0.1:0"))
for value in ("5", "2/5", "1/"):
    check(said("--compare-sample", value)[0] == 2, value)
for value in (":", "127.0.0.1:", "127.0.0.1:+80", "127.0.0.1:-1", "127.0.0.1: 80", "127.0.0.1:65536", "127.0.0.1:0x50", "127.0.0.1:1" + "0" * 23):
    check(f"{value}: not an address" in said("--listen", value)[1], (value, said("--listen", value)))
