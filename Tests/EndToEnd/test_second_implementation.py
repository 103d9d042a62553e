# The agent against a second implementation of the protocol, which was written from docs/protocol.md alone.
import json

import pytest

from second_implementation.connection import Refused
from second_implementation.messages import encode
from tokens import read_secret
from waiting import eventually

OTHER_SECRET = bytes(range(32))
NOT_SERVED = b"another certificate"


@pytest.fixture
def quiet_agent(cluster):
    """A member that begins no rounds and renews its own entry as rarely as possible."""
    return cluster.agent(settings={"updateIntervalSeconds": 60, "reconcileIntervalSeconds": 3600}).start()


def settled_link(member, agent):
    """A link after its first rounds, and after the agent has told in its own entry of this link."""
    link = member.dial(agent.address)
    assert link.phase == "open", link.end
    own_entry = f"server/{agent.server_id}"
    member.wait(lambda: any(
        peer["serverId"] == member.server_id for peer in json.loads(member.get(own_entry) or "{}").get("links", [])))
    member.wait(lambda: link.rounds.done and not link.rounds.current)
    round = member.reconcile(link)
    assert round.equal
    return link


def load(agent, entries):
    lines = "".join(json.dumps({"key": key, "value": value}) + "\n" for key, value in entries.items())
    agent.ok("load", "-", stdin=lines)


def keys_of(member, items):
    entries = member.map.by_item_id()
    return sorted(entries[item].key.decode() for item in items)


def last_reconciliation(agent):
    [link] = agent.links()
    return link["lastReconciliation"]


def comparison_bytes(round):
    """What `status` counts: every message of a round but the entries."""
    return sum(size for name, size in round.bytes.items() if name != "entries")


# Handshake.


def test_a_member_with_the_right_key_is_let_in_and_both_prove_the_key(agent, members, secret):
    member = members(secret)
    link = member.dial(agent.address)
    assert link.phase == "open", link.end
    assert link.peer.server_id.decode() == agent.server_id
    assert link.proven == {member.keys[0].id}
    member.wait(lambda: link.pongs)
    [seen] = agent.links()
    assert (seen["serverId"], seen["direction"], seen["keys"]) == ("python", "in", [member.keys[0].id.hex()])
    member.call(link.close, "shutdown")
    eventually(lambda: not agent.links(), "the agent has no link")


def test_a_member_with_another_key_is_refused_with_the_reason(agent, members):
    member = members(OTHER_SECRET)
    with pytest.raises(Refused) as refused:
        member.dial(agent.address)
    assert refused.value.status == 401
    assert refused.value.problem["reason"] == "no-common-key"
    assert refused.value.problem["serverId"] == agent.server_id
    assert member.keys[0].id.hex() in refused.value.problem["detail"]


def test_a_token_for_another_certificate_is_refused(agent, members, secret):
    with pytest.raises(Refused) as refused:
        members(secret).dial(agent.address, token_certificate=NOT_SERVED)
    assert (refused.value.status, refused.value.problem["reason"]) == (403, "certificate-mismatch")


def test_a_proof_with_another_certificate_is_refused(agent, members, secret):
    link = members(secret).dial(agent.address, proof_certificate=NOT_SERVED)
    assert link.end[0] == "certificate-mismatch", link.end
    eventually(lambda: not agent.links(), "the agent has no link")


def test_a_removed_key_ends_the_link_within_five_seconds(agent, members, secret):
    member = members(secret)
    link = member.dial(agent.address)
    agent.ok("key", "remove", member.keys[0].id.hex())
    member.wait(lambda: link.end, within=5)
    assert link.end[0] == "no-common-key", link.end
    assert [message.name for message in link.received].count("challenge") == 1


def test_a_link_outlives_the_removal_of_a_key_while_another_one_is_proven(cluster, agent, members, secret):
    second = cluster.new_key_file("second")
    agent.ok("key", "add", second)
    member = members(secret, read_secret(second))
    link = member.dial(agent.address)
    first_id, second_id = (key.id for key in member.keys)
    assert link.proven == {first_id, second_id}
    agent.ok("key", "remove", first_id.hex())
    member.wait(lambda: link.proven == {second_id})
    agent.put("config/after", "removal")
    member.wait(lambda: member.get("config/after") == b"removal")
    assert [seen["keys"] for seen in agent.links()] == [[second_id.hex()]]


