# What a gateway makes of requests that can be read in two ways: never anything else than the member behind it would.
import contextlib
import re
import socket
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

import http2
import reverse_proxies
import web
from api import Client
from certificates import client_context
from network import new_host
from smuggling import FORGED, Corpus, Request, Then, text
from waiting import eventually
from wire import Unreadable, read_answers, read_requests
from wiretap import Wiretap

pytestmark = pytest.mark.timeout(240)

# How long a server may take to answer all of an input and to close: less than it waits for all of a first request.
ANSWER_SECONDS = 8
# And one that has left this many connections open.
OPEN_COUNT, OPEN_SECONDS = 10, 0.5
PARALLEL_COUNT = 32
READ_BYTES = 65536
# How many inputs a failure names.
SHOWN_COUNT = 50
# One line of the log for each request: who asked, for what, with which outcome.
LOG_LINE = re.compile(r"access: \[Agent\] (\S+)(?: through (\S+))? (\S+) (.*) (\d{3}) \S+ ms [0-9a-f]{16}$", re.MULTILINE)
# What a gateway logs where a member did not take a request as it was sent.
MISUNDERSTANDINGS = "refuses requests that this member carries|cannot be reached"
# Answers to what was not looked at any further.
REFUSALS = {400, 413, 414, 501}
# Fields that a gateway sets itself, and those that end at it.
OWN_FIELDS = ("fastx-member", "x-forwarded-for", "host", "x-forwarded-proto", "forwarded")
OWN_WAYS = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"}
HOP_FIELDS = {"connection", "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate", "te",
              "trailer", "transfer-encoding", "upgrade", "expect", "x-real-ip", "fastx-refusal"}


class Outcome(NamedTuple):
    """What came of one input at one front."""

    client: str
    answers: bytes
    is_closed: bool

    def statuses(self, case):
        try:
            return read_answers(self.answers, [request.method for request in case.meaning])
        except Unreadable as error:
            return f"unreadable: {error}"


class Front:
    """Where inputs are sent to, and how what it passes on is seen."""

    def __init__(self, name, address, tap=None, sender=None, is_strict=True):
        self.name, self.address, self.tap, self.sender, self.is_strict = name, address, tap, sender, is_strict
        self.outcomes = {}
        self.open_count = 0
        self.unreadable = []
        self._tls = client_context()

    def send(self, case, probe):
        """One input and a request after it, over a connection and from an address of their own."""
        client, answers, is_closed = new_host(), b"", True
        plain = socket.create_connection(self.address, ANSWER_SECONDS, source_address=(client, 0))
        with self._tls.wrap_socket(plain) as stream:
            stream.settimeout(ANSWER_SECONDS if self.open_count < OPEN_COUNT else OPEN_SECONDS)
            # Whoever is refused amid his input still reads why.
            with contextlib.suppress(OSError):
                stream.sendall(case.data if case.then is Then.CUT else case.data + probe)
            if case.then is Then.CUT:
                # Of the connection itself: TLS has no end of one direction that would leave the other.
                socket.socket.shutdown(stream, socket.SHUT_WR)
            try:
                while part := stream.recv(READ_BYTES):
                    answers += part
            except TimeoutError:
                is_closed = False
                self.open_count += 1
            except OSError:
                pass
        self.outcomes[case.name] = Outcome(client, answers, is_closed)

    def asked(self):
        """What it asked the member, by the client on whose behalf."""
        found = defaultdict(list)
        for exchange in self.tap.exchanges:
            try:
                for request in read_requests(bytes(exchange.asked), self.is_strict):
                    # Whether the member is there, the gateway asks for itself.
                    if request.target != "/cluster/reach":
                        found[",".join(request.values(self.sender))].append(request)
            except Unreadable as error:
                self.unreadable.append(error)
        return found


def logged(agent, since):
    """Method, path and status of each request in an agent's log, by the member that carried it or else by who asked."""
    found = defaultdict(list)
    for client, carrier, method, path, status in LOG_LINE.findall(agent.log(since)):
        found[carrier or client].append((method, path, int(status)))
    return found


