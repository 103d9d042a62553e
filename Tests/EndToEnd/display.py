# A viewer of a session's display: RFB over a WebSocket, as noVNC speaks it.
import struct

import websockets.exceptions
from websockets.sync.client import connect

from api import API, COOKIE
from certificates import client_context

VERSION = b"RFB 003.008\n"
NO_SECURITY = 1
RETURN = 0xFF0D
# Encodings, as RFB numbers them.
PLAIN, OTHER_SIZE = 0, -308
TICKET = "fastx-ticket."
CLOSED_BY_LOGOUT, CLOSED_BY_VIEWER, CLOSED_BY_END = 4401, 4409, 4410


def open_display(portal, session_id, token=None, origin=None, subprotocols=("binary",), ticket=None):
    """The WebSocket of a display. A refusal is `websockets.exceptions.InvalidStatus`."""
    fields = {"Cookie": f"{COOKIE}={token}"} if token else {}
    if ticket is not None:
        subprotocols = (*subprotocols, TICKET + ticket)
    return connect(
        f"{portal.url.replace('https', 'wss')}{API}/sessions/{session_id}/display", ssl=client_context(),
        additional_headers=fields, origin=origin, subprotocols=list(subprotocols) or None, max_size=None,
        compression=None, proxy=None, open_timeout=20, close_timeout=5, legacy=True)


def refusal(*arguments, **options):
    """The status and body with which a WebSocket is refused; it is a mistake to be let in."""
    try:
        open_display(*arguments, **options).close()
    except websockets.exceptions.InvalidStatus as refused:
        return refused.response.status_code, bytes(refused.response.body or b"")
    raise AssertionError("the display was opened")


class Viewer:
    """A connected viewer."""

    def __init__(self, client, session_id, origin=None, encodings=(PLAIN,), socket=None):
        self.socket = socket or open_display(client.portal, session_id, client.token, origin)
        self._rest = b""
        assert self._read(12) == VERSION
        self.socket.send(VERSION)
        kinds = self._read(self._read(1)[0])
        assert NO_SECURITY in kinds, kinds
        self.socket.send(bytes([NO_SECURITY]))
        assert self._read(4) == bytes(4)
        # Others may go on looking.
        self.socket.send(b"\1")
        self.width, self.height, self.pixel_format, length = struct.unpack(">HH16sI", self._read(24))
        self.name = self._read(length).decode()
        self.socket.send(struct.pack(f">BxH{len(encodings)}i", 2, len(encodings), *encodings))

    def _read(self, count):
        while len(self._rest) < count:
            message = self.socket.recv(timeout=10)
            assert isinstance(message, bytes), message
            self._rest += message
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def press(self, keysym):
        for down in (1, 0):
            self.socket.send(struct.pack(">BBxxI", 4, down, keysym))

    def type(self, text):
        """Presses the keys of a line of ASCII."""
        for letter in text:
            self.press(RETURN if letter == "\n" else ord(letter))

    def resize(self, width, height):
        """Asks for another size, with one screen; for those who take `OTHER_SIZE`."""
        self.socket.send(struct.pack(">BxHHBxIHHHHI", 251, width, height, 1, 0, 0, 0, width, height, 0))

    def ask_for_picture(self):
        self.socket.send(struct.pack(">BBHHHH", 3, 0, 0, 0, self.width, self.height))

    def picture(self):
        """The pixels of the whole display, four bytes each."""
        self.ask_for_picture()
        screen, filled = bytearray(self.width * self.height * 4), 0
        while filled < self.width * self.height:
            kind = self._read(1)[0]
            if kind == 0:
                for _ in range(struct.unpack(">xH", self._read(3))[0]):
                    filled += self._read_rectangle(screen)
            elif kind == 3:
                # What was copied in the display.
                self._read(struct.unpack(">3xI", self._read(7))[0])
            else:
                # A bell.
                assert kind == 2, kind
        return bytes(screen)

    def _read_rectangle(self, screen):
        """Returns the number of pixels."""
        x, y, width, height, encoding = struct.unpack(">HHHHi", self._read(12))
        assert encoding == PLAIN, encoding
        for row in range(y, y + height):
            place = (row * self.width + x) * 4
            screen[place:place + width * 4] = self._read(width * 4)
        return width * height

    def wait_closed(self, within=10):
        """The code with which the agent ends the connection."""
        try:
            while True:
                self.socket.recv(timeout=within)
        except websockets.exceptions.ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None

    def close(self):
        self.socket.close()