# Rounds that the second implementation begins.


def test_equal_maps_cost_two_summaries(quiet_agent, members, secret):
    member = members(secret)
    link = settled_link(member, quiet_agent)
    round = member.reconcile(link)
    assert round.equal and round.bytes == {"summary": 60}
    assert last_reconciliation(quiet_agent)["bytes"] == 60


def test_one_difference_each_way_is_found_and_costs_few_bytes(quiet_agent, members, secret):
    member = members(secret)
    link = settled_link(member, quiet_agent)
    quiet_agent.put("data/theirs", "a")
    member.wait(lambda: member.get("data/theirs"))
    theirs = member.call(member.map.entries.pop, b"data/theirs")
    ours = member.add("data/ours", b"b")
    round = member.reconcile(link)
    assert (round.remote_only, round.local_only) == ([theirs.item_id], [ours.item_id])
    assert member.get("data/theirs") == b"a"
    eventually(lambda: quiet_agent.get("data/ours") == "b", "the agent has the entry")
    assert set(round.bytes) == {"summary", "symbols", "want", "entries", "round_end"} and round.bytes.total() <= 460
    seen = eventually(
        lambda: (last := last_reconciliation(quiet_agent))["differences"] == 2 and last, "the agent has seen the round")
    assert not seen["stream"]
    assert seen["bytes"] == comparison_bytes(round), (seen, round.bytes)
    assert member.reconcile(link).equal


def test_300_differences_among_2000_common_entries_are_found(quiet_agent, members, secret):
    common = {f"data/common/{number}": f"value {number}" for number in range(2000)}
    theirs = {f"data/theirs/{number}": f"value {number}" for number in range(150)}
    load(quiet_agent, {**common, **theirs})
    member = members(secret)
    link = settled_link(member, quiet_agent)
    for key in theirs:
        member.call(member.map.entries.pop, key.encode())
    ours = sorted(member.add(f"data/ours/{number}").key.decode() for number in range(150))
    round = member.reconcile(link)
    assert keys_of(member, round.remote_only) == sorted(theirs)
    assert keys_of(member, round.local_only) == ours
    assert not round.streamed and len(round.symbols) > 300
    eventually(lambda: quiet_agent.ok("list", "data/ours/").split() == ours, "the agent has all entries")
    assert member.reconcile(link).equal


def test_fresh_symbols_serve_where_the_frozen_ones_do_not_suffice(quiet_agent, members, secret):
    load(quiet_agent, {f"data/common/{number}": "" for number in range(4000)})
    member = members(secret)
    link = settled_link(member, quiet_agent)
    for number in range(1000):
        member.call(member.map.entries.pop, f"data/common/{number}".encode())
    round = member.reconcile(link)
    assert round.fresh and len(round.symbols) > 1024
    assert len(round.remote_only) == 1000 and not round.local_only
    assert member.reconcile(link).equal


def test_an_empty_member_gets_the_map_as_a_stream_and_the_agent_keeps_to_the_credit(quiet_agent, members, secret):
    entries = {f"data/{number:04}": "x" * 500 for number in range(2000)}
    load(quiet_agent, entries)
    member = members(secret, window=1 << 16)
    link = member.dial(quiet_agent.address)
    member.wait(lambda: len(link.rounds.done) == 2)
    streamed, after = link.rounds.done
    assert streamed.streamed and not after.streamed
    assert sum(key.startswith(b"data/") for key in member.map.entries) == len(entries)
    parts = [message for message in link.received if message.name == "entries" and message.purpose in (2, 3)]
    assert len(parts) > 2 and parts[-1].purpose == 3 and not parts[-1].position
    positions = [part.position for part in parts[:-1]]
    assert positions == sorted(positions) and not member.positions
    assert link.phase == "open"


