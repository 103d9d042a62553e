# TLS, the upgrade and WebSocket frames, with the protocol core of `websockets` (docs/protocol.md, section 4).
import asyncio
import json
import ssl
from contextlib import suppress
from http import HTTPStatus

from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from second_implementation.entries import ProtocolError
from second_implementation.keys import GOSSIP_PATH

SUBPROTOCOL = "fastx-gossip"
LONGEST_MESSAGE, MOST_FRAMES = (1 << 20) + (1 << 16), 64
UPGRADE_SECONDS = 10


class Refused(Exception):
    """The acceptor refused the upgrade; with its status and problem document."""

    def __init__(self, status, problem):
        super().__init__(status, problem)
        self.status, self.problem = status, problem


class Connection:
    """A WebSocket connection that carries binary messages."""

    def __init__(self, reader, writer, protocol):
        self.reader, self.writer, self.protocol = reader, writer, protocol
        self._events = []

    def send(self, message):
        self.protocol.send_binary(message)
        self._flush()

    def close(self):
        """Closes without a close frame (4.5)."""
        self.writer.close()

    async def closed(self):
        """Closes and waits until nothing is left to send."""
        self.close()
        with suppress(OSError):
            await self.writer.wait_closed()

    def _flush(self):
        if not self.writer.is_closing():
            self.writer.writelines(self.protocol.data_to_send())

    async def next_event(self):
        """The next request, response or frame; None at the end."""
        while not self._events:
            data = await self.reader.read(1 << 16)
            self.protocol.receive_data(data) if data else self.protocol.receive_eof()
            self._events += self.protocol.events_received()
            if not data and not self._events:
                return None
        return self._events.pop(0)

    async def receive(self):
        """The next message; None at the end."""
        parts = []
        while True:
            frame = await self.next_event()
            if frame is None or frame.opcode is Opcode.CLOSE:
                return None
            if frame.opcode is Opcode.TEXT:
                raise ProtocolError("a text message")
            if frame.opcode in (Opcode.BINARY, Opcode.CONT):
                parts.append(bytes(frame.data))
                if len(parts) > MOST_FRAMES:
                    raise ProtocolError("a message of too many frames")
                if frame.fin:
                    return b"".join(parts)
            self._flush()


async def connect(host, port, tokens_for):
    """A connection as dialler, and the acceptor's certificate. `tokens_for` makes the tokens for a certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    async with asyncio.timeout(UPGRADE_SECONDS):
        reader, writer = await asyncio.open_connection(host, port, ssl=context)
        uri = parse_uri(f"wss://{host}:{port}{GOSSIP_PATH}")
        protocol = ClientProtocol(uri, subprotocols=[SUBPROTOCOL], max_size=LONGEST_MESSAGE)
        connection = Connection(reader, writer, protocol)
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        try:
            request = protocol.connect()
            request.headers["Authorization"] = "Bearer " + tokens_for(certificate)
            protocol.send_request(request)
            connection._flush()
            response = await connection.next_event()
            if not isinstance(response, Response):
                raise ConnectionError("no answer to the upgrade request")
            if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
                assert response.headers["Content-Type"] == "application/problem+json", response
                raise Refused(response.status_code, json.loads(response.body))
            if protocol.handshake_exc:
                raise protocol.handshake_exc
            assert protocol.subprotocol == SUBPROTOCOL
        except BaseException:
            await connection.closed()
            raise
    return connection, certificate


async def accept(reader, writer, is_right_token):
    """A connection as acceptor; None if the dialler is refused."""
    protocol = ServerProtocol(subprotocols=[SUBPROTOCOL], max_size=LONGEST_MESSAGE)
    connection = Connection(reader, writer, protocol)
    async with asyncio.timeout(UPGRADE_SECONDS):
        request = await connection.next_event()
    if not isinstance(request, Request):
        return await connection.closed()
    scheme, _, tokens = request.headers.get("Authorization", "").partition(" ")
    tokens = tokens.split(",")
    right = scheme == "Bearer" and len(tokens) <= 8 and any(map(is_right_token, tokens))
    if right and request.path == GOSSIP_PATH:
        response = protocol.accept(request)
    else:
        response = protocol.reject(HTTPStatus.UNAUTHORIZED, "no token passed")
    protocol.send_response(response)
    connection._flush()
    if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
        return await connection.closed()
    return connection
