# The commands for users on their own host: who runs them counts, nobody logs in.
import json
import re

import pytest

from waiting import eventually

OK, REFUSED, USAGE, NO_AGENT = 0, 1, 2, 3


@pytest.fixture
def command(portal, make_user):
    """Runs a command as a user who has never logged in; his processes end with him."""
    user = make_user()

    def command(*arguments):
        return portal.as_user(user, *arguments)

    command.user = user
    return command


def listed(command):
    return json.loads(command("sessions", "--json").stdout)["sessions"]


def test_start_starts_a_session_and_prints_its_id(command):
    result = command("start", "--command", "env > environment; exec xterm", "--name", "Von hier",
                     "--geometry", "640x480", "--param", "Project=a=b", "--param", "Empty=")
    assert result.returncode == OK and re.fullmatch("[0-9a-f]{32}\n", result.stdout), result
    [session] = eventually(lambda: [s for s in listed(command) if s["state"] == "running"], "it runs")
    assert session["id"] == result.stdout.strip() and session["name"] == "Von hier"
    assert session["user"] == command.user.name and session["geometry"] == "640x480"
    [xterm] = eventually(lambda: command.user.find("xterm"), "xterm runs")
    assert xterm.environment["FASTX_PARAM_Project"] == "a=b" and xterm.environment["FASTX_PARAM_Empty"] == ""
    shown = command("sessions").stdout
    assert session["id"] in shown and "Von hier" in shown and "running" in shown


def test_terminate_ends_a_session_and_then_removes_it(command):
    session_id = command("start", "--command", "sleep 60").stdout.strip()
    eventually(lambda: listed(command)[0]["state"] == "running", "it runs")
    assert command("terminate", session_id).returncode == OK
    eventually(lambda: listed(command)[0]["state"] == "ended", "it ends", within=20)
    assert command("terminate", session_id).returncode == OK
    eventually(lambda: not listed(command), "it is removed")
    gone = command("terminate", session_id)
    assert gone.returncode == REFUSED and "no such session" in gone.stderr, gone


def test_a_session_started_here_is_in_the_browser(portal, command, visit):
    session_id = command("start", "--command", "sleep 60").stdout.strip()
    client = visit(command.user)
    assert client.session_ids() == [session_id]
    # His one steward serves both.
    assert len(portal.stewards(command.user)) == 1


def test_no_sessions_are_none(command):
    result = command("sessions")
    assert (result.returncode, result.stdout) == (OK, "no sessions\n"), result


@pytest.mark.parametrize(
    "arguments, status, word",
    [
        ((), USAGE, "--command"), (("--command", ""), REFUSED, "empty"),
        (("--command", "x", "--geometry", "big"), REFUSED, "1280x800"),
        (("--command", "x", "--geometry", "9x9"), REFUSED, "geometry"),
        (("--command", "x", "--param", "novalue"), USAGE, "K=V"),
        (("--command", "x", "--param", "a=1", "--param", "a=2"), USAGE, "twice"),
        (("--command", "x", "--param", "a b=1"), REFUSED, "parameter"),
        (("--command", "x", "--name", "a\nb"), REFUSED, "name"),
    ],
    ids=lambda value: str(value)[:40])
def test_a_bad_start_is_refused_in_one_line(command, arguments, status, word):
    result = command("start", *arguments)
    assert result.returncode == status and word in result.stderr and not result.stdout, result
    if status == REFUSED:
        assert len(result.stderr.splitlines()) == 1, result.stderr
    assert listed(command) == []


def test_an_id_that_is_none_is_a_mistake_of_usage(command):
    for name in ("x/../../logins", "A", "", "%2e"):
        assert command("terminate", name).returncode == USAGE, name


def test_without_an_agent_the_commands_say_where_they_looked(make_portal, alice):
    portal = make_portal()
    portal.stop()
    for arguments in (("start", "--command", "xterm"), ("sessions",), ("terminate", "a" * 32)):
        result = portal.as_user(alice, *arguments)
        assert result.returncode == NO_AGENT and str(portal.user_socket) in result.stderr, result


def test_everything_without_logging_in_ends_the_agent_in_time(make_portal, alice):
    portal = make_portal()
    assert portal.as_user(alice, "start", "--command", "sleep 60").returncode == OK
    assert portal.stop() == 0