def test_the_agent_takes_a_stream_that_is_offered(quiet_agent, members, secret):
    member = members(secret, begins_rounds=False)
    link = member.dial(quiet_agent.address)
    for number in range(131_100):
        member.map.write(member.origin, b"data/%d" % number)
    round = member.call(link.rounds.begin)
    member.wait(lambda: round.over, within=30)
    assert round.streamed and not link.end
    member.wait(lambda: link.rounds.done[-1].number > round.number and not link.rounds.current)
    assert link.rounds.done[1].equal or member.reconcile(link).equal
    assert quiet_agent.status()["entries"] == len(member.map.entries) > 131_100


# Live changes and extensions.


def test_live_changes_go_both_ways(quiet_agent, members, secret):
    member = members(secret)
    link = settled_link(member, quiet_agent)
    rounds = len(link.rounds.done)
    quiet_agent.put("config/theirs", "a")
    member.wait(lambda: member.get("config/theirs") == b"a")
    member.put("config/ours", b"b")
    eventually(lambda: quiet_agent.get("config/ours") == "b", "the agent has the entry")
    member.put("config/theirs", b"c")
    eventually(lambda: quiet_agent.get("config/theirs") == "c", "the agent has the newer entry")
    quiet_agent.ok("delete", "config/ours")
    member.wait(lambda: member.get("config/ours") is None)
    assert len(link.rounds.done) == rounds


@pytest.mark.parametrize("message", [
    b"\xc8what a later version may send", b"\x80", encode("ping", token=1) + b"a later field"])
def test_what_a_later_version_may_add_is_ignored(agent, members, secret, message):
    member = members(secret)
    link = member.dial(agent.address)
    member.call(link.send_encoded, message)
    agent.put("config/after", "it")
    member.wait(lambda: member.get("config/after") == b"it")
    pongs = link.pongs
    member.call(link.send_ping)
    member.wait(lambda: link.pongs > pongs)
    assert link.phase == "open"


def test_a_message_that_must_be_understood_ends_the_link(agent, members, secret):
    member = members(secret)
    link = member.dial(agent.address)
    member.call(link.send_encoded, b"\x64")
    member.wait(lambda: link.end)
    assert link.end[0] == "protocol-error" and link.end[2] == "peer", link.end


# Rounds that the agent begins.


def test_an_agent_that_dials_gives_its_map_to_an_empty_acceptor_and_heeds_a_nudge(cluster, members, secret):
    member = members(secret)
    agent = cluster.agent(settings={"updateIntervalSeconds": 60, "reconcileIntervalSeconds": 3600}).start()
    # Before there is a link: a change that is sent over one leaves nothing to compare.
    agent.put("config/theirs", "a")
    agent.set_access_points(member.listen())
    member.wait(lambda: member.links and member.links[0].phase == "open")
    [link] = member.links
    member.wait(lambda: member.get("config/theirs") == b"a")
    assert agent.linked_ids() == {"python"}
    member.wait(lambda: len(link.rounds.done) >= 2 and link.rounds.done[-1].equal)
    assert link.rounds.done[0].streamed

    member.call(member.map.entries.pop, b"config/theirs")
    ours = [member.add(f"data/ours/{number}").key.decode() for number in range(40)]
    rounds = len(link.rounds.done)
    member.call(link.send, "nudge")
    member.wait(lambda: len(link.rounds.done) > rounds)
    assert member.get("config/theirs") == b"a"
    assert set(ours) <= set(agent.ok("list", "data/").split())
    round = link.rounds.done[-1]
    assert not round.streamed and keys_of(member, round.local_only) == sorted(ours)
    seen = last_reconciliation(agent)
    assert (seen["differences"], seen["bytes"]) == (41, comparison_bytes(round)), (seen, round.bytes)
    member.call(link.send, "nudge")
    member.wait(lambda: link.rounds.done[-1].equal)


def test_an_agent_does_not_open_a_link_to_an_acceptor_with_another_key(cluster, members):
    member = members(OTHER_SECRET)
    agent = cluster.agent(member.listen()).start()
    eventually(lambda: "401" in agent.last_error(), "the agent is refused")
    assert not member.links and not agent.links()
