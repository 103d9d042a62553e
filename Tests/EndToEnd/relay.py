# The relay by hand: what a member inside says to an external one, and what links of real members look like.
import base64
import hashlib
import json
import threading

import httpx
import websockets.exceptions
from websockets.sync.client import connect

from certificates import certificate_of, client_context
from event_stream import read_events
from tokens import base64url, member_token
from waiting import eventually

CARRIER, NONCE = "Fastx-Member", "Fastx-Nonce"
EVENTS, RELAY, STREAMS = "/cluster/events", "/cluster/relay", "/cluster/streams"
SERVER_LEASE_MILLISECONDS = 90_000


def relay_link(agent, other):
    """What an agent says of its link to another one; empty where there is none."""
    links = [link for link in agent.status()["relayLinks"] if link["serverId"] == other.server_id]
    return links[0] if links else {}


def is_open(agent, other):
    return relay_link(agent, other).get("state") == "open"


def wait_relay_linked(gateway, inside, within=15):
    for agent, other in ((gateway, inside), (inside, gateway)):
        eventually(lambda: is_open(agent, other), f"{agent.name} has a link with {other.name}", within)


def make_external(agent, secret=None):
    """Makes an external member of an agent, with a gateway key where one is given."""
    keys = {"keys": [{"secret": secret, "scope": "gateway"}]} if secret else {}
    agent.edit("cluster.json", lambda content: content.update(external=True, **keys))


class Events:
    """The event stream of a member, as it comes."""

    def __init__(self, answer, close):
        self.answer, self._close = answer, close
        # Name, id and data of each event.
        self.all = []
        self.comment_count = 0
        self.has_ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        def count_comment():
            self.comment_count += 1

        try:
            for name, number, data in read_events(self.answer.iter_lines(), count_comment):
                self.all.append((name, number, json.loads(data)))
        except (httpx.HTTPError, httpx.StreamError):
            pass
        self.has_ended = True

    def found(self, name, **members):
        return [data for found, _, data in list(self.all) if found == name and members.items() <= data.items()]

    def wait(self, name, count=1, **members):
        """The data of the first events of a name, once there are so many."""
        return eventually(
            lambda: len(self.found(name, **members)) >= count and self.found(name, **members),
            f"{count} events {name} {members}")

    @property
    def nonces(self):
        return [data["nonce"] for data in self.found("dial")]

    def stream_bytes(self, stream):
        """What has come over a carried stream."""
        return b"".join(base64.b64decode(data["bytes"]) for data in self.found("data", stream=stream))

    @property
    def link(self):
        return self.wait("hello")[0]["link"]

    def close(self):
        self._close()
        self._thread.join(5)


class RelayMember:
    """A member inside that the test plays: by its keys it speaks for itself, by its map the gateway knows of it."""

    def __init__(self, member, secret, external, url="https://192.0.2.1:3300"):
        self.member, self.secret, self.external = member, secret, external
        self.server_id = member.server_id
        self.certificate = certificate_of(external.path("certificate.pem"))
        self._made = []
        member.dial(external.address)
        member.put(f"server/{self.server_id}", json.dumps({
            "serverId": self.server_id, "urls": [url], "certificateSHA256": "00" * 32, "external": False,
            "loginsEnabled": False, "sessionsEnabled": False}).encode(), lease_milliseconds=SERVER_LEASE_MILLISECONDS)
        eventually(lambda: external.get(f"server/{self.server_id}"), f"the external member knows {self.server_id}")

    def close(self):
        for made in self._made:
            made.close()

    @property
    def nonces(self):
        """All that this member was told."""
        return {nonce for made in self._made if isinstance(made, Events) for nonce in made.nonces}

    # Requests.

    def tokens(self, method, path, body=b"", **claims):
        certificate = claims.pop("certificate", self.certificate)
        secret = claims.pop("secret", self.secret)
        return member_token(
            secret, certificate, issuer=self.server_id,
            **{"htm": method, "pth": path, "bdy": base64url(hashlib.sha256(body).digest()), **claims})

    def ask(self, method, path, content=None, tokens=None, **fields):
        """The answer to a request of this member; `content` is an object for JSON, or bytes."""
        body = content if isinstance(content, bytes) else b"" if content is None else json.dumps(content).encode()
        headers = dict(fields)
        tokens = self.tokens(method, path, body) if tokens is None else tokens
        if tokens:
            headers[CARRIER] = tokens
        if content is not None:
            kind = "octet-stream" if isinstance(content, bytes) else "json"
            headers["Content-Type"] = f"application/{kind}"
        return httpx.request(
            method, self.external.url + path, content=body, headers=headers, verify=False, trust_env=False, timeout=15)

    def link(self, last=None, **claims):
        """Opens an event stream."""
        http = httpx.Client(verify=False, trust_env=False, timeout=60)
        fields = {CARRIER: self.tokens("GET", EVENTS, **claims)} | ({"Last-Event-ID": last} if last else {})
        answer = http.send(http.build_request("GET", self.external.url + EVENTS, headers=fields), stream=True)
        if answer.status_code != 200:
            answer.read()
            http.close()
            raise AssertionError((answer.status_code, answer.text))

        def close():
            stream = answer.extensions["network_stream"].get_extra_info("socket")
            try:
                stream.shutdown(2)
            except OSError:
                pass
            http.close()

        self._made.append(Events(answer, close))
        return self._made[-1]

    def beat(self, events, link=None):
        """A heartbeat."""
        return self.ask("POST", EVENTS, {"link": link or events.link})

    def dial_back(self, nonce, tokens=None):
        """The WebSocket of a connection that was asked for. A refusal is `websockets.exceptions.InvalidStatus`."""
        fields = {NONCE: nonce}
        tokens = self.tokens("GET", RELAY) if tokens is None else tokens
        if tokens:
            fields[CARRIER] = tokens
        socket = connect(
            self.external.url.replace("https", "wss") + RELAY, ssl=client_context(), additional_headers=fields,
            max_size=None, compression=None, proxy=None, open_timeout=10, close_timeout=2, legacy=True)
        self._made.append(socket)
        return socket

    def refusal(self, nonce, tokens=None):
        """The status and problem with which a connection is refused; it is a mistake to be let in."""
        try:
            self.dial_back(nonce, tokens)
        except websockets.exceptions.InvalidStatus as refused:
            return refused.response.status_code, json.loads(bytes(refused.response.body))
        raise AssertionError("the connection was let in")

    def carry(self, nonce):
        """The id of a carried stream for a connection that was asked for."""
        answer = self.ask("POST", STREAMS, {"nonce": nonce})
        assert answer.status_code == 201, (answer.status_code, answer.text)
        return answer.json()["stream"]

    def send(self, stream, data, offset=0, received=0):
        return self.ask("POST", f"{STREAMS}/{stream}?offset={offset}&received={received}", data)


def problem(answer):
    """The status and reason of a refusal, which has to be a problem document."""
    assert answer.headers["content-type"].startswith("application/problem+json"), (answer.status_code, answer.text)
    content = answer.json()
    assert content["detail"] and content["serverId"], content
    return answer.status_code, content["reason"]
