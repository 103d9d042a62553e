# HTTP and WebSocket by hand, against an agent's one port.
import base64
import http.client
import json
import secrets
import socket
import struct

from certificates import client_context
from tokens import GOSSIP_PATH


class Answer:
    """The answer to a request that was not upgraded."""

    def __init__(self, response):
        self.status = response.status
        self.type = response.getheader("content-type", "")
        self.body = response.read()

    @property
    def problem(self):
        assert self.type.startswith("application/problem+json"), (self.status, self.type, self.body)
        return json.loads(self.body)


def get(address, path, headers=None):
    connection = http.client.HTTPSConnection(*address, context=client_context(), timeout=10)
    try:
        connection.request("GET", path, headers=headers or {})
        return Answer(connection.getresponse())
    finally:
        connection.close()


def upgrade_headers(*tokens):
    headers = {
        "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(secrets.token_bytes(16)).decode(),
        "Sec-WebSocket-Protocol": "fastx-gossip",
    }
    if tokens:
        headers["Authorization"] = "Bearer " + ",".join(tokens)
    return headers


def ask_for_link(address, *tokens):
    """The refusal of a link; it is a mistake to be let in."""
    return get(address, GOSSIP_PATH, upgrade_headers(*tokens))


class RawLink:
    """An upgraded connection, frame by frame."""

    def __init__(self, address, *tokens):
        plain = socket.create_connection(address, timeout=15)
        self.socket = client_context().wrap_socket(plain)
        lines = [f"GET {GOSSIP_PATH} HTTP/1.1", "Host: %s:%d" % address]
        lines += [f"{name}: {value}" for name, value in upgrade_headers(*tokens).items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.socket.recv(1)
            assert byte, f"closed in the head: {head}"
            head += byte
        self.status = int(head.split()[1])

    def receive(self):
        """The next frame's type and payload; None once the connection is closed."""
        head = self._read(2)
        if head is None:
            return None
        length = head[1] & 0x7F
        if length == 126:
            length = struct.unpack(">H", self._read(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self._read(8))[0]
        return head[0] & 0x0F, self._read(length)

    def send(self, payload, opcode=2):
        size = len(payload)
        assert size < 65536
        head = bytes([0x80 | opcode]) + (bytes([0x80 | size]) if size < 126 else struct.pack(">BH", 0x80 | 126, size))
        mask = secrets.token_bytes(4)
        self.socket.sendall(head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)))

    def close(self):
        self.socket.close()

    def _read(self, count):
        data = b""
        while len(data) < count:
            try:
                part = self.socket.recv(count - len(data))
            except (ConnectionError, OSError):
                part = b""
            if not part:
                return None
            data += part
        return data
