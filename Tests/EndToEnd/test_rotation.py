# The cluster key is replaced again and again while links are cut at random moments.
import os
import random
import threading

import pytest

from agents import wait_equal, wait_same_fingerprint
from proxy import DOWN, UP
from test_crashes import Writer
from test_keys import key_ids
from waiting import eventually

pytestmark = pytest.mark.cuts

# Another number repeats another run, as far as real processes can.
SEED = int(os.environ.get("FASTX_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
LONGEST_PAUSE_SECONDS = 0.4
# How a log says that the keys, and not a cut, ended a link or kept it from coming up.
KEY_REASONS = "no common key|certificate mismatch|proof"


class Cutter(threading.Thread):
    """Cuts one line after the other: at once, at some byte, or for a moment."""

    def __init__(self, lines, chance):
        super().__init__(daemon=True)
        self.lines, self.chance = lines, chance
        self.count = 0
        self.ended = threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(self.chance.uniform(0, LONGEST_PAUSE_SECONDS)):
            line = self.chance.choice(self.lines)
            kind = self.chance.randrange(3)
            if kind == 0:
                line.cut_connections()
            elif kind == 1:
                line.cut_after(self.chance.randrange(2000), self.chance.choice([UP, DOWN]))
            else:
                line.cut()
                self.ended.wait(self.chance.uniform(0, LONGEST_PAUSE_SECONDS))
                line.heal()
            self.count += 1

    def stop(self):
        self.ended.set()
        self.join()
        for line in self.lines:
            line.heal()


def rotate(members, path, chance, pause):
    """Replaces the key as the documentation says, in a random order and with random pauses, and returns its id."""
    first, *others = chance.sample(members, len(members))
    [old] = key_ids(first)
    first.ok("key", "new")
    [new] = set(key_ids(first)) - {old}
    first.ok("key", "export", new, "--to", path)
    for member in others:
        pause()
        member.ok("key", "add", path)
    path.unlink()
    for member in chance.sample(members, len(members)):
        pause()
        member.ok("key", "remove", old)
    return new


@pytest.mark.parametrize("rounds", [3, pytest.param(60, marks=[pytest.mark.soak, pytest.mark.timeout(600)])])
def test_a_key_that_is_replaced_while_links_are_cut_keeps_nobody_out_and_loses_no_write(cluster, proxies, rounds):
    print(f"FASTX_SEED={SEED}")
    chance = random.Random(SEED)
    hub = cluster.agent(name="hub").start()
    first_line = proxies(hub)
    first = cluster.agent(first_line.url, name="first").start()
    second_lines = [proxies(hub), proxies(first)]
    second = cluster.agent(*(line.url for line in second_lines), name="second").start()
    members = [hub, first, second]
    first.wait_linked(hub, second)
    second.wait_linked(hub)

    writers = [Writer(member, f"config/{member.name}") for member in members]
    for writer in writers:
        writer.start()
    cutter = Cutter([first_line, *second_lines], random.Random(SEED + 1))
    new = None
    for _ in range(rounds):
        new = rotate(members, cluster.directory / "new.key", chance,
                     lambda: cutter.ended.wait(chance.uniform(0, LONGEST_PAUSE_SECONDS)))
    cutter.stop()
    acknowledged = {}
    for writer in writers:
        acknowledged.update(writer.stop())
        assert not writer.failures, writer.failures[:3]
    print(f"{rounds} rotations, {cutter.count} cuts, {len(acknowledged)} writes acknowledged")
    assert cutter.count >= 2 * rounds and len(acknowledged) > 5 * rounds

    first.wait_linked(hub, second, within=35)
    second.wait_linked(hub, within=35)
    dump = wait_equal(members, "config/", within=20)
    assert dump.count(b"\n") == len(acknowledged) and acknowledged == hub.entries("config/")
    for member in members:
        eventually(lambda: all(link["keys"] == [new] for link in member.links()), "the last key alone is proven")
    assert [key_ids(member) for member in members] == [[new]] * 3
    wait_same_fingerprint(members)
    for member in members:
        assert member.logged("link down|no link to access point"), "links were cut"
        assert not member.logged(KEY_REASONS), member.logged(KEY_REASONS)
