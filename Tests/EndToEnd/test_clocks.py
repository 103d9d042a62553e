# Wrong clocks, made with libfaketime: the link stays, the offset is named, and nothing is poisoned.
import glob
import os
from datetime import datetime, timezone

import pytest

from agents import wait_equal, wait_same_fingerprint
from waiting import eventually

pytestmark = [pytest.mark.cuts, pytest.mark.slow]

LIBRARIES = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
# A peer is asked for its clock this often; libfaketime reads its file anew once a second.
PING_SECONDS = 5
HOUR, TEN_YEARS = 3600, 10 * 365 * 86_400


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


@pytest.fixture
def pair_and_third(cluster, fake_clock):
    """Two members, and a third one whose clock can be set, linked and with some entries in common."""
    others = cluster.mesh(2)
    third = cluster.agent(*others, environment=fake_clock.environment).start()
    third.wait_linked(*others)
    for key in ("shared", "deleted"):
        third.put(f"config/{key}", "before")
    wait_equal([*others, third], "config/")
    return *others, third


def be_alone(member):
    """Ends the member's links until it gets its access points back."""
    points = [point["url"] for point in member.status()["accessPoints"]]
    member.set_access_points()
    eventually(lambda: not member.links(), "it has no links")
    return points


def write_while_alone(member):
    """Writes to which nobody can object yet."""
    member.put("config/shared", "written alone")
    member.put("config/new", "written alone")
    member.ok("delete", "config/deleted")


def assert_all_can_be_overwritten(members):
    """Every member can change what any of them has, and all see it."""
    keys = sorted(members[0].entries("config/"))
    assert keys
    for member in members:
        for key in keys:
            member.put(key, f"overwritten by {member.name}")
        wait_equal(members, "config/")
        assert set(members[0].entries("config/").values()) == {f"overwritten by {member.name}"}
    for member in members:
        ids = {other.server_id for other in members}
        eventually(lambda: set(member.shown()) == ids, f"{member.name} shows everybody")
    wait_same_fingerprint(members)


def test_a_clock_that_steps_back_by_an_hour_is_named_and_what_was_written_stays_in_order(pair_and_third, fake_clock):
    first, second, third = pair_and_third
    marks = {member: member.mark() for member in pair_and_third}
    fake_clock.set(-HOUR)
    eventually(lambda: abs(_seconds_ahead(third) + HOUR) < 5, "the clock has stepped back")
    # A newer write wins although its clock says that it is older, whether or not the member knows that it is wrong.
    answer = third.run("put", "config/shared", "written after the step")
    for other in (first, second):
        other.wait_logged(f"clock skew: {third.server_id} is 3.* behind this host", since=marks[other])
        third.wait_logged(f"clock skew: {other.server_id} is 3.* ahead of this host", since=marks[third])
    eventually(lambda: third.status()["clock"]["wrong"], "it knows that it is wrong")
    assert third.run("put", "config/refused", "1").status == 1
    expected = "written after the step" if answer.status == 0 else "before"
    for other in (first, second):
        eventually(lambda: other.get("config/shared") == expected, "the acknowledged write is there")
    first.put("config/shared", "overwritten meanwhile")
    eventually(lambda: second.get("config/shared") == "overwritten meanwhile", "the others go on")
    assert len(third.links()) == 2 and not third.logged("link down", since=marks[third])
    fake_clock.set(0)
    eventually(lambda: not third.status()["clock"]["wrong"], "the clock is right again", within=2 * PING_SECONDS + 5)
    wait_equal(pair_and_third, "config/")
    assert third.get("config/shared") == "overwritten meanwhile"
    for member in pair_and_third:
        member.put("config/last", member.name)
        wait_equal(pair_and_third, "config/")
        assert first.get("config/last") == member.name


def test_a_clock_ten_years_ahead_poisons_nothing(pair_and_third, fake_clock):
    first, second, third = pair_and_third
    points = be_alone(third)
    fake_clock.set(TEN_YEARS)
    eventually(lambda: abs(_seconds_ahead(third) - TEN_YEARS) < 5, "the clock is ahead")
    write_while_alone(third)
    marks = {member: member.mark() for member in pair_and_third}
    third.set_access_points(*points)
    third.wait_linked(first, second)
    for other in (first, second):
        other.wait_logged(f"clock skew: {third.server_id} is 3153.* ahead of this host", since=marks[other])
        third.wait_logged(f"clock skew: {other.server_id} is 3153.* behind this host", since=marks[third])
    eventually(lambda: third.status()["clock"]["wrong"], "it knows that it is wrong")
    assert first.entries("config/") == {"config/shared": "before", "config/deleted": "before"}
    first.put("config/shared", "overwritten meanwhile")
    eventually(lambda: second.get("config/shared") == "overwritten meanwhile", "the others go on")
    assert len(third.links()) == 2 and not third.logged("link down", since=marks[third])
    fake_clock.set(0)
    eventually(lambda: not third.status()["clock"]["wrong"], "the clock is right again", within=2 * PING_SECONDS + 5)
    wait_equal(pair_and_third, "config/")
    assert_all_can_be_overwritten(pair_and_third)


@pytest.mark.parametrize("restarts", [False, True], ids=["running", "restarted"])
def test_a_clock_that_is_set_right_before_the_member_meets_anybody_leaves_nothing_ahead_of_time(
        pair_and_third, fake_clock, restarts):
    first, second, third = pair_and_third
    points = be_alone(third)
    fake_clock.set(TEN_YEARS)
    eventually(lambda: abs(_seconds_ahead(third) - TEN_YEARS) < 5, "the clock is ahead")
    write_while_alone(third)
    fake_clock.set(0)
    if restarts:
        third.restart()
    eventually(lambda: abs(_seconds_ahead(third)) < 5, "the clock is right")
    third.set_access_points(*points)
    third.wait_linked(first, second)
    wait_equal(pair_and_third, "config/")
    assert first.entries("config/") == {"config/shared": "written alone", "config/new": "written alone"}
    assert_all_can_be_overwritten(pair_and_third)


def test_the_clock_of_an_agent_can_be_faked(cluster, fake_clock):
    fake_clock.set(HOUR)
    agent = cluster.agent(environment=fake_clock.environment).start()
    eventually(lambda: abs(_seconds_ahead(agent) - HOUR) < 5, "the agent's clock is ahead")
    assert "LD_PRELOAD" not in os.environ


def _seconds_ahead(agent):
    time = datetime.fromisoformat(agent.status()["time"].replace("Z", "+00:00"))
    return (time - datetime.now(timezone.utc)).total_seconds()
