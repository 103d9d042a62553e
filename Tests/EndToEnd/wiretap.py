# A man in the middle who is let in: it shows the member's own certificate, passes all on, and keeps what was asked.
import asyncio
import contextlib
import ssl

from certificates import client_context
from network import new_host
from server_thread import ServerThread

READ_BYTES = 65536


class Exchange:
    """What one connection carried, towards the member and back."""

    def __init__(self):
        self.asked = bytearray()
        self.answered = bytearray()


class Wiretap(ServerThread):
    """Stands before a member, which knows it by an address of its own."""

    def __init__(self):
        super().__init__()
        self.source = new_host()
        self.exchanges = []
        self._target = None
        self._tls = client_context()

    def start(self, portal):
        """Takes connections for a member, with its key."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(portal.path("certificate.pem"), portal.path("key.pem"))
        self._target = portal.address
        self.listen(context)
        return self

    async def _serve(self, reader, writer):
        exchange = Exchange()
        self.exchanges.append(exchange)
        try:
            target_reader, target_writer = await asyncio.open_connection(
                *self._target, ssl=self._tls, local_addr=(self.source, 0))
        except OSError:
            writer.close()
            return
        # What is cancelled is closed as well, and that is all there is to it.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(
                self._pump(reader, target_writer, exchange.asked), self._pump(target_reader, writer, exchange.answered))

    @staticmethod
    async def _pump(reader, writer, kept):
        try:
            while data := await reader.read(READ_BYTES):
                kept += data
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
