# Members change to another version of the program one after the other, on their directories, and back. What members of
# two versions do with each other besides is shown by the ordinary tests, whose members run both in turn.
import pytest

from agents import PROGRAM, PROGRAMS, wait_equal
from needs import needs
from waiting import eventually

AUDIT_COUNT = 60
SETTINGS = {"updateIntervalSeconds": 60, "reconcileIntervalSeconds": 1}

pytestmark = pytest.mark.versions


@pytest.mark.parametrize("order", [[0, 1, 0], [1, 0, 1]], ids=["other-between", "this-between"])
def test_a_directory_goes_to_another_version_and_back(cluster, order):
    needs(len(PROGRAMS) == 2, "only one version is given: say make versions OTHER=/path/of/another/fastx-agent")
    members = cluster.star(2, program=PROGRAMS[order[0]])
    near, far = members
    ids = [member.server_id for member in members]
    expected = {}
    for turn, number in enumerate(order):
        for member in members:
            keys = near.ok("key", "list")
            member.stop()
            member.program = PROGRAMS[number]
            member.start()
            far.wait_linked(near)
            assert near.ok("key", "list") == keys
            wait_equal(members, "config/")
            assert near.entries("config/") == expected
            expected |= {f"config/{turn}/{member.name}/{index:04}": "1" for index in range(500)}
            expected["config/last"] = f"{turn} {member.name}"
            member.load(expected)
            wait_equal(members, "config/")
        near.ok("key", "new")
    assert [member.status()["serverId"] for member in members] == ids


def audit_between(cluster, members, secret, knows, other):
    """Two members that know audit entries, with links to each other and to one that does not know them; all full."""
    hub = cluster.agent(program=other, settings=SETTINGS).start()
    near = cluster.agent(hub, program=knows, settings=SETTINGS).start()
    far = cluster.agent(hub, near, program=knows, settings=SETTINGS).start()
    far.wait_linked(hub, near)
    near.wait_linked(hub)
    writer = members(secret)
    link = writer.dial(near.address)
    for index in range(AUDIT_COUNT):
        writer.put(f"audit/python/live-{index}", b"1")
        writer.add(f"audit/python/late-{index}", b"1")
    writer.reconcile(link)
    return hub, near, far


def test_a_version_that_does_not_know_audit_entries_holds_up_nothing_else(cluster, members, secret):
    needs(len(PROGRAMS) == 2, "only one version is given: say make versions OTHER=/path/of/another/fastx-agent")
    [other] = [program for program in PROGRAMS if program != PROGRAM]
    hub, near, far = audit_between(cluster, members, secret, PROGRAM, other)
    eventually(lambda: len(far.entries("audit/")) == 2 * AUDIT_COUNT, "they come by the link of the two")
    knows = hub.run("list", "audit/").out != ""
    for member in (hub, near, far):
        member.load({f"config/{member.name}/{index}": "1" for index in range(100)})
    wait_equal([hub, near, far], "config/")
    if knows:
        return wait_equal([hub, near, far], "audit/")
    for member in (near, far):
        def still(member=member):
            [link] = [link for link in member.links() if link["serverId"] == hub.server_id]
            assert link["leftOutKeys"] == 0 and link["refusedEntries"] == 0, link
            assert link["lastReconciliation"]["differences"] == 0, link
            return link

        eventually(still, "rounds with it find nothing")
        member.put(f"config/{member.name}/live", "1")
    wait_equal([hub, near, far], "config/")
    assert not hub.logged("refused") and not near.logged("refused") and not far.logged("refused")


def test_a_directory_with_audit_entries_goes_to_a_version_that_does_not_know_them_and_back(cluster, members, secret):
    needs(len(PROGRAMS) == 2, "only one version is given: say make versions OTHER=/path/of/another/fastx-agent")
    [other] = [program for program in PROGRAMS if program != PROGRAM]
    hub, near, far = audit_between(cluster, members, secret, PROGRAM, PROGRAM)
    eventually(lambda: len(hub.entries("audit/")) == 2 * AUDIT_COUNT, "all have them")
    expected = wait_equal([hub, near, far], "audit/")
    hub.stop()
    hub.program = other
    hub.start()
    hub.wait_linked(near, far)
    for member in (hub, near, far):
        member.load({f"config/{member.name}/{index}": "1" for index in range(100)})
    wait_equal([hub, near, far], "config/")
    hub.stop()
    hub.program = PROGRAM
    hub.start()
    hub.wait_linked(near, far)
    hub.put("config/back", "1")
    wait_equal([hub, near, far], "config/")
    assert wait_equal([hub, near, far], "audit/") == expected