class Run:
    """The corpus through all fronts, and all that was seen of it."""

    def __init__(self, gateway, member, path, fronts):
        self.gateway, self.member, self.path = gateway, member, path
        self.cases = Corpus(path).cases
        self.fronts = {front.name: front for front in fronts}
        self.probe = Request("GET", f"{path}/probe")
        since = gateway.mark(), member.mark()
        self._send()
        # What is asked last is logged last.
        assert web.get(gateway.address, f"{path}/last").status == 404
        member.wait_logged(f"{path}/last", since[1])
        self.asked = self.fronts["gateway"].asked()
        self.counted, self.direct = logged(gateway, since[0]), logged(member, since[1])
        self.carried = self.direct[gateway.server_id]

    def _send(self):
        probe = text(f"GET {self.probe.target} HTTP/1.1", "Host: x", "Connection: close", "")
        work = [(front, case) for case in self.cases for front in self.fronts.values()]
        with ThreadPoolExecutor(PARALLEL_COUNT) as pool:
            for done in [pool.submit(front.send, case, probe) for front, case in work]:
                done.result()

    def each(self, front):
        """Every input with what came of it."""
        return [(case, self.fronts[front].outcomes[case.name]) for case in self.cases]

    def is_carried(self, target):
        """Whether the gateway has it from the member: what is below the session, and how to log in."""
        parts = [part for part in target.partition("?")[0].split("/") if part]
        return parts == ["api", "v1", "login"] or parts[:4] == self.path.strip("/").split("/")

    def passed_on(self, asked, client):
        """What the member was asked for a client besides the request that comes after every input."""
        requests = [Request(request.method, request.target, request.body) for request in asked[client]]
        return [each for each in requests if each != self.probe]


def logged_path(target):
    """A target as logs show it."""
    path = target.partition("?")[0]
    parts = [part for part in path.split("/") if part]
    return "/api/v1/login/..." if parts[:3] == ["api", "v1", "login"] and len(parts) > 3 else path


def is_upgrade(case):
    return b"Sec-WebSocket-Key" in case.data


@pytest.fixture(scope="module")
def taps():
    """One before the member for each of those who ask it on behalf of others."""
    made = {name: Wiretap() for name in ("gateway", "nginx", "HAProxy")}
    yield made
    for tap in made.values():
        tap.close()


@pytest.fixture(scope="module")
def member(make_portal, taps):
    member = make_portal(urls=[taps["gateway"].url])
    for tap in taps.values():
        tap.start(member)
    return member


@pytest.fixture(scope="module")
def gateway(make_portal, member):
    gateway = make_portal(loginsEnabled=False, sessionsEnabled=False)
    gateway.set_access_points(member.url)
    gateway.wait_linked(member)
    return gateway


@pytest.fixture(scope="module")
def session(member, gateway, alice):
    """A session that both know, at the member."""
    client = Client(member).log_in(alice)
    session = client.ok("POST", "/sessions", {"command": "sleep 600", "windowManager": "none"})
    eventually(lambda: gateway.get(f"session/{member.server_id}/{session['id']}"), "the gateway knows the session")
    yield session
    client.end_all()
    client.close()


@pytest.fixture(scope="module")
def peers(places, installation, taps, member):
    """nginx and HAProxy before the same member."""
    made = {"nginx": reverse_proxies.nginx(next(places), installation.service),
            "HAProxy": reverse_proxies.haproxy(next(places), installation.service)}
    for name, proxy in made.items():
        proxy.start(taps[name].address)
    yield made
    for proxy in made.values():
        proxy.close()


@pytest.fixture(scope="module")
def run(gateway, member, session, peers, taps):
    fronts = [Front("gateway", gateway.address, taps["gateway"], "x-forwarded-for"), Front("member", member.address)]
    fronts += [Front(name, peers[name].address, taps[name], reverse_proxies.SENDER, is_strict=False) for name in peers]
    return Run(gateway, member, f"/api/v1/sessions/{session['id']}", fronts)


def check_each(run, front, check):
    """Fails with the inputs for which a check has something to say."""
    said = [(case, check(case, outcome)) for case, outcome in run.each(front)]
    found = [f"{case.name} ({case.then.name}): {fault}" for case, fault in said if fault]
    if found:
        pytest.fail(f"{len(found)} of {len(run.cases)} inputs:\n" + "\n".join(found[:SHOWN_COUNT]), pytrace=False)


