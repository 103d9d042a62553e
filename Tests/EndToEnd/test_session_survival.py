# Sessions outlive the agent, the steward and the login that started them.
import os
import signal

import pytest

from waiting import eventually

pytestmark = pytest.mark.slow


class Workplace:
    """A session with a terminal, in which a shell remembers a word."""

    def __init__(self, client, user, name, view):
        self.client, self.user, self.name, self._view = client, user, name, view
        self.session = client.start("xterm", name=name, geometry="500x400")
        [self.server] = user.find("Xvnc", self.id)
        viewer = view(client, self.id)
        self._type(viewer, f"word={name}", "ready")
        self.picture = self._still(viewer)
        viewer.close()

    @property
    def id(self):
        return self.session["id"]

    def _type(self, viewer, line, file):
        """Types a line until it has taken effect; the name of the file is the proof."""
        made = self.user.home / f"{self.name}-{file}"

        def is_made():
            viewer.type(f"{line}; clear; echo $word > {made.name}\n")
            return made.exists() and made.read_text()

        return eventually(is_made, f"{line} is typed in {self.name}", every=0.5)

    def _still(self, viewer):
        """The picture once nothing on it moves, nor anything is about to: the prompt comes after the file."""
        def still():
            assert all(process.is_asleep for process in self.user.processes())
            picture = viewer.picture()
            return picture if picture == viewer.picture() else None

        return eventually(still, "the picture is still", every=0.3)

    def assert_unchanged(self, client=None):
        """The same display, the same window, and the same shell in it."""
        client = client or self.client
        after = client.wait_session(self.id, lambda session: session["state"] == "running")
        for member in ("name", "command", "display", "started", "geometry", "user"):
            assert after[member] == self.session[member], member
        assert self.server.is_alive and self.user.find("Xvnc", self.id) == [self.server]
        viewer = self._view(client, self.id)
        assert self._still(viewer) == self.picture
        assert self._type(viewer, "true", "after") == f"{self.name}\n"


@pytest.fixture
def portal(make_portal):
    return make_portal()


def test_no_session_is_lost_when_the_agent_is_killed(portal, alice, bob, visit, view):
    clients = {alice: visit(alice), bob: visit(bob)}
    places = [Workplace(clients[user], user, name, view) for user, name in ((alice, "a1"), (alice, "a2"), (bob, "b1"))]
    watching = view(clients[alice], places[0].id)
    links = {user: portal.stewards(user) for user in clients}
    portal.kill()
    assert watching.wait_closed() is None
    assert all(place.server.is_alive for place in places)
    portal.start()
    for place in places:
        place.assert_unchanged()
    for user, own in ((alice, places[:2]), (bob, places[2:])):
        assert clients[user].session_ids() == [place.id for place in own]
        # The same steward has come back.
        assert portal.stewards(user) == links[user]
    eventually(lambda: len(portal.leases("session")) == 3, "they are leases again")


def test_an_agent_that_is_stopped_says_goodbye_to_viewers_and_ends_no_session(portal, alice, visit, view):
    client = visit(alice)
    place = Workplace(client, alice, "kept", view)
    viewer = view(client, place.id)
    assert portal.stop() == 0
    assert viewer.wait_closed() == 1001
    portal.start()
    place.assert_unchanged()


def test_nobody_is_told_that_his_session_is_gone_while_a_restarted_agent_cannot_know_it(portal, alice, visit):
    """A page that is told so gives up: the steward may come a second later."""
    client = visit(alice)
    session = client.start_idle()
    [link] = portal.stewards(alice)
    os.kill(link.pid, signal.SIGSTOP)
    try:
        portal.restart()
        answer = client.get(f"/sessions/{session['id']}")
        assert answer.status_code != 404, answer.text
    finally:
        os.kill(link.pid, signal.SIGCONT)
    client.wait_session(session["id"], lambda session: session["state"] == "running")


