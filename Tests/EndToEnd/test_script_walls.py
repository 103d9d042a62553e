# What a script can do behind its walls: each attempt with all that Node has fails there, and succeeds without them.
import json
import os
import re
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from agents import PROGRAM
from needs import needs

NODE = os.environ.get("FASTX_NODE", "/usr/bin/node")
ATTEMPTS = Path(__file__).with_name("attempts.js").read_text()
NAMES = re.findall(r"^  (\w+): \(c\) =>", ATTEMPTS, re.MULTILINE)
WORKING = NAMES[NAMES.index("computes"):]
REFUSED = NAMES[: NAMES.index("computes")]


def libuv():
    """The version of the library by which Node does its input and output."""
    if not os.access(NODE, os.X_OK):
        return (0,)
    text = subprocess.run([NODE, "-p", "process.versions.uv"], capture_output=True, text=True, timeout=30).stdout
    return tuple(map(int, re.findall(r"\d+", text)))


LIBUV = libuv()
# An older one knows no abstract addresses.
POSSIBLE = [name for name in NAMES if name != "connectsAbstract" or LIBUV >= (1, 46)]
# What the kernel says for a wall; where Node has words of its own for that, these.
WALL_ERRORS = {"EPERM", "EACCES"}
WALL_WORDS = ("Permission denied", "Operation not permitted", "operation not permitted")
# Those whose errors come from a library that keeps the kernel's to itself, with what they say then.
OWN_WORDS = {"looksUp": {"EAI_AGAIN", "EAI_FAIL", "ENOTFOUND", "EAI_SYSTEM", "EAI_MEMORY"}}
# Landlock as kernel 6.1 has it, and as this one does.
LANDLOCK = [2, None]


class Place:
    """A folder for the script, things of this user's outside of it, and a process of his."""

    def __init__(self, directory):
        needs(os.access(NODE, os.X_OK), f"{NODE} is missing: install nodejs, or set FASTX_NODE")
        self.directory = directory / "outside"
        self.folder = directory / "script"
        self.directory.mkdir()
        self.folder.mkdir()
        (self.directory / "secret").write_text("secret")
        (self.folder / "empty.js").write_text("")
        (self.folder / "link").symlink_to(self.directory / "secret")
        # Any library that this host has: it is loaded, and then found to be no addon.
        libraries = re.findall(r"=> (/\S*libm\.so\S*)", subprocess.run(["ldd", NODE], capture_output=True, text=True).stdout)
        shutil.copy(libraries[0], self.directory / "library.node")
        self.abstract = f"fx-{os.urandom(8).hex()}"
        self.listeners = [socket.create_server(("127.0.0.1", 0))]
        # Node before version 22 fills an abstract address up with zeros.
        abstract = f"\0{self.abstract}"
        for address in (str(self.directory / "socket"), abstract, abstract.ljust(108, "\0")):
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(address)
            listener.listen()
            self.listeners.append(listener)
        self.port = self.listeners[0].getsockname()[1]
        threading.Thread(target=self.answer, daemon=True).start()
        self.victim = subprocess.Popen(["/bin/sleep", "1000"], env={"SECRET": "1"}, start_new_session=True)

    def answer(self):
        """A web server of one sentence, for whoever gets that far."""
        while True:
            try:
                connection, _ = self.listeners[0].accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                try:
                    if connection.recv(4096):
                        connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                except OSError:
                    # Whoever only connects may be gone already.
                    continue

    def close(self):
        for listener in self.listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.victim.kill()
        self.victim.wait()

    def main(self, name):
        context = {"directory": str(self.directory), "folder": str(self.folder), "port": self.port,
                   "victim": self.victim.pid, "abstract": self.abstract}
        path = self.folder / "main.js"
        path.write_text(f"{ATTEMPTS}\nattempt({json.dumps(name)}, {json.dumps(context)});\n")
        return path

    def run(self, command, environment=None):
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                               env=environment or {}, cwd="/")
        text = ended.stderr.decode(errors="replace")
        return ended.returncode, text

    def attempt(self, name, command, environment=None):
        status, text = self.run([*command, str(self.main(name))], environment)
        found = re.findall(r"^outcome (.*)$", text, re.MULTILINE)
        assert found, f"status {status}: {text}"
        assert "missingWalls" not in text, text
        return json.loads(found[0]), text


def walled(abi=None, memory=256):
    return [PROGRAM, "script-confine", "--node", NODE, "--memory", str(memory),
            *([] if abi is None else ["--abi", str(abi)]), "--main"]


@pytest.fixture
def place(directory):
    place = Place(directory)
    yield place
    place.close()


