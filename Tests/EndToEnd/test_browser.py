# The portal in Chromium, as people use it: log in, start a session, work in it, lose and regain it, end it.
import json
import re
import socket
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

import browser
from api import start_at
from network import new_address, url
from sshd import PASSWORD, VERIFICATION_CODE, VerificationCodes
from waiting import eventually

pytestmark = pytest.mark.slow

# The rules of WCAG 2.2, levels A and AA, that a program can check.
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
# Names that would be programs if a page took them for markup.
MARKUP = [
    "<img src=x onerror=console.error('ran')>", "<script>console.error('ran')</script>",
    "\"><svg onload=console.error('ran')>", "javascript:console.error('ran')", "&lt;b&gt;", "'-console.error('ran')-'",
    "{{constructor.constructor('console.error(1)')()}}"]

# Everything that a page says while it is not connected.
KEEP_HEADINGS = """window.headings = []; new MutationObserver(() => {
    const heading = document.querySelector('fastx-status:not([hidden]) h1')?.textContent;
    if (heading && headings.at(-1) !== heading) headings.push(heading);
}).observe(document, {subtree: true, childList: true, characterData: true, attributes: true})"""


@pytest.fixture(scope="module")
def playwright():
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def chromium(playwright):
    chromium = browser.launch(playwright)
    yield chromium
    chromium.close()


@pytest.fixture
def astray(playwright):
    """Launches Chromiums that look for one member at another address."""
    made = []

    def astray(portal, address):
        made.append(browser.launch(playwright, "--host-resolver-rules=MAP %s %s:%d" % (portal.address[0], *address)))
        return made[-1]

    yield astray
    for chromium in made:
        chromium.close()


@pytest.fixture
def browse(request, chromium, astray, portal):
    with browser.opening(request, chromium, portal) as browse:
        yield browse


@pytest.fixture
def client(alice, visit):
    return visit(alice)


def test_a_user_logs_in_starts_xterm_and_types_into_it(alice, browse):
    desk = browse().open()
    desk.log_in(alice)
    desk.wait_portal()
    desk.picture("sessions-none")
    tab = desk.start("xterm", "My terminal").wait_connected()
    tab.type_until_made(alice.home / "from-browser", "Hello from 1 browser")
    desk.picture("session", tab.page)
    expect(tab.page).to_have_title(re.compile("My terminal"))
    card = desk.card("My terminal")
    expect(card.get_by_text("Running")).to_be_visible()
    desk.picture("sessions-one")
    # Pages that are closed leave the session as it is.
    tab.page.close()
    expect(card.get_by_text("Running")).to_be_visible()


def test_a_wrong_password_is_told_and_may_be_corrected(alice, browse):
    desk = browse().open()
    desk.log_in(alice, "wrong")
    expect(desk.page.get_by_role("alert").filter(has_text="wrong")).to_be_visible()
    expect(desk.page.get_by_label("Password", exact=True)).to_be_focused()
    desk.picture("login-wrong")
    desk.log_in(alice)
    desk.wait_portal()


def test_further_questions_of_the_host_are_asked_one_by_one(alice, make_portal, make_sshd, browse):
    portal = make_portal(make_sshd(PASSWORD + VERIFICATION_CODE))
    codes = VerificationCodes(alice)
    desk = browse(portal=portal).open()
    desk.log_in(alice)
    answer = desk.page.locator("input[name=answer]")
    expect(answer).to_be_focused()
    expect(desk.page.get_by_label(re.compile("Verification code")).first).to_be_visible()
    assert answer.get_attribute("type") == "password"
    desk.picture("login-code")
    answer.fill(codes.wrong())
    desk.page.get_by_role("button", name="Continue").click()
    expect(desk.page.get_by_role("alert").filter(has_text="wrong")).to_be_visible()
    desk.log_in(alice)
    answer.fill(codes.now())
    desk.page.get_by_role("button", name="Continue").click()
    desk.wait_portal()


