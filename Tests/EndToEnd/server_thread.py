# A server of TLS connections that runs beside a test, in a thread and an event loop of its own.
import asyncio
import threading

from network import new_address, url


class ServerThread:
    """Serves each connection with `_serve`, which a subclass has."""

    def __init__(self):
        self.address = new_address()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = None

    @property
    def url(self):
        return url(self.address)

    def listen(self, context):
        self._server = self._call(asyncio.start_server(self._serve, *self.address, ssl=context))

    def close(self):
        async def end():
            if self._server:
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
