# Connections are limited in all, per client address and per tenant; what is over the limit is closed or answered 429, and
# a connection that ends makes room.
# RUN: %python %s %t
import http.client
import json
import time

from harness import Server, fresh_folder, write_tokens

folder = fresh_folder()
tokens = write_tokens(folder, {name: {"tokens": {name: ["pull"]}} for name in ("acme", "other")})


def connect(server, address="127.0.0.1"):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60, source_address=(address, 0))
    connection.connect()
    return connection


def ask(connection, token):
    """The status, or nothing when the connection was closed."""
    try:
        connection.request("GET", "/v1/modules", headers={"Authorization": "Bearer " + token})
        response = connection.getresponse()
        response.read()
        return response.status
    except (ConnectionError, http.client.RemoteDisconnected):
        return None


def wait_until_open(server, count):
    """Until the server has `count` connections besides the one that asks."""
    while True:
        connection = connect(server, "127.0.0.9")
        connection.request("GET", "/v1/stats", headers={"Authorization": "Bearer root"})
        stats = json.load(connection.getresponse())
        connection.close()
        if stats["connections"] == count + 1:
            return stats
        time.sleep(0.01)


with Server(folder, "--token-file", tokens, "--max-connections", "6", "--max-connections-per-address", "4",
            "--max-connections-per-tenant", "2") as server:
    first = [connect(server) for _ in range(4)]
    assert [ask(connection, "acme") for connection in first] == [200, 200, 429, 429]
    wait_until_open(server, 2)
    # The two that were refused are closed, so two more of this address get in, for another tenant.
    second = [connect(server) for _ in range(2)]
    assert [ask(connection, "other") for connection in second] == [200, 200]
    # The address is full, another one is not until the server is.
    assert ask(connect(server), "other") is None
    third = [connect(server, "127.0.0.2") for _ in range(2)]
    assert [ask(connection, "root") for connection in third] == [200, 200]
    assert ask(connect(server, "127.0.0.3"), "root") is None
    # A connection can change its tenant, and its place is free then.
    assert ask(first[0], "root") == 200
    assert ask(third[0], "acme") == 200 and ask(third[1], "acme") == 429
    for connection in first + second + third:
        connection.close()
    stats = wait_until_open(server, 0)
    assert stats["closed_connections_address"] >= 1 and stats["closed_connections_full"] >= 1, stats
    assert stats["closed_connections_tenant"] == 3, stats
    assert ask(connect(server), "acme") == 200
