# Where a member may be made to connect to: other members, by ids that the map knows, and nothing else.
import contextlib
import json
import re
import socket
import ssl
import threading
from itertools import count
from urllib.parse import quote

import jwt
import pytest

from api import API, COOKIE, Client
from certificates import client_context, server_context, sha256
from network import new_address, url
from second_implementation.member import Member
from smuggling import text
from waiting import eventually
from wire import Unreadable, read_requests

TLS = client_context()
METADATA = ("169.254.169.254", "[fd00:ec2::254]")
# Ways to write an address or a place that are no server id.
PLACES = (
    "127.0.0.1", "127.1", "127.0.0.1:{port}", "2130706433", "0x7f000001", "017700000001", "0177.0.0.1", "[::1]:{port}",
    "::1", "[::ffff:127.0.0.1]:{port}", "localhost", "localhost:{port}", "LOCALHOST.", "0", "0.0.0.0:{port}",
    "[::]:{port}", "https://127.0.0.1:{port}", "http://127.0.0.1:{port}/", "//127.0.0.1:{port}",
    "https://localhost:{port}/api/v1/me", "https:127.0.0.1", "x@127.0.0.1:{port}", "{own}@127.0.0.1:{port}",
    "{own}.127.0.0.1", "{own}:{port}", "{own}/../x", "{own}/x",
    "{own}%2f127.0.0.1", "{own}#127.0.0.1", "{own}?x", "{own}\\x", "{own} ", " {own}", "{own}\u0000",
    "{own}\r\nHost: x", "../{own}", "server/{own}", "%00", "%2e%2e", "*", ".", "..", "/", "-", "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x", "unix:/run/x", *METADATA, "https://169.254.169.254/latest/meta-data/",
    "169.254.169.254:80", "2852039166", "0xa9fea9fe", "metadata.google.internal", "[fe80::1]", "[fe80::1%25lo]",
    "100.100.100.200", "a" * 64, "a" * 65, "a" * 10_000)


class Victim:
    """A port of this host, at all of its addresses, to which nobody is to connect."""

    def __init__(self):
        self.connections = []
        self._listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                connection, peer = self._listener.accept()
            except OSError:
                return
            self.connections.append(peer)
            connection.close()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


class Answering:
    """A server with TLS that gives every request the same answer."""

    def __init__(self, answer):
        self.answer = answer
        self.address = new_address()
        self._listener = socket.create_server(self.address)
        threading.Thread(target=self._accept, args=(server_context(self.address[0]),), daemon=True).start()
        self.certificate_hash = sha256(ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(self.address)))

    def _accept(self, context):
        while True:
            try:
                connection, _ = self._listener.accept()
                connection.settimeout(5)
                with context.wrap_socket(connection, server_side=True) as stream:
                    if self._read_request(stream):
                        stream.sendall(self.answer)
            except OSError:
                if self._listener.fileno() < 0:
                    return

    @staticmethod
    def _read_request(stream):
        asked = b""
        while part := stream.recv(65536):
            asked += part
            with contextlib.suppress(Unreadable):
                return list(read_requests(asked))
        return []

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture(scope="module")
def victim():
    victim = Victim()
    yield victim
    victim.close()


@pytest.fixture(autouse=True)
def nobody_connects(victim, request):
    """Holds for every test but the one that shows that connections are noticed."""
    victim.connections.clear()
    yield
    if "connected" not in request.fixturenames:
        assert not victim.connections


@pytest.fixture
def connected(victim):
    return victim.connections


@pytest.fixture(scope="module")
def keys(portal):
    """The cluster's key, and one for gateways."""
    made = portal.service.run(portal.program, "key", "new", "--gateway", "--var-dir", portal.directory)
    assert made.returncode == 0, made
    return {key["scope"]: portal.ok("key", "export", key["id"]).strip() for key in portal.json("key", "list")}


@pytest.fixture(scope="module")
def gateway(make_portal, portal, keys):
    """One that carries whatever comes with a token, to the member that the token names."""
    gateway = make_portal(loginsEnabled=False, sessionsEnabled=False)
    gateway.edit("cluster.json", lambda content: content.update(
        keys=[{"secret": keys["gateway"], "scope": "gateway"}], databaseConnections=[{"url": portal.url}]))
    gateway.wait_linked(portal)
    eventually(lambda: gateway.get(f"server/{portal.server_id}"), "it knows the member inside")
    return gateway


def port_of_all_addresses():
    """A port that is free at every address of this host, and that no outgoing connection takes."""
    for port in range(20_000, 32_000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("0.0.0.0", port))
            return port
    raise AssertionError("no port is free")


