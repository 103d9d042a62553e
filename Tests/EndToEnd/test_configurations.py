# The portal in Chromium at clusters of three configurations: all members in reach, a gateway, and a gateway outside.
import contextlib
import json
import secrets

import pytest
from playwright.sync_api import expect

from api import API
from relay import relay_link
from waiting import eventually

pytestmark = pytest.mark.slow

# How long a page may take to be back once its gateway is.
BACK_SECONDS = 30
# How long a connection may be silent, and a page then takes to notice.
SILENCE_SECONDS = 40


def prove(tab, user):
    """Types into the session's terminal, and sees what comes of it."""
    tab.type_until_made(user.home / f"typed-{secrets.token_hex(4)}", secrets.token_hex(4))


def session_of(server, tab):
    """What a member tells the others of the session of a tab."""
    return json.loads(server.leases("session")[tab.session_id])


def remember(tab, user):
    """Gives the shell in the window a variable; returns what proves that it is the same shell in the same window."""
    word = secrets.token_hex(4)

    def prove_same(before=""):
        tab.type_until_made(user.home / f"typed-{secrets.token_hex(4)}", word, before, "echo $word")

    prove_same(f"word={word};")
    return prove_same


def test_a_session_at_another_member_is_used_in_the_browser(default, alice, visit_door):
    assert default.outcomes == {"open"}
    near, far = default.servers
    desk = visit_door(default, alice)
    tab = desk.start_at(far.server_id, "xterm").wait_connected()
    prove(tab, alice)
    tab.assert_connection("Direct")
    expect(desk.card("xterm").get_by_text("Running")).to_be_visible()
    assert far.leases("session") and not near.leases("session")


def test_a_user_works_through_a_gateway(gated, alice, visit_door):
    assert gated.outcomes == {"no route"}
    desk = visit_door(gated, alice)
    tab = desk.start("xterm", "Behind a gateway").wait_connected()
    tab.assert_connection(gated.door.told)
    assert gated.outside.ask_as_stranger(gated.door, f"{API}/sessions/{tab.session_id}") == 401
    prove_same = remember(tab, alice)
    tab.page.reload()
    tab.wait_connected()
    prove_same()
    tab.disconnect()
    tab.page.get_by_role("button", name="Connect again").click()
    tab.wait_connected()
    prove_same()
    card = desk.card("Behind a gateway")
    card.get_by_role("button", name="End").click()
    desk.page.get_by_role("dialog").get_by_role("button", name="End session").click()
    tab.wait_told("The session has ended")
    expect(card.get_by_text("Ended").first).to_be_visible()
    if gated.proxy:
        assert gated.proxy.requests("^2") and not gated.proxy.requests("^101"), gated.proxy.requests("")
        [server] = gated.servers
        link = relay_link(server, gated.gateway)
        assert link["upgradesBlocked"] and link["carriedStreams"] > 0, link
        assert relay_link(gated.gateway, server)["carriedStreams"] > 0


def test_a_user_works_through_a_gateway_whose_only_way_is_an_outbound_proxy(outbound, alice, visit_door):
    desk = visit_door(outbound, alice)
    tab = desk.start("xterm", "Behind a proxy").wait_connected()
    prove(tab, alice)
    tab.assert_connection(outbound.door.told)
    asked = set(outbound.outbound.passed)
    [server] = eventually(
        lambda: [server for server in outbound.servers if tab.session_id in server.leases("session")],
        "the map has the session")
    assert f"{server.reached_at}:3300" in asked, asked


@pytest.mark.parametrize("outcome", ["refused", "astray"])
def test_a_display_appears_whatever_becomes_of_a_direct_try(gated, alice, visit_door, outcome):
    with contextlib.ExitStack() as faults:
        for address in gated.addresses:
            faults.enter_context(getattr(gated.outside, outcome)(address))
        assert gated.outcomes == {outcome}
        desk = visit_door(gated, alice)
        tab = desk.start("xterm").wait_connected()
        prove(tab, alice)
        tab.assert_connection(gated.door.told)


def test_a_page_reconnects_by_itself_when_its_gateway_was_killed(gated, alice, visit_door):
    desk = visit_door(gated, alice)
    tab = desk.start("xterm", "Outlives its gateway").wait_connected()
    prove_same, session_id = remember(tab, alice), tab.session_id
    desk.may_lose_connections = True
    gated.gateway.kill()
    tab.wait_told("Reconnecting…")
    gated.gateway.start()
    tab.page.set_default_timeout(1000 * BACK_SECONDS)
    tab.wait_connected()
    assert tab.session_id == session_id
    prove_same()
    expect(desk.card("Outlives its gateway").get_by_text("Running")).to_be_visible()


def test_a_display_whose_member_is_lost_without_a_word_is_noticed_at_both_ends(behind_gateway, alice, visit_door):
    gateway, inside = behind_gateway.gateway, behind_gateway.gateway.network
    desk = visit_door(behind_gateway, alice)
    tab = desk.start("xterm").wait_connected()
    [server] = eventually(
        lambda: [server for server in behind_gateway.servers if tab.session_id in server.leases("session")],
        "the map has the session")
    desk.may_lose_connections = True
    # Nobody types, and the screen does not change.
    with inside.losing(gateway.host, server.reached_at), inside.losing(server.host, gateway.reached_at):
        tab.page.set_default_timeout(1000 * SILENCE_SECONDS)
        tab.wait_told("Reconnecting…")
        eventually(lambda: session_of(server, tab)["clients"] == 0, "the viewer is gone", SILENCE_SECONDS)
    tab.wait_connected()
    prove(tab, alice)
