# A man in the middle: a proxy that ends TLS with a certificate of its own and dials the target with TLS again.
import asyncio

from certificates import client_context, server_context
from server_thread import ServerThread


class InterceptingProxy(ServerThread):
    """Reads and forwards everything between two members."""

    def __init__(self, target):
        super().__init__()
        self.target = target
        self.seen = bytearray()
        self.listen(server_context(self.address[0]))

    async def _serve(self, reader, writer):
        try:
            target_reader, target_writer = await asyncio.open_connection(*self.target, ssl=client_context())
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._pump(reader, target_writer), self._pump(target_reader, writer))

    async def _pump(self, reader, writer):
        try:
            while data := await reader.read(16384):
                self.seen += data
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