@pytest.fixture(scope="module")
def public(make_portal, portal):
    """A member at all addresses of its host, as one is unless it is told otherwise."""
    public = make_portal()
    public.stop()
    public.address = public.address[0], port_of_all_addresses()
    public.edit("www.json", lambda content: content.update(listen=f"0.0.0.0:{public.address[1]}"))
    public.set_access_points(portal.url)
    public.start().wait_linked(portal)
    return public


@pytest.fixture(scope="module")
def impostor(portal, keys):
    """A member that tells of servers and sessions what it likes."""
    impostor = Member(bytes.fromhex(keys["full"]))
    impostor.dial(portal.address)
    yield impostor
    impostor.close()


@pytest.fixture(scope="module")
def tell(impostor):
    """Has a new server id for each URL in the map, and returns them once another member knows them."""
    numbers = count()

    def tell(told, *urls, certificate_hash=b"\x01" * 32):
        ids = [f"impostor-{next(numbers)}" for _ in urls]
        for server_id, address in zip(ids, urls):
            update = {"serverId": server_id, "urls": [address], "certificateSHA256": certificate_hash.hex(),
                      "hostname": "x", "loginsEnabled": False, "sessionsEnabled": False, "external": False}
            impostor.put(f"server/{server_id}", json.dumps(update).encode(), lease_milliseconds=90_000)
        eventually(lambda: told.get(f"server/{ids[-1]}"), f"{told.name} knows {ids}")
        return ids

    return tell


def places(victim, portal):
    return [place.replace("{port}", str(victim.port)).replace("{own}", portal.server_id) for place in PLACES]


def start(client, server_id):
    return client.ask("POST", "/sessions", {"command": "sleep 1", "windowManager": "none", "serverId": server_id})


@pytest.mark.parametrize("through", ["portal", "gateway"])
def test_a_start_goes_to_servers_that_the_map_knows_alone(request, portal, victim, alice, visit, through):
    client = visit(alice, portal=request.getfixturevalue(through))
    for place in places(victim, portal):
        answer = start(client, place)
        assert answer.status_code == 422, (place, answer.status_code, answer.text)
        assert answer.json()["reason"] in ("unknown-server", "bad-content"), place
    assert not client.session_ids()


@pytest.mark.parametrize("through", ["portal", "gateway"])
def test_a_login_goes_to_servers_that_the_map_knows_alone(request, portal, victim, visit, through):
    client = visit(portal=request.getfixturevalue(through))
    for place in places(victim, portal):
        answer = client.ask("POST", "/login", {"user": "x", "password": "x", "serverId": place})
        assert answer.status_code == 422, (place, answer.status_code, answer.text)
        assert answer.json()["reason"] in ("unknown-server", "bad-content"), place


@pytest.mark.parametrize("through", ["portal", "gateway"])
def test_ids_in_paths_lead_nowhere_else(request, portal, victim, alice, visit, through):
    client = visit(alice, portal=request.getfixturevalue(through))
    # What has no letter and no digit is no id: `/sessions/.` is the list.
    for place in filter(re.compile("[0-9a-z]").search, places(victim, portal)):
        for written in {quote(place, safe=""), quote(place, safe="/:@[]?=")}:
            for method, path, body in (
                    ("GET", f"/sessions/{written}", None), ("DELETE", f"/sessions/{written}", None),
                    ("POST", f"/login/{written}-x", {"answer": "x"}), ("POST", f"/login/{written}", {"answer": "x"})):
                answer = client.ask(method, path, body)
                assert 400 <= answer.status_code < 500, (method, path, answer.status_code, answer.text)


def test_a_token_names_members_that_the_map_knows_alone(gateway, portal, victim):
    client = Client(gateway)
    for place in places(victim, portal):
        claims = {"iss": place, "aud": "fastx-user", "sub": "root", "lid": "x", "iat": 1, "exp": 2, "jti": "x"}
        token = jwt.encode(claims, "x" * 32, algorithm="HS256", headers={"kid": "00" * 8})
        for field in ({"Cookie": f"{COOKIE}={token}"}, {"Authorization": f"Bearer {token}"}):
            answer = client.get("/me", headers=field)
            assert answer.status_code in (401, 502), (place, answer.text)
            assert answer.json()["reason"] in ("not-logged-in", "unknown-server"), (place, answer.text)
    client.close()


def ask_raw(address, data):
    """All that is answered to some bytes."""
    with TLS.wrap_socket(socket.create_connection(address, 10)) as stream:
        stream.sendall(data)
        answer = b""
        while part := stream.recv(65536):
            answer += part
        return answer


