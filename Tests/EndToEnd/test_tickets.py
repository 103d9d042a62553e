# Tickets, with which a browser that is at one member opens the display of another member's session there directly.
import json

import pytest

from api import API, start_at
from display import CLOSED_BY_LOGOUT, open_display, refusal
from waiting import eventually

NOTHING = {"ticket": None, "urls": []}


@pytest.fixture(scope="module")
def other(portal, cluster_of):
    """The member that has the sessions; the users are at the first one."""
    return cluster_of(portal)


@pytest.fixture
def client(alice, visit, other):
    return visit(alice)


@pytest.fixture
def session(client, other):
    return start_at(client, other)


@pytest.fixture
def change():
    """Changes a configuration file for one test, and waits until the member has taken it up."""
    changed = []

    def write(portal, file, text):
        mark = portal.mark()
        portal.write(file, text)
        portal.wait_logged(f"configuration changed: {file}", since=mark)

    def change(portal, file, **members):
        before = portal.path(file).read_text()
        write(portal, file, json.dumps(json.loads(before) | members))
        changed.append((portal, file, before))

    yield change
    for portal, file, before in reversed(changed):
        write(portal, file, before)


def offer_of(client, session, **options):
    return client.ok("POST", f"/sessions/{session['id']}/tickets", **options)


def ticket_of(client, session):
    return offer_of(client, session)["ticket"]


def reason_for(portal, session, ticket, **options):
    """Why a display is not opened with a ticket; the status is always the same."""
    status, body = refusal(portal, session["id"], ticket=ticket, **options)
    assert status == 401, (status, body)
    return json.loads(body)["reason"]


def test_a_display_is_opened_at_its_own_member_with_a_ticket(portal, other, alice, client, session, view):
    offer = offer_of(client, session)
    address = other.url.replace("https", "wss")
    assert offer["urls"] == [f"{address}{API}/sessions/{session['id']}/display"]
    assert offer["seconds"] == 10 and offer["carrier"] == portal.server_id
    # As a browser does it: no cookie, and the page is of the member that it is at.
    socket = open_display(other, session["id"], origin=portal.url, ticket=offer["ticket"])
    assert socket.subprotocol == "binary"
    viewer = view(client, session["id"], socket=socket)
    made = alice.home / "typed-directly"
    eventually(lambda: viewer.type(f"touch {made.name}\n") or made.exists(), "what is typed arrives", every=0.5)
    eventually(lambda: client.session(session["id"])["clients"] == 1, "the viewer is counted")


def test_the_answer_is_kept_by_nobody(client, session):
    answer = client.ask("POST", f"/sessions/{session['id']}/tickets")
    assert answer.headers["cache-control"] == "no-store" and "set-cookie" not in answer.headers


def test_a_ticket_opens_a_display_once(other, client, session):
    ticket = ticket_of(client, session)
    open_display(other, session["id"], ticket=ticket).close()
    assert reason_for(other, session, ticket) == "bad-ticket"


def test_a_ticket_is_good_for_one_session(other, client, session):
    second = start_at(client, other)
    ticket = ticket_of(client, session)
    assert reason_for(other, second, ticket) == "bad-ticket"
    # And for that one no longer.
    assert reason_for(other, session, ticket) == "bad-ticket"


def test_a_ticket_is_good_at_the_member_that_made_it(portal, other, client, session):
    ticket = ticket_of(client, session)
    assert reason_for(portal, session, ticket) == "bad-ticket"
    open_display(other, session["id"], ticket=ticket).close()


@pytest.mark.parametrize("made_up", ["", "x", "0" * 64, "0" * 4000], ids=["empty", "short", "zeros", "long"])
def test_a_ticket_that_nobody_made_opens_nothing(other, client, session, made_up):
    ticket_of(client, session)
    assert reason_for(other, session, made_up) == "bad-ticket"


def test_a_bad_ticket_is_refused_where_a_cookie_would_do(portal, other, client, session):
    """Or a page of another site could try whether somebody is logged in."""
    open_display(other, session["id"], client.token).close()
    for member in (portal, other):
        assert reason_for(member, session, "0" * 64, token=client.token) == "bad-ticket"


def test_a_ticket_is_for_those_who_may_open_the_display(portal, other, client, session, bob, visit):
    path = f"/sessions/{session['id']}/tickets"
    assert visit(bob).ask("POST", path).status_code == 404
    assert visit().ask("POST", path).status_code == 401
    assert client.ask("POST", path, headers={"X-CSRF-Token": None}).status_code == 403
    assert client.ask("POST", path, headers={"Origin": "https://elsewhere.example"}).status_code == 403
    assert client.get(path).status_code in (404, 405)


def test_a_manager_gets_no_ticket_for_the_session_of_another(make_portal, cluster_of, make_user, alice, visit):
    manager = make_user()
    managers = {"managers": {"users": [manager.name]}}
    first = make_portal(logins=managers)
    second = cluster_of(first, logins=managers)
    session = start_at(visit(alice, portal=first), second)
    boss = visit(manager, portal=first)
    assert boss.session(session["id"])["user"] == alice.name
    assert boss.ask("POST", f"/sessions/{session['id']}/tickets").status_code == 404


