# Any session through any member: started, used, renamed and ended on one member by a user who is at another, and gateways.
import httpx
import pytest

from api import start_at
from display import open_display
from waiting import eventually


@pytest.fixture(scope="module")
def other(portal, cluster_of):
    return cluster_of(portal)


def test_a_session_of_another_member_is_used_like_ones_own(portal, other, alice, visit, view):
    client = visit(alice)
    session = start_at(client, other, name="Elsewhere")
    assert client.session(session["id"])["name"] == "Elsewhere"
    assert client.ask("GET", f"/sessions/{session['id']}/screenshot").headers["content-type"] == "image/jpeg"
    assert client.ok("PATCH", f"/sessions/{session['id']}", {"name": "Renamed"})["name"] == "Renamed"
    made = alice.home / "typed-through-another-member"
    viewer = view(client, session["id"])
    opened = f"GET /api/v1/sessions/{session['id']}/display 101"
    portal.wait_logged(rf"access: \[Agent\] 127\.\S+ {opened}")
    other.wait_logged(rf"access: \[Agent\] 127\.\S+ through {portal.server_id} {opened}")
    eventually(lambda: viewer.type(f"touch {made.name}\n") or made.exists(), "what is typed arrives", every=0.5)
    eventually(lambda: client.session(session["id"])["clients"] == 1, "the viewer is counted where the session is")
    assert client.ask("DELETE", f"/sessions/{session['id']}").status_code == 204
    assert viewer.wait_closed() == 4410


def test_a_user_of_another_member_has_no_more_rights_than_here(portal, other, alice, bob, visit):
    session = start_at(visit(alice), other)
    stranger = visit(bob)
    assert session["id"] not in stranger.session_ids()
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/screenshot"), ("GET", "/log"), ("POST", "/disconnect")):
        answer = stranger.ask(method, f"/sessions/{session['id']}{path}")
        assert answer.status_code == 404, (method, path, answer.text)
    with pytest.raises(Exception, match="404"):
        open_display(portal, session["id"], stranger.token)
    assert visit().get(f"/sessions/{session['id']}").status_code == 401


def test_a_change_needs_the_proof_of_a_page_on_the_way_as_well(portal, other, alice, visit):
    client = visit(alice)
    path = f"/sessions/{start_at(client, other)['id']}"
    assert client.ask("DELETE", path, headers={"X-CSRF-Token": None}).status_code == 403
    assert client.ask("DELETE", path, headers={"Origin": "https://elsewhere.example"}).status_code == 403
    assert client.session(path.rpartition("/")[2])["state"] == "running"


def test_logging_out_ends_what_is_open_at_other_members(portal, other, alice, visit, view):
    client = visit(alice)
    session = start_at(client, other)
    viewer = view(client, session["id"])
    token = client.token
    assert client.ask("DELETE", "/login").status_code == 204
    assert viewer.wait_closed() == 4401
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.get(f"{other.url}/api/v1/me", headers=headers, verify=False, trust_env=False)
    assert answer.status_code == 401, answer.text


def is_ended(client):
    return client.get("/me").status_code == 401


def logins(client):
    return {login["id"]: login for login in client.ok("GET", "/logins")["logins"]}


def logins_known(member):
    """The ids of all logins that a member's map has."""
    return {key.rpartition("/")[2] for key in member.entries("login/")}


def test_ones_logins_at_other_members_are_listed_and_ended_from_here(portal, other, alice, bob, visit, follow):
    here, stranger = visit(alice), visit(bob)
    stream = follow(here)
    there = visit(alice, portal=other)
    eventually(lambda: there.login_id in logins(here), "the login elsewhere is listed")
    mine, others = logins(here)[here.login_id], logins(here)[there.login_id]
    assert mine["current"] and not others["current"] and mine.keys() == others.keys()
    assert (others["serverId"], others["address"]) == (other.server_id, there.address)
    assert others["userAgent"] == mine["userAgent"] and others["since"] <= others["lastSeen"]
    assert there.login_id not in logins(stranger)
    assert stranger.ask("DELETE", f"/logins/{there.login_id}").status_code == 404
    assert not is_ended(there)
    assert here.ask("DELETE", f"/logins/{there.login_id}").status_code == 204
    assert is_ended(there) and not is_ended(here)
    eventually(lambda: there.login_id not in logins(here), "it is listed no more")
    for name in ("login", "loginRemoved"):
        stream.wait(name, id=there.login_id)


