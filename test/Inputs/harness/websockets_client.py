"""WebSockets: by a library, and as bytes, for clients that do what no library would."""
from harness import check, connect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as open_websocket

UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


def handshake(target, fields=UPGRADE, method="GET"):
    return f"{method} {target} HTTP/1.1\r\nHost: x\r\n{fields}\r\n".encode()


def mask_frame(data, opcode=2, last=True):
    """A frame of a client, masked with zeros."""
    size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big") if len(data) < 65536 else b"\xff" + len(data).to_bytes(8, "big")
    return bytes([opcode | 0x80 * last]) + size + bytes(4) + data


def frame(data, opcode=2):
    """A frame of a server."""
    size = bytes([len(data)]) if len(data) < 126 else b"\x7e" + len(data).to_bytes(2, "big") if len(data) < 65536 else b"\x7f" + len(data).to_bytes(8, "big")
    return bytes([opcode | 0x80]) + size + data


def open_tunnel(port, target, ahead=b"", connection=None):
    """A connection that is a tunnel, and what has come behind the response's head, which it returns, too."""
    connection = connection or connect(port)
    connection.sendall(handshake(target) + ahead)
    came = b""
    while b"\r\n\r\n" not in came:
        piece = connection.recv(65536)
        check(piece, f"a response from {target}: {came}")
        came += piece
    head, _, rest = came.partition(b"\r\n\r\n")
    check(head.startswith(b"HTTP/1.1 101 "), f"101 from {target}: {head}")
    return connection, head, rest


def receive(connection, size, came=b""):
    """So many bytes."""
    while len(came) < size:
        piece = connection.recv(min(65536, size - len(came)))
        check(piece, f"{size} bytes: {came[-100:]}")
        came += piece
    return came


def websocket(port, target, **options):
    return open_websocket(f"ws://127.0.0.1:{port}{target}", origin="http://x", proxy=None, max_size=None, ping_interval=None, **options)


def ending(client):
    """What the server said at the end, and what this client makes of it."""
    try:
        while True:
            client.recv()
    except ConnectionClosed as closed:
        return closed.rcvd, type(closed).__name__
