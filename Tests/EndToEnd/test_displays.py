# Looking at a session: RFB over a WebSocket, who is counted as a viewer, and what ends it.
import itertools
import json
import threading

import pytest
import websockets.exceptions

from api import API
from display import CLOSED_BY_END, CLOSED_BY_VIEWER, OTHER_SIZE, open_display, refusal
from waiting import eventually

UNKNOWN = "0" * 32


@pytest.fixture
def client(alice, visit):
    return visit(alice)


def test_a_viewer_sees_the_display_in_its_size(client, view):
    session = client.start("xterm", name="Fenster", geometry="640x480")
    viewer = view(client, session["id"])
    assert (viewer.width, viewer.height) == (640, 480)
    # A window is on it, and no single colour.
    eventually(lambda: len(set(viewer.picture()[::4])) > 1, "xterm's window is shown")


def test_what_a_viewer_types_arrives_in_the_program(alice, client, view):
    session = client.start("xterm")
    viewer = view(client, session["id"])
    made = alice.home / "typed"

    def is_made():
        viewer.type("echo Typed, by 1 viewer! > typed\n")
        return made.exists() and made.read_text() == "Typed, by 1 viewer!\n"

    eventually(is_made, "the file is made", every=0.5)


def test_the_first_window_of_a_session_has_the_keyboard(alice, client, view):
    """Nobody has to click into it. In some of many starts the window manager is later than the program."""
    sessions = [client.start("xterm") for _ in range(5)]
    for number, session in enumerate(sessions):
        viewer, made = view(client, session["id"]), alice.home / f"unclicked{number}"

        def is_made():
            viewer.type(f"touch {made.name}\n")
            return made.exists()

        eventually(is_made, f"xterm {number} takes keys", within=5, every=0.5)


def test_a_display_can_be_opened_while_its_session_starts(client, view):
    session = client.ok("POST", "/sessions", {"command": "xterm"})
    assert view(client, session["id"]).width == 1280


def test_the_binary_subprotocol_is_agreed_on_where_it_is_offered(client, portal):
    session = client.start_idle()
    for offered, agreed in ((("binary",), "binary"), (("binary", "base64"), "binary"), ((), None)):
        socket = open_display(portal, session["id"], client.token, subprotocols=offered)
        assert socket.subprotocol == agreed
        socket.close()


def test_viewers_are_counted_and_their_times_kept(client, view):
    session = client.start_idle()
    assert session["lastConnect"] is None and session["lastDisconnect"] is None
    viewers = [view(client, session["id"]) for _ in range(2)]
    seen = client.wait_session(session["id"], lambda session: session["clients"] == 2)
    assert seen["lastConnect"] >= session["started"] and seen["lastDisconnect"] is None
    viewers[0].close()
    client.wait_session(session["id"], lambda session: session["clients"] == 1)
    viewers[1].close()
    left = client.wait_session(session["id"], lambda session: session["clients"] == 0)
    assert left["lastDisconnect"] >= left["lastConnect"] and left["state"] == "running"


def test_pictures_are_taken_while_the_display_changes_its_size(client, view):
    session = client.start("xterm")
    viewer = view(client, session["id"], encodings=(OTHER_SIZE,))
    taken = threading.Event()

    def resize():
        sides = itertools.cycle(range(600, 700, 10))
        while not taken.wait(0.02):
            viewer.resize(side := next(sides), side)

    resizer = threading.Thread(target=resize)
    resizer.start()
    try:
        for _ in range(20):
            answer = client.get(f"/sessions/{session['id']}/screenshot")
            assert answer.status_code == 200, answer.text
    finally:
        taken.set()
        resizer.join()


def test_viewers_share_a_display(client, view):
    session = client.start("xterm", geometry="300x200")
    first, second = view(client, session["id"]), view(client, session["id"])
    eventually(lambda: first.picture() == second.picture() != bytes(300 * 200 * 4), "both see the same")


def test_all_viewers_are_disconnected_on_demand_and_may_come_back(client, view):
    session = client.start_idle()
    viewers = [view(client, session["id"]) for _ in range(2)]
    client.wait_session(session["id"], lambda session: session["clients"] == 2)
    assert client.ask("POST", f"/sessions/{session['id']}/disconnect").status_code == 204
    assert [viewer.wait_closed() for viewer in viewers] == [CLOSED_BY_VIEWER] * 2
    client.wait_session(session["id"], lambda session: session["clients"] == 0 and session["state"] == "running")
    assert view(client, session["id"]).width


def test_the_end_of_a_session_ends_its_viewers_with_the_reason(client, view):
    session = client.start_idle()
    viewer = view(client, session["id"])
    client.ask("DELETE", f"/sessions/{session['id']}")
    assert viewer.wait_closed(within=20) == CLOSED_BY_END
    status, body = eventually(lambda: refusal(client.portal, session["id"], client.token), "it has ended")
    assert status == 409 and json.loads(body)["reason"] == "not-running"


def test_a_display_of_no_session_is_not_found(client):
    for name in (UNKNOWN, "x", "..%2f..", "%00", UNKNOWN + "/display/../x"):
        status, body = refusal(client.portal, name, client.token)
        assert status in (400, 404), (name, status)
    assert json.loads(refusal(client.portal, UNKNOWN, client.token)[1])["reason"] == "no-such-session"


def test_a_page_of_another_site_cannot_open_a_display(client, portal):
    session = client.start_idle()
    host = portal.url.removeprefix("https://")
    for origin in ("https://evil.example", "null", f"https://{host}.evil.example", f"http://{host}:1",
                   "https://127.0.0.1", f"https://evil.example/{host}", f"https://user@{host}"):
        status, body = refusal(portal, session["id"], client.token, origin=origin)
        assert status == 403 and json.loads(body)["reason"] == "foreign-origin", origin
    open_display(portal, session["id"], client.token, origin=portal.url).close()


def test_nothing_secret_is_taken_from_the_address(client, portal):
    session = client.start_idle()
    for query in (f"?token={client.token}", f"?__Host-fastx={client.token}", f"?access_token={client.token}"):
        with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
            open_display(portal, f"{session['id']}/display{query}&x=")
        assert refused.value.response.status_code in (400, 401, 404)


def test_what_is_no_websocket_is_no_display(client):
    session = client.start_idle()
    answer = client.get(f"/sessions/{session['id']}/display")
    assert answer.status_code in (400, 404, 426)
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_text_and_malformed_frames_end_the_connection_and_nothing_else(client, portal, view):
    session = client.start_idle()
    viewer = view(client, session["id"])
    socket = open_display(portal, session["id"], client.token)
    socket.send("RFB 003.008\n")
    with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
        while True:
            socket.recv(timeout=10)
    assert closed.value.rcvd.code == 1003
    viewer.picture()


def test_what_is_no_rfb_does_no_harm_to_other_viewers(client, portal, view):
    session = client.start_idle()
    viewer = view(client, session["id"])
    socket = open_display(portal, session["id"], client.token)
    socket.send(b"\xff" * 100_000)
    with pytest.raises(websockets.exceptions.ConnectionClosed):
        while True:
            socket.recv(timeout=10)
    viewer.picture()
    assert client.session(session["id"])["state"] == "running"


def test_a_large_picture_arrives_whole_though_its_viewer_is_slow(client, view):
    session = client.start_idle(geometry="3000x2000")
    viewer = view(client, session["id"])
    # Far more than all buffers on the way hold is asked for before anything is read.
    for _ in range(4):
        viewer.ask_for_picture()
    assert len(viewer.picture()) == 3000 * 2000 * 4
    assert client.http.get(f"{API}/login").status_code == 200
