# Whoever is not a member, or not the right one: what they are told, and what the member that dialled is told.
import http.client
import http.server
import socket
import ssl
import threading
import time

import jwt
import pytest

import web
from certificates import certificate_of, server_context, sha256
from network import new_address, url
from tokens import GOSSIP_PATH, base64url, derived_key, key_id, member_token, read_secret
from waiting import eventually

BYE = 17
HELLO, PROOF = 1, 2


@pytest.fixture
def secret(cluster):
    return read_secret(cluster.key_file)


def certificate(agent):
    return certificate_of(agent.path("certificate.pem"))


# At the HTTP level.


def test_a_plain_get_is_told_that_an_upgrade_is_required(agent):
    answer = web.get(agent.address, GOSSIP_PATH)
    assert answer.status == 426 and answer.problem["reason"] == "upgrade-required"
    assert answer.problem["serverId"] == agent.server_id and answer.problem["detail"]


def test_an_upgrade_without_a_token_is_refused(agent):
    answer = web.ask_for_link(agent.address)
    assert answer.status == 401 and "token" in answer.problem["detail"]


def wrong_tokens(secret, der):
    """Each wrong token with the status and the words that its refusal has."""
    good = member_token(secret, der)
    stranger = b"\x07" * 32
    claims = jwt.decode(good, options={"verify_signature": False})
    return {
        "foreign key": (member_token(stranger, der), 401, "no common key"),
        "foreign key under our id": (
            member_token(stranger, der, header={"kid": key_id(secret)}), 401, "not signed with it"),
        "other purpose": (member_token(secret, der, purpose="user-token"), 401, "not signed with it"),
        "other certificate": (member_token(secret, b"another"), 403, "certificate mismatch"),
        "no certificate": (member_token(secret, der, crt=None), 403, "certificate mismatch"),
        "other method": (member_token(secret, der, htm="POST"), 401, "method"),
        "other path": (member_token(secret, der, pth="/cluster/other"), 401, "path"),
        "other body": (member_token(secret, der, bdy=base64url(sha256(b"x"))), 401, "body"),
        "other audience": (member_token(secret, der, aud="fastx-user"), 401, "members"),
        "no audience": (member_token(secret, der, aud=None), 401, "malformed"),
        "no issuer": (member_token(secret, der, iss=None), 401, "malformed"),
        "no expiry": (member_token(secret, der, exp=None), 401, "malformed"),
        "no id": (member_token(secret, der, jti=None), 401, "malformed"),
        "short id": (member_token(secret, der, jti="x"), 401, "malformed"),
        "issuer that is no server id": (member_token(secret, der, iss="../x"), 401, "issuer"),
        "no signature": (jwt.encode(claims, None, algorithm="none", headers={"kid": key_id(secret)}), 401, "HS256"),
        "HS512": (
            jwt.encode(claims, derived_key(secret, "member-token") * 2, algorithm="HS512",
                       headers={"kid": key_id(secret)}), 401, "HS256"),
        "crit": (member_token(secret, der, header={"crit": ["exp"]}), 401, "crit"),
        "jku": (member_token(secret, der, header={"jku": "https://evil/"}), 401, "jku"),
        "x5u": (member_token(secret, der, header={"x5u": "https://evil/"}), 401, "x5u"),
        "altered": (good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB"), 401, ""),
        "not a token": ("abc", 401, "malformed"),
        "too long": (member_token(secret, der, extra="x" * 1000), 401, "1024"),
    }


def test_every_wrong_token_is_refused_with_a_problem_document(agent, secret):
    for name, (token, status, words) in wrong_tokens(secret, certificate(agent)).items():
        answer = web.ask_for_link(agent.address, token)
        assert answer.status == status, (name, answer.status, answer.body)
        problem = answer.problem
        assert problem["status"] == status and problem["reason"] and problem["serverId"] == agent.server_id, name
        assert words in problem["detail"], (name, problem)
        # Said once a minute for each reason, so that nobody can fill the log.
        lines = agent.wait_logged("refused a link from 127.0.0.1")
        assert any(words in line for line in lines), (name, lines)
        assert len(token) < 40 or token not in agent.log(), name
    assert not agent.status()["links"]


def test_more_than_eight_tokens_are_refused_even_if_one_is_right(agent, secret):
    tokens = ["x"] * 8 + [member_token(secret, certificate(agent))]
    answer = web.ask_for_link(agent.address, *tokens)
    assert answer.status == 401 and "at most 8" in answer.problem["detail"]


def test_one_right_token_among_wrong_ones_is_enough(agent, secret):
    der = certificate(agent)
    link = web.RawLink(agent.address, member_token(b"\x07" * 32, der), member_token(secret, der))
    assert link.status == 101
    link.close()


# A link needs more than a token: times and ids of tokens do not decide there, fresh proofs do.


@pytest.mark.parametrize("kind", ["expired", "replayed", "issued ahead"])
def test_an_old_token_opens_no_link(agent, secret, kind):
    """Whoever recorded a token gets a greeting and nothing else, because the proof cannot be recorded."""
    agent.put("config/marker", "MARKED-VALUE")
    der = certificate(agent)
    now = int(time.time())
    times = {"expired": {"iat": now - 3600, "exp": now - 3540}, "issued ahead": {"iat": now + 3600, "exp": now + 3660}}
    token = member_token(secret, der, **times.get(kind, {}))
    if kind == "replayed":
        web.RawLink(agent.address, token).close()
    link = web.RawLink(agent.address, token)
    assert link.status == 101
    seen = []
    while frame := link.receive():
        opcode, payload = frame
        if opcode == 2:
            seen.append(payload[0])
            # The best that somebody without the key can do: give everything back.
            if payload[0] in (HELLO, PROOF):
                link.send(payload)
            assert b"MARKED-VALUE" not in payload and b"config/marker" not in payload
        if opcode == 8:
            break
    link.close()
    assert set(seen) <= {HELLO, PROOF, BYE} and seen[-1] == BYE, seen
    eventually(lambda: not agent.status()["links"], "no link is left")
    assert not agent.logged("link up")


def test_data_before_the_proof_ends_the_link(agent, secret):
    link = web.RawLink(agent.address, member_token(secret, certificate(agent)))
    assert link.receive()[1][0] == HELLO
    link.send(bytes([15]) + bytes(8))
    payload = link.receive()[1]
    assert payload[0] == BYE and b"proof" in payload, payload
    link.close()


def test_a_handshake_that_is_never_finished_is_ended_after_its_limit(agent, secret):
    link = web.RawLink(agent.address, member_token(secret, certificate(agent)))
    assert link.receive()[1][0] == HELLO
    began = time.monotonic()
    payload = link.receive()[1]
    assert payload[0] == BYE and b"handshake" in payload and time.monotonic() - began < 12
    link.close()
    eventually(lambda: not agent.status()["links"], "no link is left")


# The dialling side.


@pytest.fixture
def server():
    """Starts servers that are no agents; each takes connections in threads."""
    listeners = []

    def start(serve, tls=False):
        address = new_address()
        listener = socket.create_server(address)
        listeners.append(listener)
        context = server_context(address[0]) if tls else None

        def accept():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=attend, args=(connection,), daemon=True).start()

        def attend(connection):
            try:
                with (context.wrap_socket(connection, server_side=True) if context else connection) as stream:
                    stream.settimeout(10)
                    serve(stream)
            except OSError:
                pass

        threading.Thread(target=accept, daemon=True).start()
        return address

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def not_found(stream):
    stream.recv(65536)
    stream.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\nnone")


