# A client that breaks the protocol as a case of Autobahn|Testsuite tells it to, and sees how the server takes it.
import asyncio
import base64
import hashlib
import os
import struct
from collections import Counter, deque
from types import SimpleNamespace
from typing import NamedTuple

from websocket_suite.cases import number_of, octets

ACCEPTANCE = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
# How long the server may take to answer a close frame, and to close the connection after that.
CLOSE_SECONDS = 1
# Cases give up after a second or so; here after so many times that: a busy machine is no mistake of the server's.
PATIENCE = 5
# From the connection of a case to its end.
CASE_SECONDS = 40
VALID_CODES = {*range(1000, 1004), *range(1007, 1012), *range(3000, 5000)}
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
CONNECTING, OPEN, CLOSING, CLOSED = "connecting", "open", "closing", "closed"


class Outcome(NamedTuple):
    """What became of a case, in the words of the suite."""

    number: str
    behavior: str
    close_behavior: str
    notes: tuple

    def __str__(self):
        return f"{self.number}: {self.behavior}, close {self.close_behavior}: {'; '.join(map(str, self.notes))}"


def masked(payload, key):
    length = len(payload)
    if not length:
        return b""
    repeated = (key * (length // 4 + 1))[:length]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(length, "big")


class Violation(Exception):
    """The server broke the protocol."""


class Connection(asyncio.Protocol):
    """One connection for one case. Names in the suite's own style are those that cases use."""

    CLOSE_STATUS_CODE_NORMAL = 1000
    CLOSE_STATUS_CODE_GOING_AWAY = 1001
    CLOSE_STATUS_CODE_PROTOCOL_ERROR = 1002
    CLOSE_STATUS_CODE_INVALID_PAYLOAD = 1007

    def __init__(self, case):
        self.loop = asyncio.get_running_loop()
        self.ended = self.loop.create_future()
        self.state = CONNECTING
        self.violations = []
        self.connectionWasOpen = False
        self.closedByMe = self.failedByMe = self.droppedByMe = self.wasClean = False
        self.localCloseReason = self.remoteCloseCode = None
        self.createWirelog = False
        self.autoFragmentSize = 0
        self.txFrameStats = Counter()
        self.factory = SimpleNamespace(isServer=False)
        self._received = bytearray()
        self._message = None
        self._unsent = deque()
        self._timers = []
        self.case = case(self)

    # What the event loop calls.

    def connection_made(self, transport):
        self.transport = transport
        self._key = base64.b64encode(os.urandom(16))
        host, port = transport.get_extra_info("peername")
        transport.write(
            b"GET /echo HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n" % (host.encode(), port, self._key))

    def data_received(self, data):
        self._received += data
        try:
            if self.state == CONNECTING:
                self._read_head()
            while self.state in (OPEN, CLOSING) and self._read_frame():
                pass
        except Violation as violation:
            self.violations.append(str(violation))
            self._fail(self.CLOSE_STATUS_CODE_PROTOCOL_ERROR)
            self._received.clear()
        except Exception as mistake:
            self.ended.set_exception(mistake)
            self._drop()

    def connection_lost(self, _):
        self.state = CLOSED
        for timer in self._timers:
            timer.cancel()
        if not self.ended.done():
            self.case.onConnectionLost(self.failedByMe)
            self.ended.set_result(None)

    # What comes in.

    def _read_head(self):
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        status, *lines = bytes(self._received[:end]).split(b"\r\n")
        del self._received[:end + 4]
        fields = {name.strip().lower(): value.strip() for name, value in (line.split(b":", 1) for line in lines)}
        accept = base64.b64encode(hashlib.sha1(self._key + ACCEPTANCE).digest())
        if status.split(b" ")[1] != b"101" or fields.get(b"sec-websocket-accept") != accept:
            raise Violation(f"the upgrade was answered with {status} {fields}")
        if b"sec-websocket-extensions" in fields:
            raise Violation("an extension that was not offered")
        self.state = OPEN
        self.connectionWasOpen = True
        self.case.onOpen()

    def _read_frame(self):
        """Takes one frame; whether there was a whole one."""
        data = self._received
        if len(data) < 2:
            return False
        length, start = data[1] & 0x7F, 2
        if length > 125:
            size = 2 if length == 126 else 8
            start += size
            if len(data) < start:
                return False
            length = int.from_bytes(data[2:start], "big")
            if length < (126 if size == 2 else 1 << 16):
                raise Violation("a length that is not written as short as can be")
        if len(data) < start + length:
            return False
        fin, reserved, opcode, mask = data[0] >> 7, data[0] & 0x70, data[0] & 0x0F, data[1] & 0x80
        payload = bytes(data[start:start + length])
        del data[:start + length]
        if reserved or mask:
            raise Violation("reserved bits or a mask")
        self._read(opcode, bool(fin), payload)
        return True

    def _read(self, opcode, fin, payload):
        if opcode >= CLOSE:
            if not fin or len(payload) > 125:
                raise Violation("a control frame in parts or too long")
            read = {CLOSE: self._read_close, PING: self.case.onPing, PONG: self.case.onPong}.get(opcode)
            if not read:
                raise Violation(f"a frame of kind {opcode}")
            return read(payload)
        if opcode > BINARY or (opcode == CONTINUATION) != (self._message is not None):
            raise Violation(f"a frame of kind {opcode}, which nothing goes before")
        if opcode != CONTINUATION:
            self._message = (opcode, [])
        kind, parts = self._message
        parts.append(payload)
        if fin:
            self._message = None
            message = b"".join(parts)
            if kind == TEXT:
                try:
                    message.decode()
                except UnicodeDecodeError:
                    raise Violation("a text that is not UTF-8") from None
            if not self.failedByMe:
                self.case.onMessage(message, kind == BINARY)

    def _read_close(self, payload):
        if payload:
            if len(payload) == 1 or int.from_bytes(payload[:2], "big") not in VALID_CODES:
                raise Violation(f"a close frame with {payload}")
            self.remoteCloseCode = int.from_bytes(payload[:2], "big")
        self.wasClean = True
        if self.state == OPEN:
            self.sendCloseFrame(self.CLOSE_STATUS_CODE_NORMAL, isReply=True)
        # Of the two ends the server closes the connection.
        self._call_later(CLOSE_SECONDS, self._give_up)

    # What goes out.

    def sendFrame(self, opcode, payload=b"", fin=True, rsv=0, payload_len=None, chopsize=None, sync=False):
        payload = octets(payload)
        if payload_len is not None:
            payload = (payload * (payload_len // len(payload) + 1))[:payload_len]
        length = len(payload)
        if length < 126:
            size, extended = length, b""
        elif length < 1 << 16:
            size, extended = 126, struct.pack(">H", length)
        else:
            size, extended = 127, struct.pack(">Q", length)
        key = os.urandom(4)
        head = bytes([fin << 7 | rsv << 4 | opcode, 0x80 | size]) + extended + key
        self.txFrameStats[opcode] += 1
        self._send(head + masked(payload, key), sync, chopsize)

    def sendMessage(self, payload, isBinary=False, fragmentSize=None, sync=False):
        payload = octets(payload)
        size = fragmentSize or self.autoFragmentSize or len(payload)
        opcode = BINARY if isBinary else TEXT
        # As in the suite: where the parts are equally long, an empty one ends the message.
        for start in range(0, len(payload) + 1, size) if len(payload) > size else [0]:
            part = payload[start:start + size]
            last = start + size > len(payload) or len(payload) <= size
            self.sendFrame(opcode, part, fin=last, sync=sync)
            opcode = CONTINUATION

    def sendClose(self, code=None, reason=None):
        self.sendCloseFrame(code, None if reason is None else octets(reason))

    def sendCloseFrame(self, code=None, reasonUtf8=None, isReply=False):
        """Sends a close frame, be it a good one or not."""
        if self.state != OPEN:
            return
        payload = b"" if code is None else struct.pack(">H", code)
        self.sendFrame(CLOSE, payload + octets(reasonUtf8 or b""))
        self.state = CLOSING
        self.closedByMe = not isReply
        self.localCloseReason = octets(reasonUtf8)
        if self.closedByMe:
            self._call_later(CLOSE_SECONDS, lambda: self.wasClean or self._give_up())

    def _send(self, data, sync, chopsize):
        if not (sync or chopsize or self._unsent):
            return self.transport.write(data)
        size = chopsize or len(data)
        if not self._unsent:
            self.loop.call_soon(self._send_next)
        self._unsent.extend(data[start:start + size] for start in range(0, len(data), size))

    def _send_next(self):
        """Sends in a packet of its own what is to be one."""
        if self.state != CLOSED:
            self.transport.write(self._unsent.popleft())
            if self._unsent:
                self.loop.call_soon(self._send_next)

    # How it ends.

    def _fail(self, code):
        if self.state == CLOSED:
            return
        self.failedByMe = True
        if self.state == OPEN:
            self.sendCloseFrame(code)
        else:
            self._drop()

    def _give_up(self):
        self.wasClean = False
        self._drop()

    def _drop(self):
        if self.state != CLOSED:
            self.state = CLOSED
            self.droppedByMe = True
            self.transport.abort()

    def killAfter(self, delay):
        self._call_later(delay * PATIENCE, lambda: self._fail(self.CLOSE_STATUS_CODE_GOING_AWAY))

    def closeAfter(self, delay):
        self._call_later(delay * PATIENCE, self.sendClose)

    def continueLater(self, delay, function, tag=None):
        self._call_later(delay, function)

    def enableWirelog(self, _):
        """A log that is not kept."""

    def _call_later(self, delay, function):
        self._timers.append(self.loop.call_later(delay, function))


async def run(case, address):
    """Runs one case against a server."""
    _, connection = await asyncio.get_running_loop().create_connection(lambda: Connection(case), *address)
    try:
        async with asyncio.timeout(CASE_SECONDS):
            await connection.ended
    except TimeoutError:
        connection.transport.abort()
        return Outcome(number_of(case), "FAILED", "FAILED", (f"it took more than {CASE_SECONDS} s",))
    judged = connection.case
    notes = (judged.result, judged.resultClose, *connection.violations)
    behavior = "FAILED" if connection.violations else judged.behavior
    return Outcome(number_of(case), behavior, judged.behaviorClose, notes)
