# The relay against members that show what is not theirs: nonces, tokens, links and streams of others, and false counts.
import contextlib
import json
import secrets
import socket
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import httpx
import pytest

from agents import Cluster
from certificates import client_context
from relay import EVENTS, NONCE, RELAY, STREAMS, RelayMember, is_open, make_external, problem, relay_link
from waiting import eventually

DIAL_SECONDS = 10
OTHER_SECRET = bytes(range(32))
WINDOW_BYTES, CHUNK_BYTES = 256 << 10, 48 << 10
# More than the buffers of sockets on the way hold.
MANY_BYTES = 32 << 20
NUMBERS = count(1)
DEBUG = {"topics": ["cluster-communication", "cluster-external-connections", "cluster-database"]}


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster(tempfile.mkdtemp(prefix="fx-"))
    yield cluster
    cluster.close()
    cluster.remove()


@pytest.fixture(scope="module")
def make_agent(cluster):
    """Makes running members that take the tokens of this second."""
    def make(is_external):
        agent = cluster.agent()
        if is_external:
            make_external(agent)
        agent.write("debug.json", json.dumps(DEBUG))
        agent.spawn()
        # What an earlier process has accepted is forgotten, so tokens of the second of its start are refused.
        started = time.time()
        eventually(lambda: time.time() > started + 1 and agent.run("status").status == 0, "it takes tokens")
        return agent

    return make


@pytest.fixture(scope="module")
def external(make_agent):
    """An external member that logs all there is to log."""
    return make_agent(True)


@pytest.fixture
def make_member(external, members, secret):
    """Makes members inside that the test plays."""
    made = []

    def make(name):
        member = members(secret, server_id=f"{name}-{next(NUMBERS)}")
        made.append(RelayMember(member, secret, external))
        return made[-1]

    yield make
    # Whatever went wrong, nobody can read from log, status or map how to connect in the place of another.
    told = external.log() + "".join(external.ok(*words) for words in (
        ("status", "--json"), ("links", "--json"), ("members", "--json"), ("links",), ("dump",)))
    shown = [nonce for member in made for nonce in member.nonces if nonce in told]
    for member in made:
        member.close()
    assert not shown, [line for line in told.splitlines() if shown[0] in line]


@pytest.fixture
def xavier(make_member):
    return make_member("xavier")


@pytest.fixture
def yvonne(make_member):
    return make_member("yvonne")


@pytest.fixture
def request_for(external):
    """Sends a user's request that concerns a member, in a thread: the external one asks for a connection to it."""
    pool = ThreadPoolExecutor(8)
    pending = []

    def send(member):
        def ask():
            return httpx.get(
                f"{external.url}/api/v1/login/{member.server_id}-attempt", verify=False, trust_env=False, timeout=30)

        pending.append(pool.submit(ask))
        return pending[-1]

    yield send
    pool.shutdown(wait=False, cancel_futures=True)


@pytest.fixture
def nonce(xavier, request_for):
    """A nonce that asks Xavier for a connection, with his link, and the request that waits for it."""
    events = xavier.link()
    answer = request_for(xavier)
    events.wait("dial")
    return events, events.nonces[0], answer


@pytest.fixture
def stream(xavier, nonce):
    """A carried stream of Xavier's over which a request has come, with his link, and its answer."""
    events, number, answer = nonce
    stream = xavier.carry(number)
    eventually(lambda: b"\r\n\r\n" in events.stream_bytes(stream), "the request has come")
    return events, stream, answer


def logged_path(path):
    """A path in the log: the names of streams are left out."""
    return f"{STREAMS}/..." if path.startswith(f"{STREAMS}/") else path


def answer_to(body=b"{}"):
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


# Nonces.


def test_a_connection_that_was_asked_for_serves_one_request(xavier, nonce):
    """What the refusals below differ from."""
    events, number, answer = nonce
    connection = xavier.dial_back(number)
    assert connection.recv(timeout=5).startswith(f"GET /api/v1/login/{xavier.server_id}-attempt HTTP/1.1\r\n".encode())
    connection.send(answer_to(b'{"by": "xavier"}'))
    assert answer.result(10).json() == {"by": "xavier"}


