"""Requests to pages.go in the middle of which something is done to its instance."""
from harness import check, connect, read_all

PADDING = 300 << 10


def keep(port, secret, act=lambda: None):
    """Lets the program touch fresh memory; acts; then it writes the secret there, 8 bytes that are not zero, or nothing."""
    with connect(port) as connection:
        head = b"POST /keep HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (PADDING + 8)
        connection.sendall(head + b"x" * PADDING)
        answer = b""
        while b"begun" not in answer:
            piece = connection.recv(1 << 16)
            check(piece, answer)
            answer += piece
        act()
        connection.sendall(secret or bytes(8))
        answer += read_all(connection)
        check(b"kept" in answer, answer)
