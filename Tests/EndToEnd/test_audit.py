# Audit entries: at every full member for 400 days, at no host with a gateway key alone, unknown to earlier versions.
# The second implementation writes them, as commands write no leases.
import json
import secrets

import pytest

from agents import wait_equal
from second_implementation.entries import AUDIT_MILLISECONDS
from second_implementation.link import KNOWS_AUDIT, Link
from second_implementation.member import Member
from tokens import read_secret
from waiting import eventually

SETTINGS = {"updateIntervalSeconds": 60, "reconcileIntervalSeconds": 1}
SEVERAL = 40


class EarlierLink(Link):
    """Does not say that it knows audit entries."""

    def send(self, message, **values):
        if message == "hello":
            values["flags"] &= ~KNOWS_AUDIT
        return super().send(message, **values)


class EarlierMember(Member):
    link_class = EarlierLink


def write_audit(member, link):
    """Audit entries as live changes, and as many that only a round can find."""
    for index in range(SEVERAL):
        member.put(f"audit/python/live-{index:02}", b"live")
        member.add(f"audit/python/late-{index:02}", b"late")
    member.reconcile(link)


def has_all(agent):
    return len(agent.entries("audit/")) == 2 * SEVERAL


def quiet_rounds(agent, peer):
    """Waits until a round between two agents has found nothing, and tells what is left out then."""
    def equal():
        [link] = [link for link in agent.links() if link["serverId"] == peer.server_id]
        assert link["lastReconciliation"]["differences"] == 0 and not link["lastReconciliation"]["stream"], link
        return link

    return eventually(equal, f"rounds of {agent.name} and {peer.name} find nothing")


@pytest.fixture
def full_and_gateway(cluster):
    """Two full members and a gateway, each linked to both others."""
    key = {"secret": secrets.token_hex(32), "scope": "gateway"}
    full = [{"secret": read_secret(cluster.key_file).hex()}, key]
    near = cluster.agent(settings=SETTINGS)
    far = cluster.agent(near, settings=SETTINGS)
    gate = cluster.agent(near, far, settings=SETTINGS)
    for agent, keys in ((near, full), (far, full), (gate, [key])):
        agent.edit("cluster.json", lambda content, keys=keys: content.update(keys=keys))
    cluster.start([near, far, gate])
    gate.wait_linked(near, far)
    far.wait_linked(near)
    return near, far, gate


def test_every_full_member_has_them_and_a_gateway_has_none(full_and_gateway, members, secret):
    near, far, gate = full_and_gateway
    member = members(secret)
    write_audit(member, member.dial(near.address))
    near.load({f"config/{index}": "1" for index in range(SEVERAL)})
    eventually(lambda: has_all(near) and has_all(far), "all full members have them")
    wait_equal([near, far], "audit/")
    wait_equal([near, far, gate], "config/")
    assert far.get("audit/python/live-07") == "live"
    shown = far.json("get", "audit/python/late-00")
    assert shown["key"] == "audit/python/late-00", shown
    for agent in (near, far):
        link = quiet_rounds(gate, agent)
        assert link["leftOutKeys"] == 0 and link["refusedEntries"] == 0, link
    assert gate.entries("audit/") == {} and not gate.logged(r"refused \d+ entries")


def test_an_owner_that_starts_again_withdraws_nothing_and_a_new_member_gets_all(full_and_gateway, members, secret):
    near, far, gate = full_and_gateway
    # Written in the name of an agent, as by an earlier run of it.
    member = members(secret)
    link = member.dial(near.address)
    names = [f"audit/{near.server_id}/{index}" for index in range(SEVERAL)]
    for name in names:
        member.put(name, json.dumps({"of": name}).encode())
    eventually(lambda: set(far.entries("audit/")) == set(names), "they are everywhere")
    member.call(link.close, "shutdown")
    near.stop()
    near.start()
    near.wait_linked(far)
    near.put("config/after", "1")
    wait_equal([near, far], "audit/")
    assert set(near.entries("audit/")) == set(names)
    new = members(secret, server_id="new")
    link = new.dial(near.address)
    new.wait(lambda: link.rounds.done and not link.rounds.current)
    assert all(new.get(name) is not None for name in names)
    assert new.reconcile(link).equal
    entry = new.map.entries[names[0].encode()]
    assert entry.expiry == (entry.clock >> 16) + AUDIT_MILLISECONDS


def test_a_member_of_an_earlier_version_is_spared_them(cluster, members, secret):
    near = cluster.agent(settings=SETTINGS).start()
    far = cluster.agent(near, settings=SETTINGS).start()
    far.wait_linked(near)
    member = members(secret)
    write_audit(member, member.dial(near.address))
    near.put("config/first", "1")
    eventually(lambda: has_all(near) and has_all(far), "both have them")
    earlier = EarlierMember(secret, server_id="earlier")
    try:
        link = earlier.dial(near.address)
        earlier.wait(lambda: earlier.get("config/first") == b"1")
        near.put("config/second", "2")
        member.put("audit/python/last", b"last")
        earlier.wait(lambda: earlier.get("config/second") == b"2")
        assert earlier.reconcile(link).equal
        assert not any(entry.is_audit for entry in earlier.map.entries.values())
        [seen] = [seen for seen in near.links() if seen["serverId"] == "earlier"]
        assert seen["leftOutKeys"] == 0 and seen["refusedEntries"] == 0, seen
    finally:
        earlier.close()
