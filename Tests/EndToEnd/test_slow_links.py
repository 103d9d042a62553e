# A peer behind a line that is narrow, stalls or jitters: it costs the others neither time nor memory, and catches up.
import json
import re
import statistics
import subprocess
import threading
import time
from pathlib import Path

import pytest

from agents import PROGRAM, wait_equal, wait_same_fingerprint
from proxy import DOWN, UP
from waiting import eventually

pytestmark = [pytest.mark.cuts, pytest.mark.slow]

# What may wait for a slow peer: the credit of a link and its outbox (docs/protocol.md, sections 7 and 9.2).
CREDIT_BYTES, OUTBOX_BYTES = 4 << 20, 8 << 20
# Both, and as much again and a little more for the records of TLS and for what the heap has freed but kept.
MEMORY_BOUND_BYTES = 2 * (CREDIT_BYTES + OUTBOX_BYTES) + (8 << 20)
# More than the bound on memory and the buffers of the kernel could hold.
LOAD_BYTES, LOAD_VALUE_BYTES, LOAD_ENTRIES = 40 << 20, 16 << 10, 64
PRESSURE_PAUSE_SECONDS = 0.05
SAMPLE_COUNT = 100
SILENCE_SECONDS, STALL_SECONDS = 15, 5


class Watch(threading.Thread):
    """When each key below a prefix changed at a member, by the monotonic clock."""

    def __init__(self, member, prefix):
        super().__init__(daemon=True)
        self.times = {}
        self.process = subprocess.Popen(
            [PROGRAM, "watch", prefix, "--var-dir", str(member.directory)], stdout=subprocess.PIPE, text=True)
        self.start()
        eventually(lambda: member.put(prefix + "begin", "now") or self.times, f"{member.name} is watched")

    def run(self):
        for line in self.process.stdout:
            self.times[json.loads(line)["key"]] = time.monotonic()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.join()
        self.process.stdout.close()


@pytest.fixture
def watch():
    made = []

    def make(member, prefix):
        made.append(Watch(member, prefix))
        return made[-1]

    yield make
    for each in made:
        each.close()


class Pressure(threading.Thread):
    """Loads entries at a member again and again, and remembers the most memory that it had meanwhile."""

    def __init__(self, member, name, key_count=None):
        super().__init__(daemon=True)
        self.member, self.name = member, name
        # So many keys are written again and again; without a number every entry has a key of its own.
        self.key_count = key_count
        self.bytes = 0
        self.most_memory = 0
        self.ended = threading.Event()
        self.start()

    def run(self):
        value = "x" * LOAD_VALUE_BYTES
        number = 0
        while not self.ended.wait(PRESSURE_PAUSE_SECONDS):
            numbers = range(number, number + LOAD_ENTRIES)
            keys = [index % self.key_count if self.key_count else index for index in numbers]
            self.member.load({f"data/{self.name}/{key:06}": value for key in keys})
            number += LOAD_ENTRIES
            self.bytes = number * LOAD_VALUE_BYTES
            self.most_memory = max(self.most_memory, memory(self.member))

    def stop(self):
        self.ended.set()
        self.join()


