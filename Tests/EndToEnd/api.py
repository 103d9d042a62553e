# Somebody with a browser or a program: requests to the API with cookie and CSRF token, and the stream of events.
import contextlib
import json
import socket
import threading

import httpx

from event_stream import read_events
from network import new_host
from waiting import eventually

API = "/api/v1"
COOKIE = "__Host-fastx"


class Client:
    """One browser's side of the API. Each comes from an address of its own unless it is given one."""

    def __init__(self, portal, http2=False, address=None):
        self.portal, self.http2 = portal, http2
        self.address = address or new_host()
        self.token = None
        self.csrf_token = None
        # What every request carries besides.
        self.headers = {}
        self.http = self.connect()

    def connect(self):
        """Connections of their own, from this client's address."""
        transport = httpx.HTTPTransport(verify=False, http2=self.http2, local_address=self.address)
        return httpx.Client(
            base_url=self.portal.url, transport=transport, timeout=30, trust_env=False, follow_redirects=False)

    def close(self):
        self.http.close()

    # Requests.

    def fields(self, method):
        """What a page of ours sends along."""
        fields = dict(self.headers)
        if self.token:
            fields["Cookie"] = f"{COOKIE}={self.token}"
        if self.csrf_token and method not in ("GET", "HEAD"):
            fields["X-CSRF-Token"] = self.csrf_token
        return fields

    def ask(self, method, path, body=None, headers=None):
        """The answer to one request. A field that is None is left out."""
        fields = self.fields(method) | (headers or {})
        answer = self.http.request(
            method, API + path, json=body, headers={name: text for name, text in fields.items() if text is not None})
        self.http.cookies.clear()
        return answer

    def get(self, path, **options):
        return self.ask("GET", path, **options)

    def ok(self, method, path, body=None, **options):
        """The document of an answer that has to be a good one."""
        answer = self.ask(method, path, body, **options)
        assert answer.is_success, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else {}

    # Logging in.

    def log_in(self, user, *answers):
        """Logs a user in with his password and the answers to what the host asks besides."""
        answer = self.ask("POST", "/login", {"user": user.name, "password": user.password})
        for text in answers:
            assert answer.status_code == 202, (answer.status_code, answer.text)
            answer = self.ask("POST", f"/login/{answer.json()['attempt']}", {"answer": text})
        return self.take(answer)

    def take(self, answer):
        """Keeps what an answer to a login gives a browser; returns this client."""
        assert answer.status_code == 200, (answer.status_code, answer.text, self.portal.log()[-1500:])
        [field] = answer.headers.get_list("set-cookie")
        self.token = field.split(";")[0].removeprefix(f"{COOKIE}=")
        self.csrf_token = answer.json()["csrfToken"]
        self.login_id = answer.json()["login"]["id"]
        return self

    # Sessions.

    def start(self, command="xterm", **members):
        """Starts a session and waits until its display is there; returns its document."""
        started = self.ok("POST", "/sessions", {"command": command, **members})
        return self.wait_session(started["id"], lambda session: session["state"] == "running" and session["display"])

    def start_idle(self, **members):
        """Starts a session without windows."""
        return self.start("sleep 60", windowManager="none", **members)

    def session(self, session_id):
        return self.ok("GET", f"/sessions/{session_id}")

    def wait_session(self, session_id, condition, within=15):
        def check():
            session = self.session(session_id)
            assert condition(session), session
            return session

        return eventually(check, f"the session {session_id} is as awaited", within)

    def session_ids(self, query=""):
        return [session["id"] for session in self.ok("GET", f"/sessions{query}")["sessions"]]

    def end_all(self):
        """Ends the user's sessions and removes what is left of them."""
        def is_clean():
            for session in self.ok("GET", "/sessions")["sessions"]:
                self.ask("DELETE", f"/sessions/{session['id']}")
            return not self.session_ids()

        eventually(is_clean, "the sessions are gone", within=20, every=0.2)

    def events(self, last_id=None, query=""):
        return EventStream(self, last_id, query)


def start_at(client, portal, **members):
    """Starts a session on a member by name, and waits until it is seen running from where the user is."""
    session = client.ok("POST", "/sessions", {"command": "xterm", "serverId": portal.server_id, **members})
    assert session["serverId"] == portal.server_id
    return eventually(
        lambda: [found for found in client.ok("GET", "/sessions")["sessions"]
                 if found["id"] == session["id"] and found["state"] == "running"], "it runs", within=15)[0]


class SocketClient:
    """A user's process at the agent's socket for this host's users."""

    def __init__(self, portal, user):
        self.portal, self.user = portal, user

    def ask(self, method, path, body=None, headers=None):
        with self.user.identity():
            transport = httpx.HTTPTransport(uds=str(self.portal.user_socket))
            with httpx.Client(base_url="http://host", transport=transport, timeout=30, trust_env=False) as http:
                return http.request(method, API + path, json=body, headers=headers)

    def ok(self, method, path, body=None):
        answer = self.ask(method, path, body)
        assert answer.is_success, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else {}

    def events(self, query=""):
        """A stream: it is connected as the user, and read as whoever."""
        with self.user.identity():
            return EventStream(self, query=query)

    def fields(self, _):
        return {}

    def connect(self):
        return httpx.Client(
            base_url="http://host", transport=httpx.HTTPTransport(uds=str(self.portal.user_socket)), trust_env=False)


class EventStream:
    """The events that a client is told, as they come."""

    def __init__(self, client, last_id=None, query=""):
        fields = client.fields("GET") | ({"Last-Event-ID": last_id} if last_id else {})
        # Of two threads that read from one HTTP/2 connection, httpx may leave one without what has come for it.
        self.http = client.connect()
        self.answer = self.http.send(
            self.http.build_request("GET", f"{API}/events{query}", headers=fields, timeout=60), stream=True)
        assert self.answer.status_code == 200, self.answer.status_code
        # Name, id and data of each event.
        self.events = []
        self.last_id = None
        self.has_ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        eventually(lambda: self.last_id, "the stream of events has begun")

    def _read(self):
        try:
            for name, number, data in read_events(self.answer.iter_lines()):
                if data is not None:
                    self.events.append((name or "message", json.loads(data)))
                self.last_id = number or self.last_id
        except httpx.HTTPError:
            pass
        self.has_ended = True

    def found(self, event, **members):
        """The data of the events of a name, where it has all these members."""
        return [data for name, data in list(self.events)
                if name == event and members.items() <= data.items()]

    def wait(self, event, **members):
        def check():
            found = self.found(event, **members)
            assert found, self.events
            return found

        return eventually(check, f"the event {event} {members} comes")

    def close(self):
        # From another thread only the socket itself can be ended.
        stream = self.answer.extensions.get("network_stream")
        if stream:
            with contextlib.suppress(OSError):
                stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self.http.close()
