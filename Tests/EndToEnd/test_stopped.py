# Members whose process is stopped for a while, as when a host sleeps or a virtual machine is moved.
import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from agents import wait_equal, wait_same_fingerprint
from proxy import UP
from test_crashes import Writer
from waiting import eventually

# A short stop has to be over before silence would end links, whatever is written meanwhile.
pytestmark = [pytest.mark.cuts, pytest.mark.alone]

SILENCE_SECONDS, LEASE_SECONDS = 15, 90
# How long the others write while the stop lasts.
WRITE_SECONDS = 15
LONG_STOPS = (1, 10, 40, 120, 600)


@contextmanager
def stopped(member):
    """Stops the process of a member, and lets it go on at the end unless it has been killed meanwhile."""
    os.kill(member.process.pid, signal.SIGSTOP)
    try:
        stat = Path(f"/proc/{member.process.pid}/stat")
        eventually(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", f"{member.name} is stopped")
        yield
    finally:
        if member.process:
            os.kill(member.process.pid, signal.SIGCONT)


def wait_until(moment):
    """A stop lasts as long as it lasts: there is no event to wait for."""
    time.sleep(max(0, moment - time.monotonic()))


@pytest.fixture
def four(cluster, proxies):
    """One that all others dial, one that dials two others, and two that are joined to each other as well."""
    acceptor = cluster.agent(name="acceptor")
    first = cluster.agent(acceptor, name="first")
    second = cluster.agent(acceptor, first, name="second")
    line = proxies(first)
    dialler = cluster.agent(acceptor, line.url, name="dialler")
    members = cluster.start([acceptor, first, second, dialler])
    first.wait_linked(acceptor, second, dialler)
    acceptor.wait_linked(first, second, dialler)
    for member in members:
        member.put(f"config/of/{member.name}", "before")
        member.put(f"config/deleted/{member.name}", "before")
    assert wait_equal(members, "config/").count(b"\n") == 8
    return *members, line


def go_on(members, awake, seconds):
    """What those that are awake do meanwhile: overwrite and delete what is everybody's, and write their own."""
    first, second = awake
    first.put("config/contested", "newer, written by the first")
    for member in members:
        second.put(f"config/of/{member.name}", "meanwhile")
        first.ok("delete", f"config/deleted/{member.name}")
    wait_equal(awake, "config/")
    writers = [Writer(member, f"data/{member.name}") for member in awake]
    for writer in writers:
        writer.start()
    wait_until(time.monotonic() + seconds)
    eventually(
        lambda: sum(len(writer.acknowledged) for writer in writers) > 10 * seconds, "much is written",
        within=SILENCE_SECONDS - 5)
    acknowledged = {}
    for writer in writers:
        acknowledged.update(writer.stop())
        assert not writer.failures, writer.failures[:3]
    return acknowledged


def assert_links_went_down(awake, asleep, marks):
    """Three links had both an end that was awake and one that slept."""
    [first, second], [acceptor, dialler] = awake, asleep
    for member, other in ((first, acceptor), (first, dialler), (second, acceptor)):
        [line] = member.wait_logged(f"link down: {other.server_id}", since=marks[member], within=SILENCE_SECONDS + 5)
        assert f"nothing came for {SILENCE_SECONDS} s" in line, line


@pytest.mark.parametrize("seconds", [
    3, SILENCE_SECONDS + 3,
    *(pytest.param(each, marks=[pytest.mark.soak, pytest.mark.timeout(each + 120)]) for each in LONG_STOPS)])
def test_members_that_were_stopped_win_with_nothing_old_and_are_members_again(four, seconds):
    acceptor, first, second, dialler, line = four
    members, awake, asleep = (acceptor, first, second, dialler), (first, second), (acceptor, dialler)
    marks = {member: member.mark() for member in members}
    began = time.monotonic()
    with stopped(acceptor):
        # These are on the dialler's disk and on the way, but arrive only after newer writes: they must not beat them.
        line.half(UP)
        dialler.put("config/contested", "old, written by the dialler")
        dialler.put("config/only/dialler", "kept")
        with stopped(dialler):
            acknowledged = go_on(members, awake, min(seconds - 1, WRITE_SECONDS))
            if seconds > SILENCE_SECONDS:
                assert_links_went_down(awake, asleep, marks)
            wait_until(began + seconds)
            assert first.get("config/contested") == "newer, written by the first"
            assert first.get("config/only/dialler") is None
            for member in awake:
                assert {each.server_id for each in awake} <= set(member.shown()), "who is up is shown"
                sleepers = {each.server_id for each in asleep} & set(member.shown())
                assert seconds > LEASE_SECONDS / 2 or len(sleepers) == 2, "a short stop is not shown"
                assert seconds < LEASE_SECONDS + 5 or not sleepers, "a long stop is shown"
    line.heal()

    first.wait_linked(second, acceptor, dialler, within=30)
    second.wait_linked(acceptor, within=30)
    wait_equal(members, "config/", within=20)
    wait_equal(members, "data/", within=20)
    for member in asleep:
        config = member.entries("config/")
        assert config.pop("config/contested") == "newer, written by the first"
        assert config.pop("config/only/dialler") == "kept"
        assert config == {f"config/of/{other.name}": "meanwhile" for other in members}
        assert acknowledged.items() <= member.entries("data/").items()
    wait_same_fingerprint(members)
    for member in members:
        eventually(lambda: len(member.shown()) == len(members), f"{member.name} shows everybody")
    if seconds < SILENCE_SECONDS - 5:
        assert not [member.name for member in members if member.logged("link down", since=marks[member])]
