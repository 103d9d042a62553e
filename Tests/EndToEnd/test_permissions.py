# Who may do what to whose logins and sessions: user × object × action, over every way to the interface.
import itertools
import json

import pytest

from api import SocketClient
from display import refusal
from users import HostGroup
from waiting import eventually

# What can be done to a session or login of somebody: SESSION and LOGIN stand for their ids.
ACTIONS = {
    "see": ("GET", "/sessions/SESSION", None),
    "photograph": ("GET", "/sessions/SESSION/screenshot", None),
    "read the log of": ("GET", "/sessions/SESSION/log", None),
    "rename": ("PATCH", "/sessions/SESSION", {"name": "changed"}),
    "disconnect": ("POST", "/sessions/SESSION/disconnect", None),
    "end": ("DELETE", "/sessions/SESSION", None),
    "log out": ("DELETE", "/logins/LOGIN", None),
}
MANAGED = {"see", "end", "log out"}
ALLOWED = {"owner": set(ACTIONS), "stranger": set(), "manager": MANAGED, "admin": MANAGED, "nobody": set()}
# Those after which the object is not what it was.
ENDING = {"end", "log out"}
WAYS = ("HTTP/1.1", "HTTP/2", "socket")
UNKNOWN_SESSION, UNKNOWN_LOGIN = "0" * 32, "0" * 20


@pytest.fixture(scope="module")
def admins():
    group = HostGroup()
    yield group
    group.remove()


@pytest.fixture(scope="module")
def people(alice, bob, make_user, admins, installation):
    return {"owner": alice, "stranger": bob, "manager": make_user(),
            "admin": make_user([installation.people.name, admins.name]), "nobody": None}


@pytest.fixture(scope="module")
def portal(make_portal, people, admins):
    return make_portal(
        logins={"managers": {"users": [people["manager"].name]}, "admins": {"groups": [admins.name]}})


@pytest.fixture
def actor(portal, people, reside):
    """The client of an actor over one way."""
    def actor(name, way):
        user = people[name]
        if way == "socket":
            return SocketClient(portal, user)
        return reside(user, http2=way == "HTTP/2")

    return actor


@pytest.fixture
def owner(alice, reside):
    client = reside(alice)
    yield client
    client.end_all()


def perform(client, action, session_id, login_id):
    method, path, body = ACTIONS[action]
    return client.ask(method, path.replace("SESSION", session_id).replace("LOGIN", login_id), body)


# Everybody at the socket is somebody.
@pytest.mark.parametrize("name, way", [
    *itertools.product(["stranger", "manager", "admin"], WAYS), *itertools.product(["nobody"], WAYS[:2])])
def test_what_is_not_allowed_is_refused_as_if_there_were_no_such_thing(owner, actor, view, name, way):
    session = owner.start_idle(name="Owned")
    viewer = view(owner, session["id"])
    client = actor(name, way)
    for action in set(ACTIONS) - ALLOWED[name]:
        answer = perform(client, action, session["id"], owner.login_id)
        unknown = perform(client, action, UNKNOWN_SESSION, UNKNOWN_LOGIN)
        assert answer.status_code == (401 if name == "nobody" else 404), (action, answer.text)
        assert (unknown.status_code, unknown.json()) == (answer.status_code, answer.json()), action
        if way != "socket":
            assert answer.http_version == way
    viewer.picture()
    assert owner.session(session["id"])["name"] == "Owned"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["owner", "manager", "admin"])
def test_what_is_allowed_is_done(owner, alice, actor, visit, name, way):
    session = owner.start_idle()
    client = actor(name, way)
    for action in sorted(ALLOWED[name], key=lambda action: action in ENDING):
        target = visit(alice) if action == "log out" else owner
        answer = perform(client, action, session["id"], target.login_id)
        assert answer.is_success, (action, answer.status_code, answer.text)
        if action == "log out":
            assert target.get("/me").status_code == 401
    owner.wait_session(session["id"], lambda session: session["state"] == "ended", within=20)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "name, own, everybodys, logins",
    [("owner", True, True, True), ("stranger", False, False, False), ("manager", False, True, True),
     ("admin", False, True, True)])
def test_lists_hold_what_one_may_see(owner, actor, name, own, everybodys, logins, way):
    session = owner.start_idle(name="Listed")
    client = actor(name, way)
    for path, is_listed in (("/sessions", own), ("/sessions?all=true", everybodys), ("/sessions?all=1", own)):
        document = client.ok("GET", path)
        assert (session["id"] in [s["id"] for s in document["sessions"]]) == is_listed, path
        assert ("Listed" in json.dumps(document)) == is_listed
    ids = [login["id"] for login in client.ok("GET", "/logins")["logins"]]
    assert (owner.login_id in ids) == logins


@pytest.mark.parametrize("name, role", [("owner", "user"), ("manager", "manager"), ("admin", "admin")])
def test_roles_come_from_names_and_groups(actor, name, role):
    for way in WAYS:
        assert actor(name, way).ok("GET", "/me")["role"] == role


@pytest.mark.parametrize("name", ["stranger", "manager", "admin", "nobody"])
def test_nobody_but_the_owner_opens_a_display(portal, owner, people, visit, name):
    session = owner.start_idle()
    client = visit(people[name]) if people[name] else visit()
    status, body = refusal(portal, session["id"], client.token, origin=portal.url)
    assert status == (401 if name == "nobody" else 404), body
    assert owner.session(session["id"])["clients"] == 0


