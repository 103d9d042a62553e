# Members that are away for long, while keys are deleted and leases are renewed and deleted.
import time

import pytest

from agents import wait_equal, wait_same_fingerprint
from waiting import eventually

pytestmark = [pytest.mark.cuts, pytest.mark.slow]

DELETED, LAST = range(8), 20
LEASE_MILLISECONDS, SHORT_LEASE_MILLISECONDS = 90_000, 2_000
RENEWAL_SECONDS = 30
# The tombstone of a lease is forgotten after 240 s.
LONGER_THAN_TOMBSTONES_SECONDS = 250


@pytest.fixture
def owner(cluster, members, secret):
    """A member of the second implementation, because agents have no leases but their own server updates."""
    return members(secret, server_id="owner")


def renew(owner, *names, value=b"renewed", milliseconds=LEASE_MILLISECONDS):
    for name in names:
        owner.put(f"login/owner/{name}", value, lease_milliseconds=milliseconds)


def has_leases(member, leases):
    assert member.entries("login/") == leases
    return True


def stay_away(owner, seconds):
    """Renews what is left of the leases until the time is over."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, RENEWAL_SECONDS))
        renew(owner, "renewed")


@pytest.mark.parametrize("seconds", [
    3, pytest.param(LONGER_THAN_TOMBSTONES_SECONDS, marks=[pytest.mark.soak, pytest.mark.timeout(400)])])
def test_who_comes_back_brings_nothing_back_that_was_deleted_and_keeps_its_own_writes(cluster, owner, seconds):
    """Two are away: one goes on by itself, and one does not run at all."""
    hub, lonely, ended = members = cluster.star(3)
    hub.wait_linked(lonely, ended)
    owner.dial(hub.address)
    hub.load({f"config/{index:02}": "before" for index in range(LAST + 1)})
    renew(owner, "renewed", "deleted", "both", "shortened", value=b"before")
    renew(owner, "expiring", value=b"before", milliseconds=SHORT_LEASE_MILLISECONDS)
    wait_equal(members, "config/")
    for member in members:
        eventually(lambda: len(member.entries("login/")) == 5, f"{member.name} has the leases")

    # One write of its own is older than the deletion by the others, which therefore wins.
    lonely.set_access_points()
    eventually(lambda: not lonely.links(), "it is away")
    assert ended.stop() == 0
    lonely.put("config/00", "changed before it was deleted")
    for index in DELETED:
        hub.ok("delete", f"config/{index:02}")
    hub.put("config/deleted-and-written-again", "1")
    hub.ok("delete", "config/deleted-and-written-again")
    hub.put("config/deleted-and-written-again", "2")
    renew(owner, "renewed", "both")
    owner.delete("login/owner/deleted")
    owner.delete("login/owner/both")
    renew(owner, "both", value=b"after the deletion")
    # What the others have of this one lasts longer than its last renewal, and must not come back when that is over.
    renew(owner, "shortened", milliseconds=SHORT_LEASE_MILLISECONDS)
    eventually(lambda: hub.entries("login/")["login/owner/shortened"] == "renewed", "the hub has the last renewal")
    left = {"login/owner/renewed": "renewed", "login/owner/both": "after the deletion"}
    eventually(lambda: has_leases(hub, left), "the hub has the leases that are left")
    lonely.put("config/01", "changed after it was deleted")
    lonely.put("config/away", "written away")
    lonely.ok("delete", f"config/{LAST}")
    assert lonely.get("config/02") == "before" and len(lonely.entries("login/")) >= 4, "it knows of nothing"

    stay_away(owner, seconds)
    ended.start()
    lonely.set_access_points(hub.url)
    for member in (lonely, ended):
        member.wait_linked(hub)
    wait_equal(members, "config/")
    kept = {f"config/{index:02}": "before" for index in range(len(DELETED), LAST)}
    own = {"config/01": "changed after it was deleted", "config/away": "written away"}
    assert hub.entries("config/") == {**kept, **own, "config/deleted-and-written-again": "2"}
    if seconds * 1000 > LEASE_MILLISECONDS:
        del left["login/owner/both"]
    for member in members:
        eventually(lambda: has_leases(member, left), f"{member.name} has the leases that are left")
        assert member.json("check")["damaged"] == 0
    wait_same_fingerprint(members)
    tombstones = members[0].status()["tombstones"]
    assert tombstones >= len(DELETED) and all(member.status()["tombstones"] == tombstones for member in members)
