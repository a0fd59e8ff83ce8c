# A server that sends a job nested so deeply that printing it would end the client is printed without those depths.
# RUN: %python %s %t
import http.server
import subprocess
import threading

from harness import AOTC, fresh_folder, hello_wasm

folder = fresh_folder()
hello_wasm(folder)
DEEP = '{"state": "done", "index": "sha256:0", "deep": ' + "[" * 400_000 + "]" * 400_000 + "}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(DEEP)))
        self.end_headers()
        self.wfile.write(DEEP.encode())

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
command = [AOTC, "compile", f"{folder}/hello.wasm", "--server", f"http://127.0.0.1:{server.server_port}", "--name", "app", "--json"]
result = subprocess.run(command, capture_output=True, text=True)
assert result.returncode == 0 and '"index":"sha256:0"' in result.stdout and "[[[[" in result.stdout, result
assert len(result.stdout) < 1000, len(result.stdout)