def test_a_stream_that_is_asked_for_twice_is_the_same_one(external, xavier, yvonne, stream):
    events, name, answer = stream
    yvonne.link()
    assert xavier.carry(name) == name
    assert problem(yvonne.ask("POST", STREAMS, {"nonce": name})) == (403, "unknown-nonce")
    assert xavier.refusal(name)[0] == 403
    assert xavier.send(name, answer_to()).status_code == 204
    assert answer.result(10).status_code == 200


@pytest.mark.parametrize("nonce", ["", "0" * 32, "no nonce"])
def test_a_guessed_nonce_is_refused(external, xavier, nonce):
    events = xavier.link()
    status, refusal = xavier.refusal(nonce)
    assert (status, refusal["reason"], refusal["serverId"]) == (403, "unknown-nonce", external.server_id)
    assert problem(xavier.ask("POST", STREAMS, {"nonce": nonce})) == (403, "unknown-nonce")
    external.wait_logged(f"warning.*a connection that {xavier.server_id} opened was refused: no connection is expected")
    assert not events.has_ended


def test_a_nonce_is_good_once(external, xavier, nonce):
    events, number, _ = nonce
    xavier.dial_back(number)
    mark = external.mark()
    status, refusal = xavier.refusal(number)
    assert (status, refusal["reason"]) == (403, "unknown-nonce")
    assert problem(xavier.ask("POST", STREAMS, {"nonce": number})) == (403, "unknown-nonce")
    assert len(external.wait_logged(f"a connection that {xavier.server_id} opened was refused", since=mark)) == 2


def test_a_nonce_is_good_for_ten_seconds(external, xavier, nonce):
    events, number, answer = nonce
    began = time.monotonic()
    # The user is told as soon as the member has not connected in time: that is the event to wait for.
    assert problem(answer.result(DIAL_SECONDS + 5)) == (502, "unreachable")
    assert time.monotonic() - began > DIAL_SECONDS - 2
    status, refusal = xavier.refusal(number)
    assert (status, refusal["reason"]) == (403, "unknown-nonce")
    external.wait_logged(f"{xavier.server_id} did not connect in time")
    assert not events.has_ended


@pytest.mark.parametrize("kind", ["connection", "stream"])
def test_a_nonce_of_another_member_is_refused_and_costs_the_link(external, xavier, yvonne, nonce, request_for, kind):
    events, number, answer = nonce
    thief = yvonne.link()
    if kind == "connection":
        status, refusal = yvonne.refusal(number)
        assert (status, refusal["reason"]) == (403, "foreign-nonce")
    else:
        assert problem(yvonne.ask("POST", STREAMS, {"nonce": number})) == (403, "foreign-nonce")
    eventually(lambda: thief.has_ended, "the thief's link is closed")
    external.wait_logged(f"warning.*{yvonne.server_id} opened was refused: the nonce was given to another member")
    external.wait_logged(f"the link of {yvonne.server_id} ended: it showed another member's nonce")
    # The request that waited ends, and the nonce is nobody's any more.
    assert problem(answer.result(5)) == (502, "unreachable")
    assert xavier.refusal(number)[0] == 403
    assert not events.has_ended
    # The next request of its users goes on. One connection is asked for in advance, so either may serve it.
    later = request_for(xavier)

    def is_served():
        for nonce in events.nonces:
            if nonce not in shown:
                shown.add(nonce)
                served.append(xavier.dial_back(nonce))
        for connection in served:
            with contextlib.suppress(TimeoutError):
                connection.recv(timeout=0.1)
                connection.send(answer_to())
        return later.done()

    shown, served = {number}, []
    eventually(is_served, "the request is answered")
    assert later.result().status_code == 200


def test_a_user_hears_of_no_nonce_and_cannot_use_one(external, xavier, nonce):
    """A user's request can carry the field, and says nothing by it."""
    _, number, _ = nonce
    answer = httpx.get(f"{external.url}/api/v1/me", headers={NONCE: number}, verify=False, trust_env=False)
    assert problem(answer)[0] == 401
    xavier.dial_back(number)


# Tokens.