def test_a_ticket_ends_with_its_login(other, client, session):
    tickets = [ticket_of(client, session) for _ in range(10)]
    assert client.ask("DELETE", "/login").status_code == 204
    eventually(
        lambda: reason_for(other, session, tickets.pop()) == "not-logged-in", "the member knows of the end", every=0.2)


def test_the_end_of_a_login_closes_what_its_ticket_opened(other, client, session, view):
    socket = open_display(other, session["id"], ticket=ticket_of(client, session))
    viewer = view(client, session["id"], socket=socket)
    assert client.ask("DELETE", "/login").status_code == 204
    assert viewer.wait_closed() == CLOSED_BY_LOGOUT


def test_viewers_with_tickets_are_disconnected_like_others(other, client, session, view):
    socket = open_display(other, session["id"], ticket=ticket_of(client, session))
    viewer = view(client, session["id"], socket=socket)
    client.wait_session(session["id"], lambda session: session["clients"] == 1)
    assert client.ask("POST", f"/sessions/{session['id']}/disconnect").status_code == 204
    assert viewer.wait_closed() == 4409


def test_there_is_nothing_to_try_where_the_session_is(portal, client):
    own = client.start_idle()
    offer = offer_of(client, own)
    assert NOTHING.items() <= offer.items() and offer["carrier"] is None


@pytest.mark.parametrize("where, file, members", [
    ("here", "settings.json", {"forceIndirect": True}), ("there", "settings.json", {"forceIndirect": True}),
    ("there", "cluster.json", {"external": True})])
def test_there_is_nothing_to_try_where_a_member_says_so(
        portal, other, client, session, view, change, where, file, members):
    member = portal if where == "here" else other
    change(member, file, **members)
    offer = eventually(lambda: offer_of(client, session), "the session's member is reached")
    assert NOTHING.items() <= offer.items() and offer["carrier"] == portal.server_id
    # The display comes through the member that the user is at.
    assert view(client, session["id"]).width == 1280


def test_a_member_announces_where_it_is_tried(other, client, session, change):
    urls = [other.url, "https://front.example.org:4430", "https://[2001:db8::1]:3300"]
    change(other, "settings.json", urls=urls)
    # The last one is left out: the policy of a page has no way to name it.
    assert [url.partition("/api/")[0] for url in offer_of(client, session)["urls"]] == [
        other.url.replace("https", "wss"), "wss://front.example.org:4430"]


def test_a_page_may_connect_to_the_member_of_its_session_alone(portal, other, client, session, change):
    def sources(path):
        policy = client.http.get(path).headers["content-security-policy"]
        [part] = [part for part in policy.split("; ") if part.startswith("connect-src ")]
        return part.split()[1:]

    assert sources(f"/session/{session['id']}") == ["'self'", other.url.replace("https", "wss")]
    for path in ("/", f"/session/{client.start_idle()['id']}", f"/session/{'0' * 32}", f"{API}/me"):
        assert sources(path) == ["'self'"], path
    change(portal, "settings.json", forceIndirect=True)
    assert sources(f"/session/{session['id']}") == ["'self'"]


def test_a_member_with_a_gateway_key_can_keep_browsers_with_it(make_portal, gateway_of, alice, visit, change):
    """It recognises no user, and decides all the same."""
    inside = make_portal()
    gateway = gateway_of(inside)
    client = visit(alice, portal=gateway)
    session = start_at(client, inside)
    assert eventually(lambda: offer_of(client, session), "the gateway knows the session")["urls"]
    change(gateway, "settings.json", forceIndirect=True)
    offer = offer_of(client, session)
    assert NOTHING.items() <= offer.items() and offer["carrier"] == gateway.server_id


def test_a_ticket_stands_in_no_log_and_no_list(make_portal, cluster_of, alice, visit, view, follow):
    first = make_portal()
    second = cluster_of(first)
    for member in (first, second):
        switched = member.service.run(member.program, "debug", "on", "all", "--var-dir", member.directory)
        assert switched.returncode == 0, switched
    client = visit(alice, portal=first)
    stream = follow(client)
    session = start_at(client, second)
    used, unused, wrong = (ticket_of(client, session) for _ in range(3))
    view(client, session["id"], socket=open_display(second, session["id"], ticket=used)).picture()
    assert reason_for(second, session, used) == "bad-ticket"
    assert reason_for(first, session, wrong) == "bad-ticket"
    eventually(lambda: stream.found("session", id=session["id"], clients=1), "the viewer is told of")
    places = {"events": str(stream.events)}
    for path in ("/me", "/logins", "/sessions", "/servers", f"/sessions/{session['id']}"):
        places[path] = client.get(path).text
    for member in (first, second):
        for arguments in (("dump",), ("status", "--json"), ("members", "--json")):
            places[member.name, arguments] = member.ok(*arguments)
        member.ok("backup", member.directory / "copy.mdb")
        places[member.name, "store"] = (member.directory / "copy.mdb").read_bytes().decode(errors="replace")
        places[member.name, "log"] = member.log()
    assert f"/api/v1/sessions/{session['id']}/tickets" in places[second.name, "log"]
    found = [place for place, text in places.items() for ticket in (used, unused, wrong) if ticket in text]
    assert not found, found
    assert not [place for place, text in places.items() if "fastx-ticket" in text]
