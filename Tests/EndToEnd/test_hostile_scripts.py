# Scripts that loop, swell, lie and leave their scope: each is ended in time and named, nobody else notices, nothing is left.
import contextlib
import json
import os
import re
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import hostile_scripts
from control_socket import ControlSocket
from hostile_scripts import SCRIPTS, SLOW
from waiting import eventually

SERVERS = [
    {"serverId": f"{number:016x}", "hostname": f"node-{number}", "sessions": number, "loginsEnabled": True, "sessionsEnabled": True}
    for number in range(1, 5)]
FIRST = SERVERS[0]["serverId"]
# A limit of 200 ms, and what a busy host adds. The median is held; how long one may take where others take the processors
# is not for this test to say, but that it is not for ever.
MEDIAN_MS, WORST_MS = 450, 3000
OTHERS, WORKERS_MAX = 20, 4


class Site:
    """A member whose chain is hostile to some users."""

    def __init__(self, agent):
        self.agent = agent
        self.control = ControlSocket(agent)
        agent.ok("config", "set", f"scripts/{hostile_scripts.NAME}", "-", stdin=hostile_scripts.text())
        agent.ok("config", "set", "placement", "-", stdin=json.dumps(
            {"start": [hostile_scripts.NAME], "login": [hostile_scripts.NAME]}))

    def close(self):
        self.control.close()

    def tried(self, user, action="session/start"):
        """The trace, and how many milliseconds it took as the caller sees it."""
        began = time.perf_counter()
        trace = self.control.try_placement(user, SERVERS, action)
        return trace, (time.perf_counter() - began) * 1000

    def ended(self, user, told, action="session/start"):
        """Tries the chain, whose end has to be the right one; gives the milliseconds, and whether it had the time for that
        end: on a busy host what is quick elsewhere may be ended."""
        trace, milliseconds = self.tried(user, action)
        if "server" in trace:
            assert told is None and trace["server"] == FIRST, (user, trace)
            return milliseconds, True
        if told is not None and re.search(told, trace["detail"]):
            return milliseconds, True
        assert re.search(SLOW, trace["detail"]), (user, trace)
        return milliseconds, False

    def harm(self, kind):
        return self.ended(kind, SCRIPTS[kind].told)

    def harmless(self, number):
        """A start or a login of somebody else."""
        return self.ended("somebody", None, ("session/start", "user/login")[number % 2])

    @contextlib.contextmanager
    def others(self):
        """Twenty others who start one session after the other meanwhile; how these end is given."""
        ended, ends = threading.Event(), []

        def go_on(number):
            while not ended.is_set():
                ends.append(self.harmless(number))
                ended.wait(0.5)

        with ThreadPoolExecutor(OTHERS) as pool:
            running = [pool.submit(go_on, number) for number in range(OTHERS)]
            try:
                yield ends
            finally:
                ended.set()
        for each in running:
            each.result()

    # What there is of the member.

    def processes(self):
        """Of scripts: guards, and what they guard."""
        found, wanted = [], [self.agent.process.pid]
        while wanted:
            pid = wanted.pop()
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                for task in os.listdir(f"/proc/{pid}/task"):
                    children = [int(word) for word in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
                    found += children
                    wanted += children
        return found

    def has_all_workers(self):
        """Whether there are as many workers as there may be, and no other process. Asks for them all at once."""
        with ThreadPoolExecutor(WORKERS_MAX) as pool:
            list(pool.map(lambda _: self.tried("slow"), range(WORKERS_MAX)))
        return len(self.processes()) == 2 * WORKERS_MAX

    def state(self):
        """Open descriptors, processes, and resident KiB, each at rest: memory is the least of some readings."""
        # Its connections are the member's descriptors as well: as many each time.
        self.control.close()
        self.control = ControlSocket(self.agent)
        eventually(self.has_all_workers, "there are all workers and nothing else", within=30, every=0.5)
        pid = self.agent.process.pid

        def resident():
            time.sleep(0.2)
            return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])

        return {"KiB": min(resident() for _ in range(10)), "processes": len(self.processes()),
                "descriptors": len(os.listdir(f"/proc/{pid}/fd"))}


@pytest.fixture
def site(cluster):
    agent = cluster.agent(settings={"scripts": hostile_scripts.LIMITS}).start()
    with contextlib.closing(Site(agent)) as site:
        yield site


def harm_often(site, rounds, at_once):
    """Tries all kinds so often, some at once; gives the milliseconds by kind. Most of each have to have had the time."""
    with ThreadPoolExecutor(at_once) as pool:
        running = [(kind, pool.submit(site.harm, kind)) for _ in range(rounds) for kind in SCRIPTS]
        ended = {kind: [] for kind in SCRIPTS}
        for kind, each in running:
            ended[kind].append(each.result())
    for kind, ends in ended.items():
        assert sum(had_time for _, had_time in ends) > rounds / 2, (kind, ends)
    return {kind: [milliseconds for milliseconds, _ in ends] for kind, ends in ended.items()}


def table(taken):
    return "\n".join(
        f"{kind:28} median {statistics.median(times):6.0f} ms, 99 of 100 {sorted(times)[int(len(times) * 0.99)]:6.0f} ms"
        for kind, times in taken.items())


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("rounds", [10, pytest.param(100, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_each_is_ended_in_time_and_named_and_others_are_served_meanwhile(site, rounds, capsys):
    site.harmless(0)
    with site.others() as ends:
        taken = harm_often(site, rounds, at_once=1)
    served = [milliseconds for milliseconds, _ in ends]
    with capsys.disabled():
        print(f"\n{table(taken)}\n{table({'the others': served})}")
    for kind, times in taken.items():
        assert statistics.median(times) <= MEDIAN_MS and max(times) <= WORST_MS, (kind, times)
    assert len(served) >= OTHERS and statistics.median(served) <= MEDIAN_MS and max(served) <= WORST_MS, served
    assert sum(had_time for _, had_time in ends) >= 0.99 * len(ends), ends


@pytest.mark.slow
def test_several_at_once_leave_no_process_and_no_descriptor(site):
    before = site.state()
    harm_often(site, rounds=5, at_once=2 * WORKERS_MAX)
    after = site.state()
    assert (after["processes"], after["descriptors"]) == (before["processes"], before["descriptors"])


@pytest.mark.soak
@pytest.mark.timeout(3 * 3600)
def test_nothing_grows_in_a_thousand_rounds(site, capsys):
    rounds, first = 1000, 100
    harm_often(site, first, at_once=WORKERS_MAX)
    before = site.state()
    harm_often(site, rounds - first, at_once=WORKERS_MAX)
    after = site.state()
    with capsys.disabled():
        print(f"\nafter round {first}: {before}; after round {rounds}: {after}")
    for what in before:
        assert after[what] <= before[what] * 1.02, (what, before, after)
