# Speaks with a worker for scripts as the agent does: frames over a socket that is the worker's descriptor 0.
import json
import os
import resource
import shlex
import socket
import struct
import subprocess
from pathlib import Path

from needs import needs

SOURCES = Path(__file__).resolve().parents[2] / "Sources/Agent/ScriptWorker"
WORKER = SOURCES / "worker.js"
PREDEFINED = SOURCES / "predefined"
# How long an answer may take, in seconds; no test waits for a script that never ends.
ANSWER_SECONDS = 30


def node():
    """The command that runs Node: `FASTX_NODE`, or /usr/bin/node."""
    command = shlex.split(os.environ.get("FASTX_NODE", "/usr/bin/node"))
    needs(os.access(command[0], os.X_OK), f"{command[0]} is missing: install nodejs, or set FASTX_NODE to a Node 18 or newer")
    return command


def encode(header, *blobs):
    """The bytes of a frame."""
    text = json.dumps(header).encode()
    body = b"".join([struct.pack(">I", len(text)), text, *blobs])
    return struct.pack(">I", len(body)) + body


class ScriptWorker:
    """A running worker, with arguments of its own and flags for Node."""

    def __init__(self, *arguments, flags=()):
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(ANSWER_SECONDS)
        self.process = subprocess.Popen(
            [*node(), *flags, str(WORKER), *arguments], stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        theirs.close()
        self._received = b""
        self._last_id = 0

    def close(self):
        """Ends the worker by closing its descriptor; gives its exit status and what it wrote to standard error."""
        self._socket.close()
        error = self.process.communicate(timeout=ANSWER_SECONDS)[1]
        return self.process.returncode, error.decode()

    def limit_memory(self, more):
        """Gives it so many bytes besides what it has now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [data] = [line for line in status.splitlines() if line.startswith("VmData:")]
        limit = int(data.split()[1]) * 1024 + more
        resource.prlimit(self.process.pid, resource.RLIMIT_DATA, (limit, limit))

    def send_bytes(self, data):
        self._socket.sendall(data)

    def keep(self, servers, drop=()):
        """Puts server objects, by their `serverId`, and drops ids."""
        texts = [(server["serverId"], json.dumps(server, ensure_ascii=False).encode()) for server in servers]
        header = {"type": "servers", "put": [[name, len(text)] for name, text in texts], "drop": list(drop)}
        self.send_bytes(encode(header, *(text for _, text in texts)))

    def rest(self):
        self.send_bytes(encode({"type": "rest"}))

    def begin(self, without=()):
        self.send_bytes(encode({"type": "chain", "without": list(without)}))

    def call(self, text, given=None, name="Script", local="a"):
        """Runs a function on the current list; gives the whole answer."""
        self._last_id += 1
        self.send_bytes(self.call_frame(self._last_id, text, given, name, local))
        return self.answer(self._last_id)

    @staticmethod
    def call_frame(number, text, given=None, name="Script", local="a"):
        text = text if isinstance(text, bytes) else text.encode()
        given = json.dumps({} if given is None else given, ensure_ascii=False).encode()
        header = {"type": "call", "id": number, "name": name, "local": local, "text": len(text), "input": len(given)}
        return encode(header, text, given)

    def outcome(self, text, given=None, **options):
        return self.call(text, given, **options)["outcome"]

    def check(self, text, name="Script"):
        return self._ask("check", text, name)["outcome"]

    def metric(self, text, name="Metric"):
        """The answer to a metric, with its value as `value`."""
        return self._ask("metric", text, name)

    def _ask(self, kind, text, name):
        self._last_id += 1
        text = text if isinstance(text, bytes) else text.encode()
        self.send_bytes(encode({"type": kind, "id": self._last_id, "name": name, "text": len(text)}, text))
        return self.answer(self._last_id)

    def answer(self, number):
        length, header_length = struct.unpack(">II", self._read(8))
        header = json.loads(self._read(header_length))
        blob = self._read(length - 4 - header_length)
        assert header["id"] == number, header
        if header["outcome"]["kind"] == "value":
            assert header["outcome"]["json"] == len(blob)
            header["value"] = json.loads(blob)
        else:
            assert blob == b""
        return header

    def _read(self, length):
        while len(self._received) < length:
            data = self._socket.recv(1 << 16)
            if not data:
                raise EOFError(f"the worker ended: {self.close()}")
            self._received += data
        data, self._received = self._received[:length], self._received[length:]
        return data
