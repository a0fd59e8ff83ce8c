# A server that sends a job nested so deeply that printing it would end the client is printed without those depths; one
# whose job has members of other types is an error; nothing that it says is a control sequence to the terminal.
# RUN: %python %s %t
import http.server
import subprocess
import threading

from harness import AOTC, fresh_folder, hello_wasm

folder = fresh_folder()
hello_wasm(folder)
answer = DEEP = '{"state": "done", "index": "sha256:0", "deep": ' + "[" * 400_000 + "]" * 400_000 + "}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
command = [AOTC, "compile", f"{folder}/hello.wasm", "--server", f"http://127.0.0.1:{server.server_port}", "--name", "app", "--json"]
result = subprocess.run(command, capture_output=True, text=True)
assert result.returncode == 0 and '"index":"sha256:0"' in result.stdout and "[[[[" in result.stdout, result
assert len(result.stdout) < 1000, len(result.stdout)
for answer in ('{"state": "done", "index": 7}', '{"state": "done", "artifacts": 7}', '{"state": "done", "artifacts": [[]]}',
               '{"state": "done", "artifacts": [{"size": "much"}]}', '{"state": "done", "snapshot": {"size": "much"}}'):
    result = subprocess.run(command[:-1], capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr.endswith("hello.wasm: the job that the server describes is none\n"), (answer, result)
for answer in ('{"state": "done", "index": "\\u001b[31m", "snapshot": {"reason": "\\u001b[31m"}}',
               '{"state": "failed", "error": {"detail": "\\u001b[31m"}}'):
    result = subprocess.run(command[:-1], capture_output=True, text=True)
    assert "\x1b" not in result.stdout + result.stderr and "\\x1b[31m" in result.stdout + result.stderr, (answer, result)
