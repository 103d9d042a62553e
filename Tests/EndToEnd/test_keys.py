# Cluster keys: who is let in, who is not, and how a key is replaced.
import time

from agents import Agent, wait_equal
from test_crashes import Writer, entries
from tokens import new_gateway_key
from waiting import eventually

REMOVAL_SECONDS = 5


def key_ids(agent):
    return [key["id"] for key in agent.json("key", "list")]


def test_a_member_with_another_key_is_refused_with_the_reason_at_both_ends(cluster):
    target = cluster.agent().start()
    stranger = cluster.agent(target, key_file=cluster.new_key_file("other")).start()
    eventually(lambda: "no common key" in stranger.last_error(), "the reason is in the status", within=5)
    [theirs], [ours] = key_ids(stranger), key_ids(target)
    error = stranger.last_error()
    assert theirs in error and ours in error, error
    for member in (stranger, target):
        line = member.wait_logged("no common key", within=5)[0]
        assert theirs in line and ours in line and "warning" in line, line
    assert not stranger.links() and not target.links()
    target.put("config/x", "1")
    assert stranger.get("config/x") is None
    # The mend: the right key makes the link without a restart and without a wait for the next try.
    stranger.ok("key", "add", cluster.key_file)
    stranger.wait_linked(target, within=5)
    eventually(lambda: stranger.get("config/x") == "1", "the map arrives")


def test_a_refused_member_does_not_flood_the_log_of_the_other(cluster):
    target = cluster.agent().start()
    stranger = cluster.agent(target, key_file=cluster.new_key_file("other")).start()
    eventually(lambda: "no common key" in stranger.last_error(), "the link is refused")
    # Six waits of the backoff: 0.25 s, 0.5 s, 1 s, 2 s.
    eventually(lambda: time.time() - target.log_path.stat().st_mtime > 1.5, "the tries become rare")
    assert len(stranger.logged("no common key")) == 1, stranger.log()


def test_a_member_without_a_key_says_how_to_make_one(cluster):
    target = cluster.agent().start()
    member = Agent(cluster.directory / "keyless", [target.url])
    cluster.agents.append(member)
    member.start()
    eventually(lambda: "no common key" in member.last_error() and "key new" in member.last_error(), "the way out is named")
    assert "warning" in " ".join(member.logged("key")), member.log()


def test_a_removed_key_ends_its_links_within_five_seconds(cluster):
    hub, other, third = members = cluster.star(3)
    hub.wait_linked(other, third)
    [old] = key_ids(other)
    second = cluster.new_key_file("second")
    for member in (hub, third):
        member.ok("key", "add", second)
    began = time.monotonic()
    for member in (hub, third):
        member.ok("key", "remove", old)
    eventually(lambda: not other.links(), "the link without a common key is down", within=REMOVAL_SECONDS)
    assert time.monotonic() - began < REMOVAL_SECONDS
    for member, peer in ((hub, other), (other, hub)):
        [line] = member.wait_logged(f"link down: {peer.server_id}")
        assert "no common key" in line, line
    assert hub.linked_ids() == {third.server_id}
    assert not third.logged("link down")
    hub.put("config/after", "1")
    eventually(lambda: third.get("config/after") == "1", "the others go on")
    assert other.get("config/after") is None


def test_removing_the_only_key_ends_all_links(cluster):
    first, second = cluster.chain(2)
    second.wait_linked(first)
    [only] = key_ids(first)
    first.ok("key", "remove", only)
    eventually(lambda: not first.links() and not second.links(), "the link is down", within=REMOVAL_SECONDS)


def test_a_key_is_replaced_member_by_member_and_nothing_is_interrupted(cluster):
    members = cluster.mesh(3)
    first, second, third = members
    for member in members:
        member.wait_linked(*(other for other in members if other is not member))
    marks = {member: member.mark() for member in members}
    writers = [Writer(member, f"config/{member.name}") for member in members]
    for writer in writers:
        writer.start()

    [old] = key_ids(first)
    first.ok("key", "new", "--name", "next")
    [new] = set(key_ids(first)) - {old}
    exported = cluster.directory / "new.key"
    first.ok("key", "export", new, "--to", exported)
    for member in (second, third):
        member.ok("key", "add", exported)

    def proven_everywhere():
        return all(new in link["keys"] for member in members for link in member.links())

    eventually(proven_everywhere, "every link proves the new key", within=5)
    for member in members:
        member.ok("key", "remove", old)

    def proven_by_new_alone():
        return all(link["keys"] == [new] for member in members for link in member.links())

    eventually(proven_by_new_alone, "every link proves the new key alone", within=5)
    acknowledged = {}
    for writer in writers:
        acknowledged.update(writer.stop())
        assert not writer.failures, writer.failures[:3]
    assert len(acknowledged) > 20
    assert acknowledged.items() <= entries(wait_equal(members, "config/")).items()
    for member in members:
        assert not member.logged("link down|no link", since=marks[member]), member.log(marks[member])
        assert len(member.links()) == 2


