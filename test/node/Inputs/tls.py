"""tls.py ARTIFACT FOLDER: clients of several kinds speak TLS with a node; see ../tls.test"""
import hashlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys

from certificates import Authority, openssl
from harness import BIN, PATIENCE, check, until
from node import node

artifact, folder = sys.argv[1:]
shutil.rmtree(folder, ignore_errors=True)
authority = Authority(folder)
A, B = f"{folder}/a.pem", f"{folder}/b.pem"
serials = {A: authority.issue(A, "DNS:a.example"), B: authority.issue(B, "DNS:*.b.example", "rsa:2048")}
authority.vouch(A)
# One has its key in a file of its own, the other beside the certificate.
with open(f"{B}.key") as key, open(B, "a") as file:
    file.write(key.read())
os.remove(f"{B}.key")


def context(**options):
    made = ssl.create_default_context(cafile=authority.root)
    made.check_hostname = False
    for name, value in options.items():
        setattr(made, name, value)
    return made


def connect(n, name="a.example", trusting=None, session=None):
    plain = socket.create_connection(("127.0.0.1", n.tls), timeout=PATIENCE)
    return (trusting or context()).wrap_socket(plain, server_hostname=name, session=session)


def serial(connection):
    return openssl("x509", "-noout", "-serial", input=ssl.DER_cert_to_PEM_cert(connection.getpeercert(True))).strip().split("=")[1]


def ask(connection, target="/hello", more=""):
    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode())
    answer = b""
    while not answer.endswith(b"\n"):
        answer += connection.recv(65536)
    return answer


def refused(n, **options):
    trusting = context(**{name: value for name, value in options.items() if name != "protocols"})
    if "protocols" in options:
        trusting.set_alpn_protocols(options["protocols"])
    try:
        connect(n, trusting=trusting)
    except (ssl.SSLError, ConnectionError):
        return True
    return False


def stapled(n, name):
    return openssl("s_client", "-connect", f"127.0.0.1:{n.tls}", "-servername", name, "-status", "-CAfile", authority.root,
                   stdin=subprocess.DEVNULL)


def curl(n, *words, **options):
    return subprocess.run(["curl", "-sS", "--cacert", authority.root, "--connect-to", f"::127.0.0.1:{n.tls}", *words],
                          check=True, capture_output=True, **options).stdout


