# A TCP proxy that injects faults: cuts, black holes, delays, half-open directions, cuts after a number of bytes.
import socket
import threading
import time

from network import new_address, url

CHUNK_BYTES = 16384
UP, DOWN = "up", "down"


class Proxy:
    """Forwards connections to a target. `UP` is the direction from the dialling side to the target."""

    def __init__(self, target):
        self.target = target
        self.address = new_address()
        self.byte_counts = {UP: 0, DOWN: 0}
        self.connection_count = 0
        self.delay_seconds = 0.0
        self._blocked = set()
        self._budgets = {}
        self._changed = threading.Condition()
        self._pairs = []
        self._listener = None
        self._listen()

    @property
    def url(self):
        return url(self.address)

    # Faults.

    def cut(self):
        """Closes every connection and refuses new ones."""
        listener, self._listener = self._listener, None
        if listener:
            _close(listener)
        self.cut_connections()

    def cut_connections(self):
        """Closes every connection; new ones are accepted."""
        with self._changed:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                _close(end)

    def cut_after(self, byte_count, direction=UP):
        """Closes the connections once so many more bytes have passed in a direction; the last bytes arrive."""
        with self._changed:
            self._budgets[direction] = byte_count

    @property
    def is_armed(self):
        """Whether a cut after a number of bytes is still to come."""
        with self._changed:
            return bool(self._budgets)

    def blackhole(self):
        """Accepts connections and forwards nothing."""
        self._block({UP, DOWN})

    def half(self, direction):
        """Forwards nothing in one direction."""
        self._block({direction})

    def delay(self, seconds):
        """Holds back every piece of data for a time."""
        self.delay_seconds = seconds

    def heal(self):
        """Ends every fault. What a black hole held back goes on its way."""
        self.delay_seconds = 0.0
        with self._changed:
            self._budgets.clear()
        self._block(set())
        if self._listener is None:
            self._listen()

    def close(self):
        self.cut()
        self._block(set())

    # Forwarding.

    def _block(self, directions):
        with self._changed:
            self._blocked = directions
            self._changed.notify_all()

    def _listen(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(self.address)
        listener.listen(64)
        self._listener = listener
        _thread(self._accept, listener)

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.target, timeout=5)
                server.settimeout(None)
            except OSError:
                _close(client)
                continue
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                self.connection_count += 1
                self._pairs.append((client, server))
            _thread(self._pump, client, server, UP)
            _thread(self._pump, server, client, DOWN)

    def _pump(self, source, target, direction):
        try:
            while data := source.recv(CHUNK_BYTES):
                if self.delay_seconds:
                    time.sleep(self.delay_seconds)
                with self._changed:
                    self._changed.wait_for(lambda: direction not in self._blocked)
                    allowed = self._take(direction, len(data))
                    self.byte_counts[direction] += allowed
                target.sendall(data[:allowed])
                if allowed < len(data):
                    self.cut_connections()
                    return
        except OSError:
            pass
        finally:
            _close(source)
            _close(target)

    def _take(self, direction, count):
        """How many of the bytes may pass before the cut; the cut is over once it happened."""
        budget = self._budgets.get(direction)
        if budget is None:
            return count
        if budget >= count:
            self._budgets[direction] = budget - count
            return count
        del self._budgets[direction]
        return budget


def _close(end):
    # A thread that waits in accept or recv is woken by the shutdown, not by the close.
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    end.close()


def _thread(target, *arguments):
    threading.Thread(target=target, args=arguments, daemon=True).start()
