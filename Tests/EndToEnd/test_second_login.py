# The second login: a user who is logged in starts a session at a member where none of his processes may start one.
import json
import re

import pytest

from sshd import PASSWORD, VERIFICATION_CODE, VerificationCodes
from test_clocks import FakeClock
from waiting import eventually

WRONG = "not the password"
CLAIM = "fastx/daemon"


@pytest.fixture(scope="module")
def other(portal, cluster_of):
    """A member with the ways that `init` writes: it cannot start a user's steward without his password."""
    return cluster_of(portal, logins={"ways": ["ssh"]})


@pytest.fixture
def alice(make_user):
    """Somebody new for each test: second logins outlive the logins that asked for them."""
    return make_user()


def start(client, member, **members):
    return client.ask("POST", "/sessions", {
        "command": "sleep 60", "windowManager": "none", "serverId": member.server_id, **members})


def question(client, member, **members):
    """The question that a start brings up."""
    asked = start(client, member, **members)
    assert asked.status_code == 202, (asked.status_code, asked.text)
    return asked.json()


def answer(client, asked, text):
    return client.ask("POST", f"/login/{asked['attempt']}", {"answer": text})


def start_with_password(client, member, user, **members):
    started = answer(client, question(client, member, **members), user.password)
    assert started.status_code == 201, (started.status_code, started.text, member.log()[-2000:])
    return started.json()


def second_logins(client):
    return [login for login in client.ok("GET", "/logins")["logins"] if login["claims"] == [CLAIM]]


def claimed(member, user=None):
    """A user's second logins at a member, or everybody's, by its own map."""
    leases = {name: json.loads(lease) for name, lease in member.leases("login").items()}
    return {name: lease for name, lease in leases.items()
            if CLAIM in lease["claims"] and (user is None or lease["user"] == user.name)}


def test_a_start_asks_for_the_password_and_goes_on_by_itself(portal, other, alice, visit):
    client = visit(alice)
    asked = question(client, other, name="Kept", params={"queue": "long"})
    assert asked["prompt"].strip() == "Password:" and asked["echo"] is False
    assert asked["serverId"] == other.server_id and asked["hostname"] == client.ok("GET", "/me")["hostname"]
    assert not other.stewards(alice) and not client.session_ids() and not claimed(other, alice)
    started = answer(client, asked, alice.password)
    assert started.status_code == 201, started.text
    session = started.json()
    assert (session["serverId"], session["name"], session["user"]) == (other.server_id, "Kept", alice.name)
    assert started.headers["fastx-server"] == other.server_id and session["id"] in started.headers["location"]
    assert "set-cookie" not in started.headers
    # It is known here before the map has it.
    assert client.get(f"/sessions/{session['id']}").status_code == 200
    [steward] = other.stewards(alice)
    # Later starts ask nothing, and use the same steward.
    for _ in range(2):
        assert start(client, other).status_code == 201
    assert other.stewards(alice) == [steward]
    again = answer(client, asked, alice.password)
    assert again.status_code == 404 and again.json()["reason"] == "no-such-attempt"


def test_it_is_listed_as_what_it_is_and_counts_as_no_login(portal, other, alice, visit, follow):
    client = visit(alice)
    stream = follow(client)
    start_with_password(client, other, alice)
    [(second, lease)] = eventually(lambda: claimed(other, alice).items(), "it is in the map")
    assert lease["user"] == alice.name and lease["link"] is True and lease["address"] == client.address
    assert json.loads(other.get(f"login/{other.server_id}/{second}"))["claims"] == [CLAIM]
    [shown] = eventually(lambda: second_logins(client), "it is listed elsewhere")
    assert shown["id"] == second and shown["serverId"] == other.server_id and shown["current"] is False
    stream.wait("login", id=second, claims=[CLAIM])

    def is_counted():
        update = json.loads(other.get(f"server/{other.server_id}"))
        second_count, count = len(claimed(other)), len(other.leases("login"))
        assert (update["secondLogins"], update["logins"]) == (second_count, count - second_count)
        assert update["uniqueLoginUsers"] <= update["logins"]
        return True

    eventually(is_counted, "it is told beside the logins")
    # Nobody is let in by it, whoever comes from wherever.
    thief = visit(portal=other)
    for secret in (second, lease["loginId"], f"{second}.{second}"):
        assert thief.get("/me", headers={"Authorization": f"Bearer {secret}"}).status_code == 401


