# Sessions: started, listed, looked at, renamed, ended and removed; what they are given, and what they leave.
import json
import os
import re
import stat
from pathlib import Path

import pytest

from waiting import eventually

# Above what a command takes to start and to end.
WITHIN = 20


def has_ended(session):
    return session["state"] in ("ended", "failed")


# Works a little, and rests.
BUSY = "while :; do count=0; while [ $count -lt 20000 ]; do count=$((count + 1)); done; sleep 0.1; done"


@pytest.fixture
def client(alice, visit):
    return visit(alice)


@pytest.fixture(scope="module", autouse=True)
def busy(bob, reside):
    """A session that is measured, every ten seconds, while other tests run."""
    client = reside(bob)
    return client, client.start(BUSY)


def server_of(user, session):
    """The display server of a session."""
    [process] = user.find("Xvnc", session["id"])
    return process


def test_a_session_runs_xterm_on_a_display_of_its_own(portal, alice, client):
    answer = client.ask("POST", "/sessions", {"command": "xterm", "name": "Shell", "geometry": "900x700"})
    assert answer.status_code == 201 and answer.json()["state"] in ("starting", "running")
    assert answer.headers["location"] == f"/api/v1/sessions/{answer.json()['id']}"
    session = client.wait_session(answer.json()["id"], lambda session: session["state"] == "running")
    assert session["name"] == "Shell" and session["command"] == "xterm" and session["user"] == alice.name
    assert session["serverId"] == portal.server_id and session["geometry"] == "900x700" and session["clients"] == 0
    assert re.fullmatch(r":\d+", session["display"]) and re.fullmatch("[0-9a-f]{32}", session["id"])
    assert session["exitStatus"] is None and session["ended"] is None and session["forgotten"] is False
    [xterm] = eventually(lambda: alice.find("xterm"), "xterm runs")
    eventually(lambda: xterm.environment.get("DISPLAY") == session["display"], "it runs on this display")
    assert client.session_ids() == [session["id"]]


def test_a_window_manager_is_there_unless_the_command_brings_one_or_none_is_wanted(alice, client):
    for members, count in (({}, 1), ({"windowManager": "openbox"}, 1), ({"windowManager": "none"}, 0)):
        session = client.start("sleep 60", **members)
        managers = [process for process in alice.find("openbox")
                    if process.environment.get("DISPLAY") == session["display"]]
        assert len(managers) == count, members
    session = client.start("openbox")
    assert len([p for p in alice.find("openbox") if p.environment.get("DISPLAY") == session["display"]]) == 1


