"""A registry that serves one image from memory, with its documents and blobs changed at will.

    with Registry(paths) as registry: ...       paths: "/v2/..." -> (media type, bytes), or with a content coding, or a
                                                place to go to instead

`asked` has the path and Authorization of each request, `connections` counts all that came, also those that said nothing.
`login` is what Authorization must be; who comes without gets `challenge`. `uploads` is the place that POST names.
"""
import http.server
import socket
import ssl
import threading


class Server(http.server.ThreadingHTTPServer):
    connections = 0

    def process_request(self, request, address):
        self.connections += 1
        super().process_request(request, address)


class Registry:
    def __init__(self, paths, login=None, address="127.0.0.1", port=0, challenge='Basic realm="x"', uploads=None):
        self.paths, self.asked, self.login, self.challenge, self.uploads = paths, [], login, challenge, uploads
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                registry.asked.append((self.path, self.headers.get("Authorization")))
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                found = registry.paths.get(self.path.split("?")[0], (None, b"{}"))
                kind, body, *coding = (None, b"{}") if isinstance(found, str) else found
                if registry.login and self.headers.get("Authorization") != registry.login:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", registry.challenge)
                elif self.command == "POST" and registry.uploads:
                    self.send_response(202)
                    self.send_header("Location", registry.uploads)
                elif self.command == "PUT":
                    self.send_response(201)
                elif isinstance(found, str):
                    self.send_response(307)
                    self.send_header("Location", found)
                else:
                    self.send_response(200 if kind else 404)
                self.send_header("Content-Type", kind or "application/json")
                if coding:
                    self.send_header("Content-Encoding", *coding)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

            def log_message(self, *arguments):
                pass

        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.server = type("Server", (Server,), {"address_family": family})((address, port), Handler)
        self.host = f"[{address}]" if ":" in address else address
        self.host += f":{self.server.server_address[1]}"

    @property
    def connections(self):
        return self.server.connections

    def use_tls(self, certificate, key):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *ignored):
        self.server.shutdown()
        self.server.server_close()