def test_a_wrong_password_is_said_to_be_wrong_and_starts_nothing(other, alice, visit):
    client = visit(alice)
    asked = question(client, other)
    refused = answer(client, asked, WRONG)
    assert refused.status_code == 401 and refused.json()["reason"] == "wrong-credentials", refused.text
    assert "no session was started" in refused.json()["detail"]
    assert answer(client, asked, alice.password).status_code == 404
    assert not other.stewards(alice) and not claimed(other, alice) and not client.session_ids()
    assert client.get("/me").status_code == 200
    assert start_with_password(client, other, alice)


def test_a_second_factor_is_asked_for_as_well(portal, cluster_of, make_sshd, alice, visit):
    strict = cluster_of(portal, sshd=make_sshd(PASSWORD + VERIFICATION_CODE), logins={"ways": ["ssh"]})
    codes = VerificationCodes(alice)
    client = visit(alice)
    first = question(client, strict)
    second = answer(client, first, alice.password)
    assert second.status_code == 202 and "Verification code" in second.json()["prompt"], second.text
    assert second.json()["attempt"] == first["attempt"] and second.json()["serverId"] == strict.server_id
    assert answer(client, first, codes.wrong()).json()["reason"] == "wrong-credentials"
    assert not strict.stewards(alice)
    first = question(client, strict)
    assert answer(client, first, alice.password).status_code == 202
    started = answer(client, first, codes.now())
    assert started.status_code == 201 and started.json()["serverId"] == strict.server_id, started.text
    assert start(client, strict).status_code == 201


def test_ssh_s_own_question_names_no_address(portal, cluster_of, make_sshd, alice, visit):
    sshd = make_sshd(options=("PasswordAuthentication yes", "KbdInteractiveAuthentication no"))
    older = cluster_of(portal, sshd=sshd, logins={"ways": ["ssh"]})
    client = visit(alice)
    asked = question(client, older)
    assert asked["prompt"].strip() == "Password:"
    assert answer(client, asked, alice.password).status_code == 201


@pytest.mark.parametrize("kind", ["full key", "gateway key"])
def test_it_is_carried_by_a_gateway(portal, other, cluster_of, gateway_of, alice, visit, kind):
    if kind == "full key":
        gateway = cluster_of(portal, loginsEnabled=False, sessionsEnabled=False)
    else:
        gateway = gateway_of(portal)
        # The gateway's only key is good at all members.
        [key] = json.loads(gateway.path("cluster.json").read_text())["keys"]
        other.edit("cluster.json", lambda content: content["keys"].append(key))
        eventually(lambda: len(other.json("key", "list")) == 2, "it is good there")
    eventually(lambda: gateway.get(f"server/{other.server_id}"), "the gateway knows the member")
    client = visit(portal=gateway)
    client.take(client.ask("POST", "/login", {
        "user": alice.name, "password": alice.password, "serverId": portal.server_id}))
    asked = question(client, other)
    assert asked["serverId"] == other.server_id
    assert answer(client, asked, WRONG).status_code == 401
    session = start_with_password(client, other, alice)
    assert client.get(f"/sessions/{session['id']}").status_code == 200
    assert start(client, other).status_code == 201
    other.wait_logged(rf"through {gateway.server_id} POST /api/v1/login/\.\.\. 201")


def test_ended_like_a_login_it_is_asked_for_again_and_sessions_go_on(other, alice, visit):
    client = visit(alice)
    session = start_with_password(client, other, alice)
    [second] = eventually(lambda: second_logins(client), "it is listed")
    assert client.ask("DELETE", f"/logins/{second['id']}").status_code == 204
    # The steward is there still, for the session.
    assert other.stewards(alice) and question(client, other)["serverId"] == other.server_id
    assert client.session(session["id"])["state"] in ("starting", "running")
    assert start_with_password(client, other, alice)
    [third] = eventually(
        lambda: [login for login in second_logins(client) if login["id"] != second["id"]], "there is another")
    assert client.session(session["id"])["state"] == "running"
    client.end_all()
    [steward] = other.stewards(alice)
    assert client.ask("DELETE", f"/logins/{third['id']}").status_code == 204
    eventually(lambda: not steward.is_alive, "with neither login nor session the steward leaves", within=20)


