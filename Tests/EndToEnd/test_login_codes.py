# Logging in without a password, on one person's machine: a code from the terminal, once.
import re

import pytest

from waiting import eventually


@pytest.fixture(scope="module")
def owner(make_user):
    """Whose machine it is."""
    return make_user()


@pytest.fixture(scope="module")
def portal(make_portal, owner):
    return make_portal(None, service=owner, logins={"ways": ["self"]})


def new_code(portal):
    """The code of the printed address."""
    [address] = portal.ok("login-code").split()
    assert re.fullmatch(r"https://[^/]+/#code=[0-9a-f]{16}-[0-9a-f]{32}", address), address
    return address.partition("#code=")[2]


def test_a_code_logs_the_agents_own_user_in_once(portal, owner, visit):
    code = new_code(portal)
    client, late = visit(), visit()
    client.take(client.ask("POST", "/login", {"code": code}))
    me = client.ok("GET", "/me")
    assert me["user"] == owner.name and me["hasLink"] is True
    again = late.ask("POST", "/login", {"code": code})
    assert again.status_code == 401 and "set-cookie" not in again.headers


def test_a_session_runs_as_the_agents_own_user(portal, owner, visit):
    client = visit()
    client.take(client.ask("POST", "/login", {"code": new_code(portal)}))
    session = client.start("umask > mask; sleep 60")
    assert session["user"] == owner.name and owner.find("Xvnc", session["id"])
    # The agent's mask is stricter.
    mask = owner.home / "mask"
    assert eventually(lambda: mask.exists() and mask.read_text(), "the command has run") == "0022\n"


@pytest.mark.parametrize("code", ["", "0" * 32, "x" * 1000, 5, None])
def test_a_wrong_code_does_not_log_in(visit, code):
    answer = visit().ask("POST", "/login", {"code": code})
    assert answer.status_code in (401, 422) and "set-cookie" not in answer.headers, answer.text


def test_wrong_codes_are_limited(portal, visit):
    client = visit()
    statuses = [client.ask("POST", "/login", {"code": f"{n:032}"}).status_code for n in range(7)]
    assert statuses == [401] * 5 + [429] * 2


def test_passwords_are_not_taken_where_only_codes_are(portal, alice, visit):
    answer = visit().ask("POST", "/login", {"user": alice.name, "password": alice.password})
    assert answer.status_code == 403 and answer.json()["reason"] == "way-disabled"


def test_there_are_no_codes_where_only_passwords_are(make_portal):
    result = make_portal().run("login-code")
    assert result.status == 1 and "self" in result.err and "ways" in result.err, result


def test_only_the_agents_own_user_gets_codes(portal, alice):
    result = alice.run(portal.program, "login-code", "--var-dir", portal.directory)
    assert result.returncode != 0 and "code=" not in result.stdout, result


def test_no_code_is_logged(portal, visit):
    code = new_code(portal)
    visit().ask("POST", "/login", {"code": code})
    assert code not in portal.log()
