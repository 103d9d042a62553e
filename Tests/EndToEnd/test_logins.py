# Logging in with the password of the host: what sshd says counts, its questions are asked, and nothing else is told.
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from network import new_host
from sshd import PASSWORD, VERIFICATION_CODE, VerificationCodes
from users import host_command
from waiting import eventually

WRONG = "not the password"


def attempt(client, user, password=WRONG):
    return client.ask("POST", "/login", {"user": getattr(user, "name", user), "password": password})


def test_the_right_password_logs_in(portal, alice, visit):
    client = visit(alice)
    me = client.ok("GET", "/me")
    assert me["user"] == alice.name and me["role"] == "user" and me["loginId"] == client.login_id
    assert alice.name in me["groups"] and me["serverId"] == portal.server_id
    [login] = client.ok("GET", "/logins")["logins"]
    assert login["current"] is True and login["address"] == client.address and login["user"] == alice.name


def test_a_login_has_a_link_process_that_runs_as_the_user(portal, alice, visit):
    assert visit(alice).ok("GET", "/me")["hasLink"] is True
    [link] = portal.stewards(alice)
    # Nothing of the connection that it came by is left.
    assert not [process for process in alice.processes() if process.program.startswith("sshd")]
    assert "SSH_CONNECTION" not in link.environment and "SSH_TTY" not in link.environment