def test_a_printed_address_logs_in_and_leaves_no_code_behind(make_portal, browse):
    portal = make_portal(None, logins={"ways": ["self"]})
    [address] = portal.ok("login-code").split()
    desk = browse(portal=portal).open(address)
    desk.wait_portal()
    assert "code" not in desk.page.url
    again = browse(portal=portal).open(address)
    expect(again.page.get_by_role("alert").filter(has_text="code")).to_be_visible()


def test_a_page_that_is_loaded_anew_shows_the_same_session(alice, client, browse):
    session = client.start("xterm", name="Loaded anew")
    desk = browse(client).open(f"/session/{session['id']}")
    tab = browser.Tab(desk.page).wait_connected()
    tab.type_until_made(alice.home / "before-reload", "remembered", "word=remembered;", "echo $word")
    desk.page.reload()
    tab.wait_connected()
    # The same shell still has its variable.
    tab.type_until_made(alice.home / "after-reload", "remembered", command="echo $word")


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_page_reconnects_by_itself_when_the_agent_is_back(alice, make_portal, visit, browse, how):
    portal = make_portal()
    client = visit(alice, portal=portal)
    session = client.start("xterm", name="Reconnected")
    desk = browse(client, portal=portal).open(f"/session/{session['id']}")
    overview = desk.context.new_page()
    overview.goto("/")
    tab = browser.Tab(desk.page).wait_connected()
    tab.type_until_made(alice.home / f"before-{how}", "before")
    desk.may_lose_connections = True
    getattr(portal, how)()
    tab.wait_told("Reconnecting…")
    desk.picture(f"reconnecting-{how}", tab.page)
    portal.start()
    tab.wait_connected()
    tab.type_until_made(alice.home / f"after-{how}", "after")
    # The list comes back to life as well.
    expect(overview.get_by_role("article").filter(has_text="Reconnected").get_by_text("Running")).to_be_visible()
    expect(overview.get_by_text("Live", exact=True)).to_be_visible()


@pytest.fixture(scope="module")
def elsewhere(portal, cluster_of):
    """Another member than the one that the browsers are at."""
    return cluster_of(portal)


def hosts_of_sockets(page):
    """The hosts to which a page opens WebSockets from now on, as it does it."""
    hosts = []
    page.on("websocket", lambda socket: hosts.append(urlsplit(socket.url).hostname))
    return hosts


def test_a_display_of_this_member_is_said_to_run_directly(client, browse):
    session = client.start("xterm")
    desk = browse(client).open(f"/session/{session['id']}")
    browser.Tab(desk.page).wait_connected().assert_connection("Direct")


@pytest.mark.parametrize("found", ["there", "refused", "silent"])
def test_a_display_of_another_member_comes_directly_or_unnoticed_through_this_one(
        alice, portal, elsewhere, client, browse, astray, found):
    session = start_at(client, elsewhere, name="Elsewhere")
    here, there = portal.address[0], elsewhere.address[0]
    with socket.create_server(new_address()) as silent:
        # Somebody who listens and never says a word, and nobody at all.
        address = {"silent": silent.getsockname(), "refused": new_address(), "there": elsewhere.address}[found]
        desk = browse(client, chromium=astray(elsewhere, address))
        desk.may_lose_connections = found != "there"
        desk.context.add_init_script(KEEP_HEADINGS)
        hosts = hosts_of_sockets(desk.page)
        desk.open(f"/session/{session['id']}")
        tab = browser.Tab(desk.page).wait_connected()
        tab.assert_connection(told := "Direct" if found == "there" else f"Through {here}")
        assert hosts == ([there] if found == "there" else [there, here])
        assert desk.page.evaluate("headings") == ["Connecting…"]
        tab.type_until_made(alice.home / f"found-{found}", "typed")
        # A tab tries once in vain, and then no more.
        hosts.clear()
        desk.page.reload()
        tab.wait_connected()
        tab.assert_connection(told)
        assert hosts == ([there] if found == "there" else [here])


