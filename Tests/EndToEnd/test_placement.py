# Scripts choose the servers of sessions and logins: chains as administrators write them, and what users are told.
import json

import pytest

from placement_site import FEWEST, GPU, Site
from waiting import eventually


@pytest.fixture(scope="module")
def site(make_portal, cluster_of):
    return Site(make_portal, cluster_of)


@pytest.fixture(autouse=True)
def no_chain(site):
    yield
    site.chain()


@pytest.fixture
def client(site, visit, alice):
    """Alice, logged in through the gateway."""
    return visit(alice, portal=site.gateway)


def start(client, **content):
    """The answer; a session that was started is on the user's list by then, and so is ended with the others."""
    answer = client.ask("POST", "/sessions", {"command": "xterm", **content})
    if answer.status_code == 201:
        eventually(lambda: answer.json()["id"] in client.session_ids(), "the session is on the list")
    return answer


def started(client, **content):
    answer = start(client, **content)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_the_shipped_scripts_choose_the_server_with_a_gpu_and_the_trace_says_so(site, client, alice):
    site.chain(start=[GPU, FEWEST])
    session = started(client, params={"gpu": "yes"})
    assert session["serverId"] == site.with_gpu.server_id
    trace = client.ok("GET", f"/placements/{session['placement']}")
    assert trace["server"] == session["serverId"] and trace["chain"] == [GPU, FEWEST]
    assert [call["script"] for call in trace["runs"][0]["calls"]] == [GPU, FEWEST]
    explained = site.explained(session)
    assert f"chosen: {session['serverId']}" in explained and f"{GPU} (" in explained
    assert site.tried(alice, data='{"params": {"gpu": "yes"}}')["server"] == session["serverId"]
    # Without the wish all three are left, and the one that has a session already is not the one with the fewest.
    assert site.tried(alice)["server"] != session["serverId"]


def test_what_a_script_throws_is_shown_to_the_user_word_for_word(site, client):
    site.script("Full", "function (input) {\n  throw new Error('All GPU servers are in use');\n}")
    site.chain(start=["Full"])
    answer = start(client)
    assert answer.status_code == 409
    problem = answer.json()
    assert (problem["detail"], problem["reason"]) == ("All GPU servers are in use", "placement-refused")
    log = site.gateway.ok("placement", "log")
    assert answer.headers["fastx-placement"] in log and "failed: All GPU servers are in use" in log
    shown = site.gateway.ok("placement", "show", answer.headers["fastx-placement"])
    assert "line 2, column 9" in shown


def test_a_script_sees_who_asks_for_what_and_prints_where_the_administrator_looks(site, client, alice):
    site.script("Look", """(input) => {
      const { action, user, userGroups, isAdmin, isManager, local, servers, data } = input;
      console.log(JSON.stringify({ action, login: user.login, iss: user.iss, isAdmin, isManager, data, n: servers.length }));
      console.log(local.serverId, userGroups.length > 0, user.sessions.every((session) => session.user === user.login));
      return servers[0].serverId;
    }""")
    site.chain(start=["Look"])
    answer = start(client, name="a name", params={"project": "x"})
    trace = site.gateway.json("placement", "show", answer.headers["fastx-placement"])
    first, second = trace["runs"][0]["calls"][0]["console"]
    [login] = [login for login in client.ok("GET", "/logins")["logins"] if login["current"]]
    assert json.loads(first) == {
        "action": "session/start", "login": alice.name, "iss": login["serverId"], "isAdmin": False, "isManager": False, "n": 3,
        "data": {"command": "xterm", "name": "a name", "params": {"project": "x"}}}
    assert second == f"{site.gateway.server_id} true true"
    # The user is told which scripts were asked, and not what they print.
    assert "console" not in client.ok("GET", f"/placements/{answer.json()['placement']}")["runs"][0]["calls"][0]


def test_the_id_of_a_member_that_is_left_out_is_an_error_that_says_why(site, client, alice):
    emptied = site.members[0]
    emptied.edit("settings.json", lambda content: content.update(draining=True))
    eventually(lambda: '"draining":true' in site.gateway.get(f"server/{emptied.server_id}"), "the gateway is told")
    try:
        site.script("Fixed", f"() => '{emptied.server_id}'")
        site.chain(start=["Fixed"])
        answer = start(client)
        assert answer.status_code == 500
        assert answer.json()["detail"] == 'the script "Fixed", which chooses the server, failed; tell the administrator'
        assert "is being emptied" in site.tried(alice)["detail"]
    finally:
        emptied.edit("settings.json", lambda content: content.pop("draining"))
        eventually(lambda: '"draining":false' in site.gateway.get(f"server/{emptied.server_id}"), "the gateway is told")