def test_it_outlives_the_login_and_ends_with_all_of_them(other, alice, visit):
    client = visit(alice)
    start_with_password(client, other, alice)
    assert client.ask("DELETE", "/login").status_code == 204
    client = visit(alice)
    assert start(client, other).status_code == 201
    eventually(lambda: second_logins(client), "it is listed")
    client.end_all()
    assert client.ask("DELETE", "/logins").status_code == 204
    assert question(visit(alice), other)


def test_it_survives_a_crash_of_the_agent(portal, cluster_of, alice, visit):
    member = cluster_of(portal, logins={"ways": ["ssh"]})
    client = visit(alice)
    session = start_with_password(client, member, alice)
    before = eventually(lambda: claimed(member, alice), "it is in the map").keys()
    member.restart()
    eventually(lambda: start(client, member).status_code == 201, "it serves a start", within=20)
    assert client.session(session["id"])["state"] == "running"
    assert claimed(member, alice).keys() == before


@pytest.mark.parametrize("limit", ["lifetimeHours", "idleHours"])
def test_it_ends_by_itself_like_a_login(make_portal, places, alice, visit, limit):
    clock = FakeClock(next(places))
    portal = make_portal(logins={"ways": ["ssh"], limit: 2}, environment=clock.environment)
    client = visit(alice, portal=portal)
    [steward] = portal.stewards(alice)
    steward.kill()
    eventually(lambda: not client.ok("GET", "/me")["hasLink"], "the steward is gone")
    start_with_password(client, portal, alice)
    eventually(lambda: claimed(portal, alice), "it is in the map")
    client.end_all()
    clock.set(250 * 60)
    eventually(lambda: portal.status() and client.get("/me").status_code == 401, "the login is over")
    eventually(lambda: not portal.leases("login"), "the second login is, too")


def test_nobody_but_who_began_it_answers_it(other, alice, bob, visit):
    client, elsewhere, stranger, nobody = visit(alice), visit(alice), visit(bob), visit()
    asked = question(client, other)
    for someone in (elsewhere, stranger, nobody):
        refused = answer(someone, asked, alice.password)
        assert refused.status_code == 404 and refused.json()["reason"] == "no-such-attempt", refused.text
        assert someone.ask("DELETE", f"/login/{asked['attempt']}").status_code == 204
    # A page of another site has the cookie, and not the proof.
    refused = client.ask("POST", f"/login/{asked['attempt']}", {"answer": WRONG}, headers={"X-CSRF-Token": None})
    assert refused.status_code == 403, refused.text
    assert answer(client, asked, alice.password).status_code == 201
    assert not other.stewards(bob)


def test_who_gives_up_is_asked_anew(other, alice, visit):
    client = visit(alice)
    asked = question(client, other)
    [ssh] = [process for process in other.service.processes() if f"{alice.name}@127.0.0.1" in process.arguments]
    assert client.ask("DELETE", f"/login/{asked['attempt']}").status_code == 204
    assert answer(client, asked, alice.password).status_code == 404
    eventually(lambda: not ssh.is_alive, "ssh ends")
    assert question(client, other)["attempt"] != asked["attempt"]


def test_a_user_has_three_questions_open_at_the_most(other, alice, visit):
    client = visit(alice)
    first, *later = [question(client, other) for _ in range(4)]
    assert answer(client, first, alice.password).status_code == 404
    assert answer(client, later[-1], alice.password).status_code == 201


def test_wrong_answers_count_like_wrong_passwords_and_questions_do_not(other, alice, visit):
    client = visit(alice)
    for _ in range(7):
        question(client, other)
    asked = [question(client, other) for _ in range(3)]
    assert [answer(client, one, WRONG).status_code for one in asked] == [401] * 3
    assert [answer(client, question(client, other), WRONG).status_code for _ in range(2)] == [401] * 2
    refused = start(client, other)
    assert refused.status_code == 429 and refused.json()["reason"] == "too-many-attempts", refused.text
    assert 0 < int(refused.headers["retry-after"]) <= 300
    # It is the same account that logs in from there.
    login = visit(portal=other, address=client.address).ask(
        "POST", "/login", {"user": alice.name, "password": alice.password})
    assert login.status_code == 429


