# A member of a later version among members of this one: they go on, and the maps become equal.
import pytest

from agents import wait_equal, wait_same_fingerprint
from second_implementation.later import UNKNOWN_MESSAGES, LaterMember
from waiting import eventually

pytestmark = pytest.mark.cuts

SETTINGS = {"updateIntervalSeconds": 60, "reconcileIntervalSeconds": 3600}


@pytest.fixture
def later(secret):
    member = LaterMember(secret, server_id="later")
    yield member
    member.close()


def config_of(member):
    """The values below config/ at a member of the second implementation."""
    entries = list(member.map.entries.values())
    return {e.key.decode(): e.value.decode() for e in entries if e.key.startswith(b"config/") and e.kind == 0}


def exchange(agents, later, link):
    """Live changes, rounds and a key that is proven again, each both ways."""
    near, far = agents
    for index in range(300):
        later.add(f"config/later/{index:03}", b"unknown to the others until a round")
    near.load({f"config/near/{index:03}": "1" for index in range(300)})
    later.put("config/contested", b"older")
    eventually(lambda: far.get("config/contested") == "older", "its change is passed on")
    far.put("config/contested", "newer")
    later.put("config/deleted", b"1")
    eventually(lambda: far.get("config/deleted") == "1", "its change is passed on")
    far.ok("delete", "config/deleted")
    later.wait(lambda: later.get("config/contested") == b"newer" and later.get("config/deleted") is None)
    near.ok("key", "new")
    later.wait(lambda: any(message.name == "challenge" for message in link.received))
    if link.dialled:
        later.reconcile(link)
    else:
        rounds = len(link.rounds.done)
        later.call(link.send, "nudge")
        later.wait(lambda: len(link.rounds.done) > rounds)
    pongs = link.pongs
    later.call(link.send_ping)
    later.wait(lambda: link.pongs > pongs)


@pytest.mark.parametrize("dials", [True, False], ids=["dialling", "dialled"])
def test_what_a_later_version_adds_to_its_messages_disturbs_nobody(cluster, later, dials):
    if dials:
        near = cluster.agent(settings=SETTINGS).start()
        near.put("config/first", "1")
        link = later.dial(near.address)
    else:
        near = cluster.agent(later.listen(), settings=SETTINGS).start()
        near.put("config/first", "1")
        later.wait(lambda: later.links and later.links[0].phase == "open")
        [link] = later.links
    assert link.phase == "open", link.end
    far = cluster.agent(near, settings=SETTINGS).start()
    far.wait_linked(near)
    later.wait(lambda: later.get("config/first") == b"1")
    exchange((near, far), later, link)
    assert link.unknown_count > 5 * len(UNKNOWN_MESSAGES) and link.phase == "open", link.end
    wait_equal([near, far], "config/")
    expected = near.entries("config/")
    assert len(expected) == 602
    later.wait(lambda: config_of(later) == expected)
    wait_same_fingerprint([near, far])
    for agent in (near, far):
        assert not agent.logged("error") and not agent.logged("link down")