def test_keys_are_listed_by_id_and_never_by_secret(cluster):
    member = cluster.agent()
    secret = cluster.key_file.read_text().strip()
    member.ok("key", "new", "--gateway", "--name", "for the gateway")
    assert [(key["scope"], key["name"]) for key in member.json("key", "list")] == [
        ("full", None), ("gateway", "for the gateway")]
    listed = member.ok("key", "list") + member.ok("key", "list", "--json")
    assert secret not in listed
    assert member.ok("key", "export", key_ids(member)[0]).strip() == secret
    assert member.run("key", "remove", "0000000000000000").status == 1
    assert member.run("key", "add", cluster.key_file).status == 1


# Gateways.


def gateway_agent_of(cluster, target, scope_at_gateway):
    """A member that has nothing but the target's gateway key."""
    path = cluster.directory / "gateway.key"
    path.write_text(new_gateway_key(target) + "\n")
    gateway = Agent(cluster.directory / "gateway", [target.url])
    cluster.agents.append(gateway)
    gateway.ok("key", "add", path, *(["--gateway"] if scope_at_gateway == "gateway" else []))
    gateway.start()
    gateway.wait_linked(target)
    return gateway


def test_a_gateway_takes_everything_and_gives_its_own_entries_only(cluster):
    first, second = cluster.chain(2)
    first.put("config/script", "the cluster's")
    gateway = gateway_agent_of(cluster, first, "gateway")
    eventually(lambda: gateway.get("config/script") == "the cluster's", "the gateway has the configuration")
    for member in (first, second):
        eventually(lambda: member.get(f"server/{gateway.server_id}"), "the gateway's server entry arrives")
    eventually(lambda: gateway.get(f"server/{second.server_id}"), "the gateway has the others' server entries")
    [link] = [link for link in first.links() if link["serverId"] == gateway.server_id]
    assert link["gatewayScoped"] is True

    # Its administrator is told, at once or in the log, that what is written here goes nowhere.
    answer = gateway.run("put", "config/from-gateway", "1")
    told = answer.err if answer.status else "\n".join(gateway.wait_logged("config/from-gateway|gateway key"))
    assert "gateway" in told, told
    first.put("config/last", "1")
    eventually(lambda: second.get("config/last") == "1", "the cluster goes on")
    assert first.get("config/from-gateway") is None and second.get("config/from-gateway") is None


def test_two_gateways_that_have_one_key_alone_are_named_until_each_has_its_own(cluster):
    target = cluster.agent().start()
    gateway = gateway_agent_of(cluster, target, "gateway")
    assert not target.status()["sharedGatewayKeys"]
    other = Agent(cluster.directory / "other", [target.url])
    cluster.agents.append(other)
    other.ok("key", "add", cluster.directory / "gateway.key", "--gateway")
    other.start()
    gateways = sorted([gateway.server_id, other.server_id])
    for member in (target, gateway, other):
        [line] = member.wait_logged("gateway key")
        assert f"the gateways {' and '.join(gateways)} have the gateway key" in line, line
        [shared] = member.status()["sharedGatewayKeys"]
        assert shared["serverIds"] == gateways, shared
        assert "gateway key  SHARED: the gateways" in member.ok("status")
    path = cluster.directory / "own.key"
    path.write_text(new_gateway_key(target) + "\n")
    other.ok("key", "add", path, "--gateway")
    other.ok("key", "remove", shared["key"])
    eventually(lambda: not target.status()["sharedGatewayKeys"], "each has its own")


def test_a_gateway_that_was_broken_into_can_change_nothing_but_its_own_entries(cluster):
    """Its own configuration says that the key is a full one, so it sends whatever it likes."""
    first, second = cluster.chain(2)
    first.put("config/script", "the cluster's")
    gateway = gateway_agent_of(cluster, first, "full")
    eventually(lambda: gateway.get("config/script") == "the cluster's", "the gateway has the configuration")
    gateway.put("config/script", "evil")
    gateway.put("config/more", "evil")
    gateway.run("delete", "config/script")
    [line, *_] = first.wait_logged(f"refused .* entr.* from {gateway.server_id}.*does not allow it")
    assert "config/" in line
    [line, *_] = gateway.wait_logged(f"{first.server_id} refused .* entr.*does not allow it")
    assert "config/" in line
    eventually(lambda: first.get(f"server/{gateway.server_id}"), "its server entry arrives all the same")
    assert first.get("config/script") == "the cluster's" and first.get("config/more") is None
    eventually(lambda: second.get("config/script") == "the cluster's", "the second member has what the first holds")
    assert second.get("config/more") is None
    first.put("config/still", "works")
    eventually(lambda: gateway.get("config/still") == "works", "the link stays")
    [link] = [link for link in first.links() if link["serverId"] == gateway.server_id]
    assert link["refusedEntries"] >= 1
