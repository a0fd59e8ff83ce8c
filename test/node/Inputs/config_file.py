"""config_file.py FOLDER"""
import json
import os
import re
import subprocess
import sys

from harness import BIN, check, fresh_folder

folder = fresh_folder()
os.chdir(folder)
for name in ("site.aotc", "key", "value"):
    open(name, "w").close()
os.mkdir("values")


def run(*words):
    done = subprocess.run([f"{BIN}/aotc-node", *words], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def said(text):
    with open("node.yaml", "w", encoding="latin-1") as file:
        file.write(text)
    return run("serve", "--file", "node.yaml", "--check-config")


def refused(text, reason):
    code, out, err = said(text)
    check((code, out, err) == (2, "", f"aotc-node: {reason}\n"), (text, code, out, err))


def taken(text, apps="1 app"):
    check(said(text) == (0, f"nothing is wrong: {apps}\n", ""), said(text))


site = "apps: {site: {artifact: site.aotc}}\n"
taken("listen: :0\n" + site)
taken("listen: ':0'\nadmin: 127.0.0.1:0\napps:\n  site:\n    artifact: site.aotc\n    route: [a.example, /b/]\n    secret-env: {NAME: value}\n    config: values\n"
      "    allow: https://api.example,GET\n    deadline: 5s\n    max-memory: 64M\n  other: {artifact: site.aotc, max-memory: 65536}\n", "2 apps")

# What is no file of options.
refused("", "node.yaml:1: expected options and apps")
refused("- a\n", "node.yaml:1: expected options and apps")
refused("listen: [a\n", "node.yaml:2: not YAML: did not find expected ',' or ']'")
refused("listen: :0\n# \xff\n", "node.yaml:2: not UTF-8: invalid leading UTF-8 octet")
refused("listen: :0\nlisten: :1\n", "node.yaml:2: listen: stands here twice")
refused("listen: &a :0\n", "node.yaml:1: an anchor")
refused("listen: *a\n", "node.yaml:1: an alias")
refused("listen: !!str :0\n", "node.yaml:1: a tag")
refused('listen: "\\0"\n', "node.yaml:1: a character of value 0")
refused("[a]: b\n", "node.yaml:1: a key that is no text")
refused("listen: :0\n---\nlisten: :1\n", "node.yaml:2: a second document")
refused("listen: " + "[" * 17 + "]" * 17, "node.yaml:1: nested too deeply")

# Keys and values, with their places.
refused("listne: :0\n" + site, "node.yaml:1: listne: no such option; did you mean listen?")
refused("qqq: :0\n" + site, "node.yaml:1: qqq: no such option")
refused("listen: :0\napps:\n  site:\n    artifact: site.aotc\n    dedline: 5s\n", "node.yaml:5: apps.site.dedline: no such option; did you mean deadline?")
refused("listen: :0\napps:\n  site:\n    artifact: site.aotc\n\n    deadline: 5x\n",
        "node.yaml:6: apps.site.deadline: expected a number with ns, us, ms, s, m, h or d: 5x")
refused("listen: :0\ndeadline: 5x\napps: {site: {artifact: site.aotc, deadline: 5s}}\n", "node.yaml:2: deadline: expected a number with ns, us, ms, s, m, h or d: 5x")
refused("route: a\n" + site, "node.yaml:1: route: is said of an app: it belongs below apps: NAME:")
refused("listen: :0\napps: {site: {artifact: site.aotc, admin: localhost}}\n", "node.yaml:2: apps.site.admin: is not said of an app: it belongs at the left margin")
refused("listen: :0\napps: site\n", "node.yaml:2: apps: expected names, with what is said of each app")
refused("listen: :0\napps: {site: site.aotc}\n", "node.yaml:2: apps.site: expected options, artifact for one")
refused("listen: :0\napps: {site: {route: a}}\n", "node.yaml:2: apps.site: needs artifact")
refused("listen: :0\napps: {si/te: {artifact: a}}\n", "node.yaml:2: apps.si/te.artifact: not a name: si/te")
refused("listen: [a, b]\n" + site, "node.yaml:1: listen: expected a value")
refused("listen:\n" + site, "node.yaml:1: listen: expected a value")
refused("listen: ''\n" + site, "node.yaml:1: listen: needs a value")
refused("listen: :0\ntrusted-proxies: {a: b}\n" + site, "node.yaml:2: trusted-proxies: expected a value or a list of them")
refused("listen: :0\ntrusted-proxies: []\n" + site, "node.yaml:2: trusted-proxies: expected a value or a list of them")
refused("listen: :0\ntrusted-proxies: [10.0.0.0/8, [a]]\n" + site, "node.yaml:2: trusted-proxies: expected a value")
refused("listen: :0\ntrusted-proxies: [10.0.0.0/8, a]\n" + site, "node.yaml:2: trusted-proxies: not an address or network like 10.0.0.0/8: a")
refused("listen: :0\napps: {site: {artifact: site.aotc, secret-env: value}}\n", "node.yaml:2: apps.site.secret-env: expected names with values")
refused("listen: :0\ninsecure-unsigned: yes\n" + site, "node.yaml:2: insecure-unsigned: expected true or false: yes")
refused("listen: :0\nreset: now\n" + site, "node.yaml:2: reset: expected best, scan, pagemap, madvise or remap: now")
refused("listen: :0\napps: {site: {artifact: site.aotc, signed-for: a/b}}\n", "node.yaml:2: apps.site.signed-for: no app from a registry is called: site")

taken("listen: :0\nhealth: /healthz\n" + site)
for wrong in ("healthz", "'/a b'", "/a#b"):
    check("node.yaml:2: health: not a path: " in said(f"listen: :0\nhealth: {wrong}\n" + site)[2], wrong)
canary = "listen: :0\napps: {site: {artifact: site.aotc, canary: site.aotc, "
taken(canary + "canary-weight: 0.5%, canary-header: {x-env: a}, canary-cookie: {env: a}, canary-sticky: cookie:user, max-memory: 64M}}\n", "2 apps")
refused(canary + "canary-weight: 101}}\n", "node.yaml:2: apps.site.canary-weight: must be from 0% to 100%: 101")
refused(canary + "canary-weight: five}}\n", "node.yaml:2: apps.site.canary-weight: expected a percentage like 5 or 0.5: five")
refused(canary + "canary-header: {'x env': a}}}\n", "node.yaml:2: apps.site.canary-header: not a name: x env")
refused(canary + "canary-sticky: user}}\n", "node.yaml:2: apps.site.canary-sticky: expected address, cookie:NAME or header:NAME: user")
refused(canary + "canary-sticky: 'cookie:'}}\n", "node.yaml:2: apps.site.canary-sticky: expected address, cookie:NAME or header:NAME: cookie:")
refused("listen: :0\napps: {site: {artifact: site.aotc, canary: 'a.aotc,b.aotc'}}\n", "node.yaml:2: apps.site.canary: a canary is one artifact, without handlers: a.aotc,b.aotc")
refused("listen: :0\napps: {site: {artifact: 'a.aotc,site.aotc', canary: site.aotc}}\n", "an app behind handlers has no canary: site.canary")
refused("listen: :0\napps: {site.canary: {artifact: site.aotc}}\n", "no app whose canary it is: site.canary")
refused(canary.replace("canary: site.aotc", "canary: 'http://a.example'") + "}}\n", "--app: not an image: http://a.example")
refused("listen: :0\ncanary-key: no\n" + site, "--canary-key: no: No such file or directory")

# What options say together, and what they name.
refused(site, "missing option: --listen")
taken("listen: :0\napps: {}\n", "0 apps")
check(run("serve", "--listen", ":0") == (2, "", "aotc-node: missing option: --app\n"), "without a file")
refused("listen: nonsense\n" + site, "nonsense: not an address like 127.0.0.1:8080")
refused("listen: :0\napps: {site: {artifact: no.aotc}}\n", "app site: no.aotc: No such file or directory")
refused("listen: :0\napps: {site: {artifact: site.aotc, config: no}}\n", "app site: no: No such file or directory")
refused("listen: :0\napps: {site: {artifact: oci://r.example/a/b}}\n", "needs --trust, or --insecure-unsigned to run whatever the registry sends: oci://r.example/a/b")
refused("listen: :0\napps: {site: {artifact: oci://r.example/a/b, trust: no.pub}}\n", "--trust: no.pub: No such file or directory")
taken("listen: :0\napps: {site: {artifact: oci://r.example/a/b, insecure-unsigned: true}, one: {artifact: site.aotc, insecure-unsigned: false}}\n", "2 apps")
check(run("serve", "--file", "no.yaml") == (2, "", "aotc-node: no.yaml: No such file or directory\n"), "no file")
check(run("serve", "--file", "node.yaml", "--listen", ":0") == (2, "", "aotc-node: --file: holds all options, so there can be no --listen\n"), "both")
check(run("serve", "--check-config=1") == (2, "", "aotc-node: --check-config: takes no value\n"), "a value")
check(run("serve", "--listen", ":0", "--app", "a=site.aotc", "--check-config") == (0, "nothing is wrong: 1 app\n", ""), "without a file")
check(run("serve", "--listne", ":0") == (2, "", "aotc-node: unknown option: --listne; did you mean --listen?\n"), "a letter wrong")

# One table: what --help has the schema has, in the same range, and what it refuses the node refuses, too.
schema = json.loads(run("--print-schema")[1])
of_node, of_app = schema["properties"], schema["properties"]["apps"]["additionalProperties"]["properties"]
options = set(re.findall(r"(?m)^  --([a-z-]+)", run("serve", "--help")[1])) - {"file", "check-config"}
keys = {"artifact" if name == "app" else name for name in options}
check((set(of_node) - {"apps"}) | set(of_app) == keys, (set(of_node) | set(of_app)) ^ keys)
wrong = {"boolean": "maybe", "integer": "x", "string": "''"}
for place, rows in (("", of_node), ("apps", of_app)):
    for key, row in rows.items():
        if key in ("apps", "artifact"):
            continue
        kind = row.get("type") or row["oneOf"][0]["type"]
        value = "5x" if "pattern" in row else "{X: ''}" if kind == "object" else wrong[kind]
        text = f"listen: :0\napps: {{site: {{artifact: site.aotc, {key}: {value}}}}}\n" if place else f"listen: :0\n{key}: {value}\n{site}"
        text = text.replace("listen: :0\n", "") if key == "listen" else text
        code, out, err = said(text)
        check(code == 2 and f": {place + '.site.' * bool(place)}{key}: " in err, (text, code, out, err))
        for end, at in (("minimum", row.get("minimum")), ("maximum", row.get("maximum"))):
            if at is None or place or (at == 0 and end == "minimum"):
                continue
            check(" must be from " in said(f"listen: :0\n{key}: {at + (1 if end == 'maximum' else -1)}\n{site}")[2], (key, end))
sys.exit(0)
