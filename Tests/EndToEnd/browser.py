# Chromium as people use it: browsers with tabs of their own, what they complain of, and the portal's pages in them.
import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import TimeoutError, expect

from agents import ROOT
from api import COOKIE
from waiting import eventually

PICTURES = Path(os.environ.get("FASTX_PICTURES", ROOT / ".build/pictures"))
# What a page that is refused something tells only to the page itself.
REPORT_VIOLATIONS = """document.addEventListener('securitypolicyviolation', (event) =>
    console.error(`policy violated: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}`))"""


def launch(playwright, *arguments, host=None):
    """Starts Chromium, here or on a host that a test has made."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "no Chromium is installed: apt-get install chromium"
    with tempfile.TemporaryDirectory(prefix="fx-") as directory:
        starter = Path(directory) / "chromium"
        starter.write_text(f'#!/bin/sh\nexec {" ".join(host.wrapper if host else [])} {program} "$@"\n')
        starter.chmod(0o755)
        return playwright.chromium.launch(
            executable_path=starter, args=["--no-sandbox", "--disable-dev-shm-usage", *arguments])


@contextlib.contextmanager
def opening(request, chromium, portal=None):
    """Opens browsers for a test; none may have had reason to complain in the end. Of a failed test there are pictures."""
    made = []

    def browse(client=None, portal=portal, chromium=chromium, **options):
        made.append(Browser(chromium, portal, **options))
        return made[-1].take_login(client) if client else made[-1]

    yield browse
    for number, opened in enumerate(made):
        if getattr(request.node, "failed", False):
            for place, page in enumerate(opened.context.pages):
                opened.picture(f"failed-{request.node.name}-{number}-{place}", page)
        opened.close()
    for opened in made:
        opened.assert_content()


class Browser:
    """One person's browser."""

    def __init__(self, chromium, portal, width=1440, height=900, theme="light", **options):
        self.portal = portal
        self.context = chromium.new_context(
            base_url=portal.url, ignore_https_errors=True, color_scheme=theme,
            viewport={"width": width, "height": height}, **options)
        self.context.set_default_timeout(15_000)
        self.context.add_init_script(REPORT_VIOLATIONS)
        self.complaints = []
        # Set while the agent is away on purpose: browsers themselves tell of connections that fail.
        self.may_lose_connections = False
        # Addresses of hosts to which no connection comes about, on purpose.
        self.unreachable = set()
        self.context.on("console", self._hear)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        # An error of the member comes with its reason.
        self.context.on("requestfinished", self._look_at)
        self.page = self.context.new_page()

    def _look_at(self, request):
        answer = request.response()
        is_away = answer and answer.status in (409, 502, 503) and self.may_lose_connections
        # A picture may be asked for of a session that is just ending.
        is_picture = answer and answer.status == 503 and "/screenshot" in request.url
        if answer and answer.status >= 500 and not is_away and not is_picture:
            self.complaints.append(f"{request.url}: {answer.status} {answer.text()}")

    def _hear(self, message):
        if message.type != "error":
            return
        address = message.location.get("url", "")
        # Whether somebody is logged in is asked; that nobody is, is an answer.
        is_login = re.search(r"status of 401", message.text) and re.search(r"/api/v1/(me|login|events)", address)
        is_connection = re.search(r"net::ERR_|WebSocket connection to|data while disconnected", message.text)
        # A restarted agent may know of a session sooner than its steward is back; others reach it no sooner than it is.
        is_away = re.search(r"status of (409|502|503)", message.text) and re.search(
            r"/api/v1/(sessions/|me$|events$)", address)
        is_picture = re.search(r"status of (404|409|503)", message.text) and "/screenshot" in address
        is_unreachable = is_connection and any(f"//{host}:" in message.text + address for host in self.unreachable)
        if not is_login and not is_picture and not is_unreachable and not ((is_connection or is_away) and self.may_lose_connections):
            self.complaints.append(f"{message.text} ({address})")

    def assert_content(self):
        assert not self.complaints, self.complaints

    def take_login(self, client):
        """Makes the login of a client this browser's."""
        self.context.add_cookies([{
            "name": COOKIE, "value": client.token, "url": self.portal.url, "secure": True, "httpOnly": True,
            "sameSite": "Strict"}])
        return self

    def picture(self, name, page=None):
        PICTURES.mkdir(parents=True, exist_ok=True)
        (page or self.page).screenshot(path=PICTURES / f"{name}.png")

    # The portal.

    def open(self, path="/"):
        self.page.goto(path)
        return self

    def log_in(self, user, password=None):
        """Fills in what the first page asks for."""
        self.page.get_by_label("User", exact=True).fill(user.name)
        self.page.get_by_label("Password", exact=True).fill(password or user.password)
        self.page.get_by_role("button", name="Log in", exact=True).click()

    def wait_portal(self):
        try:
            self.page.get_by_role("heading", name="My sessions").wait_for()
        except TimeoutError as error:
            raise AssertionError(f"the portal is not shown, but: {self.page.inner_text('body')}") from error
        return self

    def start(self, command, name=None):
        """Starts a session with the dialog; returns its tab."""
        self.page.get_by_role("button", name="Start session").first.click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_label("Command", exact=True).fill(command)
        if name:
            dialog.get_by_label("Name", exact=True).fill(name)
        with self.context.expect_page() as opened:
            dialog.get_by_role("button", name="Start", exact=True).click()
        return Tab(opened.value)

    def start_at(self, server_id, command):
        """Starts a session on a member by name, which the dialog does not do; returns its tab."""
        session_id = self.page.evaluate("""async (body) => {
            const api = await import('/pages/common/api.js');
            return (await api.startSession(body)).id;
        }""", {"command": command, "serverId": server_id})
        page = self.context.new_page()
        page.goto(f"/session/{session_id}")
        return Tab(page)

    def card(self, name):
        return self.page.get_by_role("article").filter(has_text=name)

    def close(self):
        self.context.close()


class Tab:
    """The page of a session."""

    def __init__(self, page):
        self.page = page
        page.wait_for_url("**/session/*")

    @property
    def session_id(self):
        return self.page.url.rpartition("/")[2]

    @property
    def status(self):
        return self.page.get_by_role("status")

    def wait_connected(self):
        self.page.locator("main.screen canvas:not(.last-picture)").wait_for()
        self.page.locator("fastx-status").wait_for(state="hidden")
        return self

    def wait_told(self, text):
        self.page.locator("fastx-status").get_by_text(text).first.wait_for()

    def assert_connection(self, text):
        """What the page says of how its connection runs."""
        expect(self.page.locator(".toolbar-connection")).to_have_text(text)

    def disconnect(self):
        """Leaves the session, and lets it go on. The keys open the toolbar, wherever it is."""
        self.page.keyboard.press("Control+Alt+Shift")
        self.page.get_by_role("button", name="Disconnect", exact=True).click()
        self.wait_told("Disconnected")

    def type(self, line):
        self.page.keyboard.type(f"{line}\n")

    def type_until_made(self, path, text, before="", command=None):
        """Types a command into a terminal until its file has the text: the window may not be there yet."""
        def is_made():
            self.type(f"{before}{command or f'echo {text}'} > {path.name}")
            return path.exists() and path.read_text() == f"{text}\n"

        eventually(is_made, f"{path} is made", within=15, every=0.5)
