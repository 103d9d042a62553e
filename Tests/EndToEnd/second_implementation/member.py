# A member in this process: its map, its keys and its links, on an event loop in a thread of its own.
import asyncio
import secrets
import ssl
import tempfile
import threading
from pathlib import Path

from certificates import certificate_of, make_certificate, sha256
from network import new_address, url
from second_implementation.connection import accept, connect
from second_implementation.entries import TOMBSTONE, VALUE, Map
from second_implementation.keys import ClusterKey, is_right_token, member_tokens
from second_implementation.link import LIVE, Link


class Member:
    """A member for tests. Its links call `merge` and `changed` on the loop; the rest is for the test's thread."""

    link_class = Link

    def __init__(self, *cluster_secrets, server_id="python", window=4 << 20, begins_rounds=True):
        self.keys = [ClusterKey(secret) for secret in cluster_secrets]
        self.server_id, self.window, self.begins_rounds = server_id, window, begins_rounds
        self.origin = secrets.randbits(64)
        self.map, self.positions, self.links = Map(), {}, []
        self._tasks, self._errors, self._server = set(), [], None
        self._loop = asyncio.new_event_loop()
        self._change = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def close(self):
        """Says bye on all links and ends."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
        if self._errors:
            raise self._errors[0]

    async def _close(self):
        if self._server:
            self._server.close()
        for link in self.links:
            link.close("shutdown")
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=3)
            for task in late:
                task.cancel()

    def _run(self, work, within=30):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(within)

    def call(self, function, *arguments, **options):
        """Calls a function on the loop."""
        async def run():
            return function(*arguments, **options)

        return self._run(run())

    # Waiting.

    def changed(self):
        """Wakes those who wait."""
        self._change.set()
        self._change = asyncio.Event()

    def wait(self, condition, within=10):
        """Waits until the condition is true after some message, and returns its result."""
        async def run():
            async with asyncio.timeout(within):
                while not (result := condition()):
                    await self._change.wait()
                return result

        return self._run(run(), within + 5)

    # Links.

    def dial(self, address, token_certificate=None, proof_certificate=None):
        """A link to a member, open or ended. Both certificates are those served unless others are given."""
        async def run():
            connection, certificate = await connect(
                *address, lambda served: member_tokens(self.keys, self.server_id, sha256(token_certificate or served)))
            return self._start(connection, True, sha256(proof_certificate or certificate))

        link = self._run(run())
        self.wait(lambda: link.phase in ("open", "closing"))
        return link

    def listen(self):
        """Accepts links from now on, and returns the URL."""
        address = new_address()
        context, certificate = _served(address[0])

        async def serve(reader, writer):
            connection = await accept(reader, writer, lambda token: is_right_token(token, self.keys, certificate))
            if connection:
                self._start(connection, False, certificate)

        self._server = self._run(asyncio.start_server(serve, *address, ssl=context))
        return url(address)

    def _start(self, connection, dialled, certificate_hash):
        link = self.link_class(self, connection, dialled, certificate_hash)
        self.links.append(link)
        task = self._loop.create_task(link.run())
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        self.changed()
        return link

    def _ended(self, task):
        self._tasks.discard(task)
        if not task.cancelled() and task.exception():
            self._errors.append(task.exception())

    def change_keys(self, *cluster_secrets):
        self.keys = [ClusterKey(secret) for secret in cluster_secrets]
        for link in self.links:
            self.call(link.keys_changed)

    # The map.

    def add(self, key, value=b""):
        """Writes an entry and tells nobody."""
        return self.call(self.map.write, self.origin, key.encode(), value)

    def put(self, key, value=b"", kind=VALUE, lease_milliseconds=0):
        """Writes an entry as a live change."""
        def put():
            self._flood(self.map.write(self.origin, key.encode(), value, kind, lease_milliseconds))

        self.call(put)

    def delete(self, key):
        self.put(key, kind=TOMBSTONE)

    def get(self, key):
        return self.map.value(key.encode())

    def merge(self, entry, source):
        if self.map.merge(entry):
            self._flood(entry, source)

    def _flood(self, entry, source=None):
        for link in self.links:
            if link.phase == "open" and link is not source:
                link.send_entries(LIVE, 0, 0, [entry])

    def reconcile(self, link):
        """Begins a round as dialler and returns it when it is over."""
        round = self.call(link.rounds.begin)
        self.wait(lambda: round.over or link.end)
        assert round.over, link.end
        return round


def _served(host):
    """A TLS server's settings with a new certificate, and the hash of that."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as directory:
        files = Path(directory) / "certificate.pem", Path(directory) / "key.pem"
        for file, content in zip(files, reversed(make_certificate(host))):
            file.write_bytes(content)
        context.load_cert_chain(*files)
        return context, sha256(certificate_of(files[0]))