def test_a_session_that_ends_while_the_agent_is_away_has_ended_when_it_is_back(portal, alice, visit):
    client = visit(alice)
    session = client.start_idle()

    def commands():
        return [p for p in alice.find("sleep", "60") if p.environment.get("FASTX_SESSION_ID") == session["id"]]

    [command] = eventually(commands, "the command runs")
    portal.kill()
    command.kill()
    portal.start()
    ended = client.wait_session(session["id"], lambda session: session["state"] == "ended", within=20)
    assert ended["exitStatus"] == 128 + signal.SIGKILL


def test_a_new_link_process_by_sudo_takes_the_sessions_over_without_another_password(portal, alice, visit, view):
    client = visit(alice)
    place = Workplace(client, alice, "taken", view)
    [link] = portal.stewards(alice)
    link.kill()
    eventually(lambda: not client.ok("GET", "/me")["hasLink"], "the steward is gone")
    other = client.start_idle()
    [new] = portal.stewards(alice)
    assert new != link and set(client.session_ids()) == {place.id, other["id"]}
    place.assert_unchanged()


def test_a_user_who_is_logged_in_gets_his_sessions_back_though_he_starts_none(portal, alice, visit):
    client = visit(alice)
    session = client.start_idle()
    [link] = portal.stewards(alice)
    link.kill()
    eventually(lambda: portal.stewards(alice) not in ([], [link]), "there is a new steward")
    eventually(lambda: client.session_ids() == [session["id"]], "the session is listed again")


def test_a_new_login_takes_the_sessions_over(make_portal, alice, visit, view):
    portal = make_portal(logins={"ways": ["ssh"]})
    client = visit(alice, portal=portal)
    place = Workplace(client, alice, "again", view)
    [link] = portal.stewards(alice)
    link.kill()
    eventually(lambda: not client.ok("GET", "/me")["hasLink"], "the steward is gone")
    # Without sudo nobody can start one for him: he is asked for his password, or logs in again.
    assert client.ask("POST", "/sessions", {"command": "sleep 60"}).status_code == 202
    place.assert_unchanged(visit(alice, portal=portal))


def test_what_is_left_of_a_session_whose_supervisor_was_killed_is_cleared_away(portal, alice, visit):
    client = visit(alice)
    session = client.start("xterm")
    [supervisor] = [process for process in alice.processes()
                    if process.arguments[1:2] == ["session"] and session["id"] in process.arguments[2]]
    left = [process for process in alice.processes() if process.environment.get("FASTX_SESSION_ID") == session["id"]]
    supervisor.kill()
    failed = client.wait_session(session["id"], lambda session: session["state"] == "failed", within=20)
    assert "supervisor" in failed["reason"] and len(left) >= 2
    eventually(lambda: not [process for process in left if process.is_alive], "its programs are ended")


def test_a_link_process_stays_as_long_as_its_user_has_a_login_or_a_session(portal, make_user, visit):
    """It leaves ten seconds after the last of both."""
    leaving, staying, busy = make_user(), make_user(), make_user()
    clients = {user: visit(user) for user in (leaving, staying, busy)}
    links = {user: portal.stewards(user)[0] for user in clients}
    over, going_on = clients[leaving].start_idle(), clients[busy].start_idle()
    clients[leaving].ask("DELETE", f"/sessions/{over['id']}")
    for user in (leaving, busy):
        clients[user].ask("DELETE", "/login")
    eventually(lambda: not links[leaving].is_alive, "the steward leaves", within=20)
    assert not leaving.processes()
    assert links[staying].is_alive and links[busy].is_alive
    assert busy.find("Xvnc", going_on["id"])


def test_sessions_of_a_user_outlive_an_sshd_that_is_restarted(make_portal, make_sshd, alice, visit, view):
    sshd = make_sshd("auth required pam_unix.so nodelay\n")
    portal = make_portal(sshd)
    place = Workplace(visit(alice, portal=portal), alice, "stays", view)
    sshd.process.terminate()
    sshd.process.wait(5)
    place.assert_unchanged()