WRONG_TOKENS = {
    "none": ({}, "no-token"), "another key": ({"secret": OTHER_SECRET}, "no-common-key"),
    "another path": ({"pth": "/cluster/gossip"}, "binding-mismatch"),
    "another method": ({"htm": "PUT"}, "binding-mismatch"),
    "another body": ({"bdy": "A" * 43}, "binding-mismatch"),
    "another certificate": ({"certificate": b"another"}, "certificate-mismatch"),
    "no certificate": ({"crt": None}, "certificate-mismatch"),
    "too old": ({"iat": 1_000_000_000, "exp": 1_000_000_060}, "expired"),
    "another audience": ({"aud": "fastx-user"}, "wrong-audience"),
}


@pytest.mark.parametrize("kind", WRONG_TOKENS)
def test_a_request_with_wrong_tokens_is_refused_and_uses_no_nonce_up(external, xavier, nonce, kind):
    events, number, _ = nonce
    claims, reason = WRONG_TOKENS[kind]
    mark = external.mark()

    def tokens(method, path, body=b""):
        return xavier.tokens(method, path, body, **claims) if claims else ""

    status, refusal = xavier.refusal(number, tokens("GET", RELAY))
    assert (status, refusal["reason"], refusal["serverId"]) == (401, reason, external.server_id)
    # Refused upgrades are told like refused links: who asked, and why.
    external.wait_logged(f"warning.*refused a connection.*{reason}", since=mark)
    requests = [
        ("GET", EVENTS, None), ("POST", EVENTS, {"link": events.link}), ("GET", RELAY, None),
        ("POST", STREAMS, {"nonce": number}), ("POST", f"{STREAMS}/x?offset=0&received=0", b"x"),
        ("DELETE", f"{STREAMS}/x", None)]
    for method, path, content in requests:
        body = content if isinstance(content, bytes) else json.dumps(content).encode() if content else b""
        answer = xavier.ask(method, path, content, tokens=tokens(method, path, body))
        assert problem(answer) == (401, reason), (method, path)
        external.wait_logged(f"{method} {logged_path(path)} 401 ", since=mark)
    assert not events.has_ended
    xavier.dial_back(number)


def test_tokens_are_good_once(external, xavier, nonce):
    events, number, _ = nonce
    tokens = xavier.tokens("GET", RELAY)
    assert xavier.refusal("0" * 32, tokens)[0] == 403
    status, refusal = xavier.refusal(number, tokens)
    assert (status, refusal["reason"]) == (401, "replayed")
    tokens = xavier.tokens("POST", EVENTS, json.dumps({"link": events.link}).encode())
    assert xavier.ask("POST", EVENTS, {"link": events.link}, tokens=tokens).status_code == 204
    assert problem(xavier.ask("POST", EVENTS, {"link": events.link}, tokens=tokens)) == (401, "replayed")
    xavier.dial_back(number)


def test_tokens_for_one_stream_are_none_for_another(xavier, stream):
    events, name, _ = stream
    path = f"{STREAMS}/{name}?offset=0&received=0"
    tokens = xavier.tokens("POST", f"{STREAMS}/{'0' * 32}?offset=0&received=0", b"x")
    assert problem(xavier.ask("POST", path, b"x", tokens=tokens)) == (401, "binding-mismatch")
    # Nor for other bytes, or for another place in the stream.
    assert problem(xavier.ask("POST", path, b"x", tokens=xavier.tokens("POST", path, b"y"))) == (
        401, "binding-mismatch")
    elsewhere = path.replace("offset=0", "offset=1")
    assert problem(xavier.ask("POST", elsewhere, b"x", tokens=xavier.tokens("POST", path, b"x"))) == (
        401, "binding-mismatch")


def test_a_member_that_is_not_external_takes_part_in_nothing_of_it(make_agent, members, secret):
    agent = make_agent(False)
    member = RelayMember(members(secret, server_id="xavier"), secret, agent)
    for method, path, content in (
            ("GET", EVENTS, None), ("POST", EVENTS, {"link": "x"}), ("GET", RELAY, None),
            ("POST", STREAMS, {"nonce": "x"}), ("POST", f"{STREAMS}/x?offset=0&received=0", b"x"),
            ("DELETE", f"{STREAMS}/x", None)):
        assert problem(member.ask(method, path, content)) == (409, "not-external"), (method, path)
    status, refusal = member.refusal("0" * 32)
    assert (status, refusal["reason"], refusal["serverId"]) == (409, "not-external", agent.server_id)
    assert not agent.status()["relayLinks"]


