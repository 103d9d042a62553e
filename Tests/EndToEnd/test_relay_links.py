# The links of external members, without users: what is told of them, and how those that hang are found.
import pytest

from proxy import DOWN, UP, Proxy
from relay import is_open, make_external, relay_link, wait_relay_linked
from test_stopped import stopped
from waiting import eventually

pytestmark = pytest.mark.slow

BACK_SECONDS, FOUND_SECONDS = 30, 30


@pytest.fixture
def linked(cluster):
    """Makes external members, and one inside that names their lines as access points."""
    def make(count, *, lines=Proxy):
        externals = [cluster.agent() for _ in range(count)]
        for external in externals:
            make_external(external)
        made = [lines(external.address) for external in externals]
        inside = cluster.agent(*(line.url for line in made))
        cluster.start([*externals, inside])
        for external in externals:
            wait_relay_linked(external, inside)
        closing.extend(made)
        return externals, made, inside

    closing = []
    yield make
    for proxy in closing:
        proxy.close()


@pytest.mark.cuts
@pytest.mark.timeout(150)
def test_links_that_hang_are_found_at_both_ends_and_come_back(linked):
    """Silence one way, the other way, of an external member that is stopped and of a member inside, all at once."""
    externals, lines, inside = linked(3)
    up, down, asleep = externals
    [awake], _, stopping = linked(1)
    marks = {member: member.mark() for member in (*externals, inside, awake)}
    lines[0].half(UP)
    lines[1].half(DOWN)
    with stopped(asleep), stopped(stopping):
        for external in externals:
            eventually(lambda: not is_open(inside, external), "the member inside finds it", FOUND_SECONDS, 0.5)
        for external, other in ((up, inside), (down, inside), (awake, stopping)):
            eventually(lambda: not is_open(external, other), "the external one finds it", FOUND_SECONDS, 0.5)
    for external, other in ((up, inside), (awake, stopping)):
        external.wait_logged(f"the link of {other.server_id} ended: nothing was heard of it for", since=marks[external])
    for external in (down, asleep):
        inside.wait_logged(
            f"the link to the external member {external.server_id} ended: nothing was heard", since=marks[inside])
    for line in lines:
        line.heal()
    for external in externals:
        wait_relay_linked(external, inside, within=60)
    wait_relay_linked(awake, stopping, within=BACK_SECONDS)


def test_links_and_members_are_told_at_both_ends(linked):
    [external], [line], inside = linked(1)
    eventually(lambda: relay_link(external, inside)["roundTripMilliseconds"], "the time of a heartbeat is known")
    for agent, other, direction in ((external, inside, "in"), (inside, external, "out")):
        link = relay_link(agent, other)
        assert (link["direction"], link["state"], link["lastError"]) == (direction, "open", None), link
        assert link["seconds"] >= 0 and link["carriedStreams"] == 0 and link["roundTripMilliseconds"] is not None
        assert [each for each in agent.json("links") if each["kind"] == "relay"] == [link | {"kind": "relay"}] or (
            relay_link(agent, other)["seconds"] != link["seconds"])
        [known] = [member for member in agent.json("members") if member["serverId"] == other.server_id]
        assert known["relay"]["state"] == "open"
        assert "relay" in agent.ok("links") and "ISOLATED" not in agent.ok("links")
        assert agent.status()["isolated"] is None
    assert external.status()["external"] and not inside.status()["external"]
    assert relay_link(inside, external)["upgradesBlocked"] is False
    line.cut()
    eventually(lambda: relay_link(external, inside)["lastError"], "the external one says why")
    eventually(lambda: relay_link(inside, external)["lastError"], "the member inside says why")
    assert relay_link(external, inside)["state"] == "closed"


def test_an_external_member_that_nobody_links_to_says_so(cluster):
    external = cluster.agent()
    make_external(external)
    external.start()
    assert "name it as an access point" in external.status()["isolated"]
    assert "ISOLATED: no member holds a link" in external.ok("links")
    assert external.status()["relayLinks"] == []
    inside = cluster.agent(external).start()
    wait_relay_linked(external, inside)
    eventually(lambda: external.status()["isolated"] is None, "it is not isolated any more")
    inside.stop()
    eventually(lambda: external.status()["isolated"], "it is isolated again")
