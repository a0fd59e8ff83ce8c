"""A registry that serves one image from memory, with its documents and blobs changed at will.

    with Registry(paths) as registry: ...       paths: "/v2/..." -> (media type, bytes), or with a content coding
"""
import http.server
import threading


class Registry:
    def __init__(self, paths):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                kind, body, *coding = paths.get(self.path.split("?")[0], (None, b"{}"))
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

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *ignored):
        self.server.shutdown()
        self.server.server_close()