def test_the_corpus_is_large_and_every_input_has_a_name():
    path = f"/api/v1/sessions/{'0' * 32}"
    cases = Corpus(path).cases
    assert len(cases) >= 1_000 and cases == Corpus(path).cases
    assert len({case.name for case in cases}) == len({case.data for case in cases}) == len(cases)


def test_the_member_is_asked_for_what_an_input_means_and_for_nothing_else(run):
    def check(case, outcome):
        requests = run.passed_on(run.asked, outcome.client)
        expected = [request for request in case.meaning if run.is_carried(request.target)]
        if case.then is Then.CUT:
            is_good = not requests
        elif case.then is Then.ANY:
            is_good = Counter(requests) == Counter(expected[:len(requests)])
        else:
            is_good = Counter(requests) == Counter(expected)
        return "" if is_good else f"asked for {requests}"

    check_each(run, "gateway", check)


def test_whatever_the_member_is_asked_the_gateway_counted_as_a_request_of_this_client(run):
    def check(case, outcome):
        counted = Counter((method, path) for method, path, _ in run.counted[outcome.client])
        asked = Counter((request.method, logged_path(request.target)) for request in run.asked[outcome.client])
        return "" if asked <= counted else f"counted {counted}, asked for {asked}"

    check_each(run, "gateway", check)
    clients = {outcome.client for outcome in run.fronts["gateway"].outcomes.values()}
    # Besides, the one who asked last.
    assert set(run.asked) - clients <= {"127.0.0.1"}


def test_the_member_read_every_connection_of_the_gateway_as_it_was_meant(run):
    assert not run.fronts["gateway"].unreadable
    requests = [request for requests in run.asked.values() for request in requests]
    asked = Counter((request.method, logged_path(request.target)) for request in requests)
    assert asked == Counter((method, path) for method, path, _ in run.carried)
    # The gateway's tokens cover method, target and body: the member would have refused what it read differently.
    # Of a display it says itself whether somebody is logged in.
    assert not [line for line in run.carried if line[2] in (400, 401) and not line[1].endswith("/display")]
    assert not run.gateway.logged(MISUNDERSTANDINGS)


@pytest.mark.parametrize("front", ["gateway", "member"])
def test_only_what_an_input_means_is_done(run, front):
    lines = run.counted if front == "gateway" else run.direct

    def check(case, outcome):
        done = [(method, path) for method, path, status in lines[outcome.client] if status not in REFUSALS]
        meant = [(request.method, logged_path(request.target)) for request in case.meaning]
        probe = (run.probe.method, run.probe.target)
        match case.then:
            case Then.OPEN: is_good = done == [*meant, probe]
            case Then.ANY: is_good = done == [probe] or done == [*meant, probe][:len(done)]
            case Then.CUT: is_good = not done
            # Upgrades are not logged.
            case _: is_good = done == meant or is_upgrade(case)
        return "" if is_good else f"did {done}"

    check_each(run, front, check)


@pytest.mark.parametrize("front", ["gateway", "member"])
def test_every_request_has_one_answer_and_what_is_ambiguous_ends_the_connection(run, front):
    def check(case, outcome):
        statuses = outcome.statuses(case)
        if not outcome.is_closed:
            return f"still open after {statuses}"
        count = len(case.meaning)
        match case.then:
            case Then.OPEN: is_good = len(statuses) == count + 1 and 400 not in statuses
            case Then.END: is_good = len(statuses) == (1 if is_upgrade(case) else count)
            case Then.FAULT: is_good = len(statuses) == count + 1 and statuses[-1] == 400 not in statuses[:-1]
            case Then.ANY: is_good = len(statuses) <= count + 1
            case Then.CUT: is_good = set(statuses) <= {400, 413}
        return "" if is_good else f"answers {statuses}"

    check_each(run, front, check)


def test_nothing_forged_and_nothing_of_another_hop_reaches_the_member(run):
    authority = "%s:%d" % run.fronts["gateway"].tap.address

    def check(case, outcome):
        for request in run.asked[outcome.client]:
            own = [request.values(name) for name in OWN_FIELDS]
            is_own = ([len(values) for values in own] == [1] * len(own)
                      and own[1:-1] == [[outcome.client], [authority], ["https"]]
                      and own[-1][0].startswith(f"for={outcome.client};") and own[-1][0].endswith(";proto=https"))
            names = {name for name, _ in request.fields}
            hop = names & HOP_FIELDS - ({"upgrade", "connection"} if request.values("upgrade") else set())
            hop |= {name for name in names if name.startswith("x-forwarded-")} - OWN_WAYS
            if not is_own or hop or FORGED in str(request.fields):
                return f"fields {request.fields}"
        return ""

    check_each(run, "gateway", check)