@pytest.mark.parametrize("through", ["portal", "gateway"])
def test_neither_host_nor_target_is_a_destination(request, victim, through):
    address = request.getfixturevalue(through).address
    for host in (f"127.0.0.1:{victim.port}", f"localhost:{victim.port}", f"[::1]:{victim.port}", *METADATA):
        for line, field in (
                (f"GET {API}/me", host), (f"GET http://{host}/", host), (f"GET https://{host}{API}/me", host),
                (f"GET http://{host}/", "x"), (f"GET //{host}/", "x"), (f"CONNECT {host}", host), (f"GET {host}", host),
                (f"GET {API}/me?url=http://{host}/", host), (f"OPTIONS http://{host}", host)):
            answer = ask_raw(address, text(
                f"{line} HTTP/1.1", f"Host: {field}", f"X-Forwarded-Host: {host}", f"Forwarded: host={host}",
                "Connection: close", ""))
            assert answer.split()[1] in (b"200", b"400", b"401", b"404", b"405"), (line, answer[:200])


@pytest.mark.parametrize("status", [301, 302, 303, 305, 307, 308])
def test_a_redirect_of_a_member_is_passed_on_and_not_followed(portal, victim, alice, visit, tell, status):
    location = f"https://127.0.0.1:{victim.port}/"
    server = Answering(text(
        f"HTTP/1.1 {status} Elsewhere", f"Location: {location}", f"Refresh: 0; url={location}",
        f"Alt-Svc: h2=\":{victim.port}\"", "Content-Length: 0", ""))
    try:
        [server_id] = tell(portal, url(server.address), certificate_hash=server.certificate_hash)
        answer = start(visit(alice), server_id)
        assert answer.status_code == status and answer.headers["location"] == location, answer.text
    finally:
        server.close()


def written_addresses(port):
    """URLs of this very host, of the link and of metadata services, as a server update may have them."""
    hosts = ("127.0.0.1", "127.0.0.2", "127.255.255.254", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
             "0.0.0.0", "[::]", "0x7f000001", "0x7f.0x0.0x0.0x1", "[0:0:0:0:0:0:0:1]", "0x0", *METADATA, "169.254.0.1",
             "[fe80::1]", "[::ffff:169.254.169.254]", "0xa9fea9fe")
    return [f"https://{host}:{port}" for host in hosts]


def test_a_connection_to_the_victim_would_be_noticed(portal, victim, alice, visit, tell, connected):
    """A member that is at a loopback address itself reaches others there."""
    [server_id] = tell(portal, f"https://127.0.0.1:{victim.port}")
    answer = start(visit(alice), server_id)
    assert answer.status_code == 502 and answer.json()["reason"] == "unreachable", answer.text
    eventually(lambda: connected, "it was connected to")


def test_no_member_leads_to_this_host_the_link_or_a_metadata_service(public, victim, alice, visit, tell):
    client, addresses = visit(alice, portal=public), written_addresses(victim.port)
    for address, server_id in zip(addresses, tell(public, *addresses)):
        answer = start(client, server_id)
        assert answer.status_code == 502, (address, answer.text)
        assert answer.json()["reason"] in ("refused-address", "unreachable"), (address, answer.text)
        # What is written as an address is told apart from what may be out of reach for a while.
        assert answer.json()["reason"] == "refused-address" or "0x" in address, (address, answer.text)


@pytest.fixture
def sessions(public, victim, alice, tell, impostor):
    """Sessions at such addresses, by which one they are at; gone again in the end."""
    addresses = written_addresses(victim.port)
    keys = [f"session/{server_id}/{number:032x}" for number, server_id in enumerate(tell(public, *addresses))]
    for key in keys:
        _, server_id, session_id = key.split("/")
        session = {"id": session_id, "serverId": server_id, "user": alice.name, "state": "running", "name": "x"}
        impostor.put(key, json.dumps(session).encode(), lease_milliseconds=90_000)
    eventually(lambda: public.get(keys[-1]), "it knows the sessions")
    yield {address: key.rpartition("/")[2] for address, key in zip(addresses, keys)}
    for key in keys:
        impostor.delete(key)
    eventually(lambda: not public.get(keys[-1]), "the sessions are gone")


def test_no_session_leads_to_this_host_the_link_or_a_metadata_service(public, alice, sessions):
    client = Client(public).log_in(alice)
    for address, session_id in sessions.items():
        for path in ("", "/log", "/screenshot"):
            answer = client.get(f"/sessions/{session_id}{path}")
            assert answer.status_code == 502, (address, path, answer.text)
        upgrade = text(
            f"GET {API}/sessions/{session_id}/display HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version: 13",
            f"Cookie: {COOKIE}={client.token}", "")
        assert ask_raw(public.address, upgrade).startswith(b"HTTP/1.1 502 "), address
    client.close()