@pytest.fixture(scope="module")
def comfortable(portal, cluster_of):
    """A member where sudo starts the stewards of some."""
    return cluster_of(portal)


class TestSudo:
    """The comfort of being asked nothing comes first, and is no condition."""

    def test_where_sudo_starts_the_steward_nothing_is_asked(self, comfortable, alice, visit):
        client = visit(alice)
        assert start(client, comfortable).status_code == 201
        assert not claimed(comfortable, alice)
        # With the steward still there as well, and by an agent that has not started it.
        assert start(client, comfortable).status_code == 201
        comfortable.restart()
        eventually(lambda: start(client, comfortable).status_code == 201, "a session is started", within=20)
        assert not claimed(comfortable, alice)

    def test_where_sudo_refuses_it_is_logged_once_and_the_user_is_asked(self, comfortable, make_user, visit):
        user = make_user(groups=[])
        client = visit(user)
        question(client, comfortable)
        start_with_password(client, comfortable, user)
        assert start(client, comfortable).status_code == 201
        said = comfortable.logged(rf"the steward of {user.name} did not start, so that he is asked .*sudoers")
        assert len(said) == 1, said


class TestNoWay:
    """Errors say what the administrator can do, and nothing that does not help."""

    def refusal(self, client, member, status, reason):
        refused = start(client, member)
        assert (refused.status_code, refused.json().get("reason")) == (status, reason), refused.text
        detail = refused.json()["detail"]
        assert "administrator" in detail and not re.search("log (out|in) ", detail), detail
        return detail

    def test_without_ssh_and_sudo(self, portal, cluster_of, alice, visit):
        member = cluster_of(portal, logins={"ways": ["self"]})
        assert '"ssh"' in self.refusal(visit(alice), member, 409, "no-link")

    def test_without_ssh_where_sudo_refuses(self, portal, cluster_of, make_user, visit):
        member = cluster_of(portal, logins={"ways": ["self", "sudo"]})
        assert "sudoers" in self.refusal(visit(make_user(groups=[])), member, 503, "link")

    def test_an_sshd_that_is_away(self, portal, cluster_of, make_sshd, alice, visit):
        sshd = make_sshd(PASSWORD)
        member = cluster_of(portal, sshd=sshd, logins={"ways": ["ssh"]})
        sshd.process.terminate()
        sshd.process.wait(5)
        assert "sshPort" in self.refusal(visit(alice), member, 503, "sshd")
        member.wait_logged("sshd of this host cannot be asked")

    def test_an_sshd_with_another_host_key(self, portal, cluster_of, make_sshd, alice, visit):
        sshd, another = make_sshd(PASSWORD), make_sshd(PASSWORD)
        sshd.know(another.directory / "host_key")
        member = cluster_of(portal, sshd=sshd, logins={"ways": ["ssh"]})
        assert "sshKnownHosts" in self.refusal(visit(alice), member, 503, "host-key")

    def test_an_sshd_that_takes_no_passwords(self, portal, cluster_of, make_sshd, alice, visit):
        sshd = make_sshd(options=(
            "HostbasedAuthentication yes", "PasswordAuthentication no", "KbdInteractiveAuthentication no"))
        member = cluster_of(portal, sshd=sshd, logins={"ways": ["ssh"]})
        assert "PasswordAuthentication" in self.refusal(visit(alice), member, 403, "sshd-refuses")


def test_where_the_login_itself_is_and_its_steward_has_ended_the_same_is_asked(make_portal, alice, visit):
    portal = make_portal(logins={"ways": ["ssh"]})
    client = visit(alice, portal=portal)
    [steward] = portal.stewards(alice)
    assert start(client, portal).status_code == 201
    steward.kill()
    eventually(lambda: not client.ok("GET", "/me")["hasLink"], "the steward is gone")
    session = start_with_password(client, portal, alice)
    assert client.session(session["id"]) and len(client.session_ids()) == 2
    assert start(client, portal).status_code == 201


def test_the_command_of_the_host_needs_none_of_it(other, alice):
    started = other.as_user(alice, "start", "--command", "sleep 60")
    assert started.returncode == 0 and started.stdout.strip(), started
    assert not claimed(other, alice)
    assert other.as_user(alice, "terminate", started.stdout.strip()).returncode == 0