def memory(member):
    """The member's memory without the pages of its store's file, which the kernel takes back when it likes."""
    status = Path(f"/proc/{member.process.pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) << 10


def latencies(writer, written, read, name):
    """How long each of many changes took from one member's disk to the other's."""
    keys = [f"config/{name}/{number}" for number in range(SAMPLE_COUNT)]
    for key in keys:
        writer.put(key, "1")
    eventually(lambda: keys[-1] in read.times and keys[-1] in written.times, "the last change is told of")
    return sorted(read.times[key] - written.times[key] for key in keys)


def assert_as_quick(slow, usual):
    """The median and the worst but one in a hundred: three times as long as usual at most, or not worth a word."""
    for name, pick, floor in (("median", statistics.median, 0.02), ("p99", lambda times: times[-2], 0.1)):
        print(f"{name}: {pick(usual) * 1000:.2f} ms usually, {pick(slow) * 1000:.2f} ms with a slow peer")
        assert pick(slow) <= max(3 * pick(usual), floor), (name, pick(slow), pick(usual))


def overwhelm(hub, slow, proxy, bytes_per_second, meanwhile):
    """Writes more than a narrow line can carry, and looks at what that costs the sender in memory."""
    before, mark = memory(hub), hub.mark()
    began, passed = time.monotonic(), proxy.byte_counts[DOWN]
    proxy.limit(bytes_per_second)
    pressure = Pressure(hub, "slow")
    meanwhile()
    eventually(lambda: pressure.bytes > LOAD_BYTES, "more is written than anything on the way could hold", within=60)
    pressure.stop()
    written, most = pressure.bytes, pressure.most_memory
    print(f"memory: {before >> 20} MiB before, {most >> 20} MiB at most while {written >> 20} MiB were written")
    assert proxy.byte_counts[DOWN] - passed <= bytes_per_second * (time.monotonic() - began + 1), "the line is narrow"
    assert most - before <= MEMORY_BOUND_BYTES
    hub.wait_logged(f"{slow.server_id} is slow: .* changes waiting for it were dropped", since=mark)
    assert slow.status()["entries"] < hub.status()["entries"]


@pytest.mark.alone
@pytest.mark.timeout(120)
def test_a_peer_at_one_byte_a_second_costs_the_others_neither_time_nor_memory(cluster, proxies, watch):
    hub = cluster.agent(name="hub").start()
    proxy = proxies(hub)
    writer, reader, slow = cluster.start([cluster.agent(point) for point in (hub, hub, proxy.url)])
    hub.wait_linked(writer, reader, slow)
    written, read = watch(writer, "config/"), watch(reader, "config/")
    pressure = Pressure(hub, "usual", key_count=2 * LOAD_ENTRIES)
    usual = latencies(writer, written, read, "usual")
    pressure.stop()

    mark = slow.mark()
    overwhelm(hub, slow, proxy, 1, lambda: assert_as_quick(latencies(writer, written, read, "slow"), usual))
    # No whole message comes in time, so the peer is as good as silent although bytes come.
    slow.wait_logged(f"nothing came for {SILENCE_SECONDS} s", since=mark, within=SILENCE_SECONDS + 5)
    proxy.heal()
    slow.wait_linked(hub, within=20)
    wait_same_fingerprint([hub, writer, reader, slow], within=30)


@pytest.mark.timeout(120)
def test_a_peer_that_is_too_slow_for_the_changes_keeps_its_link_and_catches_up(cluster, proxies):
    hub = cluster.agent().start()
    proxy = proxies(hub)
    slow = cluster.agent(proxy.url).start()
    slow.wait_linked(hub)
    overwhelm(hub, slow, proxy, 200_000, lambda: None)
    proxy.heal()
    wait_same_fingerprint([hub, slow], within=30)
    assert not slow.logged("link down") and not hub.logged("link down")


def test_a_stall_shorter_than_the_silence_allowed_loses_nothing_and_not_even_the_link(cluster, proxies):
    hub = cluster.agent().start()
    lines = [proxies(hub) for _ in range(3)]
    members = cluster.start([cluster.agent(line.url) for line in lines])
    hub.wait_linked(*members)
    began = time.monotonic()
    for line, directions in zip(lines, [(UP,), (DOWN,), (UP, DOWN)]):
        line.stall(STALL_SECONDS, *directions)
    for member in (hub, *members):
        member.put(f"config/{member.name}", "written during the stall")
    # Nothing comes over a line that is stalled in the direction; over the others it comes at once.
    eventually(lambda: members[1].name in hub.dump("config/").decode(), "the open direction is open")
    assert members[0].name not in hub.dump("config/").decode() and hub.get(f"config/{members[2].name}") is None
    assert members[1].get(f"config/{hub.name}") is None and members[2].get(f"config/{hub.name}") is None
    assert wait_equal([hub, *members], "config/", within=SILENCE_SECONDS).count(b"\n") == 4
    assert time.monotonic() - began > STALL_SECONDS - 1, "the stall lasted"
    assert not [member.name for member in (hub, *members) if member.logged("link down")]


def test_jitter_and_a_narrow_line_change_nothing_but_the_time(cluster, proxies):
    hub = cluster.agent().start()
    line = proxies(hub)
    member = cluster.agent(line.url).start()
    member.wait_linked(hub)
    line.delay(0.01, jitter=0.1)
    line.limit(20_000)
    began, passed = time.monotonic(), line.byte_counts[UP]
    for number in range(15):
        hub.put(f"config/{number}", "hub")
        member.put(f"config/{number + 5}", "member " + "x" * 4000)
        if number % 3 == 0:
            member.run("delete", f"config/{number}")
    wait_equal([hub, member], "config/", within=20)
    assert 60_000 < line.byte_counts[UP] - passed <= 20_000 * (time.monotonic() - began + 1), "the line is narrow"
    assert not member.logged("link down")