def test_one_address_of_another_member_that_leads_there_is_enough(portal, cluster_of, client, browse):
    other = cluster_of(portal)
    other.edit("settings.json", lambda content: content.update(urls=[other.url, url(new_address())]))
    eventually(lambda: len(json.loads(portal.get(f"server/{other.server_id}"))["urls"]) == 2, "both are known")
    session = start_at(client, other)
    desk = browse(client)
    desk.may_lose_connections = True
    desk.open(f"/session/{session['id']}")
    browser.Tab(desk.page).wait_connected().assert_connection("Direct")


@pytest.mark.parametrize("found", ["there", "refused"])
def test_a_page_reconnects_directly_or_not_when_the_other_member_is_back(
        alice, make_portal, cluster_of, visit, browse, astray, found):
    portal = make_portal()
    other = cluster_of(portal)
    client = visit(alice, portal=portal)
    session = start_at(client, other)
    address = {"there": other.address, "refused": new_address()}[found]
    desk = browse(client, portal=portal, chromium=astray(other, address))
    desk.may_lose_connections = True
    desk.open(f"/session/{session['id']}")
    tab = browser.Tab(desk.page).wait_connected()
    told = "Direct" if found == "there" else f"Through {portal.address[0]}"
    tab.assert_connection(told)
    other.stop(within=15)
    tab.wait_told("Reconnecting…")
    other.start()
    tab.wait_connected()
    tab.assert_connection(told)
    tab.type_until_made(alice.home / f"back-{found}", "back")


def test_a_session_is_ended_and_removed(client, browse):
    session = client.start("xterm", name="To be ended")
    desk = browse(client).open().wait_portal()
    page = desk.context.new_page()
    page.goto(f"/session/{session['id']}")
    tab = browser.Tab(page).wait_connected()
    desk.card("To be ended").get_by_role("button", name="End").click()
    desk.page.get_by_role("dialog").get_by_role("button", name="End session").click()
    tab.wait_told("The session has ended")
    desk.picture("session-ended", tab.page)
    expect(desk.card("To be ended").get_by_text("Ended").first).to_be_visible()
    desk.picture("sessions-ended")
    desk.card("To be ended").get_by_role("button", name="Remove").click()
    expect(desk.card("To be ended")).to_have_count(0)


def test_two_users_at_once_see_their_own_sessions_only(alice, bob, visit, browse):
    desks = {}
    for user in (alice, bob):
        desks[user] = browse(visit(user)).open().wait_portal()
    tabs = {user: desk.start("xterm", f"Of {user.name}") for user, desk in desks.items()}
    for user, tab in tabs.items():
        tab.wait_connected()
        tab.type_until_made(user.home / "own", user.name)
    for user, other in ((alice, bob), (bob, alice)):
        expect(desks[user].card(f"Of {user.name}")).to_have_count(1)
        expect(desks[user].card(f"Of {other.name}")).to_have_count(0)
    # The address of another's session shows nothing of it.
    desks[bob].page.goto(f"/session/{tabs[alice].session_id}")
    expect(desks[bob].page.get_by_text("No such session")).to_be_visible()
    desks[bob].complaints = [complaint for complaint in desks[bob].complaints if "404" not in complaint]


def test_a_manager_is_not_shown_the_sessions_of_others_as_his_own(make_portal, make_user, alice, visit, browse):
    manager = make_user()
    portal = make_portal(logins={"managers": {"users": [manager.name]}})
    desk = browse(visit(manager, portal=portal), portal=portal).open().wait_portal()
    expect(desk.page.get_by_text("Live", exact=True)).to_be_visible()
    visit(alice, portal=portal).start_idle(name="Of Alice")
    own = desk.start("sleep 60", "Of the manager")
    own.wait_connected()
    expect(desk.card("Of the manager")).to_have_count(1)
    expect(desk.card("Of Alice")).to_have_count(0)