@pytest.mark.parametrize("way", WAYS)
def test_events_tell_a_stranger_nothing(owner, alice, bob, actor, visit, follow, way):
    stranger = actor("stranger", way)
    streams = [follow(stranger)]
    session = owner.start_idle(name="Nobody's business")
    owner.ok("PATCH", f"/sessions/{session['id']}", {"name": "Still nobody's"})
    other = visit(alice)
    other.ask("DELETE", "/login")
    owner.ask("DELETE", f"/sessions/{session['id']}")
    owner.wait_session(session["id"], lambda session: session["state"] == "ended", within=20)
    if way != "socket":
        # From the beginning of the agent's memory.
        streams.append(follow(stranger, last_id=f"{streams[0].last_id.split('-')[0]}-0"))
    # One's own events come after all of these.
    sign = visit(bob).login_id
    for stream in streams:
        stream.wait("login", id=sign)
        told = json.dumps([event for event in stream.events if event[0] != "server"])
        for secret in (alice.name, session["id"], "obody's", owner.login_id, other.login_id, f'"{owner.address}"'):
            assert secret not in told, stream.events


def test_events_tell_managers_of_everybodys_sessions_if_they_want(owner, bob, actor, follow, visit):
    manager = actor("manager", "HTTP/1.1")
    own, everybodys = follow(manager), follow(manager, query="?all=true")
    strangers = follow(actor("stranger", "HTTP/1.1"), query="?all=true")
    session = owner.start_idle()
    everybodys.wait("session", id=session["id"], state="running")
    # A stranger's own event comes after those of others.
    strangers.wait("login", id=visit(bob).login_id)
    assert not own.found("session", id=session["id"]) and not strangers.found("session", id=session["id"])


CHANGES = [("POST", "/sessions", {"command": "sleep 60"}), ("DELETE", "/login", None), ("DELETE", "/logins", None),
           *(action for action in ACTIONS.values() if action[0] != "GET")]


def test_a_change_needs_the_proof_that_a_page_of_ours_asks_for_it(portal, owner, alice, bob, visit, view):
    session = owner.start_idle(name="Owned")
    viewer = view(owner, session["id"])
    other, stranger = visit(alice), visit(bob)
    host = portal.url.removeprefix("https://")
    tokens = (None, "", "0" * 64, owner.csrf_token[:-1], owner.csrf_token.upper() + "0", owner.token,
              other.csrf_token, stranger.csrf_token)
    origins = ("https://evil.example", "null", f"https://{host}.evil.example", f"https://{host}0", "")
    forgeries = [({"X-CSRF-Token": token}, "csrf") for token in tokens]
    forgeries += [({"Origin": origin}, "foreign-origin") for origin in origins]
    for method, path, body in CHANGES:
        path = path.replace("SESSION", session["id"]).replace("LOGIN", other.login_id)
        for fields, reason in forgeries:
            answer = owner.ask(method, path, body, headers=fields)
            assert answer.status_code == 403 and answer.json()["reason"] == reason, (method, path, fields, answer.text)
    viewer.picture()
    assert owner.session_ids() == [session["id"]] and owner.session(session["id"])["name"] == "Owned"
    assert other.get("/me").status_code == owner.get("/me").status_code == 200


def test_a_page_of_ours_may_change_things(portal, owner):
    answer = owner.ask("POST", "/sessions", {"command": "sleep 60"}, headers={"Origin": portal.url})
    assert answer.status_code == 201


def test_a_form_of_another_site_is_not_taken_for_json(owner):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        for path in ("/login", "/sessions"):
            answer = owner.ask("POST", path, {"command": "x"}, headers={"Content-Type": kind})
            assert answer.status_code == 415, (kind, path, answer.text)


def test_a_page_of_another_site_logs_nobody_in(alice, visit):
    client = visit()
    answer = client.ask(
        "POST", "/login", {"user": alice.name, "password": alice.password}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403 and "set-cookie" not in answer.headers


def test_no_answer_lets_pages_of_other_sites_read_it(owner):
    for path in ("/me", "/sessions", "/login", "/nowhere"):
        answer = owner.get(path, headers={"Origin": "https://evil.example"})
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_token_is_taken_as_bearer_too_and_needs_no_proof_then(alice, visit):
    client = visit(alice)
    fields = {"Cookie": None, "X-CSRF-Token": None, "Authorization": f"Bearer {client.token}"}
    assert client.ask("POST", "/sessions", {"command": "sleep 60"}, headers=fields).status_code == 201
    for wrong in ("Bearer", "Bearer x", f"Basic {client.token}", f"Bearer {client.login_id}.{'0' * 64}"):
        answer = client.ask("GET", "/me", headers={"Cookie": None, "Authorization": wrong})
        assert answer.status_code == 401, wrong


def test_the_users_socket_has_neither_pages_nor_the_commands_of_administrators(portal, bob):
    client = SocketClient(portal, bob)
    for method, path in (("GET", "/../../v1/dump"), ("POST", "/../../v1/login-code"), ("GET", "/../../"),
                         ("GET", "/../../v1/status")):
        assert client.ask(method, path).status_code == 404, path


def test_commands_on_the_map_are_not_for_users(portal, bob, owner):
    eventually(lambda: owner.login_id in portal.leases("login"), "there is something to be found")
    for arguments in (("dump",), ("list",), ("get", f"login/{portal.server_id}/{owner.login_id}"),
                      ("put", "config/x", "1"), ("status",), ("login-code",), ("watch",), ("explain", "config/x")):
        result = bob.run(portal.program, *arguments, "--var-dir", portal.directory)
        assert result.returncode != 0 and owner.login_id not in result.stdout, (arguments, result)
        assert "permission denied" in result.stderr, result
