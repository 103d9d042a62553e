# Wrong clocks, made with libfaketime: the link stays, the offset is named, and nothing is poisoned.
import glob
import os
from datetime import datetime, timezone

import pytest

from agents import wait_equal
from waiting import eventually

LIBRARIES = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
# A peer is asked for its clock this often; libfaketime reads its file anew once a second.
PING_SECONDS = 5


class FakeClock:
    """The clock of one agent, changed while it runs."""

    def __init__(self, path):
        self.path = path
        self.set(0)

    def set(self, offset_seconds):
        draft = self.path.with_suffix(".draft")
        draft.write_text(f"{offset_seconds:+d}\n")
        draft.rename(self.path)

    @property
    def environment(self):
        return {
            "LD_PRELOAD": LIBRARIES[0],
            # Names that need not exist: without this the library changes the environment in place, and the Swift
            # runtime then does not find the arguments of the program.
            "FAKETIME_SHARED": "/fx-none /fx-none",
            "FAKETIME_TIMESTAMP_FILE": str(self.path), "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
        }


@pytest.fixture
def fake_clock(directory):
    assert LIBRARIES, "libfaketime is not installed: apt-get install faketime"
    return FakeClock(directory / "clock")


@pytest.mark.parametrize("offset", [600, -600], ids=["ahead", "behind"])
def test_a_wrong_clock_is_named_at_both_ends_and_heals(cluster, fake_clock, offset):
    others = cluster.mesh(2)
    for other in others:
        other.put("config/before", "1")
    wait_equal(others, "config/")
    fake_clock.set(offset)
    wrong = cluster.agent(environment=fake_clock.environment).start()
    # Before it has met anybody it cannot know, and writes.
    wrong.put("config/written-alone", "1")
    wrong.set_access_points(*(other.url for other in others))
    wrong.wait_linked(*others)

    # Both ends name the offset, and only one of them is wrong.
    seen_here, seen_there = ("behind", "ahead of") if offset > 0 else ("ahead of", "behind")
    for other in others:
        [line] = other.wait_logged(f"clock skew: {wrong.server_id}", within=PING_SECONDS + 5)
        assert f"{seen_there} this host" in line and ("600." in line or "599." in line), line
        [line] = wrong.wait_logged(f"clock skew: {other.server_id}", within=PING_SECONDS + 5)
        assert f"{seen_here} this host" in line and ("600." in line or "599." in line), line
        assert abs(other.status()["clock"]["offsetsMilliseconds"][wrong.server_id] - offset * 1000) < 2000
        assert abs(wrong.status()["clock"]["offsetsMilliseconds"][other.server_id] + offset * 1000) < 2000
        assert other.status()["clock"]["wrong"] is False
    eventually(lambda: wrong.status()["clock"]["wrong"], "the wrong one knows that it is wrong")
    wrong.wait_logged("this host's clock is wrong")

    # Durable writes are refused where the clock is wrong, and accepted elsewhere.
    for arguments in (("put", "config/wrong", "1"), ("delete", "config/before")):
        refused = wrong.run(*arguments)
        assert refused.status == 1 and "clock" in refused.err and "60 s" in refused.err, refused
    refused = wrong.run("load", "-", stdin='{"key":"config/wrong","value":"1"}\n')
    assert refused.status == 1 and "clock" in refused.err, refused
    others[0].put("config/right", "1")
    eventually(lambda: others[1].get("config/right") == "1", "the others go on")

    # What is stamped ahead of the receiver is refused, and both ends say so.
    refuser, writer = (others[0], wrong) if offset > 0 else (wrong, others[0])
    refuser.wait_logged(f"refused .* from {writer.server_id}.*ahead of this member's clock")
    writer.wait_logged(f"{refuser.server_id} refused .*ahead of")
    if offset > 0:
        assert others[0].get("config/written-alone") is None
        eventually(lambda: wrong.get("config/right") == "1", "the wrong one takes what the others write")
    else:
        eventually(lambda: others[0].get("config/written-alone") == "1", "older stamps are taken")
    assert len(wrong.links()) == 2 and not wrong.logged("link down")

    # Set right, it takes part again without a restart, and what it wrote is stamped anew.
    fake_clock.set(0)
    eventually(lambda: not wrong.status()["clock"]["wrong"], "the clock is right again", within=2 * PING_SECONDS + 5)
    wrong.wait_logged("agrees with its peers again")
    wrong.put("config/right-again", "1")
    dump = wait_equal([*others, wrong], "config/", within=20)
    assert dump.count(b"\n") == 4
    if offset < 0:
        # libfaketime shifts timers of the kernel too: the one that delays the next server update then waits 10 minutes.
        return
    for other in others:
        eventually(lambda: wrong.server_id in {member["serverId"] for member in other.json("members")},
                   "its server update is there again")


def test_the_clock_of_an_agent_can_be_faked(cluster, fake_clock):
    fake_clock.set(3600)
    agent = cluster.agent(environment=fake_clock.environment).start()
    eventually(lambda: _hours_ahead(agent) == 1, "the agent's clock is ahead")
    assert "LD_PRELOAD" not in os.environ


def _hours_ahead(agent):
    time = datetime.fromisoformat(agent.status()["time"].replace("Z", "+00:00"))
    return round((time - datetime.now(timezone.utc)).total_seconds() / 3600)
