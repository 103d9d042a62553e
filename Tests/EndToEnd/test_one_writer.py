# One writer of configuration: commands beside each other lose nothing, and what is refused changes nothing.
import json
import ssl
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from network import new_address
from waiting import eventually


def versions(agent):
    return dict(line.split() for line in agent.ok("config", "versions").splitlines())


def write(agent, name, content, *options):
    return agent.run("config", "write", name, "-", *options, stdin=json.dumps(content))


def content(agent, name):
    return json.loads(agent.path(name).read_text())


def serves(scheme, address):
    try:
        httpx.get("%s://%s:%d/" % (scheme, *address), verify=ssl._create_unverified_context(), timeout=5)
        return True
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("is_running", [True, False], ids=["with-an-agent", "without-one"])
def test_commands_at_the_same_time_lose_nothing(cluster, is_running):
    agent = cluster.agent()
    if is_running:
        agent.start()
    names = [f"key-{number}" for number in range(6)]
    commands = [("key", "new", "--name", name) for name in names]
    commands += [("debug", "on", topic) for topic in
                 ("cluster-communication", "cluster-external-connections", "cluster-database")]
    commands += [("place", "--no-logins"), ("place", "--no-sessions"), ("place", "--external")]
    with ThreadPoolExecutor(len(commands)) as pool:
        results = list(pool.map(lambda command: agent.run(*command, timeout=60), commands))
    assert all(result.status == 0 for result in results), results
    cluster_file, settings = content(agent, "cluster.json"), content(agent, "settings.json")
    assert {key["name"] for key in cluster_file["keys"] if "name" in key} == set(names)
    assert cluster_file["external"] and not settings["loginsEnabled"] and not settings["sessionsEnabled"]
    assert len(content(agent, "debug.json")["topics"]) == 3
    if is_running:
        assert len(agent.status()["keys"]) == len(cluster_file["keys"])
        agent.wait_logged(r"configuration changed: cluster.json: keys: 1 added \(fastx-agent key new\)")
    assert "no mistakes" in agent.ok("config", "check")


@pytest.mark.parametrize("is_running", [True, False], ids=["with-an-agent", "without-one"])
def test_a_change_of_what_somebody_else_has_changed_is_refused_and_says_so(cluster, is_running):
    agent = cluster.agent()
    if is_running:
        agent.start()
    before = versions(agent)["settings.json"]
    agent.ok("place", "--no-logins")
    refused = write(agent, "settings.json", {"sessionsEnabled": False}, "--expected", before)
    assert refused.status == 1, refused
    for word in ("config/settings.json", before, "somebody else has changed it", "nothing was written"):
        assert word in refused.err, refused
    assert content(agent, "settings.json")["sessionsEnabled"] is True
    now = versions(agent)["settings.json"]
    assert write(agent, "settings.json", {"sessionsEnabled": False}, "--expected", now).status == 0
    assert content(agent, "settings.json")["sessionsEnabled"] is False


def test_a_refused_change_leaves_file_and_agent_as_they_were(cluster):
    agent, other, donor = cluster.agent().start(), cluster.agent().start(), cluster.agent()
    before = agent.path("www.json").read_bytes()
    web = json.loads(before)
    agent.write("key-2.pem", donor.path("key.pem").read_text())
    process, status = agent.process, agent.status()
    for change, words in [
        ({"listen": "%s:%d" % other.address}, ["www.json: listen", "cannot be listened on"]),
        ({"plainListen": "127.0.0.1:%d" % other.address[1], "listen": "%s:%d" % other.address}, ["www.json"]),
        ({"key": "key-2.pem"}, ["key-2.pem", "is not the one"]),
        ({"key": "none.pem"}, ["none.pem"]),
        ({"limits": {"idleSeconds": 0}}, ["limits.idleSeconds: 0 is not allowed", "5 to 3600"]),
    ]:
        refused = write(agent, "www.json", {**web, **change})
        assert refused.status == 2, (change, refused)
        for word in words:
            assert word in refused.err, (word, refused)
        assert agent.path("www.json").read_bytes() == before
        assert serves("https", agent.address)
    assert agent.process is process and process.poll() is None
    now = agent.status()
    assert (now["listen"], now["certificateSHA256"]) == (status["listen"], status["certificateSHA256"])
    assert "configuration changed" not in agent.log()


def test_a_file_edited_by_hand_that_cannot_be_taken_up_changes_nothing_in_the_agent(cluster):
    agent, other = cluster.agent().start(), cluster.agent().start()
    agent.edit("www.json", lambda web: web.update(listen="%s:%d" % other.address))
    agent.wait_logged("configuration refused, the old one stays: .*www.json: listen.* cannot be listened on")
    assert serves("https", agent.address)
    assert agent.status()["listen"] == "%s:%d" % agent.address


def test_a_key_that_waits_for_the_next_start_says_so_where_it_is_changed(cluster):
    agent = cluster.agent().start()
    settings = content(agent, "settings.json")
    said = write(agent, "settings.json", {**settings, "storeMapGiB": 8, "updateIntervalSeconds": 7})
    assert said.status == 0, said
    line = "settings.json: storeMapGiB: 1024 -> 8; takes effect at the next start"
    assert line in said.out and "updateIntervalSeconds" not in said.out, said
    agent.wait_logged(f"configuration changed: {line}")
    agent.wait_logged(r"configuration changed: settings.json: updateIntervalSeconds: 30 -> 7 \(fastx-agent config write\)")


def test_a_listener_without_tls_comes_moves_and_goes_while_the_agent_runs(cluster):
    agent = cluster.agent().start()
    first, second = new_address(), new_address()
    first, second = ("127.0.0.1", first[1]), ("127.0.0.1", second[1])
    agent.edit("www.json", lambda web: web.update(plainListen="%s:%d" % first))
    eventually(lambda: serves("http", first), "it listens")
    agent.edit("www.json", lambda web: web.update(plainListen="%s:%d" % second))
    eventually(lambda: serves("http", second) and not serves("http", first), "it has moved")
    agent.edit("www.json", lambda web: web.pop("plainListen"))
    eventually(lambda: not serves("http", second), "it is closed")
    assert serves("https", agent.address)


def test_limits_of_the_listener_hold_for_the_next_connection(cluster):
    agent = cluster.agent().start()
    # More than the new limit, less than the old one.
    request = {"x-long": "x" * 10_000}

    def answer():
        url = "https://%s:%d/" % agent.address
        try:
            return httpx.get(url, headers=request, verify=ssl._create_unverified_context(), timeout=5).status_code
        except httpx.TransportError:
            return None

    before = answer()
    assert before is not None
    agent.edit("www.json", lambda web: web.setdefault("limits", {}).update(headerKiB=4))
    eventually(lambda: answer() != before, "the header is too long by now")


def test_a_change_made_while_the_agent_starts_is_not_lost(cluster):
    agent = cluster.agent()
    agent.spawn()
    assert agent.run("place", "--no-logins").status == 0
    eventually(lambda: agent.run("status").status == 0, "it serves")

    def update():
        return [entry["update"] for entry in agent.json("members") if entry["serverId"] == agent.server_id]

    eventually(lambda: update() and update()[0]["loginsEnabled"] is False, "the agent has it")