# Links and streams of others.


def test_a_gateway_key_does_not_take_the_link_of_a_member_with_a_full_key(make_agent, members, secret):
    """Whoever has a gateway key can claim any name that is free, and no other one."""
    external, gateway_secret = make_agent(True), secrets.token_bytes(32)
    external.edit("cluster.json", lambda content: content["keys"].append(
        {"secret": gateway_secret.hex(), "scope": "gateway"}))
    external.wait_logged("keys: 1 added")
    xavier = RelayMember(members(secret, server_id="xavier"), secret, external)
    events = xavier.link()
    events.wait("hello")
    with pytest.raises(AssertionError, match="403.*lesser-key"):
        xavier.link(secret=gateway_secret)
    assert xavier.beat(events).status_code == 204 and not events.has_ended
    assert external.logged("GET /cluster/events 403 ")
    xavier.close()



def test_a_heartbeat_keeps_no_other_members_link(external, xavier, yvonne):
    events, other, mark = xavier.link(), yvonne.link(), external.mark()
    assert problem(yvonne.beat(other, link=events.link)) == (404, "unknown-link")
    assert problem(yvonne.beat(other, link="0" * 32)) == (404, "unknown-link")
    assert yvonne.beat(other).status_code == xavier.beat(events).status_code == 204
    assert not events.has_ended and not other.has_ended
    # Nor one of a time before.
    old = events.link
    events = xavier.link()
    assert problem(xavier.beat(events, link=old)) == (404, "unknown-link")
    assert len(external.logged("POST /cluster/events 404 ", since=mark)) == 3


@pytest.mark.parametrize("content", [{}, {"link": 1}, {"link": "x", "more": 1}, {"link": "x", "last": 1},
                                     {"link": "x", "roundTripMicroseconds": -1}, [], b"{", b"\xff"], ids=str)
def test_a_heartbeat_of_another_form_is_refused(xavier, content):
    events = xavier.link()
    answer = xavier.ask("POST", EVENTS, content)
    assert problem(answer)[0] in (400, 415, 422)
    assert xavier.beat(events).status_code == 204


def test_a_stream_of_another_member_is_none(external, xavier, yvonne, stream):
    events, name, answer = stream
    yvonne.link()
    mark = external.mark()
    assert problem(yvonne.send(name, answer_to(b'{"by": "yvonne"}'))) == (404, "unknown-stream")
    assert problem(yvonne.send(name, b"", received=1)) == (404, "unknown-stream")
    # To end what is not there does nothing, and says nothing of whether others have it.
    for unknown in (name, "0" * 32):
        assert yvonne.ask("DELETE", f"{STREAMS}/{unknown}").status_code == 204
    assert len(external.logged(f"POST {logged_path(STREAMS + '/')} 404 ", since=mark)) == 2
    assert relay_link(external, xavier)["carriedStreams"] > 0
    assert xavier.send(name, answer_to(b'{"by": "xavier"}')).status_code == 204
    assert answer.result(10).json() == {"by": "xavier"}


def test_the_bytes_of_a_stream_come_to_its_member_alone(xavier, yvonne, stream):
    events, name, answer = stream
    other = yvonne.link()
    assert xavier.send(name, answer_to()).status_code == 204
    assert answer.result(10).status_code == 200
    other.wait("reset")
    assert not other.found("data") and not other.found("dial")


def test_a_member_cannot_take_over_what_another_one_has_missed(xavier, yvonne, stream):
    events, name, _ = stream
    last = events.all[-1][1] or events.all[0][1]
    epoch = last.partition("-")[0]
    for number in (0, 1, 1 << 32, 1 << 33, (1 << 64) - 1):
        other = yvonne.link(last=f"{epoch}-{number}")
        other.wait("hello")
        assert yvonne.beat(other).status_code == 204
        assert not other.found("data"), number
        other.close()
    assert not events.has_ended


# Counts and sizes.