@pytest.mark.parametrize("name", POSSIBLE)
def test_without_walls_it_succeeds(place, name):
    outcome, _ = place.attempt(name, [NODE], {"PATH": "/usr/bin:/bin"})
    assert outcome == {"succeeded": True}


@pytest.mark.parametrize("abi", LANDLOCK, ids=lambda abi: f"landlock-{abi or 'newest'}")
@pytest.mark.parametrize("name", REFUSED)
def test_behind_walls_it_fails(place, name, abi):
    before = sorted(place.directory.iterdir())
    outcome, text = place.attempt(name, walled(abi))
    assert not outcome["succeeded"], outcome
    assert (outcome.get("code") in WALL_ERRORS or any(word in outcome["message"] for word in WALL_WORDS)
            or outcome.get("code") in OWN_WORDS.get(name, ())), (outcome, text)
    assert sorted(place.directory.iterdir()) == before
    assert (place.directory / "secret").read_text() == "secret"
    assert place.victim.poll() is None


@pytest.mark.parametrize("abi", LANDLOCK, ids=lambda abi: f"landlock-{abi or 'newest'}")
@pytest.mark.parametrize("name", WORKING)
def test_behind_walls_it_still_works(place, name, abi):
    outcome, _ = place.attempt(name, walled(abi))
    assert outcome == {"succeeded": True}


def test_no_ring_of_the_kernel_stands_in_for_system_calls(place):
    """io_uring would do past the filter what the filter refuses; Node uses it where this variable says so."""
    environment = {"UV_USE_IO_URING": "1"}
    look = """
        const fs = require("fs");
        fs.promises.stat("/").then(() => {
          const open = [...Array(64).keys()].map((n) => { try { return fs.readlinkSync(`/proc/self/fd/${n}`); } catch { return ""; } });
          console.error("rings", open.filter((name) => name.includes("io_uring")).length, process.env.UV_USE_IO_URING);
        });"""
    path = place.folder / "main.js"
    path.write_text(look)
    status, text = place.run([NODE, str(path)], environment)
    # From 1.45 on there are rings.
    expected = r"rings [1-9]\d* 1" if LIBUV >= (1, 45) else "rings 0 1"
    assert status == 0 and re.search(expected, text), text
    status, text = place.run([*walled(), str(path)], environment)
    assert status == 0 and "rings 0 undefined" in text, text


def test_a_thread_of_javascript_works_or_is_too_large(place):
    """Nothing is promised of worker threads: Node 24 wants 512 MiB for each, whatever it does."""
    path = place.folder / "main.js"
    path.write_text("""
        const { Worker } = require("worker_threads");
        new Worker("require('worker_threads').parentPort.postMessage(1)", { eval: true })
          .on("message", () => { console.error("works"); process.exit(); });""")
    status, text = place.run([*walled(), str(path)])
    assert status == 0 and "works" in text or status < 0 and "out of memory" in text, (status, text)


GROWING = {
    "small pieces": "const a = []; for (;;) a.push({ x: a.length, y: 'k' + a.length });",
    "buffers": "const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1));",
    "one great buffer": "new ArrayBuffer(8 * 2 ** 30);",
    "long strings": "const a = []; for (let i = 0; ; i++) { a.push(('x' + i).repeat(2 ** 24)); JSON.stringify(a[i]); }",
    "arrays": "const a = []; for (;;) a.push(new Array(1e6).fill(1.5));",
    "shared memory": "const a = []; for (;;) { const b = new SharedArrayBuffer(1 << 24); new Uint8Array(b).fill(1); a.push(b); }",
    "WebAssembly": "const a = []; for (;;) { const m = new WebAssembly.Memory({ initial: 256, maximum: 1024 });"
                   "new Uint8Array(m.buffer).fill(1); a.push(m); }",
    "threads": "const { Worker } = require('worker_threads'); for (let i = 0; i < 200; i++)"
               "new Worker('const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1))', { eval: true });",
    "nested arrays": "const f = (n) => (n ? [f(n - 1)] : 0); JSON.parse('['.repeat(10000) + ']'.repeat(10000)); f(1e7);",
}


@pytest.mark.slow
@pytest.mark.parametrize("what", GROWING)
def test_memory_is_bounded_whatever_it_is_used_for(place, what):
    memory = 128
    path = place.folder / "main.js"
    path.write_text(GROWING[what])
    process = subprocess.Popen([*walled(memory=memory), str(path)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env={})
    with process:
        text = process.stderr.read().decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    # An error of the script's, or the end of the process, which says why.
    assert process.returncode == 1 and "RangeError" in text or process.returncode < 0 and "emory" in text or (
        "bad_alloc" in text), (process.returncode, text)
    # What scripts may have, what the engine may have besides, and Node itself.
    assert usage.ru_maxrss / 1024 < memory + 64 + 80
