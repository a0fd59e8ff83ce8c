"""A registry that serves one image from memory, with its documents and blobs changed at will.

    with Registry(paths) as registry: ...       paths: "/v2/..." -> (media type, bytes), or with a content coding, or a
                                                place to go to instead

`asked` has the path and Authorization of each request. `login` is what Authorization must be.
"""
import http.server
import ssl
import threading


class Registry:
    def __init__(self, paths, login=None):
        self.asked = asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                asked.append((self.path, self.headers.get("Authorization")))
                found = paths.get(self.path.split("?")[0], (None, b"{}"))
                kind, body, *coding = (None, b"{}") if isinstance(found, str) else found
                if login and self.headers.get("Authorization") != login:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="x"')
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
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"

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
