# Scripts run for people who have proved nothing yet: as often as people need it, and not as often as one address likes.
from concurrent.futures import ThreadPoolExecutor

import pytest

from network import new_host
from placement_site import Site
from sshd import PASSWORD, VERIFICATION_CODE, VerificationCodes

# `StrangerLimits.countMax`.
COUNT_MAX = 224
REFUSED = {"user": "mallory", "password": "x"}


@pytest.fixture(scope="module")
def site(make_portal, cluster_of):
    return Site(make_portal, cluster_of)


@pytest.fixture(scope="module")
def asking(make_portal, make_sshd):
    """A member whose host asks for the password and for a code."""
    return make_portal(make_sshd(PASSWORD + VERIFICATION_CODE))


def set_door(agent, user, server):
    """A chain for logins that lets one user in."""
    agent.ok("config", "set", "scripts/Door", "-", stdin=f"""({{ user }}) => {{
      if (user.login !== '{user.name}') throw 'nobody called ' + user.login + ' works here';
      return '{server.server_id}';
    }}""")
    agent.ok("config", "set", "placement", "-", stdin='{"login": ["Door"]}')


def refused(client, count):
    """Placements that come to nothing: each is one that the script refuses."""
    for _ in range(count):
        answer = client.ask("POST", "/login", REFUSED)
        assert answer.status_code == 409 and answer.json()["reason"] == "placement-refused", answer.text


def assert_limited(answer):
    assert answer.status_code == 429 and answer.json()["reason"] == "too-many-attempts", answer.text
    assert "from your address" in answer.json()["detail"] and 0 < int(answer.headers["retry-after"]) <= 300
    # No script was asked.
    assert "fastx-placement" not in answer.headers


def test_an_address_whose_logins_come_to_nothing_has_to_wait_and_others_are_served(site, visit, alice):
    set_door(site.gateway, alice, site.members[0])
    address = new_host()
    stranger = visit(portal=site.gateway, address=address)
    refused(stranger, COUNT_MAX - 1)
    # Each of these takes the last place, and gives it back.
    for _ in range(5):
        visit(alice, portal=site.gateway, address=address)
    refused(stranger, 1)
    assert_limited(stranger.ask("POST", "/login", REFUSED))
    assert_limited(stranger.ask("POST", "/login", {"user": alice.name, "password": alice.password}))
    other = visit(portal=site.gateway)
    refused(other, 1)
    assert visit(alice, portal=site.gateway)
    # Without scripts there is nothing to be spared.
    site.chain()
    assert visit(alice, portal=site.gateway, address=address)


@pytest.mark.parametrize("through_gateway", [False, True])
def test_who_is_asked_for_a_code_and_gives_it_has_his_place_back(
        asking, cluster_of, alice, visit, through_gateway):
    portal = cluster_of(asking, loginsEnabled=False) if through_gateway else asking
    set_door(portal, alice, asking)
    address, codes = new_host(), VerificationCodes(alice)
    stranger = visit(portal=portal, address=address)
    refused(stranger, COUNT_MAX - 1)
    client = visit(portal=portal, address=address)
    asked = client.ask("POST", "/login", {"user": alice.name, "password": alice.password})
    assert asked.status_code == 202, asked.text
    assert_limited(stranger.ask("POST", "/login", REFUSED))
    client.take(client.ask("POST", f"/login/{asked.json()['attempt']}", {"answer": codes.now()}))
    refused(stranger, 1)
    assert_limited(stranger.ask("POST", "/login", REFUSED))


@pytest.mark.soak
def test_more_logins_than_may_fail_succeed_from_one_address(site, visit, alice):
    set_door(site.gateway, alice, site.members[0])
    address = new_host()

    def log_in(_):
        return visit(portal=site.gateway, address=address).ask(
            "POST", "/login", {"user": alice.name, "password": alice.password}).status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(log_in, range(COUNT_MAX + 16))) == [200] * (COUNT_MAX + 16)
