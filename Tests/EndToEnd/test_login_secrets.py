# Passwords, codes and tokens of users are found nowhere but where they belong.
import base64
import json
import os
import threading
from pathlib import Path

import pytest

from sshd import PASSWORD, VERIFICATION_CODE, VerificationCodes
from waiting import eventually


@pytest.fixture(scope="module")
def portal(make_portal, make_sshd):
    portal = make_portal(make_sshd(PASSWORD + VERIFICATION_CODE))
    switched = portal.service.run(portal.program, "debug", "on", "all", "--var-dir", portal.directory)
    assert switched.returncode == 0, switched
    return portal


def forms_of(text):
    """How a secret could stand somewhere."""
    raw = text.encode()
    forms = {raw, json.dumps(text)[1:-1].encode(), raw.hex().encode(), base64.b64encode(raw).rstrip(b"=")}
    secret = text.rpartition(".")[2]
    if len(secret) == 64:
        forms |= {secret.encode(), bytes.fromhex(secret), base64.b64encode(bytes.fromhex(secret)).rstrip(b"=")}
    return forms


class Search:
    """Looks for secrets, and keeps where it found them."""

    def __init__(self, **secrets):
        self.secrets = {name: forms_of(text) for name, text in secrets.items()}
        self.found = set()

    def look(self, where, content):
        for name, forms in self.secrets.items():
            if any(form in content for form in forms):
                self.found.add((where, name))

    def look_into(self, path):
        try:
            self.look(str(path), Path(path).read_bytes())
        except OSError:
            # Processes end, and some of their files are nobody's to read.
            pass

    def look_into_all(self, directory):
        for path in Path(directory).rglob("*"):
            if path.is_file():
                self.look_into(path)

    def look_into_processes(self):
        for process in Path("/proc").iterdir():
            # Not these tests: they know the secrets.
            if process.name.isdigit() and int(process.name) != os.getpid():
                for file in ("cmdline", "environ"):
                    self.look_into(process / file)


class ProcessWatch:
    """Looks into all processes again and again until it is closed."""

    def __init__(self, search):
        self.search, self.round_count = search, 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._stopped.is_set():
            self.search.look_into_processes()
            self.round_count += 1

    def close(self):
        self._stopped.set()
        self._thread.join()


def test_no_secret_of_a_login_is_found_anywhere(portal, alice, visit, view):
    codes = VerificationCodes(alice)
    code = codes.now()
    client = visit()
    search = Search(password=alice.password)
    watch = ProcessWatch(search)
    try:
        asked = client.ask("POST", "/login", {"user": alice.name, "password": alice.password})
        question = asked.json()
        # While ssh waits for the code, its process and the helper that asks are there to be seen.
        rounds = watch.round_count
        eventually(lambda: watch.round_count >= rounds + 2, "all processes were looked at")
        client.take(client.ask("POST", f"/login/{question['attempt']}", {"answer": code}))
        search.secrets |= Search(token=client.token, csrf=client.csrf_token).secrets
        session = client.start("env > environment; sleep 60")
        view(client, session["id"]).picture()
        rounds = watch.round_count
        eventually(lambda: watch.round_count >= rounds + 2, "all processes were looked at")
    finally:
        watch.close()
    client.get("/me")
    client.get(f"/sessions/{session['id']}/log")
    for arguments in (("dump",), ("list",), ("status", "--json"), ("members", "--json"), ("config", "check")):
        result = portal.run(*arguments)
        search.look(arguments, (result.out + result.err).encode())
    portal.ok("backup", portal.directory / "copy.mdb")
    search.look_into_all(portal.directory)
    search.look_into_all(portal.runtime)
    search.look_into(portal.log_path)
    search.look_into_all(alice.home)
    search.look_into_all(f"/tmp/.fastx-{alice.uid}")
    for path in ("/me", "/logins", "/sessions", "/servers"):
        shown = client.ok("GET", path)
        shown.pop("csrfToken", None)
        search.look(path, json.dumps(shown).encode())
    portal.stop(within=15)
    portal.start()
    search.look_into(portal.log_path)
    assert "/api/v1/login" in portal.log()
    assert not search.found, search.found


def test_a_log_does_not_name_attempts_to_log_in(portal, alice, visit):
    """Whoever knows an attempt may answer or cancel it."""
    client = visit()
    VerificationCodes(alice)
    question = client.ok("POST", "/login", {"user": alice.name, "password": alice.password})
    client.ask("POST", f"/login/{question['attempt']}", {"answer": VerificationCodes.wrong()})
    assert question["attempt"] not in portal.log()


def test_the_agent_lets_nobody_look_into_its_memory(make_portal, alice):
    portal = make_portal()
    process = f"/proc/{portal.process.pid}"
    for file in ("environ", "mem", "maps", "fd"):
        assert alice.run("cat" if file != "fd" else "ls", f"{process}/{file}").returncode != 0, file
