# External gateways and members inside that end, stop and hang: whose users are served again, each with what is his own.
import contextlib
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import WebSocketException

from proxy import DOWN, UP, Proxy
from relay import make_external, relay_link, wait_relay_linked
from test_stopped import stopped
from tokens import new_gateway_key
from waiting import eventually

pytestmark = [pytest.mark.cuts, pytest.mark.slow]

BACK_SECONDS = 30
RED, BLUE = (255, 0, 0), (0, 0, 255)
NOT_SERVED = (httpx.HTTPError, OSError, AssertionError, WebSocketException)
# What a thousand rounds may add, which is far below what one lost connection of each round would be.
MORE_KIB, MORE_DESCRIPTORS = 64 << 10, 12


@pytest.fixture(scope="module")
def inside(make_portal):
    return make_portal()


@pytest.fixture(scope="module")
def line():
    """Lines to gateways that can be broken."""
    made = {}

    def line(gateway):
        if gateway not in made:
            made[gateway] = Proxy(gateway.address)
        return made[gateway]

    yield line
    for proxy in made.values():
        proxy.close()


@pytest.fixture(scope="module")
def gateways(inside, make_portal, line):
    """Two external gateways, each with a gateway key of its own and behind a line that can be broken."""
    gateways = []
    for _ in range(2):
        gateways.append(make_portal(loginsEnabled=False, sessionsEnabled=False))
        make_external(gateways[-1], new_gateway_key(inside))
    inside.set_access_points(*(line(gateway).url for gateway in gateways))
    for gateway in gateways:
        wait_relay_linked(gateway, inside)
    return gateways


@pytest.fixture
def gateway(gateways, line, inside):
    yield gateways[0]
    # Whatever a test has left is set right for the next one.
    line(gateways[0]).heal()
    if not gateways[0].process:
        gateways[0].start()
    wait_relay_linked(gateways[0], inside, within=BACK_SECONDS)


class Person:
    """A user at a gateway with a session whose display has one colour, and nobody else's has it."""

    def __init__(self, client, colour):
        self.client, self.colour = client, colour
        shade = "rgb:%02x/%02x/%02x" % colour
        self.session = client.start(f"xterm -geometry 250x100+0+0 -bg {shade} -fg {shade}", windowManager="none")["id"]
        # The name of another session, which a request that is cut off starts.
        self.cut_off = f"cut off {self.session}"

    def cut_off_sessions(self, inside):
        """The map has them soon after they were started."""
        return [session for session in inside.leases("session").values() if self.cut_off in str(session)]

    def check(self):
        """All that he is answered is his own."""
        me = self.client.ok("GET", "/me")
        assert me["user"] == self.client.user.name
        assert self.client.session_ids() == [self.session]

    def check_picture(self, view, others):
        viewer = view(self.client, self.session)
        try:
            seen = pixels(viewer)
        finally:
            viewer.close()
        if self.colour not in seen:
            raise AssertionError(f"{self.colour} is not in {list(seen)[:8]}")
        wrong = [other.colour for other in others if other.colour in seen]
        if wrong:
            pytest.fail(f"the display of another is seen: {wrong}")


def pixels(viewer):
    """The colours of a display; its bytes are blue, green, red."""
    picture = viewer.picture()
    return {(picture[at + 2], picture[at + 1], picture[at]) for at in range(0, len(picture), 4 * 997)}


@pytest.fixture
def people(gateway, alice, bob, visit):
    made = []
    for user, colour in ((alice, RED), (bob, BLUE)):
        client = visit(user, portal=gateway)
        client.user = user
        made.append(Person(client, colour))
    return made


def kill(gateway):
    gateway.kill()
    gateway.start()


def end(gateway):
    gateway.stop()
    gateway.start()


def sleep(gateway):
    """Not a wait for something to happen: a stop lasts as long as it lasts."""
    with stopped(gateway):
        time.sleep(2)


FAULTS = {"killed": kill, "ended": end, "stopped": sleep}


@contextlib.contextmanager
def idle(person, *_):
    yield


@contextlib.contextmanager
def asking(person, line, inside):
    """The gateway has asked for connections, and none comes."""
    line.half(UP)
    with ThreadPoolExecutor(6) as pool:
        answers = [pool.submit(person.client.get, "/me") for _ in range(6)]
        eventually(lambda: line.byte_counts[DOWN], "something has been sent")
        yield
        line.heal()
        for answer in answers:
            with contextlib.suppress(*NOT_SERVED):
                answer.result(BACK_SECONDS)


@contextlib.contextmanager
def changing(person, line, inside):
    """A request has been sent and carried out, and its answer does not come."""
    line.half(UP)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(
            person.client.ask, "POST", "/sessions", {"command": "sleep 60", "windowManager": "none", "name": person.cut_off})
        eventually(lambda: person.cut_off_sessions(inside), "it has been carried out")
        yield
        line.heal()
        with contextlib.suppress(*NOT_SERVED):
            answer.result(BACK_SECONDS)


