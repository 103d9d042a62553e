# An HTTP proxy as sites have them: it opens connections to other hosts when it is asked by CONNECT.
import asyncio
import base64

from server_thread import ServerThread

HEAD_END = b"\r\n\r\n"


class ConnectProxy(ServerThread):
    """Listens at an address of the host on which it is made. `names` are what it knows and nobody else does."""

    def __init__(self, address, names=None, user=None, refusal=None):
        super().__init__()
        self.address = address
        self.names = names or {}
        # What it wants to be told, as `user:password`; None for nothing.
        self.user = user
        # What it answers to everybody, as `403 Forbidden`; None where it opens connections.
        self.refusal = refusal
        # The destinations of all that it was asked and let through.
        self.passed = []
        self.listen(None)

    @property
    def url(self):
        return "http://%s:%d" % self.address

    async def _serve(self, reader, writer):
        try:
            head = (await reader.readuntil(HEAD_END)).decode()
            refusal = self.refusal or self._refusal(head)
            if refusal:
                writer.write(f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\n".encode() + HEAD_END[:2])
                return await writer.drain()
            destination = head.split(" ")[1]
            self.passed.append(destination)
            host, port = destination.rsplit(":", 1)
            target_reader, target_writer = await asyncio.open_connection(self.names.get(host, host), int(port))
            writer.write(b"HTTP/1.1 200 Connection established" + HEAD_END)
            await asyncio.gather(self._pump(reader, target_writer), self._pump(target_reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _refusal(self, head):
        if not head.startswith("CONNECT "):
            return "405 Method Not Allowed"
        if self.user:
            wanted = base64.b64encode(self.user.encode()).decode()
            if f"\r\nProxy-Authorization: Basic {wanted}\r\n" not in head:
                return "407 Proxy Authentication Required"
        return None

    async def _pump(self, reader, writer):
        try:
            while data := await reader.read(16384):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
