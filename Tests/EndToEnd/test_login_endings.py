# The end of a login: its token is worth nothing from then on, anywhere, and nothing brings it back.
import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
import websockets.exceptions

from api import API
from display import CLOSED_BY_LOGOUT, open_display, refusal
from test_clocks import FakeClock
from waiting import eventually

# Every request of the interface that needs a login. ID stands for a session.
REQUESTS = [
    ("GET", "/me"), ("GET", "/logins"), ("GET", "/sessions"), ("GET", "/sessions?all=true"), ("GET", "/servers"),
    ("GET", "/commands"), ("GET", "/events"), ("GET", "/sessions/ID"), ("GET", "/sessions/ID/screenshot"),
    ("GET", "/sessions/ID/log"), ("POST", "/sessions"), ("PATCH", "/sessions/ID"), ("DELETE", "/sessions/ID"),
    ("POST", "/sessions/ID/disconnect"), ("DELETE", "/login"), ("DELETE", "/logins"), ("DELETE", "/logins/LOGIN"),
]


def is_ended(client):
    return client.get("/me").status_code == 401


def test_logging_out_ends_this_login_and_no_other(alice, visit):
    client, other = visit(alice), visit(alice)
    answer = client.ask("DELETE", "/login")
    assert answer.status_code == 204
    assert "Max-Age=0" in answer.headers["set-cookie"] and client.token not in answer.headers["set-cookie"]
    assert is_ended(client) and not is_ended(other)
    assert [login["id"] for login in other.ok("GET", "/logins")["logins"]] == [other.login_id]


def test_logging_out_everywhere_ends_all_ones_logins_and_nobody_elses(alice, bob, visit):
    first, second, other = visit(alice), visit(alice), visit(bob)
    assert first.ask("DELETE", "/logins").status_code == 204
    assert is_ended(first) and is_ended(second) and not is_ended(other)


def test_one_of_ones_logins_can_be_ended_from_another(alice, visit):
    here, there = visit(alice), visit(alice)
    listed = {login["id"]: login["current"] for login in here.ok("GET", "/logins")["logins"]}
    assert listed == {here.login_id: True, there.login_id: False}
    assert here.ask("DELETE", f"/logins/{there.login_id}").status_code == 204
    assert is_ended(there) and not is_ended(here)
    assert here.ask("DELETE", f"/logins/{there.login_id}").status_code == 404


def test_the_token_of_an_ended_login_is_refused_everywhere(portal, alice, visit):
    keeper, client = visit(alice), visit(alice)
    session = keeper.start_idle()
    client.ask("DELETE", "/login")
    for method, path in REQUESTS:
        path = path.replace("LOGIN", keeper.login_id).replace("ID", session["id"])
        for fields in ({}, {"Cookie": None, "Authorization": f"Bearer {client.token}"}):
            body = None if method == "GET" else {"command": "true", "name": "n"}
            answer = client.ask(method, path, body, headers=fields)
            assert answer.status_code == 401, (method, path, fields.keys(), answer.text)
            assert answer.json()["reason"] == "not-logged-in"
    status, body = refusal(portal, session["id"], client.token)
    assert status == 401 and json.loads(body)["reason"] == "not-logged-in"
    assert keeper.session(session["id"])["state"] == "running" and not is_ended(keeper)


def test_its_stream_of_events_ends_and_others_go_on(alice, visit, follow):
    client, other = visit(alice), visit(alice)
    stream, others = follow(client), follow(other)
    client.ask("DELETE", "/login")
    eventually(lambda: stream.has_ended, "the stream ends")
    others.wait("loginRemoved", id=client.login_id)
    assert not others.has_ended


def test_its_open_displays_are_closed_with_the_reason_and_others_stay(alice, visit, view):
    client, other = visit(alice), visit(alice)
    session = client.start()
    viewer, others = view(client, session["id"]), view(other, session["id"])
    client.ask("DELETE", "/login")
    assert viewer.wait_closed() == CLOSED_BY_LOGOUT
    others.picture()


