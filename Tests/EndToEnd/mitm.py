# A man in the middle: a proxy that ends TLS with a certificate of its own and dials the target with TLS again.
import asyncio
import threading

from certificates import client_context, server_context
from network import new_address, url


class InterceptingProxy:
    """Reads and forwards everything between two members."""

    def __init__(self, target):
        self.target = target
        self.address = new_address()
        self.seen = bytearray()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._call(
            asyncio.start_server(self._serve, *self.address, ssl=server_context(self.address[0])))

    @property
    def url(self):
        return url(self.address)

    def close(self):
        async def end():
            self._server.close()
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self._call(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

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