@pytest.mark.parametrize("asked_at", ["its own member", "the other one"])
def test_logging_out_everywhere_ends_ones_logins_at_all_members(portal, other, alice, bob, visit, asked_at):
    here, near, far, stranger = visit(alice), visit(alice), visit(alice, portal=other), visit(bob, portal=other)
    wanted = {here.login_id, near.login_id, far.login_id}
    for member in (portal, other):
        eventually(lambda: wanted <= logins_known(member), "all are known")
    asked = here
    if asked_at == "the other one":
        asked = visit(portal=other)
        asked.token, asked.csrf_token = here.token, here.csrf_token
    assert asked.ask("DELETE", "/logins").status_code == 204
    assert is_ended(here) and is_ended(near) and is_ended(far) and not is_ended(stranger)


def test_who_cannot_log_out_everywhere_is_told_and_stays_logged_in(make_portal, cluster_of, alice, visit):
    near = make_portal()
    # Of a cluster of its own: others would go on sending users to it until its lease is over.
    lost = cluster_of(near)
    here, there = visit(alice, portal=near), visit(alice, portal=lost)
    eventually(lambda: there.login_id in logins(here), "the login elsewhere is known")
    lost.kill()
    answer = here.ask("DELETE", "/logins")
    assert answer.status_code == 502 and lost.server_id in answer.json()["detail"], answer.text
    assert "still logged in" in answer.json()["detail"] and not is_ended(here)


def test_events_of_sessions_elsewhere_reach_their_user(portal, other, alice, bob, visit, follow):
    client, stranger = visit(alice), visit(bob)
    stream, foreign = follow(client), follow(stranger)
    session = start_at(client, other)
    eventually(lambda: session["id"] in str(stream.events), "its user is told")
    assert session["id"] not in str(foreign.events)


def test_a_member_that_only_carries_lets_users_log_in_and_work(portal, cluster_of, alice, visit, view):
    gateway = cluster_of(portal, loginsEnabled=False, sessionsEnabled=False)
    client = visit(alice, portal=gateway)
    session = client.ok("POST", "/sessions", {"command": "xterm"})
    assert session["serverId"] != gateway.server_id
    eventually(lambda: client.session(session["id"])["state"] == "running", "it runs", within=15)
    assert view(client, session["id"]).width == 1280
    assert client.ok("GET", "/me")["user"] == alice.name


def test_a_gateway_with_a_gateway_key_carries_users_and_is_none(make_portal, gateway_of, alice, visit, view):
    portal = make_portal()
    gateway = gateway_of(portal)
    client = visit(alice, portal=gateway)
    assert client.ok("GET", "/me")["serverId"] == portal.server_id
    session = client.ok("POST", "/sessions", {"command": "xterm"})
    eventually(lambda: client.session(session["id"])["state"] == "running", "it runs", within=15)
    assert view(client, session["id"]).width == 1280
    # A token that the gateway has changed is nobody's. (That its key signs none is a unit test of the tokens.)
    answer = client.ask("GET", "/me", headers={"Cookie": f"__Host-fastx={client.token[:-3]}AAA"})
    assert answer.status_code == 401, answer.text


def test_a_session_that_was_just_started_elsewhere_is_known_at_once(portal, other, alice, visit, view):
    client = visit(alice)
    for _ in range(3):
        started = client.ask("POST", "/sessions", {"command": "xterm", "serverId": other.server_id})
        assert started.headers["fastx-server"] == other.server_id
        assert client.get(f"/sessions/{started.json()['id']}").status_code == 200


def test_a_code_of_the_terminal_finds_its_member(portal, cluster_of, make_portal, visit):
    maker = make_portal(logins={"ways": ["self"]})
    gateway = cluster_of(maker, loginsEnabled=False, sessionsEnabled=False)
    [address] = maker.ok("login-code").split()
    code = address.partition("#code=")[2]
    assert code.startswith(f"{maker.server_id}-")
    answer = visit(portal=gateway).ask("POST", "/login", {"code": code})
    assert answer.status_code == 200, answer.text
    assert answer.json()["login"]["serverId"] == maker.server_id


def test_a_user_names_the_member_to_log_in_at(portal, other, alice, visit):
    client = visit()
    answer = client.ask("POST", "/login", {
        "user": alice.name, "password": alice.password, "serverId": other.server_id})
    assert answer.json()["login"]["serverId"] == other.server_id
    for wrong in ("169.254.169.254", "localhost", "../x", "nobody"):
        answer = visit().ask("POST", "/login", {
            "user": alice.name, "password": alice.password, "serverId": wrong})
        assert answer.status_code == 422, answer.text


def test_the_target_logs_the_client_and_who_carried_it(portal, other, alice, visit):
    client = visit(alice)
    session = start_at(client, other)
    client.get(f"/sessions/{session['id']}/log")
    other.wait_logged(rf"\S+ through {portal.server_id} GET /api/v1/sessions/{session['id']}/log 200")
