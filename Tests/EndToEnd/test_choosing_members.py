# Gateways let users in as long as one member can be reached, whatever the map says of the others.
import pytest

from network import new_address, url
from waiting import eventually


@pytest.fixture
def members(make_portal, cluster_of):
    """A gateway with two members behind it, which are linked to it alone."""
    gateway = make_portal(loginsEnabled=False, sessionsEnabled=False)
    return gateway, cluster_of(gateway), cluster_of(gateway)


def logs_in(client, user):
    answer = client.ask("GET", "/login")
    assert answer.status_code == 200, answer.text
    [login] = [login for login in client.log_in(user).ok("GET", "/logins")["logins"] if login["current"]]
    return login["serverId"]


def least_loaded(client):
    return client.ok("GET", "/login")["serverId"]


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_gateway_lets_users_in_while_the_least_loaded_member_is_down(members, visit, alice, bob, how):
    gateway, *others = members
    client = visit(portal=gateway)
    [chosen] = [member for member in others if member.server_id == least_loaded(client)]
    [other] = [member for member in others if member is not chosen]
    chosen.kill() if how == "killed" else chosen.stop()
    # At once, and as long as the map still has the member that is gone.
    assert f"server/{chosen.server_id}" in gateway.entries("server/")
    for user in (alice, bob):
        visitor = visit(portal=gateway)
        assert logs_in(visitor, user) == other.server_id
        session = visitor.ok("POST", "/sessions", {"command": "xterm"})
        assert session["serverId"] == other.server_id


@pytest.mark.parametrize("place", ["where nobody listens", "the address of another member"])
def test_a_member_that_cannot_be_connected_to_shuts_nobody_out(members, cluster_of, make_portal, visit, alice, place):
    gateway, first, second = members
    announced = url(new_address()) if place == "where nobody listens" else first.url
    astray = make_portal(urls=[announced])
    astray.set_access_points(gateway.url)
    astray.wait_linked(gateway)
    eventually(lambda: gateway.get(f"server/{astray.server_id}"), "the gateway knows it")
    # It has no logins and no sessions, so that it would be the first choice every time.
    for member in (first, second):
        visit(alice, portal=member)
    eventually(lambda: all('"logins":1' in gateway.get(f"server/{m.server_id}") for m in (first, second)), "both are told of")
    for _ in range(3):
        visitor = visit(portal=gateway)
        assert logs_in(visitor, alice) in (first.server_id, second.server_id)
        session = visitor.ok("POST", "/sessions", {"command": "xterm"})
        assert session["serverId"] in (first.server_id, second.server_id)


def test_a_user_who_names_a_member_is_told_that_it_cannot_be_reached(members, visit, alice):
    gateway, first, second = members
    visit(alice, portal=first)
    second.kill()
    answer = visit(portal=gateway).ask(
        "POST", "/login", {"user": alice.name, "password": alice.password, "serverId": second.server_id})
    assert answer.status_code == 502 and second.server_id in answer.json()["detail"], answer.text


def test_a_member_that_is_emptied_is_chosen_for_nothing_and_what_is_there_goes_on(members, visit, alice, bob):
    gateway, first, second = members
    there = visit(alice, portal=first)
    session = there.ok("POST", "/sessions", {"command": "xterm"})
    first.edit("settings.json", lambda content: content.update(draining=True))
    eventually(lambda: '"draining":true' in gateway.get(f"server/{first.server_id}"), "the gateway is told")
    # It has what the others have not, so that it would be chosen by those who have the fewest, and is chosen by nobody.
    visit(alice, portal=second), visit(bob, portal=second)
    assert logs_in(visit(portal=gateway), bob) == second.server_id
    assert "draining" in gateway.ok("members") and "draining     YES" in first.ok("status")
    refused = there.ask("POST", "/sessions", {"command": "xterm", "serverId": first.server_id})
    assert (refused.status_code, refused.json()["reason"]) == (403, "draining"), refused.text
    # It was named, and nobody has looked whether there is another one.
    assert refused.json()["detail"].endswith("is being emptied and starts no new sessions; choose another member")
    assert there.ok("GET", f"/sessions/{session['id']}")["state"] == "running"
    first.edit("settings.json", lambda content: content.update(draining=False))
    first.wait_logged("configuration changed: settings.json: draining: true -> false")
    there.ok("POST", "/sessions", {"command": "xterm", "serverId": first.server_id})


def test_a_member_that_was_told_to_stop_says_so_until_it_is_back(members, visit, alice):
    gateway, first, second = members
    first.stop()
    update = gateway.get(f"server/{first.server_id}")
    assert '"state":"stopped"' in update and '"stopReason":"its agent was told to stop"' in update, update
    assert "stopped" in gateway.ok("members")
    assert logs_in(visit(portal=gateway), alice) == second.server_id
    named = visit(portal=gateway).ask(
        "POST", "/login", {"user": alice.name, "password": alice.password, "serverId": first.server_id})
    assert (named.status_code, named.json()["reason"]) == (422, "stopped"), named.text
    first.start()
    eventually(lambda: '"state":"running"' in gateway.get(f"server/{first.server_id}"), "it is back")