@pytest.mark.parametrize("offset,received,data", [
    (1, 0, b"x"), (WINDOW_BYTES + 1, 0, b"x"), ((1 << 64) - 1, 0, b"x"), (0, 10_000_000, b""),
    (0, (1 << 64) - 1, b"x")])
def test_counts_that_cannot_be_end_the_stream(external, xavier, stream, offset, received, data):
    events, name, answer = stream
    assert problem(xavier.send(name, data, offset, received)) == (400, "malformed")
    events.wait("end", stream=name)
    assert problem(answer.result(10)) == (502, "unreachable")
    assert problem(xavier.send(name, b"x")) == (404, "unknown-stream")
    assert external.logged(f"POST {logged_path(STREAMS + '/')} 400 ")
    assert not events.has_ended


@pytest.mark.parametrize("query", ["", "?offset=0", "?received=0", "?offset=-1&received=0", "?offset=x&received=0",
                                   "?offset=0&received=18446744073709551616"])
def test_counts_that_are_none_are_refused(xavier, stream, query):
    events, name, answer = stream
    assert problem(xavier.ask("POST", f"{STREAMS}/{name}{query}", b"x")) == (400, "malformed")
    assert xavier.send(name, answer_to()).status_code == 204
    assert answer.result(10).status_code == 200


def test_a_body_that_is_too_long_is_refused(xavier, stream):
    events, name, answer = stream
    assert problem(xavier.send(name, bytes(65537))) == (413, "body-too-large")
    assert xavier.send(name, answer_to()).status_code == 204
    assert answer.result(10).status_code == 200


def test_bytes_that_come_twice_are_taken_once(xavier, stream):
    events, name, answer = stream
    whole = answer_to(b'{"number": 1234567890}')
    for first, last in ((0, 30), (0, 30), (10, 50), (0, 50), (40, len(whole)), (0, len(whole))):
        assert xavier.send(name, whole[first:last], first).status_code == 204
    assert answer.result(10).json() == {"number": 1234567890}


def test_a_member_that_sends_more_than_the_window_is_stopped(external, xavier):
    """The user does not read, so nothing is passed on; the external member keeps no more than the window of it."""
    events, path = xavier.link(), f"/api/v1/login/{xavier.server_id}-attempt".encode()
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(10)
        plain.connect(external.address)
        with client_context().wrap_socket(plain) as user:
            user.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path)
            events.wait("dial")
            name = xavier.carry(events.nonces[0])
            eventually(lambda: b"\r\n\r\n" in events.stream_bytes(name), "the request has come")
            sent, data = 0, f"HTTP/1.1 200 OK\r\nContent-Length: {MANY_BYTES}\r\n\r\n".encode()
            while (answer := xavier.send(name, data, sent)).status_code == 204:
                sent += len(data)
                assert sent < MANY_BYTES, "it takes all"
                data = secrets.token_bytes(CHUNK_BYTES)
    assert problem(answer) == (400, "malformed") and "window" in answer.json()["detail"]
    confirmed = max([data["count"] for data in events.found("received", stream=name)], default=0)
    assert sent - confirmed <= WINDOW_BYTES + WINDOW_BYTES // 4


def test_a_member_has_a_limited_number_of_streams(external, xavier, request_for):
    """So that one that never answers does not use up the memory of all."""
    events = xavier.link()
    answers, taken, streams = [], 0, []
    limit = 64
    while len(streams) < limit:
        answers.append(request_for(xavier)) if len(answers) < 8 else None
        events.wait("dial", count=taken + 1)
        for nonce in events.nonces[taken:]:
            answer = xavier.ask("POST", STREAMS, {"nonce": nonce})
            taken += 1
            if answer.status_code != 201:
                break
            streams.append(answer.json()["stream"])
        if len(answers) == 8 and taken >= len(events.nonces):
            break
    assert relay_link(external, xavier)["carriedStreams"] == len(streams)
    for name in streams:
        assert xavier.ask("DELETE", f"{STREAMS}/{name}").status_code == 204
    eventually(lambda: relay_link(external, xavier)["carriedStreams"] == 0, "all streams are gone")
    for answer in answers:
        assert answer.result(15).status_code == 502
    assert is_open(external, xavier)
