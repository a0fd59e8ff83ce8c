"""dev.py FOLDER: a program is changed while `aotc dev` serves it, under requests that must all be answered."""
import os
import re
import signal
import socket
import subprocess
import threading

from harness import AOTC, PATIENCE, check, fresh_folder, talk, until

folder = fresh_folder()
build = os.environ["AOTC_BUILD"]
GO = f"{build}/toolchains/go-1.26.6/go/bin/go"
os.environ.update(GOCACHE=f"{build}/go-cache", GOENV="off", GOTOOLCHAIN="local", GOFLAGS="-trimpath", TMPDIR=f"{folder}/tmp")
os.environ.pop("GOROOT", None)
os.mkdir(f"{folder}/tmp")

MAIN = """package main

import (
	"bufio"
	"embed"
	"fmt"
	"log"
	"net"
	"strings"

	"site/page"
)

//go:embed static
var static embed.FS

func main() {
	%s
	listener, err := net.Listen("tcp", ":8080")
	if err != nil {
		log.Fatal(err)
	}
	for {
		c, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(c)
	}
}

func serve(c net.Conn) {
	line, _ := bufio.NewReader(c).ReadString('\\n')
	if strings.Contains(line, "/panic") {
		panic("on purpose")
	}
	log.Print("asked for ", line)
	text, _ := static.ReadFile("static/text")
	answer := page.Text + string(text)
	fmt.Fprintf(c, "HTTP/1.1 200 OK\\r\\nContent-Length: %%d\\r\\nConnection: close\\r\\n\\r\\n%%s", len(answer), answer)
	c.Close()
}
"""


def save(name, text):
    """As many editors do: beside it, then in its place."""
    os.makedirs(os.path.dirname(f"{folder}/site/{name}"), exist_ok=True)
    with open(f"{folder}/site/.{os.path.basename(name)}.swp", "w") as file:
        file.write(text)
    os.rename(file.name, f"{folder}/site/{name}")


def page(text):
    save("page/page.go", f'package page\n\nconst Text = "{text}"\n')


class Dev:
    def __init__(self, *options):
        self.process = subprocess.Popen([AOTC, "dev", "--go", GO, "--cache", f"{folder}/cache", *options], cwd=f"{folder}/site", stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        self.lines, self.seen, self.arrived = [], 0, threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            with self.arrived:
                self.lines.append(line.rstrip("\n"))
                self.arrived.notify_all()

    def wait(self, pattern):
        """The first line after those waited for before that matches."""
        def find():
            for i in range(self.seen, len(self.lines)):
                if found := re.search(pattern, self.lines[i]):
                    self.seen = i + 1
                    return found

        with self.arrived:
            found = self.arrived.wait_for(find, PATIENCE)
        check(found, f"never: {pattern}; said: {self.lines}")
        return found


def get(port, target="/"):
    answer = talk(port, f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    return head[9:12].decode(), body.decode()


save("go.mod", "module site\n\ngo 1.21\n")
save("static/text", "!")
save("main.go", MAIN % "")
save("page/page.go", "package page\n\nconst Text = \n")

# What cannot be built is said; there is nothing to serve yet.
dev = Dev("--listen", "127.0.0.1:0")
dev.wait(r"^page/page.go:4:1: syntax error")
dev.wait("^not built$")
page("one")
dev.wait("^page.go saved$")
port = int(dev.wait(r"^serving on http://127\.0\.0\.1:([0-9]+)/ after [0-9.]+ s \(build [0-9.]+, compile [0-9.]+, start [0-9.]+\)$")[1])
check(get(port) == ("200", "one!"), "the first version")
dev.wait("^GET /: .* asked for GET / HTTP/1.1")

# Requests without an end, on connections of their own.
going, answers = True, []


def ask():
    while going:
        answers.append(get(port, "/asked"))


askers = [threading.Thread(target=ask) for _ in range(3)]
for asker in askers:
    asker.start()

SERVED = r"^serving what was saved [0-9.]+ s ago \("
for text in ("two", "three"):
    page(text)
    dev.wait(SERVED)
    check(get(port) == ("200", f"{text}!"), f"version {text}")
save("static/text", "?")
dev.wait("^text saved$")
dev.wait(SERVED)
check(get(port) == ("200", "three?"), "what is embedded")

# What cannot be built or does not come up leaves the version before as it is.
page('four" + 4 + "')
dev.wait(r"page/page.go:3:\d+: .*mismatched types|page/page.go:3:\d+: .*cannot convert")
dev.wait("^not built: what was served before goes on$")
page("four")
save("main.go", MAIN % 'panic("at the start")')
dev.wait("panic: at the start")
dev.wait(r"main\.go:18")
dev.wait("^not compiled: what was served before goes on$")
check(get(port) == ("200", "three?"), "the version before")

# A package that was not there before is watched, too.
save("more/more.go", 'package more\n\nconst Text = "five"\n')
save("page/page.go", 'package page\n\nimport "site/more"\n\nconst Text = more.Text\n')
save("main.go", MAIN % "")
dev.wait(SERVED)
check(get(port) == ("200", "five?"), "version five")
save("more/more.go", 'package more\n\nconst Text = "six"\n')
dev.wait("^more.go saved$")
dev.wait(SERVED)
check(get(port) == ("200", "six?"), "version six")

until(lambda: any(text == "six?" for _, text in answers[-10:]), "those who ask without an end see it too")
going = False
for asker in askers:
    asker.join()
wrong = [answer for answer in answers if answer[0] != "200" or answer[1] not in ("one!", "two!", "three!", "three?", "five?", "six?")]
check(wrong == [] and {text for _, text in answers} >= {"two!", "three?", "six?"}, f"{len(wrong)} of {len(answers)} lost: {wrong[:3]}")

# A panic is shown with file and line.
check(get(port, "/panic")[0] == "502", "the one who asked for it")
dev.wait("^GET /panic: panic: on purpose$")
dev.wait(r"main\.go:35")

# What is saved while something is built is built, and what was begun is not.
page("seven")
until(lambda: dev.lines[-1] == "page.go saved", "it is built")
page("eight")
dev.wait(SERVED)
until(lambda: get(port)[1] == "eight?", "version eight")


def left():
    """Processes that have to do with the folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read()
        except OSError:
            continue
        if folder.encode() in words and int(pid) not in (os.getpid(), os.getppid()):
            found.append(words)
    return [words for words in found if b"dev.py" not in words]


def ends(running, number):
    running.process.send_signal(number)
    check(running.process.wait(PATIENCE) == 0, f"exit code {running.process.returncode}; said: {running.lines}")
    check(left() == [], left())
    check(os.listdir(f"{folder}/tmp") == [], "no file is left")


# ^C ends everything, also while it builds.
ends(dev, signal.SIGINT)
dev = Dev("--listen", "127.0.0.1:0")
until(lambda: any("aotc-dev" in name for name in os.listdir(f"{folder}/tmp")), "it has begun")
ends(dev, signal.SIGTERM)

# Somebody else is there.
with socket.create_server(("127.0.0.1", 0)) as other:
    dev = Dev("--listen", f"127.0.0.1:{other.getsockname()[1]}")
    dev.wait("Address already in use")
    check(dev.process.wait(PATIENCE) == 1, dev.lines)
    check(left() == [] and os.listdir(f"{folder}/tmp") == [], "nothing is left")
print(f"{len(answers)} requests, all answered")
