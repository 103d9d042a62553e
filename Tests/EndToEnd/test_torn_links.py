# A link torn at any byte of an exchange: nothing half sent is ever seen, and the member links again by itself.
import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest

from agents import wait_equal
from proxy import DOWN, UP
from waiting import eventually

pytestmark = [pytest.mark.cuts, pytest.mark.slow]

BATCH_ENTRIES, VALUE_BYTES = 4, 200
# Places are torn at the same time on several lines, because after each one the member waits before it dials again.
LINE_COUNT = 4
# The exchange has no fixed length, because server updates come in between and signatures differ by some bytes.
MEASUREMENTS, VARIATION_BYTES = 3, 100


class Line:
    """A member with a proxy before the hub, over which a batch goes each way after every cut."""

    def __init__(self, hub, member, proxy):
        self.hub, self.member, self.proxy = hub, member, proxy
        # The entries of the present exchange, which are all below the prefix, and how many there were in all exchanges.
        self.prefix, self.written, self.written_count = "", {}, 0
        self._numbers = itertools.count()

    def write(self):
        """A batch at each end after a cut, while the next link is held back, so that both batches go over that one."""
        self.proxy.blackhole()
        self.proxy.cut_connections()
        self.prefix, self.written = f"data/{self.member.name}/{next(self._numbers):05}/", {}
        for writer in (self.hub, self.member):
            keys = [f"{self.prefix}{writer.name}/{index}" for index in range(BATCH_ENTRIES)]
            batch = {key: (key + " ").ljust(VALUE_BYTES, "x") for key in keys}
            self.written.update(batch)
            self.written_count += len(batch)
            writer.load(batch)

    def measure(self):
        """The least bytes of one exchange in each direction, from the first byte of TLS to the last entry."""
        lengths = {UP: [], DOWN: []}
        for _ in range(MEASUREMENTS):
            self.write()
            before = dict(self.proxy.byte_counts)
            self.proxy.release()
            self.wait_complete()
            for direction, measured in lengths.items():
                measured.append(self.proxy.byte_counts[direction] - before[direction])
        return {direction: min(measured) - VARIATION_BYTES for direction, measured in lengths.items()}

    def tear(self, direction, byte_count):
        """One exchange whose link is torn once so many bytes have passed; the one after it is left alone."""
        connection_count = self.proxy.connection_count
        self.proxy.tear_next(byte_count, direction)
        self.write()
        self.proxy.release()
        place = f"byte {byte_count} {direction} of {self.member.name}"
        eventually(lambda: not self.proxy.is_armed, f"the link is torn at {place}", within=20)
        for end in (self.hub, self.member):
            seen = end.entries(self.prefix)
            assert seen.items() <= self.written.items(), (place, end.name, seen.items() - self.written.items())
        eventually(lambda: self.proxy.connection_count >= connection_count + 2, f"a link after that torn at {place}")
        self.wait_complete()

    def wait_complete(self):
        for end in (self.hub, self.member):
            eventually(
                lambda: end.entries(self.prefix) == self.written, f"{end.name} has all of {self.prefix}", 20, every=0.1)


@pytest.fixture
def lines(cluster, proxies):
    """Lines to one hub, each of another member."""
    hub = cluster.agent(name="hub").start()

    def make(count):
        made = []
        for number in range(count):
            proxy = proxies(hub)
            made.append(Line(hub, cluster.agent(proxy.url, name=f"line{number}"), proxy))
        cluster.start([line.member for line in made])
        hub.wait_linked(*(line.member for line in made))
        return made

    return make


def tear_at(lines, places):
    """Tears links at all places, shared out among the lines, and looks at everything afterwards."""
    def work(number):
        for direction, byte_count in places[number::len(lines)]:
            lines[number].tear(direction, byte_count)

    with ThreadPoolExecutor(len(lines)) as pool:
        list(pool.map(work, range(len(lines))))
    hub, members = lines[0].hub, [line.member for line in lines]
    hub.wait_linked(*members, within=20)
    dump = wait_equal([hub, *members], "data/", within=20)
    assert dump.count(b"\n") == sum(line.written_count for line in lines)
    for end in (hub, *members):
        assert end.json("check")["damaged"] == 0
        assert not end.logged("error"), end.logged("error")
    eventually(lambda: len(hub.status()["links"]) == len(lines), "no torn link is left at the hub", within=20)


def test_a_link_torn_at_bytes_spread_over_the_exchange_leaves_no_trace(lines):
    made = lines(LINE_COUNT)
    lengths = made[0].measure()
    places = []
    for direction, length in lengths.items():
        spread = range(0, length, length // 26)
        places += [(direction, byte_count) for byte_count in sorted({0, 1, 2, 5, 6, length, *spread})]
    print(f"bytes of an exchange: {lengths}, torn at {len(places)} places")
    assert len(places) >= 60 and min(lengths.values()) > 2000, lengths
    tear_at(made, places)
    # The tears fell into every part of the exchange: TLS, the upgrade, and the link itself.
    for error in ("no link .* TLS", "closed the connection without an answer", "link down"):
        assert any(line.member.logged(error) for line in made), error


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("direction", [UP, DOWN])
def test_a_link_torn_at_every_single_byte_of_the_exchange_leaves_no_trace(lines, direction):
    made = lines(2 * LINE_COUNT)
    tear_at(made, [(direction, byte_count) for byte_count in range(made[0].measure()[direction])])
