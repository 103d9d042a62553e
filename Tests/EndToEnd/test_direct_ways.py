# Ways around the interface: sockets of displays and stewards, process tables, and what stands in files.
import os
import signal
import socket
from pathlib import Path

import pytest

from api import SocketClient
from steward_socket import FalseLink
from waiting import eventually


@pytest.fixture
def client(alice, visit):
    return visit(alice)


@pytest.fixture
def session(client):
    return client.start("xterm", name="Of Alice alone")


@pytest.fixture
def server(alice, session):
    [process] = alice.find("Xvnc", session["id"])
    return process


def session_ids(portal, user):
    """What a user has without logging in."""
    return [session["id"] for session in SocketClient(portal, user).ok("GET", "/sessions")["sessions"]]


@pytest.fixture
def say(portal):
    """Makes stewards that are none."""
    made = []

    def say(user):
        made.append(FalseLink(portal, user))
        return made[-1]

    yield say
    for link in made:
        link.close()


def test_a_stranger_cannot_connect_to_the_socket_of_a_display(bob, server):
    with socket.socket(socket.AF_UNIX) as stranger, bob.identity(), pytest.raises(PermissionError):
        stranger.connect(server.argument("-rfbunixpath"))


def test_a_stranger_gets_no_window_on_a_display(bob, session, server):
    for display in (session["display"], f"unix{session['display']}", f"localhost{session['display']}"):
        result = bob.run("xdpyinfo", "-display", display)
        assert result.returncode != 0 and "dimensions" not in result.stdout, (display, result)
    assert bob.run("cat", server.argument("-auth")).returncode != 0


def test_a_stranger_finds_nothing_in_the_files_of_a_user(alice, bob, server):
    for path in (alice.home / ".local/state/fastx", Path(server.argument("-auth")).parent, f"/tmp/.fastx-{alice.uid}"):
        assert bob.run("ls", path).returncode != 0, path


def test_process_tables_name_no_session(bob, session, server):
    listed = bob.run("ps", "axww", "-o", "args").stdout
    assert "Xvnc" in listed and session["name"] not in listed
    environment = bob.run("cat", f"/proc/{server.pid}/environ")
    assert environment.returncode != 0 and not environment.stdout


def test_a_user_cannot_report_the_session_of_another_as_his_own(portal, alice, bob, client, session, say):
    """A session's id is no secret: it stands in process tables."""
    link = say(bob)
    assert "welcome" in link.hear()
    link.report(session["id"], name="stolen")
    # The next one is taken, so the one before was looked at.
    link.report("f" * 32, name="his own")
    eventually(lambda: "f" * 32 in session_ids(portal, bob), "the report has come")
    assert session["id"] not in session_ids(portal, bob)
    assert client.session(session["id"])["name"] == session["name"]
    assert client.get(f"/sessions/{session['id']}/screenshot").status_code == 200


def test_a_user_cannot_take_the_place_of_a_session_whose_link_process_is_away(portal, alice, bob, client, session, say):
    """Such as in the moment after the agent's start."""
    [real] = portal.stewards(alice)
    os.kill(real.pid, signal.SIGSTOP)
    try:
        portal.restart()
        link = say(bob)
        assert "welcome" in link.hear()
        link.report(session["id"], name="stolen")
        link.report("f" * 32, name="his own")
        eventually(lambda: "f" * 32 in session_ids(portal, bob), "both reports have come")
    finally:
        os.kill(real.pid, signal.SIGCONT)
    found = client.wait_session(session["id"], lambda found: found["state"] == "running")
    assert found["name"] == session["name"] and found["user"] == alice.name
    assert client.get(f"/sessions/{session['id']}/screenshot").status_code == 200


def test_a_system_account_has_no_link_process(portal, make_user, say):
    answer = say(make_user(is_system=True)).hear()
    assert answer is None or "refused" in answer, answer


@pytest.mark.parametrize(
    "packet", [b"", b"{", b"null", b"\xff\xfe", b"[" * 60_000, b'{"later":{}}',
               b'{"hello":{"_0":{"version":1,"pid":1,"software":"again","sessions":0}}}',
               b'{"session":{"_0":{"id":"../../x"}}}', b'{"reply":{"number":99,"_1":{"done":{}}}}'],
    ids=lambda packet: repr(packet[:24]))
def test_a_link_process_that_says_nonsense_harms_nobody_else(portal, bob, client, session, say, packet):
    link = say(bob)
    assert "welcome" in link.hear()
    if packet:
        link.socket.send(packet)
    else:
        link.socket.shutdown(socket.SHUT_RDWR)
    assert client.session(session["id"])["state"] == "running"
    assert portal.status()


@pytest.mark.parametrize(
    "report", [{"name": "a\nb\u202e"}, {"reason": "\u001b[31m\n", "state": "failed"}, {"id": "../../../etc"},
               {"display": ":1\r\n"}, {"command": "\u001b]0;title\u0007"}], ids=str)
def test_what_a_link_process_says_reaches_no_terminal_or_path(portal, bob, say, report):
    """A report that breaks the rules is not taken; another is shown as text on one line."""
    link = say(bob)
    assert "welcome" in link.hear()
    link.report(report.pop("id", "e" * 32), **report)
    eventually(lambda: link.is_cut_off or session_ids(portal, bob), "the report was looked at")
    shown = portal.as_user(bob, "sessions")
    assert shown.returncode == 0, shown
    assert not set("\u202e\u001b\u0007\r") & set(shown.stdout) and ".." not in shown.stdout, shown
    assert len(shown.stdout.splitlines()) <= 2, shown


def test_a_link_process_talks_to_the_agents_user_only(installation, alice, bob, places):
    """Another user has put a socket of his in the agent's place."""
    path = next(places)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as false_agent:
        false_agent.bind(str(path))
        path.chmod(0o777)
        with bob.identity():
            false_agent.listen()
        words = ["--socket", path, "--server-id", "false", "--detach", "--agent-uid"]
        result = alice.run(installation.program, "link", *words, installation.service.uid)
        assert result.returncode == 1 and str(bob.uid) in result.stderr, result
        eventually(lambda: not [p for p in alice.processes() if str(path) in p.arguments], "it does not stay")