def test_who_is_logged_out_in_one_tab_logs_in_again_in_the_other(alice, client, browse):
    session = client.start("xterm", name="Still there")
    desk = browse(client).open().wait_portal()
    page = desk.context.new_page()
    page.goto(f"/session/{session['id']}")
    tab = browser.Tab(page).wait_connected()
    desk.page.get_by_role("button", name=alice.name).click()
    desk.page.get_by_role("button", name="Log out", exact=True).click()
    expect(desk.page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(page.get_by_text("You have been logged out.")).to_be_visible()
    page.get_by_label("User", exact=True).fill(alice.name)
    page.get_by_label("Password", exact=True).fill(alice.password)
    page.get_by_role("button", name="Log in", exact=True).click()
    tab.wait_connected()


def test_a_viewer_who_is_disconnected_by_another_is_told_and_may_come_back(client, browse):
    session = client.start("xterm")
    desk = browse(client).open(f"/session/{session['id']}")
    tab = browser.Tab(desk.page).wait_connected()
    client.ok("POST", f"/sessions/{session['id']}/disconnect")
    tab.wait_told("Another viewer disconnected you")
    desk.page.get_by_role("button", name="Connect again").click()
    tab.wait_connected()


def test_the_desktop_takes_the_size_of_the_window(client, browse):
    session = client.start("xterm", geometry="640x480")
    desk = browse(client, width=1000, height=700).open(f"/session/{session['id']}")
    tab = browser.Tab(desk.page).wait_connected()

    def size():
        canvas = "document.querySelector('main.screen canvas')"
        return tab.page.evaluate(f"[{canvas}.width, {canvas}.height]")

    eventually(lambda: size() == [1000, 700], "the desktop has the size of the window")
    desk.page.set_viewport_size({"width": 800, "height": 600})
    eventually(lambda: size() == [800, 600], "the desktop follows the window")


def test_names_are_shown_as_text(client, browse):
    desk = browse(client).open().wait_portal()
    for name in MARKUP:
        session = client.start_idle(name=name)
        expect(desk.page.get_by_role("heading", name=name, exact=True)).to_be_visible()
        client.ask("DELETE", f"/sessions/{session['id']}")
    page = desk.context.new_page()
    session = client.start("xterm", name=MARKUP[0])
    page.goto(f"/session/{session['id']}")
    browser.Tab(page).wait_connected()
    expect(page).to_have_title(re.compile(re.escape(MARKUP[0])))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_pages_fit_into_phones_and_wide_windows_and_are_accessible(client, browse, theme, width):
    session = client.start("xterm", name="A session with a rather long name that does not fit into one line of a phone")
    client.start("xclock || xterm", name="Another")
    gone = client.ok("POST", "/sessions", {"command": "exit 3", "name": "Over"})
    client.wait_session(gone["id"], lambda found: found["state"] == "ended", within=20)
    options = {"width": width, "height": 844 if width == 390 else 900, "theme": theme}

    def check(desk, name):
        desk.picture(f"{name}-{theme}-{width}")
        wide = desk.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{name} is {wide} pixels wide"
        found = Axe().run(desk.page, options=WCAG)
        assert not found.response["violations"], (name, found.generate_report())

    guest = browse(**options).open()
    guest.page.get_by_label("User", exact=True).wait_for()
    check(guest, "login")
    desk = browse(client, **options).open().wait_portal()
    # With the pictures that running sessions have.
    desk.page.locator("article img:not([hidden])").nth(1).wait_for()
    check(desk, "sessions")
    desk.page.get_by_role("button", name="Start session").first.click()
    desk.page.get_by_role("dialog").wait_for()
    check(desk, "start")
    desk.open("/#servers")
    desk.page.reload()
    desk.page.get_by_role("heading", name="Servers").wait_for()
    check(desk, "servers")
    desk.open(f"/session/{session['id']}")
    browser.Tab(desk.page).wait_connected()
    check(desk, "desktop")


def test_the_page_of_servers_says_which_of_them_take_nobody_new(make_portal, cluster_of, alice, visit, browse):
    portal = make_portal()
    other = cluster_of(portal)
    desk = browse(visit(alice, portal=portal), portal=portal).open("/#servers")
    desk.page.get_by_role("heading", name="Servers").wait_for()
    other.edit("settings.json", lambda content: content.update(draining=True))
    desk.page.get_by_role("row").filter(has_text="Being emptied").wait_for()
    desk.picture("servers-emptied")
    other.stop()
    desk.page.get_by_role("row").filter(has_text="Stopped").wait_for()


def test_the_page_of_servers_draws_the_last_hour_and_says_it_in_words(make_portal, alice, visit, browse):
    portal = make_portal(updateIntervalSeconds=1)
    client = visit(alice, portal=portal)

    def points():
        history = client.ok("GET", f"/servers/{portal.server_id}/history")
        return sum(value is not None for value in history["load"]) >= 2 and history

    history = eventually(points, "there are two points", within=70, every=1)
    assert history["stepSeconds"] == 30 and "metrics" not in history
    assert len(history["freemem"]) == len(history["load"])
    desk = browse(client, portal=portal).open("/#servers")
    for name in ("Load", "Memory"):
        line = desk.page.get_by_role("img", name=re.compile(rf"^{name} in the last \d+ .*: from .* to "))
        line.wait_for()
        assert line.locator("path").get_attribute("d").startswith("M")
    desk.picture("servers-history")
    assert client.ask("GET", "/servers/nobody/history").status_code == 404


def test_pages_are_small(client, browse):
    """Below 100 KB each besides noVNC."""
    session = client.start("xterm")
    for path in ("/", f"/session/{session['id']}"):
        desk = browse(client)
        sizes = {}

        def weigh(answer):
            if answer.ok and not re.search("/api/|/novnc/", answer.url):
                sizes[answer.url] = len(answer.body())

        desk.page.on("response", weigh)
        desk.page.goto(path)
        if path == "/":
            desk.wait_portal()
        else:
            browser.Tab(desk.page).wait_connected()
        desk.page.wait_for_load_state("load")
        assert 0 < sum(sizes.values()) < 100_000, sizes


class TestSecondLogin:
    """The member that starts the session is not the one that the user logged in at, and asks for his password."""

    COMMAND = "xterm -T asked"

    @staticmethod
    def desk_of(make_portal, cluster_of, sshd, user, visit, browse, **options):
        """A browser at a member that starts no sessions, in a cluster with one that does and cannot become its users."""
        portal = make_portal(sshd, logins={"ways": ["ssh"]})
        door = cluster_of(portal, sessionsEnabled=False)
        return portal, browse(visit(user, portal=door), portal=door, **options).open().wait_portal()

    def begin(self, desk):
        """Fills in the dialog and starts; returns the dialog, which asks a question then."""
        desk.page.get_by_role("button", name="Start session").first.click()
        dialog = desk.page.get_by_role("dialog")
        dialog.get_by_label("Command", exact=True).fill(self.COMMAND)
        dialog.get_by_label("Name", exact=True).fill("Asked for")
        dialog.get_by_label("1280 × 800").check()
        dialog.get_by_role("button", name="Start", exact=True).click()
        expect(dialog.get_by_role("heading")).to_have_text(
            re.compile(r".+ needs your password once more to start sessions there"))
        expect(dialog.locator("input[name=answer]")).to_be_focused()
        return dialog

    @staticmethod
    def answer(dialog, text):
        dialog.locator("input[name=answer]").fill(text)
        dialog.get_by_role("button", name="Continue").click()

    @staticmethod
    def session_tab(desk):
        """The tab that the session opens in; those that waited for it in vain are closed."""
        expect(desk.page.get_by_role("dialog")).to_have_count(0)
        _, tab = desk.context.pages
        return browser.Tab(tab)

    def test_the_password_is_asked_for_in_place_and_the_start_goes_on(
            self, make_portal, cluster_of, sshd, make_user, visit, browse):
        alice = make_user()
        portal, desk = self.desk_of(make_portal, cluster_of, sshd, alice, visit, browse)
        dialog = self.begin(desk)
        answer = dialog.locator("input[name=answer]")
        assert answer.get_attribute("type") == "password"
        expect(dialog.get_by_label("Password", exact=True)).to_have_count(1)
        expect(dialog.get_by_label("User", exact=True)).to_have_value(alice.name)
        expect(dialog.get_by_label("User", exact=True)).to_have_js_property("readOnly", True)
        desk.picture("start-second-login")
        found = Axe().run(desk.page, options=WCAG)
        assert not found.response["violations"], found.generate_report()
        # Whoever does not want to any more has what he entered.
        dialog.get_by_role("button", name="Cancel").click()
        expect(dialog.get_by_role("heading")).to_have_text("Start a session")
        expect(dialog.get_by_label("Command", exact=True)).to_have_value(self.COMMAND)
        expect(dialog.get_by_label("Name", exact=True)).to_have_value("Asked for")
        expect(dialog.get_by_label("1280 × 800")).to_be_checked()
        dialog.get_by_role("button", name="Start", exact=True).click()
        # A wrong one is said to be wrong, and asked for again.
        self.answer(dialog, "wrong")
        expect(dialog.get_by_role("alert")).to_have_text(re.compile("wrong"))
        expect(answer).to_have_value("")
        expect(answer).to_be_focused()
        assert not portal.stewards(alice)
        self.answer(dialog, alice.password)
        tab = self.session_tab(desk).wait_connected()
        expect(tab.page).to_have_title(re.compile("Asked for"))
        # From now on nothing is asked.
        desk.start("xterm", "Not asked for").wait_connected()

    def test_a_code_is_asked_for_after_the_password(
            self, make_portal, cluster_of, make_sshd, make_user, visit, browse):
        alice = make_user()
        sshd = make_sshd(PASSWORD + VERIFICATION_CODE)
        codes = VerificationCodes(alice)
        portal, desk = self.desk_of(make_portal, cluster_of, sshd, alice, visit, browse)
        dialog = self.begin(desk)
        self.answer(dialog, alice.password)
        expect(dialog.get_by_label(re.compile("Verification code")).first).to_be_focused()
        desk.picture("start-second-login-code")
        self.answer(dialog, codes.wrong())
        expect(dialog.get_by_role("alert")).to_have_text(re.compile("wrong"))
        expect(dialog.get_by_label("Password", exact=True)).to_be_focused()
        self.answer(dialog, alice.password)
        expect(dialog.get_by_label(re.compile("Verification code")).first).to_be_focused()
        self.answer(dialog, codes.now())
        self.session_tab(desk).wait_connected()

    def test_it_is_listed_as_what_it_is_and_ended(self, make_portal, cluster_of, sshd, make_user, visit, browse):
        alice = make_user()
        portal, desk = self.desk_of(make_portal, cluster_of, sshd, alice, visit, browse)
        self.answer(self.begin(desk), alice.password)
        self.session_tab(desk).wait_connected()
        desk.page.get_by_role("button", name=alice.name).click()
        desk.page.get_by_role("button", name="My logins…").click()
        listed = desk.page.get_by_role("dialog")
        row = listed.get_by_role("listitem").filter(has_text="Second login")
        expect(row).to_contain_text(f"Process for starting sessions on {portal.server_id}")
        desk.picture("logins-second-login")
        row.get_by_role("button", name="End").click()
        expect(row).to_have_count(0)
        expect(listed.get_by_role("listitem")).to_have_count(1)
        listed.get_by_role("button", name="Close").click()
        self.begin(desk)
