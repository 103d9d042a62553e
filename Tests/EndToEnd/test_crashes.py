# Members that are killed in mid-load, and what is there afterwards.
import json
import subprocess
import threading

import pytest

from agents import PROGRAM, wait_equal
from waiting import eventually

pytestmark = pytest.mark.cuts

ENTRY_COUNT = 20_000
PART_COUNT = 40


class Load:
    """A `load` whose input is fed bit by bit, so that a test decides what happens in its middle."""

    def __init__(self, agent, name):
        self.entries = {f"data/{name}/{n:05}": f"{name} {n} " + "x" * 40 for n in range(ENTRY_COUNT)}
        self.lines = [json.dumps({"key": key, "value": value}) + "\n" for key, value in self.entries.items()]
        self.process = subprocess.Popen(
            [PROGRAM, "load", "-", "--json", "--var-dir", str(agent.directory)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def feed(self, part, of=PART_COUNT):
        """One part of the lines. A load that has ended takes no more."""
        size = ENTRY_COUNT // of
        try:
            self.process.stdin.write("".join(self.lines[part * size:(part + 1) * size]))
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def finish(self):
        """The exit status, and how many entries it counted as committed."""
        try:
            out, err = self.process.communicate(timeout=30)
        except BrokenPipeError:
            self.process.stdin = None
            out, err = self.process.communicate(timeout=30)
        if self.process.returncode == 0:
            return 0, json.loads(out)["committed"]
        assert " entries are committed" in err, (self.process.returncode, out, err)
        return self.process.returncode, int(err.split(" entries are committed")[0].split()[-1])

    def committed(self, count):
        return dict(list(self.entries.items())[:count])


class Writer(threading.Thread):
    """Puts without a pause, and remembers what was acknowledged."""

    def __init__(self, agent, prefix):
        super().__init__(daemon=True)
        self.agent, self.prefix = agent, prefix
        self.acknowledged = {}
        self.failures = []
        self.ended = threading.Event()

    def run(self):
        number = 0
        while not self.ended.is_set():
            key = f"{self.prefix}/{number:05}"
            try:
                result = self.agent.run("put", key, str(number), timeout=5)
            except subprocess.TimeoutExpired as error:
                self.failures.append(error)
                continue
            if result.status == 0:
                self.acknowledged[key] = str(number)
            else:
                self.failures.append(result)
            number += 1

    def stop(self):
        self.ended.set()
        self.join()
        return self.acknowledged


@pytest.fixture
def start_load():
    """Starts loads; those that hang are ended with the test."""
    loads = []

    def start(agent, name):
        loads.append(Load(agent, name))
        return loads[-1]

    yield start
    for load in loads:
        load.process.kill()
        load.process.wait()


def entries(dump):
    return {entry["key"]: entry.get("value") for entry in map(json.loads, dump.splitlines())}


@pytest.mark.parametrize("victim_index", [0, 1, 2], ids=["the-loading-member", "the-hub", "a-bystander"])
def test_what_was_counted_as_committed_survives_a_kill_in_mid_load(cluster, start_load, victim_index):
    loader, hub, bystander = cluster.agent(), cluster.agent(), cluster.agent()
    loader.set_access_points(hub.url)
    bystander.set_access_points(hub.url)
    members = cluster.start([loader, hub, bystander])
    hub.wait_linked(loader, bystander)
    victim = members[victim_index]
    writer = Writer(bystander if victim is not bystander else hub, "config/put")
    writer.start()

    load = start_load(loader, victim.name)
    for part in range(PART_COUNT // 2):
        load.feed(part)
    eventually(lambda: loader.status()["entries"] > 1000, "the load is in its middle")
    victim.kill()
    for part in range(PART_COUNT // 2, PART_COUNT):
        load.feed(part)
    status, committed = load.finish()
    victim.start()
    acknowledged = writer.stop()

    if victim is loader:
        assert status == 3 and 0 < committed < ENTRY_COUNT, (status, committed)
    else:
        assert (status, committed) == (0, ENTRY_COUNT)
    assert acknowledged and not writer.failures, writer.failures[:3]
    hub.wait_linked(loader, bystander, within=20)
    wait_equal(members, "config/", within=20)
    data = entries(wait_equal(members, "data/", within=20))
    assert load.committed(committed).items() <= data.items()
    assert data.items() <= load.entries.items()
    assert acknowledged.items() <= entries(hub.dump("config/")).items()


def test_puts_acknowledged_before_a_kill_survive_it(agent):
    for round in range(3):
        writer = Writer(agent, f"config/{round}")
        writer.start()
        eventually(lambda: len(writer.acknowledged) > 20, "some puts are acknowledged")
        agent.kill()
        writer.ended.set()
        writer.join()
        agent.start()
        assert writer.acknowledged.items() <= entries(agent.dump("config/")).items()
    assert agent.json("check")["damaged"] == 0
