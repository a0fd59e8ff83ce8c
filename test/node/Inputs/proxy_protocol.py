"""proxy_protocol.py ARTIFACT FOLDER: connections begin as the PROXY protocol says, by HAProxy and by hand; see ../proxy_protocol.test"""
import shutil
import socket
import ssl
import struct
import subprocess
import sys

from certificates import Authority
from harness import PATIENCE, check, read_all, until
from node import node

artifact, folder = sys.argv[1:]
shutil.rmtree(folder, ignore_errors=True)
authority = Authority(folder)
CERTIFICATE = f"{folder}/a.pem"
authority.issue(CERTIFICATE, "DNS:a.example")
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL, PROXY = 0x20, 0x21
UNSPECIFIED, TCP4, TCP6, UNIX = 0, 0x11, 0x21, 0x31
V4 = socket.inet_aton("192.0.2.7") + socket.inet_aton("192.0.2.1") + struct.pack(">HH", 4711, 80)
V6 = socket.inet_pton(socket.AF_INET6, "2001:db8::7") + socket.inet_pton(socket.AF_INET6, "2001:db8::1") + struct.pack(">HH", 4711, 80)
PEER, HEADERS = b"GET /peer HTTP/1.0\r\n\r\n", b"GET /headers HTTP/1.0\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"


def header(rest=V4, family=TCP4, command=PROXY, more=b""):
    return SIGNATURE + struct.pack(">BBH", command, family, len(rest + more)) + rest + more


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def answer(port, *pieces):
    """What comes back, when these were sent one after the other, and the client's own address."""
    with connect(port) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.settimeout(PATIENCE)
        own = "%s:%d" % connection.getsockname()
        try:
            return read_all(connection).decode().rpartition("\n")[2], own
        except ConnectionResetError:
            return "", own


def closed(n):
    return n.metric('aotc_clients_closed_total.*"proxy"')


with node([f"site={artifact}"], "--proxy-protocol", "127.0.0.1", "--listen-tls", "127.0.0.1:0", "--certificate", CERTIFICATE, "--grace", "1s",
          "--max-per-address", "2") as n:
    n.tls, n.admin = (int(n.wait_log("listening on ", i)["message"].rsplit(":", 1)[1]) for i in (1, 2))
    for said, named in ((header(), "192.0.2.7:4711"), (header(V6, TCP6), "[2001:db8::7]:4711"), (header(more=b"\x04\0\x01x" * 500), "192.0.2.7:4711")):
        check(answer(n.port, said + PEER)[0] == f"{named} {named}", f"named: {named}")
        check(answer(n.port, *(said[i:i + 1] for i in range(40)), said[40:], PEER)[0] == f"{named} {named}", "in pieces")
    # It speaks for itself, or for somebody without an address.
    for said in (header(b"", UNSPECIFIED, LOCAL), header(V4, TCP4, LOCAL), header(b"", UNSPECIFIED), header(bytes(216), UNIX)):
        seen, own = answer(n.port, said + PEER)
        check(seen == f"{own} {own}", f"RemoteAddr {seen}, not {own}")
    # What is no header, or none that makes sense, is nobody's connection.
    bad = [PEER, b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n" + PEER, header(command=0x11), header(command=0x22), header(family=0x12), header(family=0x41),
           header(V4[:-1]), header(V6[:35], TCP6), header(V4, TCP6), header(more=bytes(2048)), SIGNATURE[:-1] + b"x" + bytes(4)]
    before = closed(n)
    for said in bad:
        check(answer(n.port, said)[0] == "", f"answered: {said[:40]}")
    until(lambda: closed(n) - before == len(bad), "all of them are counted")
    # Who says nothing, or half of it, goes, and costs nobody anything.
    with connect(n.port) as silent, connect(n.port) as half:
        half.sendall(header()[:20])
        check(read_all(silent) == read_all(half) == b"", "they are closed")
    n.wait_metric('aotc_clients_closed_total.*"slow_header"', 2)
    # Limits are the client's that is named, not the proxy's.
    with connect(n.port) as one, connect(n.port) as two, connect(n.port) as other:
        for connection in (one, two):
            connection.sendall(header() + b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
            check(b"200 OK" in connection.recv(4096), "a place")
        check(answer(n.port, header() + PEER)[0] == "", "no third one")
        n.wait_metric('aotc_clients_closed_total.*"address"', 1)
        other.sendall(header(V6, TCP6) + PEER)
        check(read_all(other).endswith(b"[2001:db8::7]:4711"), "another address")
    until(lambda: n.metric("aotc_clients ") == 0, "all have left")
    # TLS begins behind it.
    context = ssl.create_default_context(cafile=authority.root)
    plain = connect(n.tls)
    plain.sendall(header())
    with context.wrap_socket(plain, server_hostname="a.example") as connection:
        connection.sendall(PEER)
        check(read_all(connection).endswith(b"192.0.2.7:4711"), "with TLS")

    # A real one.
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with open(f"{folder}/haproxy.cfg", "w") as file:
        file.write(f"""defaults
  mode tcp
  timeout connect 10s
  timeout client 60s
  timeout server 60s
listen site
  bind 127.0.0.1:{port}
  server node 127.0.0.1:{n.port} check inter 100ms check-send-proxy send-proxy-v2
""")
    haproxy = subprocess.Popen(["haproxy", "-f", file.name], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, "it listens")
        seen, own = answer(port, PEER)
        check(seen == f"{own} {own}", f"by HAProxy {seen}, not {own}")
        before = closed(n)
        done = n.metric('aotc_clients_closed_total.*"done"')
        until(lambda: n.metric('aotc_clients_closed_total.*"done"') - done >= 3, "its looks")
        check(closed(n) == before, "are no faults")
    finally:
        haproxy.kill()
        haproxy.wait()

# The address that is named decides whether more is believed. Who is none of these proxies names nobody.
with node([f"site={artifact}"], "--proxy-protocol", "127.0.0.1", "--trusted-proxies", "2001:db8::/32", "--trusted-proxies", "127.0.0.1") as n:
    for said, expected in ((header(), "192.0.2.7"), (header(V6, TCP6), "6.6.6.6, 2001:db8::7")):
        with connect(n.port) as connection:
            connection.sendall(said + HEADERS)
            seen = read_all(connection).decode()
        check(f"X-Forwarded-For: {expected}\n" in seen.replace("\r", ""), seen)
with node([f"site={artifact}"], "--proxy-protocol", "10.0.0.0/8") as n, connect(n.port) as connection:
    connection.sendall(header() + PEER)
    check(read_all(connection).startswith(b"HTTP/1.1 400 "), "a bad request")