def holds(pid, secret):
    """Whether a process has this somewhere in its memory."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            where, rights = line.split()[:2]
            first, end = (int(word, 16) for word in where.split("-"))
            if not rights.startswith("rw") or end - first > 1 << 30:
                continue
            try:
                memory.seek(first)
                if secret in memory.read(end - first):
                    return True
            except OSError:
                continue
    return False


# What is wrong with the files is said before anybody is served.
for file, why in ((f"{folder}/none", "No such file or directory"), (f"{folder}/index", "no certificate"), (authority.root, "no private key"),
                  (f"{folder}/other", "the private key is another certificate's"), (f"{folder}/stale", "its OCSP response is none")):
    if file.endswith(("other", "stale")):
        shutil.copy(A, file)
        shutil.copy(authority.key if file.endswith("other") else f"{A}.key", f"{file}.key")
    if file.endswith("stale"):
        shutil.copy(authority.root, f"{file}.ocsp")
    said = subprocess.run([os.environ.get("AOTC_NODE", f"{BIN}/aotc-node"), "serve", "--listen-tls", "127.0.0.1:0", "--certificate", file, "--app", f"site={artifact}"],
                          capture_output=True, text=True)
    check(said.returncode == 2 and said.stderr.startswith(f"aotc-node: --certificate: {file}") and why in said.stderr, f"{file}: {said}")

with node([f"site={artifact}"], "--listen-tls", "127.0.0.1:0", "--certificate", A, "--certificate", B, "--loops", "2", "--deadline", "10s") as n:
    n.tls = int(n.wait_log("listening on ", 1)["message"].rsplit(":", 1)[1])
    n.admin = int(n.wait_log("listening on ", 2)["message"].rsplit(":", 1)[1])
    for name, file in (("a.example", A), ("x.b.example", B), ("X.B.EXAMPLE", B), ("b.example", A), ("stranger", A), (None, A)):
        check(serial(connect(n, name)) == serials[file], f"the certificate for {name}")

    # Versions and protocols.
    for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        connection = connect(n, trusting=context(minimum_version=version, maximum_version=version))
        check(connection.version() == name and ask(connection).endswith(b"hello GET /hello\n"), name)
    old = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{n.tls}", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True)
    check(old.returncode != 0 and "protocol version" in old.stderr, f"TLS 1.1: {old}")
    for offered, agreed in ((["http/1.1"], "http/1.1"), (["spdy/1", "http/1.1"], "http/1.1"), (["http/1.1", "h2"], "h2"), ([], None)):
        trusting = context()
        if offered:
            trusting.set_alpn_protocols(offered)
        check(connect(n, trusting=trusting).selected_alpn_protocol() == agreed, f"{offered}")
    check(refused(n, protocols=["spdy/1"]), "no protocol of ours")
    # Who leaves before he hears anything keeps no loop busy.
    trusting = context()
    trusting.set_alpn_protocols(["h2"])
    for _ in range(50):
        connect(n, trusting=trusting).close()
    check(all(ask(connect(n)) for _ in range(8)), "nobody waits for those who left")

    # The same answers, in small pieces and large ones.
    body = os.urandom(3 << 20)
    said = curl(n, "https://a.example/digest", "--data-binary", "@-", input=body).split()
    check(said[:2] == [b"%d" % len(body), hashlib.sha256(body).hexdigest().encode()], f"a body: {said}")
    check(len(curl(n, "https://a.example/big?n=5000000")) == 5000000, "a large response")
    for words, version in (([], b"2"), (["--http1.1"], b"1.1")):
        said = curl(n, *words, "https://a.example/headers", "-w", "%{http_version}")
        check(said.endswith(version) and b"X-Forwarded-Proto: https\n" in said, f"{words}: {said}")
    connection = connect(n)
    connection.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
    answers = b""
    while answers.count(b"hello GET") < 20:
        answers += connection.recv(65536)
    seen = ask(connection, "/headers", "X-Forwarded-Proto: http\r\nForwarded: proto=http\r\n")
    check(b"X-Forwarded-Proto: https\n" in seen and b"proto=https" in seen and b"proto=http\n" not in seen, f"what the program is told: {seen}")

    # A session goes on in whichever loop.
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        trusting = context(maximum_version=version)
        first = connect(n, trusting=trusting)
        ask(first)
        for _ in range(8):
            again = connect(n, trusting=trusting, session=first.session)
            check(again.session_reused and ask(again), f"{version}: resumed")
    check(n.metric('tls_handshakes_total.*"resumed"') == 16, "counted")

    # What the authority says goes along.
    check("OCSP Response Status: successful" in stapled(n, "a.example") and "no response sent" in stapled(n, "x.b.example"), "stapled")

    # Nobody but the front has a key.
    key = bytes.fromhex("".join(openssl("ec", "-in", f"{A}.key", "-text", "-noout").split("priv:")[1].split("pub:")[0].split()).replace(":", ""))[-32:]
    if os.geteuid() == 0:
        check(not any(holds(pid, key) or holds(pid, key[::-1]) for pid in n.tenants()), "no tenant has the key")

    # New certificates, for connections to come; those that there are go on. Files that are of no use change nothing.
    before = connect(n)
    ask(before)
    old = serials[A]
    serials[A] = authority.issue(A, "DNS:a.example")
    os.remove(f"{A}.ocsp")
    n.process.send_signal(signal.SIGHUP)
    n.wait_log("has read its certificates")
    check(serial(connect(n)) == serials[A] != old, "the new one")
    check(ask(before), "who was there before stays")
    with open(A, "w") as file:
        file.write("nonsense")
    n.process.send_signal(signal.SIGHUP)
    n.wait_log("goes on with its certificates: " + A)
    os.remove(B)
    n.process.send_signal(signal.SIGHUP)
    n.wait_log("goes on with its certificates: " + B)
    check(serial(connect(n)) == serials[A], "still that one")
    # A front that ends reads them again; nothing of the old ones is left to go on with.
    authority.issue(A, "DNS:a.example")
    authority.issue(B, "DNS:b.example")
    os.kill(n.front(), signal.SIGKILL)
    n.wait_log("the front ended: signal 9")
    check(serial(connect(n)) == authority.serial(A), "the newest")
    until(lambda: b" 200 " in ask(connect(n)), "it serves again")
    before.close()