def test_the_cookie_is_for_this_host_tls_and_pages_of_its_own_only(alice, visit):
    client = visit()
    answer = attempt(client, alice, alice.password)
    client.take(answer)
    [field] = answer.headers.get_list("set-cookie")
    pair, *attributes = [part.strip() for part in field.split(";")]
    assert pair.startswith("__Host-") and set(attributes) == {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"}
    assert len(pair.split(".")[-1]) >= 32
    assert client.token not in answer.text and "no-store" in answer.headers["cache-control"]


def test_each_login_has_a_token_of_its_own(alice, visit):
    first, second = visit(alice), visit(alice)
    assert first.token != second.token and first.csrf_token != second.csrf_token


def test_a_wrong_password_does_not_log_in(alice, visit):
    client = visit()
    answer = attempt(client, alice)
    assert answer.status_code == 401 and answer.json()["reason"] == "wrong-credentials"
    assert "set-cookie" not in answer.headers and client.get("/me").status_code == 401


@pytest.mark.parametrize(
    "name", ["fxtnobody", "daemon", "root", "Alice", "-oProxyCommand=touch /tmp/fxt-proof", "two words",
             "../../etc/passwd", "user@elsewhere", "line\nbreak", "ünï", "x" * 200, "$(id)", "%h"])
def test_who_may_not_log_in_is_told_what_a_wrong_password_is_told(alice, visit, name):
    known, other = attempt(visit(), alice), attempt(visit(), name)
    assert (other.status_code, other.json()) == (known.status_code, known.json())
    unlike = {"date", "x-request-id", "content-length"}
    assert set(other.headers) - unlike == set(known.headers) - unlike


def test_an_unknown_user_takes_as_long_as_a_wrong_password(alice, make_portal, make_sshd, visit):
    """Through the PAM service of the host's own, which waits after a wrong password."""
    portal = make_portal(make_sshd())

    def seconds(name):
        client = visit(portal=portal)
        began = time.monotonic()
        assert attempt(client, name).status_code == 401
        return time.monotonic() - began

    names = [alice.name, "fxtnobody"] * 5
    with ThreadPoolExecutor(len(names)) as pool:
        taken = list(pool.map(seconds, names))
    known, unknown = statistics.median(taken[::2]), statistics.median(taken[1::2])
    assert 1 / 2.5 < known / unknown < 2.5, taken


def test_a_system_account_is_not_logged_in_with_its_password(portal, make_user, visit):
    account = make_user(is_system=True)
    answer = attempt(visit(), account, account.password)
    assert answer.status_code in (401, 403), answer.text
    assert account.name not in portal.dump("login/").decode()
    assert not portal.stewards(account)


def test_passwords_are_taken_by_the_older_kind_of_question_too(alice, make_portal, make_sshd, visit):
    sshd = make_sshd(options=("PasswordAuthentication yes", "KbdInteractiveAuthentication no"))
    portal = make_portal(sshd)
    assert visit(alice, portal=portal).ok("GET", "/me")["user"] == alice.name


def test_a_shell_that_greets_does_not_disturb_the_login(make_user, visit):
    user = make_user()
    for file in (".bashrc", ".profile"):
        (user.home / file).write_text("echo Welcome; echo to this host >&2\n")
    assert visit(user).ok("GET", "/me")["hasLink"] is True


def test_an_sshd_with_another_host_key_gets_no_password(alice, make_portal, make_sshd, visit):
    sshd, other = make_sshd(PASSWORD), make_sshd(PASSWORD)
    sshd.know(other.directory / "host_key")
    portal = make_portal(sshd)
    answer = attempt(visit(portal=portal), alice, alice.password)
    assert answer.status_code == 503 and answer.json()["reason"] == "host-key", answer.text
    assert alice.name not in sshd.log(), sshd.log()
    assert portal.logged("host key")


def test_an_sshd_that_is_away_is_not_taken_for_a_wrong_password(alice, make_portal, make_sshd, visit):
    sshd = make_sshd(PASSWORD)
    portal = make_portal(sshd)
    sshd.process.terminate()
    sshd.process.wait(5)
    answer = attempt(visit(portal=portal), alice, alice.password)
    assert answer.status_code == 503 and answer.json()["reason"] == "sshd", answer.text
    portal.wait_logged("sshd of this host cannot be reached")


def test_logins_can_be_switched_off_while_the_agent_runs(alice, make_portal, visit):
    portal = make_portal()
    portal.edit("settings.json", lambda content: content.update(loginsEnabled=False))
    eventually(lambda: not visit(portal=portal).ok("GET", "/login")["loginsEnabled"], "the change is taken up")
    answer = attempt(visit(portal=portal), alice, alice.password)
    assert answer.status_code == 403 and answer.json()["reason"] == "logins-disabled"


@pytest.mark.parametrize(
    "body, status",
    [({"user": "u"}, 422), ({"password": "p"}, 422), ({"user": "u", "password": "a\nb"}, 422),
     ({"user": "u", "password": "a\0b"}, 422), ({"user": "", "password": "p"}, 422),
     ({"user": ["u"], "password": "p"}, 422),
     ({"user": "u", "password": "p", "way": "self"}, 422), ([], 422), ("text", 422),
     ({"user": "u", "password": "p" * 100_000}, 413)],
    ids=lambda value: str(value)[:40])
def test_a_malformed_login_is_refused_without_its_password(visit, body, status):
    answer = visit().ask("POST", "/login", body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    for secret in ("a\\nb", "a\\u0000b", "ppp"):
        assert secret not in answer.text


@pytest.fixture(scope="module")
def asking(make_portal, make_sshd):
    """A member whose host asks for the password and for a code."""
    return make_portal(make_sshd(PASSWORD + VERIFICATION_CODE))


@pytest.fixture
def codes(alice):
    return VerificationCodes(alice)


class TestManyQuestions:
    """The host asks for the password and for more."""

    def test_a_second_question_is_asked_and_its_answer_logs_in(self, asking, alice, codes, visit):
        client = visit(portal=asking)
        asked = attempt(client, alice, alice.password)
        assert asked.status_code == 202 and "set-cookie" not in asked.headers, asked.text
        question = asked.json()
        assert "Verification code" in question["prompt"] and question["echo"] is False
        assert len(question["attempt"]) >= 32
        answered = client.ask("POST", f"/login/{question['attempt']}", {"answer": codes.now()})
        assert client.take(answered).ok("GET", "/me")["user"] == alice.name
        again = client.ask("POST", f"/login/{question['attempt']}", {"answer": codes.now()})
        assert again.status_code == 404 and again.json()["reason"] == "no-such-attempt"

    def test_a_code_from_paper_will_do(self, asking, alice, codes, visit):
        assert visit(portal=asking).log_in(alice, codes.SCRATCH_CODE)

    def test_a_wrong_code_does_not_log_in(self, asking, alice, codes, visit):
        client = visit(portal=asking)
        asked = attempt(client, alice, alice.password)
        answer = client.ask("POST", f"/login/{asked.json()['attempt']}", {"answer": codes.wrong()})
        assert answer.status_code == 401 and answer.json()["reason"] == "wrong-credentials"
        assert client.get("/me").status_code == 401

    def test_the_second_question_does_not_tell_whether_the_password_was_right(self, asking, alice, codes, visit):
        client = visit(portal=asking)
        asked = attempt(client, alice)
        assert asked.status_code == 202
        answer = client.ask("POST", f"/login/{asked.json()['attempt']}", {"answer": codes.now()})
        assert answer.status_code == 401

    def test_an_attempt_that_is_cancelled_is_over(self, asking, alice, codes, visit):
        client = visit(portal=asking)
        path = f"/login/{attempt(client, alice, alice.password).json()['attempt']}"
        [ssh] = [process for process in asking.service.processes() if f"{alice.name}@127.0.0.1" in process.arguments]
        assert client.ask("DELETE", path).status_code == 204
        assert client.ask("POST", path, {"answer": codes.now()}).status_code == 404
        eventually(lambda: not ssh.is_alive, "ssh ends")

    def test_a_password_that_has_to_be_changed_is_changed_by_further_questions(self, portal, make_user, visit):
        user = make_user()
        host_command("chage", "--lastday", "0", user.name)
        new = "an entirely other phrase 73"
        client = visit().log_in(user, user.password, new, new)
        assert client.ok("GET", "/me")["user"] == user.name
        user.password = new
        assert visit(user)


class TestTooManyAttempts:
    """Limits for each account and source."""

    def test_after_five_wrong_passwords_an_account_has_to_wait_at_that_source(self, portal, make_user, visit):
        user, neighbour = make_user(), make_user()
        client = visit()
        assert [attempt(client, user).status_code for _ in range(6)] == [401] * 5 + [429]
        refused = attempt(client, user, user.password)
        assert refused.status_code == 429 and refused.json()["reason"] == "too-many-attempts"
        assert 0 < int(refused.headers["retry-after"]) <= 300
        # Others do not suffer from it, and neither does he who comes from elsewhere.
        assert visit(neighbour, address=client.address)
        assert visit(user)

    def test_a_source_has_to_wait_after_wrong_passwords_of_many_accounts(self, visit):
        client = visit()
        with ThreadPoolExecutor(5) as pool:
            statuses = list(pool.map(lambda n: attempt(client, f"fxtnobody{n}").status_code, range(26)))
        assert 401 in statuses and 429 in statuses, statuses
        assert attempt(client, "fxtanother").status_code == 429

    def test_a_right_password_makes_up_for_the_wrong_ones_before(self, make_user, visit):
        user, client = make_user(), visit()
        assert [attempt(client, user).status_code for _ in range(4)] == [401] * 4
        client.take(attempt(client, user, user.password))
        assert [attempt(client, user).status_code for _ in range(2)] == [401] * 2

    def test_attempts_at_the_same_time_are_limited_as_well(self, make_user, portal, sshd, visit):
        user, address = make_user(), new_host()
        with ThreadPoolExecutor(20) as pool:
            statuses = list(pool.map(
                lambda _: attempt(visit(address=address), user).status_code, range(20)))
        assert statuses.count(401) <= 5 and statuses.count(429) >= 15, statuses