@contextlib.contextmanager
def watching(person, line, inside):
    from display import Viewer
    viewer = Viewer(person.client, person.session)
    viewer.picture()
    yield
    viewer.close()


@contextlib.contextmanager
def closing(person, line, inside):
    """The viewer leaves, and that does not arrive."""
    from display import Viewer
    viewer = Viewer(person.client, person.session)
    viewer.picture()
    line.half(DOWN)
    viewer.socket.close_socket()
    yield
    line.heal()


STEPS = {"before anything": idle, "while connections are asked for": asking, "while a request is answered": changing,
         "while a display is open": watching, "while a display closes": closing}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", STEPS)
def test_users_are_served_again_each_with_his_own(gateway, inside, line, people, view, step, fault):
    first, second = people
    with STEPS[step](first, line(gateway), inside):
        FAULTS[fault](gateway)
    began = time.monotonic()
    cut_off_count = int(step == "while a request is answered")
    assert len(first.cut_off_sessions(inside)) == cut_off_count, "nothing is done twice"
    for person in people:
        def is_served():
            with contextlib.suppress(httpx.HTTPError, OSError):
                assert person.client.get("/me").status_code == 200
                return True
        eventually(is_served, "he is served again", within=BACK_SECONDS)
        assert time.monotonic() - began < BACK_SECONDS
        assert person.client.ok("GET", "/me")["user"] == person.client.user.name
        own = set(person.client.session_ids())
        assert person.session in own and not own & {other.session for other in people if other is not person}
        others = [other for other in people if other is not person]
        eventually(lambda: person.check_picture(view, others) or True, "he sees his display", within=15)
    assert len(first.cut_off_sessions(inside)) == cut_off_count, "nothing is done twice"


def test_users_go_on_at_one_gateway_when_the_other_ends(gateways, gateway, inside, alice, bob, visit, view):
    other = gateways[1]
    staying = visit(bob, portal=other)
    leaving = visit(alice, portal=gateway)
    session = staying.start_idle()
    viewer = view(staying, session["id"])
    gone = leaving.start_idle()
    ended = view(leaving, gone["id"])
    gateway.stop()
    ended.wait_closed()
    assert viewer.picture()
    assert staying.session(session["id"])["clients"] == 1
    assert staying.ok("PATCH", f"/sessions/{session['id']}", {"name": "still here"})["name"] == "still here"
    gateway.start()
    wait_relay_linked(gateway, inside, within=BACK_SECONDS)
    assert leaving.session(gone["id"])["state"] == "running"


def test_a_gateway_that_ends_says_so_and_is_linked_again_soon(gateway, inside):
    mark, gateway_mark = inside.mark(), gateway.mark()
    assert gateway.stop() == 0
    inside.wait_logged(f"the link to the external member {gateway.server_id} ended: it is stopping", since=mark)
    assert not gateway.logged("error", since=gateway_mark)
    gateway.start()
    wait_relay_linked(gateway, inside, within=10)


def state(pid):
    """Descriptors and KiB of memory of a process."""
    resident = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return len(os.listdir(f"/proc/{pid}/fd")), int(resident[1])


def agent_pid(portal):
    return portal.process.pid


@pytest.mark.parametrize("rounds", [30, pytest.param(1000, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
def test_nothing_is_left_of_displays_and_links(gateway, inside, line, alice, visit, view, rounds):
    client = visit(alice, portal=gateway)
    session = client.start("sleep 7200", windowManager="none")["id"]

    def connections():
        return [relay_link(*pair)["connections"] for pair in ((gateway, inside), (inside, gateway))]

    def round():
        viewer = view(client, session)
        viewer.socket.close()

    for _ in range(5):
        round()
    eventually(lambda: client.session(session)["clients"] == 0, "all viewers are gone")
    before = {portal: state(agent_pid(portal)) for portal in (gateway, inside)}
    connected = connections()
    for number in range(rounds):
        round()
        if number % 10 == 9:
            mark = inside.mark()
            line(gateway).cut_connections()
            inside.wait_logged(f"linked to the external member {gateway.server_id}", since=mark, within=BACK_SECONDS)
            eventually(lambda: client.get("/me").status_code == 200, "he is served again", within=BACK_SECONDS)
    eventually(lambda: client.session(session)["clients"] == 0, "all viewers are gone")
    for portal in (gateway, inside):
        def is_back():
            descriptors, memory = state(agent_pid(portal))
            assert descriptors <= before[portal][0] + MORE_DESCRIPTORS, (before[portal], descriptors)
            assert memory <= before[portal][1] + MORE_KIB, (before[portal], memory)
            return True
        eventually(is_back, f"{portal.name} has no more than before", within=15)
    eventually(lambda: max(connections()) <= max(connected) + 2, "the connections are as many as before", within=15)
