"""h2spec.py H2SPEC ARTIFACT FOLDER: github.com/summerwind/h2spec against a node, with TLS and without; see ../h2spec.test"""
import subprocess
import sys
import xml.etree.ElementTree

from certificates import Authority
from harness import check, fresh_folder
from node import node

h2spec, artifact = sys.argv[1], sys.argv[2]
del sys.argv[1:3]
folder = fresh_folder()
certificate = f"{folder}/a.pem"
Authority(folder).issue(certificate, "DNS:a.example")

# What it looks for, by RFC 7540, and a node does otherwise.
DIFFERS = {
    # Frames for streams that are no more, or whose number was passed over: ignored.
    "http2/5.1.1: Sends stream identifier that is numerically smaller than previous",
    "http2/5.1: closed: Sends a DATA frame",
    "http2/5.1: closed: Sends a DATA frame after sending RST_STREAM frame",
    "http2/5.1: closed: Sends a HEADERS frame",
    "http2/5.1: closed: Sends a HEADERS frame after sending RST_STREAM frame",
    # PRIORITY: ignored, however wrong (RFC 9113, 5.3.2).
    "http2/5.3.1: Sends PRIORITY frame that depend on itself",
    "http2/6.3: Sends a PRIORITY frame with 0x0 stream identifier",
}
# What is no preface is a request of HTTP/1.1 where both are spoken, and answered with 400.
WITHOUT_TLS = {"http2/3.5: Sends invalid connection preface"}


def failures(*words):
    report = f"{folder}/report.xml"
    said = subprocess.run([h2spec, "-h", "127.0.0.1", "-P", "/hello", "-o", "3", "-j", report, *words], capture_output=True, text=True)
    cases = [(f'{case.get("package")}: {case.get("classname")}', case) for case in xml.etree.ElementTree.parse(report).iter("testcase")]
    check(len(cases) > 140, f"{len(cases)} cases: {said.stdout[-2000:]}{said.stderr[-2000:]}")
    skipped = sum(case.find("skipped") is not None for _, case in cases)
    print(f"{words}: {len(cases)} cases, {skipped} skipped")
    return {name: (case.find("failure") if case.find("failure") is not None else case.find("error")).text for name, case in cases
            if case.find("failure") is not None or case.find("error") is not None}


with node([f"site={artifact}"], "--listen-tls", "127.0.0.1:0", "--certificate", certificate, "--deadline", "10s") as n:
    tls = int(n.wait_log("listening on ", 1)["message"].rsplit(":", 1)[1])
    n.admin = int(n.wait_log("listening on ", 2)["message"].rsplit(":", 1)[1])
    for words, known in ((["-p", str(n.port)], DIFFERS | WITHOUT_TLS), (["-p", str(tls), "-t", "-k"], DIFFERS)):
        failed = failures(*words)
        for name in sorted(set(failed) - known):
            print(f"{name}\n  {failed[name]}")
        check(set(failed) == known, f"{words}: more than is known: {sorted(set(failed) - known)}; not any more: {sorted(known - set(failed))}")
    check(len(n.tenants()) == 1 and n.metric("^aotc_restarts_total") == 0, "nobody has ended")