def test_with_a_chain_the_server_that_the_user_names_is_input_and_not_the_answer(site, client):
    wished, other = site.members[0], site.members[1]
    site.script("Other", f"(input) => {{ console.log(input.data.serverId); return '{other.server_id}'; }}")
    site.chain(start=["Other"])
    assert started(client, serverId=wished.server_id)["serverId"] == other.server_id
    site.chain(start=["User Selection", "Other"])
    assert started(client, serverId=wished.server_id)["serverId"] == wished.server_id
    assert started(client)["serverId"] == other.server_id


def test_logins_go_where_their_chain_says_and_strangers_are_told_no_more_than_the_site_wants(site, visit, alice):
    chosen = site.members[1]
    site.script("Door", f"""function (input) {{
      if (input.user.login !== '{alice.name}') throw 'nobody called ' + input.user.login + ' works here';
      return '{chosen.server_id}';
    }}""")
    site.chain(login=["Door"])
    client = visit(alice, portal=site.gateway)
    [login] = [login for login in client.ok("GET", "/logins")["logins"] if login["current"]]
    assert login["serverId"] == chosen.server_id
    stranger = {"user": "mallory", "password": "x"}
    told = visit(portal=site.gateway).ask("POST", "/login", stranger)
    assert (told.status_code, told.json()["detail"]) == (409, "nobody called mallory works here")
    site.chain(login=["Door"], showLoginErrors=False)
    told = visit(portal=site.gateway).ask("POST", "/login", stranger)
    assert "mallory" not in told.text and "tell the administrator" in told.json()["detail"]


def test_a_chain_runs_once_more_without_the_server_that_cannot_be_reached(site, make_portal, cluster_of, client):
    lost = cluster_of(site.gateway)
    site.script("First lost", f"""({{ servers }}) => {{
      const lost = servers.find((server) => server.serverId === '{lost.server_id}');
      return lost ? lost.serverId : servers[0].serverId;
    }}""")
    site.chain(start=["First lost"])
    lost.kill()
    answer = start(client)
    assert answer.status_code == 201, answer.text
    trace = site.gateway.json("placement", "show", answer.headers["fastx-placement"])
    reached = trace["runs"][-1]
    assert trace["server"] == answer.json()["serverId"] != lost.server_id
    assert "cannot be reached from here" in reached["leftOut"][lost.server_id]


def test_a_start_through_a_gateway_that_cannot_tell_whose_token_it_carries_meets_the_chain_too(
        site, gateway_of, visit, alice):
    inside, chosen = site.members[0], site.members[1]
    gateway = gateway_of(inside)
    # The gateway's only key is good at both.
    [key] = json.loads(gateway.path("cluster.json").read_text())["keys"]
    chosen.edit("cluster.json", lambda content: content["keys"].append(key))
    eventually(lambda: len(chosen.json("key", "list")) == 2, "it is good there")
    client = visit(portal=gateway)
    client.take(client.ask(
        "POST", "/login", {"user": alice.name, "password": alice.password, "serverId": inside.server_id}))
    site.script("Another", f"() => '{chosen.server_id}'")
    site.chain(start=["Another"])
    assert started(client)["serverId"] == chosen.server_id


@pytest.mark.parametrize("text, place", [
    ("function (input) {\n  return input.servers[0;\n}", "line 2, column"), ("42", "line 1"), ("", "1 to")])
def test_a_text_that_is_no_function_is_refused_when_it_is_saved(site, text, place):
    refused = site.gateway.run("config", "set", "scripts/Broken", "-", stdin=text)
    assert refused.status != 0 and place in refused.err, refused
    assert "Broken" not in site.gateway.ok("config", "show")


def test_a_recorded_cluster_is_decided_about_like_the_live_one(site, alice, tmp_path):
    site.chain(start=[GPU, FEWEST])
    file = tmp_path / "servers.json"
    site.gateway.ok("placement", "record", file)
    servers = json.loads(file.read_text())
    assert {server["serverId"] for server in servers} >= {member.server_id for member in site.members}
    for server in servers:
        server["sessions"] = 0 if server["serverId"] == site.members[1].server_id else 9
    file.write_text(json.dumps(servers))
    assert site.tried(alice, servers=str(file))["server"] == site.members[1].server_id


def test_without_a_chain_the_trace_names_the_default_rule(site, client):
    session = started(client)
    assert client.ok("GET", f"/placements/{session['placement']}")["server"] == session["serverId"]
    text = site.explained(session)
    assert "no scripts: the default rule" in text and f"chosen: {session['serverId']}" in text
