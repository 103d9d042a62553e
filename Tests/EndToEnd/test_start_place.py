# Starts from the host's own command line: here for certain, or with --place where the chain says.
import json
import re

import pytest

from agents import run
from api import SocketClient
from waiting import eventually

OK, REFUSED = 0, 1


@pytest.fixture(scope="module")
def here(make_portal):
    return make_portal()


@pytest.fixture(scope="module")
def there(here, cluster_of):
    return cluster_of(here)


@pytest.fixture(scope="module")
def chain(here, there):
    """Sets the chain for starts to one script; `chain()` takes it away."""
    def chain(text=None):
        if text:
            here.ok("config", "set", "scripts/Chosen", "-", stdin=text)
        here.ok("config", "set", "placement", "-", stdin=json.dumps({"start": ["Chosen"]} if text else {}))

    return chain


@pytest.fixture(autouse=True)
def no_chain(chain):
    yield
    chain()


def start(portal, user, *options):
    return portal.as_user(user, "start", "--command", "sleep 60", *options)


def started(portal, user, *options):
    result = start(portal, user, "--json", *options)
    assert result.returncode == OK, result
    return json.loads(result.stdout)


def refused(portal, user, *options):
    """The one line that a command is refused with, without the program's name."""
    result = start(portal, user, *options)
    assert result.returncode == REFUSED and not result.stdout, result
    [line] = result.stderr.splitlines()
    return line.removeprefix("fastx-agent: ")


def placements(portal, user):
    return [trace for trace in portal.json("placement", "log", "--count", "500") if trace["user"] == user.name]


def test_without_being_asked_to_place_a_start_meets_no_chain(here, chain, make_user):
    chain("() => { throw new Error('nobody starts anything'); }")
    user = make_user()
    session = started(here, user)
    assert session["serverId"] == here.server_id and session["placement"] is None
    assert placements(here, user) == []


def test_another_member_that_is_chosen_starts_it_for_a_user_whom_only_this_host_knows(here, there, chain, make_user):
    chain(f"""({{ user, data }}) => {{
      console.log(user.sub, data.command);
      return '{there.server_id}';
    }}""")
    user = make_user()
    events = SocketClient(there, user).events()
    session = started(here, user, "--place", "--name", "Von hier")
    assert (session["serverId"], session["name"], session["user"]) == (there.server_id, "Von hier", user.name)
    assert there.stewards(user) and not here.stewards(user)
    [trace] = placements(here, user)
    assert session["placement"] == trace["id"] and trace["server"] == there.server_id
    assert trace["runs"][0]["calls"][0]["console"] == [f"{user.name} sleep 60"]
    # The proof of who he is: a login that says what it is for, and has ended with the answer.
    [login] = events.wait("login", serverId=here.server_id)
    assert login["claims"] == ["fastx/one-start"] and login["user"] == user.name
    assert login["userAgent"].startswith("fastx-agent ") and not login["link"]
    events.wait("loginRemoved", id=login["id"])
    events.close()
    assert here.leases("login") == {}


def test_where_this_member_is_chosen_the_steward_is_the_users_own_child_and_nothing_is_chosen_twice(
        here, chain, make_user):
    chain(f"() => '{here.server_id}'")
    user = make_user(groups=[])
    session = started(here, user, "--place")
    assert session["serverId"] == here.server_id
    [trace] = placements(here, user)
    assert session["placement"] == trace["id"]
    assert here.stewards(user)
    # With a steward there is one request less.
    assert started(here, user, "--place")["placement"] != trace["id"]


def test_what_a_script_throws_is_the_one_line_that_the_user_reads(here, chain, make_user):
    chain("() => { throw new Error('All GPU servers are in use'); }")
    user = make_user()
    assert refused(here, user, "--place") == "All GPU servers are in use"
    assert not here.stewards(user)


def test_without_a_chain_the_default_rule_places_as_it_does_for_a_page(here, there, make_user):
    user = make_user()
    assert started(here, user, "--place")["serverId"] == here.server_id
    here.edit("settings.json", lambda content: content.update(sessionsEnabled=False))
    try:
        line = eventually(lambda: refused(here, user), "the member starts no sessions")
        assert "starts no sessions" in line and "fastx-agent start --place" in line
        assert started(here, user, "--place")["serverId"] == there.server_id
    finally:
        here.edit("settings.json", lambda content: content.pop("sessionsEnabled"))
        eventually(lambda: started(here, user)["serverId"] == here.server_id, "the member starts sessions again")


def test_where_the_other_member_asks_for_a_password_the_command_says_how_to_go_on(here, there, chain, make_user):
    chain(f"() => '{there.server_id}'")
    user = make_user(groups=[])
    there.edit("settings.json", lambda content: content["logins"].update(ways=["ssh"]))
    try:
        line = eventually(lambda: refused(here, user, "--place"), "it takes passwords alone")
        assert f"log in at {there.url} with a browser" in line and 'run "fastx-agent start" on that host' in line, line
        # Its question, which nobody can answer from here, is taken back long before it would be given up.
        eventually(lambda: not there.service.find("ssh"), "nothing waits for an answer", within=5)
        # As it says.
        assert started(there, user)["serverId"] == there.server_id
    finally:
        there.edit("settings.json", lambda content: content["logins"].update(ways=["ssh", "sudo"]))


def test_accounts_of_the_system_are_not_vouched_for_elsewhere(here, there, chain):
    chain(f"() => '{there.server_id}'")
    result = run(
        "start", "--command", "true", "--place", program=here.program,
        environment={"FASTX_USER_SOCKET": str(here.user_socket)})
    assert result.status == REFUSED and "root is an account of the system" in result.err, result
    assert all('"user":"root"' not in lease for lease in here.leases("login").values())


def test_a_gateway_with_a_gateway_key_says_that_it_cannot_vouch(there, gateway_of, make_user):
    gateway = gateway_of(there)
    assert "gateway key" in refused(gateway, make_user(), "--place")


def test_a_placement_of_somebody_else_or_of_another_member_starts_nothing(here, there, chain, make_user):
    chain(f"() => '{there.server_id}'")
    owner, other = make_user(), make_user()
    elsewhere = started(here, owner, "--place")["placement"]
    assert re.fullmatch(f"{here.server_id}-[0-9a-f]{{16}}", elsewhere)
    for user in (owner, other):
        answer = SocketClient(here, user).ask("POST", f"/sessions?placement={elsewhere}", {"command": "true"})
        assert (answer.status_code, answer.json()["reason"]) == (404, "no-such-placement")


def test_a_server_that_is_named_without_being_placed_is_no_other_than_this_one(here, there, make_user):
    client = SocketClient(here, make_user())
    answer = client.ask("POST", "/sessions", {"command": "true", "serverId": there.server_id})
    assert (answer.status_code, answer.json()["reason"]) == (422, "not-placed")
    placed = client.ask("POST", "/sessions?place=true", {"command": "sleep 60", "serverId": there.server_id})
    assert (placed.status_code, placed.json()["serverId"]) == (201, there.server_id), placed.text
