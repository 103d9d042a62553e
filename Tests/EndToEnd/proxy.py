# A TCP proxy that injects faults: cuts and tears, black holes, stalls, one dead direction, delays, narrow lines.
import random
import socket
import threading
import time

from network import new_address, url

CHUNK_BYTES = 16384
UP, DOWN = "up", "down"
# What a fault holds back should wait at the sender; the kernel's own buffers would take megabytes of it.
RECEIVE_BUFFER_BYTES = 65536
# In how many pieces a narrow line forwards what it may forward in a second.
PIECES_PER_SECOND = 20


class Proxy:
    """Forwards connections to a target. `UP` is the direction from the dialling side to the target."""

    def __init__(self, target, address=None):
        self.target = target
        self.address = address or new_address()
        self.byte_counts = {UP: 0, DOWN: 0}
        # When each connection was accepted, by the monotonic clock.
        self.connection_times = []
        self._delay = self._jitter = 0.0
        self._blocked, self._limits, self._turns_away = set(), {}, False
        # How many bytes may still pass in a direction before a cut: of all connections, and of one that is to be torn.
        self._budgets, self._tear, self._next_is_torn = {}, {}, False
        self._changed = threading.Condition()
        self._pairs = []
        self._listener = None
        self._listen()

    @property
    def url(self):
        return url(self.address)

    @property
    def connection_count(self):
        return len(self.connection_times)

    # Faults.

    def cut(self):
        """Closes every connection and refuses new ones."""
        listener, self._listener = self._listener, None
        if listener:
            _close(listener)
        self.cut_connections()

    def turn_away(self):
        """Closes every connection, and new ones as soon as they are accepted and counted."""
        self._turns_away = True
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

    def tear_next(self, byte_count, direction=UP):
        """Closes the next connection once so many bytes of it have passed in a direction; the last bytes arrive."""
        with self._changed:
            self._tear, self._next_is_torn = {direction: byte_count}, True

    @property
    def is_armed(self):
        """Whether a cut after a number of bytes is still to come."""
        with self._changed:
            return bool(self._budgets or self._tear)

    def blackhole(self):
        """Accepts connections and forwards nothing."""
        self._block({UP, DOWN})

    def half(self, direction):
        """Forwards nothing in one direction."""
        self._block({direction})

    def release(self):
        """Ends a black hole. What it held back goes on its way."""
        self._block(set())

    def stall(self, seconds, *directions):
        """Holds back what comes in some directions, or in both, for a time. Then it goes on its way."""
        self._block(set(directions or (UP, DOWN)))
        end = threading.Timer(seconds, self.release)
        end.daemon = True
        end.start()

    def limit(self, bytes_per_second, *directions):
        """Forwards no more than so many bytes a second in some directions, or in each of both."""
        with self._changed:
            self._limits = dict.fromkeys(directions or (UP, DOWN), bytes_per_second)
            self._changed.notify_all()

    def delay(self, seconds, jitter=0.0):
        """Holds back every piece of data for a time, and for up to `jitter` seconds more at random."""
        self._delay, self._jitter = seconds, jitter

    def heal(self):
        """Ends every fault. What was held back goes on its way."""
        self._end_faults()
        if self._listener is None:
            self._listen()

    def close(self):
        self.cut()
        self._end_faults()

    # Forwarding.

    def _end_faults(self):
        self._delay, self._jitter, self._turns_away = 0.0, 0.0, False
        with self._changed:
            self._budgets, self._tear, self._next_is_torn, self._limits = {}, {}, False, {}
        self.release()

    def _block(self, directions):
        with self._changed:
            self._blocked = directions
            self._changed.notify_all()

    def _listen(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
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
            with self._changed:
                self.connection_times.append(time.monotonic())
                budgets = self._tear if self._next_is_torn else {}
                self._next_is_torn = False
            try:
                if self._turns_away:
                    raise ConnectionAbortedError
                server = _connect(self.target)
            except OSError:
                _close(client)
                continue
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                self._pairs.append((client, server))
            _thread(self._pump, client, server, UP, budgets)
            _thread(self._pump, server, client, DOWN, budgets)

    def _pump(self, source, target, direction, budgets):
        try:
            while data := source.recv(CHUNK_BYTES):
                if self._delay or self._jitter:
                    time.sleep(self._delay + random.uniform(0, self._jitter))
                while data:
                    data = data[self._forward(data, target, direction, budgets):]
        except OSError:
            pass
        finally:
            _close(source)
            _close(target)

    def _forward(self, data, target, direction, budgets):
        """Sends as much of the data as may go at once, and returns its length when more may go."""
        with self._changed:
            self._changed.wait_for(lambda: direction not in self._blocked)
            limit = self._limits.get(direction)
            piece = data if limit is None else data[:max(1, limit // PIECES_PER_SECOND)]
            allowed = min(_take(each, direction, len(piece)) for each in (budgets, self._budgets))
            self.byte_counts[direction] += allowed
        target.sendall(piece[:allowed])
        if allowed < len(piece):
            self.cut_connections()
            raise ConnectionAbortedError
        if limit is not None:
            with self._changed:
                self._changed.wait_for(lambda: self._limits.get(direction) != limit, len(piece) / limit)
        return len(piece)


def _take(budgets, direction, count):
    """How many of the bytes may pass before the cut; the cut is over once it happened."""
    budget = budgets.get(direction)
    if budget is None:
        return count
    if budget >= count:
        budgets[direction] = budget - count
        return count
    del budgets[direction]
    return budget


def _connect(target):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    server.settimeout(5)
    try:
        server.connect(target)
    except OSError:
        server.close()
        raise
    server.settimeout(None)
    return server


def _close(end):
    # A thread that waits in accept or recv is woken by the shutdown, not by the close.
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    end.close()


def _thread(target, *arguments):
    threading.Thread(target=target, args=arguments, daemon=True).start()
