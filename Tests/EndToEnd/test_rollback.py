# Hosts that are rolled back to an old copy of themselves, or copied while they run.
import json
import shutil
import time

import pytest

from agents import wait_equal, wait_same_fingerprint
from test_identity import clone_of
from waiting import eventually

pytestmark = [pytest.mark.cuts, pytest.mark.slow]

# Regular server updates: one in 30 s and one for each change of links, by each of four members.
QUIET_SECONDS, QUIET_COMMITS = 5, 10
LIVES = ("first", "second", "third")


def version(member, key):
    """What orders the writes of all members: the time and counter of the clock, and the origin."""
    entry = member.json("get", key)
    return entry["version"], entry["counter"], entry["origin"]


def origin(member, seen_by=None):
    """The origin that a member announces of itself."""
    return json.loads((seen_by or member).get(f"server/{member.server_id}"))["origin"]


def write(member, name):
    """Some writes, and the versions that the member gave them."""
    versions = set()
    for key in ("shared", name):
        member.put(f"config/{key}", f"written by {name}")
        versions.add(version(member, f"config/{key}"))
    return versions


def test_a_member_rolled_back_to_an_old_copy_issues_no_version_twice_and_loses_nothing(cluster):
    hub, member = cluster.chain(2)
    member.wait_linked(hub)
    for key in ("shared", "deleted"):
        member.put(f"config/{key}", "before")
    wait_equal([hub, member], "config/")
    assert member.stop() == 0
    copy = cluster.directory / "copy"
    shutil.copytree(member.directory, copy)

    origins, versions = [], []
    for life in LIVES:
        shutil.rmtree(member.directory)
        shutil.copytree(copy, member.directory)
        # It writes before it has met anybody, so it knows of nothing that it wrote in its other lives.
        member.set_access_points()
        member.start()
        assert member.entries("config/") == {"config/shared": "before", "config/deleted": "before"}
        origins.append(origin(member))
        versions.append(write(member, life))
        if life == "first":
            member.ok("delete", "config/deleted")
        member.set_access_points(hub.url)
        member.wait_linked(hub)
        wait_equal([hub, member], "config/")
        assert hub.get("config/shared") == f"written by {life}"
        versions.append(write(member, f"{life} after the link"))
        wait_equal([hub, member], "config/")
        assert member.stop() == 0
    issued = set().union(*versions)
    assert len(issued) == sum(map(len, versions)), "a version was issued twice"
    assert len(set(origins)) == 3 and {each[2] for each in issued} == set(origins)
    keys = {f"config/{life}{when}" for life in LIVES for when in ("", " after the link")}
    assert set(hub.entries("config/")) == {"config/shared", *keys}, "all writes are kept, deletions as well"


def wait_named(member, original):
    """Waits until a log says of a server id that there is a clone. The directory of a clone is named in it as well."""
    member.wait_logged(rf"clone(?!-).*{original.server_id}|{original.server_id}.*clone(?!-)", within=15)


@pytest.fixture
def cloned(cluster):
    """Two linked members, a third one linked to the first, and a running copy of the third, linked to the second."""
    west, east = cluster.chain(2)
    original = cluster.agent(west, name="original").start()
    for other in (east, original):
        west.wait_linked(other)
    original.put("config/before", "1")
    eventually(lambda: east.get("config/before"), "the entry is everywhere")
    clone = clone_of(cluster, original, east).start()
    return west, east, original, clone


def test_a_clone_at_the_same_door_is_named_in_both_logs_and_what_it_wrote_alone_is_kept(cluster):
    hub = cluster.agent(name="hub").start()
    original = cluster.agent(hub, name="original").start()
    original.wait_linked(hub)
    original.put("config/shared", "before")
    clone = clone_of(cluster, original, hub).start()
    for member in (hub, clone):
        wait_named(member, original)
    # The original is not disturbed, and the two give their writes different versions.
    versions = [write(original, "original"), write(clone, "clone")]
    assert not versions[0] & versions[1]
    eventually(lambda: hub.get("config/original"), "the original goes on")
    assert hub.get("config/clone") is None and original.linked_ids() == {hub.server_id}
    assert clone.stop() == 0
    original.put("config/after", "1")
    eventually(lambda: hub.get("config/after") == "1", "the original goes on")
    assert not original.logged("link down")
    # What the clone acknowledged while it was refused comes when it is the only one left.
    assert original.stop() == 0
    clone.start().wait_linked(hub, within=20)
    wait_equal([hub, clone], "config/")
    assert hub.entries("config/") == {
        "config/shared": "written by clone", "config/original": "written by original",
        "config/clone": "written by clone", "config/after": "1"}


def test_clones_at_two_doors_of_the_cluster_are_named_in_both_logs_and_do_not_quarrel(cloned):
    west, east, original, clone = members = cloned
    for member in (original, clone):
        wait_named(member, original)
    commits = west.status()["commits"]
    time.sleep(QUIET_SECONDS)
    assert west.status()["commits"] - commits <= QUIET_COMMITS, "each overwrites the other's server update"
    assert clone.stop() == 0
    eventually(lambda: origin(original) == origin(original, east), "the original is known again")
    wait_same_fingerprint(members[:3])


def test_clones_at_two_doors_of_the_cluster_issue_no_version_twice_and_their_writes_meet(cloned):
    west, east, original, clone = members = cloned
    versions = [write(original, "original"), write(clone, "clone")]
    assert not versions[0] & versions[1] and origin(original)
    wait_equal(members, "config/")
    assert set(west.entries("config/")) == {f"config/{key}" for key in ("before", "shared", "original", "clone")}
    assert clone.stop() == 0
    original.put("config/after", "1")
    wait_equal(members[:3], "config/")
    eventually(lambda: len(east.shown()) == 3, "everybody is shown")