def banner(stream):
    stream.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    stream.recv(65536)


def close_after_request(stream):
    stream.recv(65536)


def test_each_way_of_not_being_an_agent_is_one_clear_line(cluster, server):
    wrong = {
        server(not_found, tls=True): "not an agent: it answered 404 Not Found",
        server(banner): "TLS",
        server(close_after_request, tls=True): "not an agent: it closed the connection without an answer",
        server(banner, tls=True): "not an agent",
        new_address(): "unreachable: Connection refused",
    }
    member = cluster.agent()
    member.set_access_points(*map(url, wrong), "https://no-such-host.invalid:3300")
    member.start()
    wrong[("no-such-host.invalid", 3300)] = "no-such-host.invalid is not known"
    for address, words in wrong.items():
        eventually(lambda: words in member.last_error(address), f"{words!r} is named")
        error = member.last_error(address)
        assert len(error) < 160 and "\n" not in error and "Error" not in error and "0x" not in error, error
        assert len(member.logged(f"no link to access point {url(address)}")) == 1, member.log()


def test_a_plain_http_server_is_no_agent(cluster):
    server = http.server.ThreadingHTTPServer(new_address(), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        member = cluster.agent(url(server.server_address)).start()
        eventually(lambda: "TLS" in member.last_error(), "the missing TLS is named")
        assert "not an agent" in member.last_error() or "speaks no TLS" in member.last_error()
    finally:
        server.shutdown()
        server.server_close()


def test_an_upgrade_that_is_not_complete_is_answered_like_an_ordinary_request(agent):
    host, port = agent.address
    for path, protocol, status in (("/cluster/gossip", "websocket", 426), ("/", "h2c", 200)):
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(host, port, timeout=5, context=context)
        connection.request("GET", path, headers={"Connection": "Upgrade", "Upgrade": protocol})
        assert connection.getresponse().status == status, (path, protocol)
        connection.close()
