# The stream of events: what happens to sessions and logins, in order, resumed where it broke off.
import pytest

from waiting import eventually


@pytest.fixture
def client(alice, visit):
    return visit(alice)


def states(stream, session_id):
    return [data["state"] for data in stream.found("session", id=session_id)]


def test_the_life_of_a_session_is_told(client, follow):
    stream = follow(client)
    assert stream.answer.headers["content-type"].startswith("text/event-stream")
    session = client.start_idle(name="Told")
    client.ok("PATCH", f"/sessions/{session['id']}", {"name": "Renamed"})
    stream.wait("session", id=session["id"], name="Renamed", state="running")
    client.ask("DELETE", f"/sessions/{session['id']}")
    stream.wait("session", id=session["id"], state="ended")
    client.ask("DELETE", f"/sessions/{session['id']}")
    stream.wait("sessionRemoved", id=session["id"])
    seen = states(stream, session["id"])
    assert seen == sorted(seen, key=["starting", "running", "ended"].index), seen
    # An event is what the session's own address shows.
    [told] = stream.found("session", id=session["id"], name="Renamed", state="running")[:1]
    assert set(told) == set(session)


def test_logins_that_begin_and_end_are_told(alice, client, visit, follow):
    stream = follow(client)
    other = visit(alice)
    [login, *_] = stream.wait("login", id=other.login_id)
    assert login["address"] == other.address
    other.ask("DELETE", "/login")
    stream.wait("loginRemoved", id=other.login_id)


def test_servers_are_told_without_what_concerns_administrators_only(portal, client, follow):
    stream = follow(client)
    portal.edit("settings.json", lambda content: content.update(updateIntervalSeconds=31))
    [*_, server] = stream.wait("server", serverId=portal.server_id)
    assert {"sessions", "logins", "hostname"} <= set(server)
    assert not {"certificateSHA256", "loggedInUsers", "staticData", "origin"} & set(server)


def test_a_stream_goes_on_where_it_broke_off(client, follow):
    stream = follow(client)
    first = client.start_idle()
    stream.wait("session", id=first["id"], state="running")
    last_id = stream.last_id
    stream.close()
    second = client.start_idle()
    resumed = follow(client, last_id=last_id)
    resumed.wait("session", id=second["id"], state="running")
    assert not resumed.found("reset") and not resumed.found("session", id=first["id"], state="starting")


def test_a_stream_that_cannot_be_resumed_says_so(make_portal, alice, visit, follow):
    portal = make_portal()
    client = visit(alice, portal=portal)
    stream = follow(client)
    client.start_idle()
    stream.wait("session", state="running")
    portal.restart()
    eventually(lambda: stream.has_ended, "the stream ends with the agent")
    for last_id in (stream.last_id, "", "nonsense", "-1", "f" * 12 + "-9999999999999999999999", stream.last_id + "0"):
        if last_id:
            follow(client, last_id=last_id).wait("reset")


def test_an_agent_ends_in_time_though_streams_are_open(make_portal, alice, visit, follow):
    portal = make_portal()
    streams = [follow(visit(alice, portal=portal)) for _ in range(3)]
    assert portal.stop() == 0
    eventually(lambda: all(stream.has_ended for stream in streams), "the streams end")