COLUMNS = ("inputs", "refused", "passed on", "passed on differently", "with a forged field")


def compared(run, front):
    """How many inputs one front kept, passed on as they are meant, and passed on as something else."""
    asked, counts = front.asked(), Counter()
    for case, outcome in run.each(front.name):
        if any(not run.is_carried(request.target) for request in case.meaning):
            # What a gateway answers itself says nothing of what it passes on.
            continue
        requests = run.passed_on(asked, outcome.client)
        is_meant = Counter(requests) == Counter(case.meaning[:len(requests)])
        counts["inputs"] += 1
        counts["refused" if not requests else "passed on" if is_meant else "passed on differently"] += 1
        counts["with a forged field"] += any(FORGED in str(request.fields) for request in asked[outcome.client])
    return counts


def test_how_two_other_proxies_take_the_same_inputs_is_shown(run, capsys):
    rows = {name: compared(run, front) for name, front in run.fronts.items() if front.tap}
    with capsys.disabled():
        print(f"\n{'':10}{'  '.join(COLUMNS)}")
        for name, row in rows.items():
            print(f"{name:10}{'  '.join(f'{row[column]:>{len(column)}}' for column in COLUMNS)}")
    assert all(row["passed on"] > 500 for row in rows.values()), "somebody is not asked at all"
    assert not rows["gateway"]["passed on differently"] and not rows["gateway"]["with a forged field"]


@pytest.mark.parametrize("front", ["gateway", "member"])
def test_no_input_is_a_failure_of_the_server(run, front):
    lines = run.counted if front == "gateway" else run.direct

    def check(_, outcome):
        failed = [line for line in lines[outcome.client] if line[2] in (500, 502, 503)]
        return f"failed {failed}" if failed else ""

    check_each(run, front, check)


# Over HTTP/2, what a gateway passes on is written anew as HTTP/1.1.


@pytest.mark.parametrize("front", ["gateway", "member"])
def test_what_http2_can_say_and_http1_cannot_is_refused(run, front):
    front, clients = run.fronts[front], {}
    for name, (fields, body) in http2.meaningless(run.path).items():
        clients[name] = new_host()
        answer = http2.ask(front.address, clients[name], fields, body)
        assert answer is None or answer[0] in REFUSALS, (name, answer)
    asked = run.fronts["gateway"].asked()
    assert not {name: asked[client] for name, client in clients.items() if asked[client]}
    assert not run.gateway.logged(MISUNDERSTANDINGS)


def test_what_both_versions_say_is_passed_on_the_same_way(run):
    front, path = run.fronts["gateway"], f"{run.path}/x"
    body = text(f"GET {run.path}/smuggled HTTP/1.1", "Host: x", "")
    names = ("x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-real-ip", "forwarded", "fastx-refusal", "host")
    forged = [(name, FORGED) for name in names]
    for method, fields, sent in (
            ("GET", [], b""), ("HEAD", [], b""), ("DELETE", [], body), ("POST", [], body), ("GET", [], body),
            ("OPTIONS", [], body), ("POST", [("content-length", str(len(body)))], body),
            ("PATCH", [("cookie", "a=b"), ("cookie", "c=d")], body), ("GET", [("te", "trailers")], b""),
            ("GET", forged, b""), ("POST", [("expect", "100-continue"), *forged], body)):
        client = new_host()
        answer = http2.ask(front.address, client, http2.request(method, path, *fields), sent)
        assert answer and answer[0] == 404 and bool(answer[1]) == (method != "HEAD"), (method, fields, answer)
        [request] = front.asked()[client]
        assert request[:2] == (method, path) and request.body == sent, request
        assert FORGED not in str(request.fields) and not {name for name, _ in request.fields} & HOP_FIELDS, request
        assert [len(request.values(name)) for name in OWN_FIELDS] == [1] * len(OWN_FIELDS), request


def test_an_answer_to_head_has_no_body_over_http2(run):
    assert http2.ask(run.member.address, new_host(), http2.request("HEAD", f"{run.path}/x")) == (404, b"")
