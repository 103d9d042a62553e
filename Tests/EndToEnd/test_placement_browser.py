# Scripts choose the server of what is started in the browser: the page says where it is and why, and what they refuse with.
import pytest
from playwright.sync_api import expect, sync_playwright

import browser
from placement_site import FEWEST, GPU, Site
from waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(make_portal, cluster_of):
    site = Site(make_portal, cluster_of)
    site.second_gateway = cluster_of(site.gateway, loginsEnabled=False, sessionsEnabled=False)
    eventually(lambda: len(site.second_gateway.entries("server/")) == 5, "the second gateway knows all")
    return site


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        chromium = browser.launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture
def browse(request, chromium, site):
    with browser.opening(request, chromium, site.gateway) as browse:
        yield browse


def begin(desk, command, parameter=None):
    desk.page.get_by_role("button", name="Start session").first.click()
    dialog = desk.page.get_by_role("dialog")
    dialog.get_by_label("Command", exact=True).fill(command)
    dialog.get_by_label("Name", exact=True).fill(command)
    if parameter:
        dialog.get_by_text("Further parameters").click()
        dialog.get_by_role("button", name="Add a parameter").click()
        dialog.get_by_label("Name of the parameter").fill(parameter[0])
        dialog.get_by_label("Value of the parameter").fill(parameter[1])
    return dialog


def test_the_session_is_where_the_chain_says_at_both_gateways_and_the_card_says_why(site, visit, alice, browse):
    site.chain(start=[GPU, FEWEST])
    for number, gateway in enumerate((site.gateway, site.second_gateway)):
        eventually(lambda: gateway.ok("config", "show").count("placement"), "the chain is known")
        desk = browse(visit(alice, portal=gateway), portal=gateway).open().wait_portal()
        command = f"xterm -T from-{number}"
        begin(desk, command, ("gpu", "yes")).get_by_role("button", name="Start", exact=True).click()
        card = desk.card(command)
        expect(card.get_by_text("Running")).to_be_visible()
        [session] = [session for session in visit(alice, portal=gateway).ok("GET", "/sessions")["sessions"]
                     if session["command"] == command]
        assert session["serverId"] == site.with_gpu.server_id
        assert site.tried(alice, data='{"params": {"gpu": "yes"}}')["server"] == session["serverId"]
        desk.page.bring_to_front()
        card.get_by_role("button", name="Why here").click()
        told = desk.page.get_by_role("dialog")
        expect(told.get_by_role("listitem")).to_have_text([f"{GPU}: a list of 1", f'{FEWEST}: "{session["serverId"]}"'])
        desk.picture("placement-why")
        told.get_by_role("button", name="Close").last.click()


def test_what_a_script_refuses_with_is_shown_word_for_word(site, visit, alice, browse):
    site.script("Full", "() => { throw new Error('All GPU servers are in use'); }")
    site.chain(start=["Full"])
    desk = browse(visit(alice, portal=site.gateway)).open().wait_portal()
    dialog = begin(desk, "xterm -T refused")
    dialog.get_by_role("button", name="Start", exact=True).click()
    expect(dialog.get_by_role("alert")).to_have_text("All GPU servers are in use")
    expect(dialog.get_by_label("Command", exact=True)).to_have_value("xterm -T refused")
    desk.picture("placement-refused")
    desk.complaints = [complaint for complaint in desk.complaints if "409" not in complaint]


def test_the_user_chooses_where_a_script_asks_him_at_the_login_and_at_a_start(site, alice, browse):
    chosen, other = site.members[0], site.members[1]
    site.chain(login=["User Selection", FEWEST], start=["User Selection", FEWEST])
    desk = browse().open()
    servers = desk.page.get_by_label("Server", exact=True)
    servers.select_option(chosen.server_id)
    desk.picture("placement-login")
    desk.log_in(alice)
    desk.wait_portal()
    assert chosen.leases("login") and not other.leases("login")
    dialog = begin(desk, "xterm -T selected")
    dialog.get_by_label("Server", exact=True).select_option(other.server_id)
    desk.picture("placement-start")
    dialog.get_by_role("button", name="Start", exact=True).click()
    eventually(lambda: other.leases("session"), "the session is where the user wants it")


def test_without_a_script_that_asks_the_user_is_not_asked(site, visit, alice, browse):
    site.chain(login=[FEWEST], start=[FEWEST])
    desk = browse().open()
    expect(desk.page.get_by_label("Password", exact=True)).to_be_visible()
    expect(desk.page.get_by_label("Server", exact=True)).to_have_count(0)
    desk.log_in(alice)
    desk.wait_portal()
    dialog = begin(desk, "xterm")
    expect(dialog.get_by_label("Server", exact=True)).to_be_hidden()