def test_the_status_of_the_command_is_kept(client):
    for command, status in (("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("no-such-command-at-all", 127)):
        session = client.ok("POST", "/sessions", {"command": command})
        ended = client.wait_session(session["id"], has_ended, WITHIN)
        assert (ended["state"], ended["exitStatus"]) == ("ended", status), command
        assert ended["ended"] >= ended["started"] and ended["clients"] == 0


def test_a_session_is_ended_and_then_removed(alice, client):
    session = client.start("xterm")
    server = server_of(alice, session)
    assert client.ask("DELETE", f"/sessions/{session['id']}").status_code == 204
    ended = client.wait_session(session["id"], has_ended, WITHIN)
    assert ended["state"] == "ended"
    assert not server.is_alive and not alice.find("xterm") and not alice.find("openbox")
    assert client.ask("DELETE", f"/sessions/{session['id']}").status_code == 204
    eventually(lambda: client.get(f"/sessions/{session['id']}").status_code == 404, "it is removed")
    assert session["id"] not in client.session_ids()
    assert not list(alice.home.rglob(f"*{session['id']}*"))


def test_a_session_that_is_ended_as_soon_as_it_starts_has_ended_and_not_failed(client):
    for _ in range(15):
        session = client.ok("POST", "/sessions", {"command": "sleep 60", "windowManager": "none"})
        client.ask("DELETE", f"/sessions/{session['id']}")
        ended = client.wait_session(session["id"], has_ended, WITHIN)
        assert ended["state"] == "ended", ended["reason"]


def test_programs_that_do_not_want_to_end_are_ended(alice, client):
    session = client.start("trap '' TERM HUP INT; (trap '' TERM HUP; sleep 61) & while :; do sleep 62; done")
    eventually(lambda: alice.find("sleep", "61"), "the programs run")
    client.ask("DELETE", f"/sessions/{session['id']}")
    client.wait_session(session["id"], has_ended, WITHIN)
    assert not alice.find("sleep", "61") and not alice.find("sleep", "62")


def test_a_session_whose_display_crashes_has_failed_with_the_reason(make_user, visit):
    user = make_user()
    client = visit(user)
    session = client.start_idle()
    server_of(user, session).kill()
    failed = client.wait_session(session["id"], has_ended, WITHIN)
    assert failed["state"] == "failed" and failed["reason"], failed


def test_what_the_command_prints_is_in_the_log(client):
    session = client.ok("POST", "/sessions", {"command": "echo 'Grüße <b>'; echo trouble >&2"})
    client.wait_session(session["id"], has_ended, WITHIN)
    answer = client.get(f"/sessions/{session['id']}/log")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "Grüße <b>" in answer.text and "trouble" in answer.text


def test_a_session_is_renamed(portal, client):
    session = client.start_idle(name="before")
    name = "after <script>alert(1)</script> ü 😀"
    assert client.ok("PATCH", f"/sessions/{session['id']}", {"name": name})["name"] == name
    client.wait_session(session["id"], lambda session: session["name"] == name)
    for bad in ("", "   ", "a\nb", "x" * 201, "a\u202eb", "\u0007"):
        answer = client.ask("PATCH", f"/sessions/{session['id']}", {"name": bad})
        assert answer.status_code == 422, (bad, answer.text)
    assert client.session(session["id"])["name"] == name


@pytest.mark.parametrize(
    "command", [
        "true\nsleep 60", "sleep 60 # \u202e\u0007", "sleep 60 # " + "😀" * 100, "\n\n  sleep 60", "\tsleep 60\r"],
    ids=["lines", "invisible", "long", "empty lines", "blanks"])
def test_a_session_without_a_name_is_called_after_its_command_whatever_that_is(make_user, visit, command):
    client = visit(make_user())
    session = client.ok("POST", "/sessions", {"command": command})
    shown = client.session(session["id"])
    assert shown["command"] == command and shown["name"].strip() and shown["name"].isprintable()
    assert client.ok("GET", "/me")["hasLink"] is True


def test_a_picture_is_a_jpeg_of_the_wanted_width(client):
    session = client.start("xterm", geometry="1000x500")
    for query, width, height in (("", 480, 240), ("?width=100", 100, 50), ("?width=4096", 1000, 500)):
        answer = client.get(f"/sessions/{session['id']}/screenshot{query}")
        assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"
        assert answer.content.startswith(b"\xff\xd8\xff") and answer.content.endswith(b"\xff\xd9")
        assert jpeg_size(answer.content) == (width, height), query
    for query in ("?width=0", "?width=-1", "?width=5000", "?width=abc", "?width=1e3"):
        assert client.get(f"/sessions/{session['id']}/screenshot{query}").status_code == 422, query


def jpeg_size(data):
    """Width and height from the start of the frame."""
    place = 2
    while True:
        marker, length = data[place + 1], int.from_bytes(data[place + 2:place + 4], "big")
        if 0xC0 <= marker <= 0xC2:
            return int.from_bytes(data[place + 7:place + 9], "big"), int.from_bytes(data[place + 5:place + 7], "big")
        place += 2 + length


def test_the_command_finds_parameters_and_nothing_of_the_agents_environment(make_portal, make_user, visit):
    user = make_user()
    portal = make_portal(environment={"FXT_SECRET": "of the agent", "LD_LIBRARY_PATH": "/nowhere"})
    client = visit(user, portal=portal)
    value = "a b 'c' \"d\" $(id) `id` \\ ü"
    session = client.start("env -0 > environment; pwd > directory; sleep 60", params={"Project": value, "_x9": ""})
    eventually(lambda: (user.home / "directory").exists(), "the command has run")
    environment = dict(
        line.split("=", 1) for line in (user.home / "environment").read_text().split("\0") if "=" in line)
    assert environment["FASTX_PARAM_Project"] == value and environment["FASTX_PARAM__x9"] == ""
    assert environment["USER"] == user.name and environment["HOME"] == str(user.home)
    assert environment["SHELL"] == user.shell and environment["DISPLAY"] == session["display"]
    assert (user.home / "directory").read_text().strip() == str(user.home)
    allowed = re.compile(
        r"DISPLAY|XAUTHORITY|HOME|USER|LOGNAME|SHELL|PATH|PWD|OLDPWD|SHLVL|_|LANG|LANGUAGE|TZ|LC_\w+|XDG_\w+|"
        r"FASTX_PARAM_\w+|FASTX_SESSION_ID")
    assert not [name for name in environment if not allowed.fullmatch(name)], environment


@pytest.mark.parametrize(
    "body, reason",
    [
        ({}, "bad-content"), ({"command": ""}, "bad-command"), ({"command": "  \n"}, "bad-command"),
        ({"command": "x" * 5000}, "bad-command"), ({"command": "a\0b"}, "bad-command"),
        ({"command": 1}, "bad-content"),
        ({"command": "x", "name": ""}, "bad-name"), ({"command": "x", "name": "a\nb"}, "bad-name"),
        ({"command": "x", "name": "n" * 201}, "bad-name"), ({"command": "x", "name": "a\u202eb"}, "bad-name"),
        ({"command": "x", "geometry": "0x0"}, "bad-geometry"),
        ({"command": "x", "geometry": "99999x100"}, "bad-geometry"),
        ({"command": "x", "geometry": "big"}, "bad-content"),
        ({"command": "x", "geometry": "800x600 -rfbport 5900"}, "bad-content"),
        ({"command": "x", "geometry": "-800x600"}, "bad-content"),
        ({"command": "x", "params": {"a-b": "1"}}, "bad-parameter"),
        ({"command": "x", "params": {"1": "1"}}, "bad-parameter"),
        ({"command": "x", "params": {"": "1"}}, "bad-parameter"), ({"command": "x", "params": {"a": 1}}, "bad-content"),
        ({"command": "x", "params": {"a": "b\0"}}, "bad-parameter"),
        ({"command": "x", "params": ["a"]}, "bad-content"),
        ({"command": "x", "params": {f"p{n}": "" for n in range(65)}}, "bad-parameter"),
        ({"command": "x", "windowManager": "/bin/sh"}, "bad-content"),
        ({"command": "x", "windowManager": "mwm"}, "bad-window-manager"),
        ({"command": "x", "user": "root"}, "bad-content"),
        ([], "bad-content"), (None, "bad-json"),
    ],
    ids=lambda value: str(value)[:50])
def test_a_bad_start_is_refused_with_the_reason(alice, reside, body, reason):
    client = reside(alice)
    answer = client.ask("POST", "/sessions", body)
    assert answer.status_code == (400 if reason == "bad-json" else 422), answer.text
    problem = answer.json()
    assert problem["reason"] == reason and problem["serverId"] == client.portal.server_id
    assert len(problem["detail"]) > 10
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert client.session_ids() == []


def test_sessions_are_limited_for_each_user_and_for_the_member(make_portal, alice, bob, visit):
    portal = make_portal(sessions={"perUserMax": 2, "perServerMax": 3})
    client, other = visit(alice, portal=portal), visit(bob, portal=portal)
    sessions = [client.start_idle()["id"] for _ in range(2)]
    refused = client.ask("POST", "/sessions", {"command": "sleep 60"})
    assert refused.status_code == 429 and refused.json()["reason"] == "limit-reached", refused.text
    other.start_idle()
    refused = other.ask("POST", "/sessions", {"command": "sleep 60"})
    assert refused.status_code == 429 and refused.json()["reason"] == "limit-reached", refused.text
    # A session that has ended counts no more.
    client.ask("DELETE", f"/sessions/{sessions[0]}")
    client.wait_session(sessions[0], has_ended, WITHIN)
    client.start_idle()


def test_a_new_limit_of_sessions_is_taken_up_at_once(make_portal, alice, visit):
    portal = make_portal(sessions={"perUserMax": 1})
    client = visit(alice, portal=portal)
    client.start_idle()
    refused = client.ask("POST", "/sessions", {"command": "sleep 60"})
    assert refused.status_code == 429, refused.text
    portal.edit("settings.json", lambda content: content["sessions"].update(perUserMax=2))
    portal.wait_logged("configuration changed: settings.json: sessions.perUserMax: 1 -> 2")
    client.start_idle()


def test_a_member_may_start_no_sessions(make_portal, alice, visit):
    client = visit(alice, portal=make_portal(sessionsEnabled=False))
    answer = client.ask("POST", "/sessions", {"command": "xterm"})
    assert answer.status_code == 403 and answer.json()["reason"] == "sessions-disabled"


def test_a_session_is_a_lease_that_every_member_sees(portal, client):
    session = client.start_idle(name="On lease", params={"token": "of the user"})

    def lease():
        lease = json.loads(portal.leases("session").get(session["id"], "{}"))
        assert lease.get("state") == "running" and lease["display"] == session["display"], lease
        return lease

    found = eventually(lease, "the lease is there")
    assert set(found) == set(session) and "of the user" not in json.dumps(found)
    for name in ("id", "name", "command", "user", "geometry", "started", "serverId", "hostname"):
        assert found[name] == session[name], name

    def counts():
        update = json.loads(portal.get(f"server/{portal.server_id}"))
        # With the busy one of another user.
        return (update["sessions"], update["uniqueSessionUsers"]) == (2, 2)

    eventually(counts, "the server update counts the session")
    client.end_all()
    eventually(lambda: session["id"] not in portal.leases("session"), "the lease goes with the session")


def test_no_display_listens_on_the_network(alice, client):
    server = server_of(alice, client.start_idle())
    files = [os.readlink(path) for path in Path(f"/proc/{server.pid}/fd").iterdir()]
    inodes = {file[8:-1] for file in files if file.startswith("socket:[")}
    assert inodes
    for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        for line in open(f"/proc/net/{table}").readlines()[1:]:
            assert line.split()[9] not in inodes, (table, line)


def test_sockets_secrets_and_logs_are_the_users_alone(alice, client):
    session = client.start_idle()
    server = server_of(alice, session)
    rfb, authority = Path(server.argument("-rfbunixpath")), Path(server.argument("-auth"))
    for path, mode in ((rfb, 0o600), (rfb.parent, 0o700), (authority, 0o600), (authority.parent, 0o700)):
        found = path.stat()
        assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (alice.uid, mode), path
    for path in authority.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert server.argument("-SecurityTypes") == "None" and server.argument("-rfbport") == "-1"


def test_a_display_takes_no_program_without_its_secret(alice, client):
    session = client.start_idle()
    authority = server_of(alice, session).argument("-auth")
    words = ["xdpyinfo", "-display", session["display"]]
    assert alice.run(*words).returncode != 0
    assert alice.run(*words, environment={"XAUTHORITY": authority}).returncode == 0


def test_the_secret_goes_with_the_session(alice, client):
    session = client.start_idle()
    server = server_of(alice, session)
    left = [Path(server.argument(name)) for name in ("-rfbunixpath", "-auth")]
    client.ask("DELETE", f"/sessions/{session['id']}")
    client.wait_session(session["id"], has_ended, WITHIN)
    assert not [path for path in left if path.exists()]


def test_a_users_own_mask_of_modes_holds_in_his_sessions(alice, client):
    client.start("touch made; sleep 60")
    made = eventually(lambda: (alice.home / "made").exists() and (alice.home / "made"), "the file is made")
    assert stat.S_IMODE(made.stat().st_mode) == 0o644


def test_memory_and_processor_use_of_a_session_are_told(busy):
    client, session = busy
    used = client.wait_session(session["id"], lambda s: s["memoryBytes"] > 1 << 20 and s["cpuPercent"] > 1, within=25)
    assert used["memoryBytes"] < 1 << 30 and used["cpuPercent"] < 200