def test_who_is_logged_out_while_a_display_opens_does_not_get_to_see_it(portal, alice, visit):
    keeper, client = visit(alice), visit(alice)
    session = keeper.start_idle()
    [link] = portal.stewards(alice)

    def last_seen():
        logins = {login["id"]: login for login in keeper.ok("GET", "/logins")["logins"]}
        return logins[client.login_id]["lastSeen"]

    before = last_seen()
    with ThreadPoolExecutor(1) as pool:
        # The agent waits for the steward after it has looked at the login.
        os.kill(link.pid, signal.SIGSTOP)
        try:
            opening = pool.submit(open_display, portal, session["id"], client.token)
            eventually(lambda: last_seen() != before, "the login was looked at")
            assert keeper.ask("DELETE", f"/logins/{client.login_id}").status_code == 204
        finally:
            os.kill(link.pid, signal.SIGCONT)
        try:
            display = opening.result()
        except websockets.exceptions.InvalidStatus as refused:
            assert refused.response.status_code == 401
            return
    with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
        while True:
            display.recv(timeout=5)
    assert closed.value.rcvd.code == CLOSED_BY_LOGOUT


def test_sessions_outlive_the_login_that_started_them(alice, visit):
    client = visit(alice)
    session = client.start_idle()
    client.ask("DELETE", "/logins")
    again = visit(alice)
    assert again.session(session["id"])["display"] == session["display"]


@pytest.fixture
def own_portal(make_portal):
    return make_portal()


def test_logins_survive_a_crash_of_the_agent_and_ended_ones_stay_ended(own_portal, alice, visit):
    client, ended = visit(alice, portal=own_portal), visit(alice, portal=own_portal)
    assert ended.ask("DELETE", "/login").status_code == 204
    before = client.ok("GET", "/logins")
    own_portal.restart()
    assert client.ok("GET", "/me")["loginId"] == client.login_id and is_ended(ended)
    after = client.ok("GET", "/logins")
    assert [login["id"] for login in after["logins"]] == [login["id"] for login in before["logins"]]
    # The proof that a change comes from a page of ours is the same as well.
    assert client.ask("DELETE", "/login").status_code == 204


@pytest.mark.parametrize("limit", ["lifetimeHours", "idleHours"])
def test_a_login_ends_by_itself_when_its_time_is_over(make_portal, places, alice, visit, limit):
    clock = FakeClock(next(places))
    portal = make_portal(logins={limit: 2}, environment=clock.environment)
    client = visit(alice, portal=portal)

    def move(minutes, is_over):
        clock.set(minutes * 60)
        # The library reads its file anew once a second.
        def is_moved():
            return portal.status()["clock"] and is_ended(client) == is_over
        return eventually(is_moved, f"after {minutes} minutes the login is {'over' if is_over else 'there'}")

    move(110, False)
    move(250, True)
    eventually(lambda: not portal.leases("login"), "its lease is gone")


def test_a_login_is_a_lease_that_every_member_sees(own_portal, alice, visit):
    client = visit(alice, portal=own_portal)
    lease = eventually(lambda: own_portal.leases("login").get(client.login_id), "the lease is there")
    lease = json.loads(lease)
    me = client.ok("GET", "/me")
    assert lease["loginId"] == client.login_id and lease["serverId"] == own_portal.server_id
    assert lease["user"] == alice.name and lease["groups"] == me["groups"] and lease["address"] == client.address
    assert lease["since"].endswith("Z") and lease["link"] is True and lease["claims"] == []
    # Nothing else is in it that could be a secret.
    assert set(lease) == {
        "loginId", "serverId", "user", "groups", "since", "lastSeen", "address", "userAgent", "link", "claims"}
    update = json.loads(own_portal.get(f"server/{own_portal.server_id}"))
    assert (update["logins"], update["uniqueLoginUsers"]) == (1, 1)
    client.ask("DELETE", "/login")
    eventually(lambda: not own_portal.leases("login"), "the lease goes with the login")


def test_a_leaked_lease_does_not_log_in(portal, alice, visit):
    client = visit(alice)
    lease = json.loads(eventually(lambda: portal.leases("login").get(client.login_id), "the lease is there"))
    thief = visit()
    for secret in (lease["loginId"], *map(str, lease.values()), "0" * 64):
        thief.token = f"{client.login_id}.{secret}"
        assert is_ended(thief)
        thief.token = None
        answer = thief.http.get(f"{API}/me", headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code == 401
