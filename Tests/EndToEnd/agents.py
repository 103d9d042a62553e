# One agent as a real process, and clusters of them.
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import weakref
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

from network import new_address, url
from waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("FASTX_AGENT", str(ROOT / ".build/release/fastx-agent"))
# What the members of a test run, in turn: with FASTX_OTHER_AGENT, every second one is of another version.
PROGRAMS = list(dict.fromkeys([PROGRAM, os.environ.get("FASTX_OTHER_AGENT", PROGRAM)]))
next_program = cycle(PROGRAMS).__next__
# How long an agent may take to end after SIGTERM.
STOP_SECONDS = 5


class Result(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


def run(*arguments, stdin=None, timeout=15, environment=None, text=True, program=PROGRAM):
    """Runs one command of a program."""
    if stdin is None:
        stdin = "" if text else b""
    ended = subprocess.run(
        [program, *map(str, arguments)], input=stdin, capture_output=True, text=text, timeout=timeout,
        env={**os.environ, **(environment or {})})
    return Result(ended.returncode, ended.stdout, ended.stderr)


class Agent:
    """A member: its directory, its process and its commands."""

    # Those with a process, for what is told of a failed test.
    running = weakref.WeakSet()

    def __init__(self, directory, access_points=(), key_file=None, address=None, environment=None, settings=None,
                 wrapper=(), program=None):
        self.directory = Path(directory)
        self.program = str(program or next_program())
        # The words before the program's own, for a process that is to run elsewhere.
        self.wrapper = list(wrapper)
        self.name = self.directory.name
        self.address = address or new_address()
        self.log_path = self.directory.with_suffix(".log")
        self.environment = environment or {}
        self.process = None
        self.expected_statuses = {0, -signal.SIGTERM}
        arguments = ["--listen", "%s:%d" % self.address]
        for point in access_points:
            arguments += ["--access-point", point]
        if key_file:
            arguments += ["--cluster-key-file", key_file]
        self.made = run("init", "--var-dir", self.directory, *arguments, program=self.program)
        assert self.made.status == 0, self.made
        self.server_id = (self.directory / "server-id").read_text().strip()
        if settings:
            self.edit("settings.json", lambda content: content.update(settings))

    @property
    def url(self):
        return url(self.address)

    # The process.

    def spawn(self):
        """Starts the process and does not wait for it."""
        assert self.process is None, f"{self.name} is running"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, self.program, "run", "--var-dir", str(self.directory)], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env={**os.environ, **self.environment}, start_new_session=True)
        self.running.add(self)
        return self

    def start(self):
        """Starts the process and waits until it takes commands and listens."""
        self.spawn()
        eventually(self._is_serving, f"{self.name} serves")
        return self

    def _is_serving(self):
        status = self.process.poll()
        if status is not None:
            raise RuntimeError(f"{self.name} ended at its start with status {status}:\n{self.log()[-3000:]}")
        answer = self.run("status", "--json")
        assert answer.status == 0, answer
        return json.loads(answer.out)["listen"]

    def stop(self, within=STOP_SECONDS):
        """Ends the process with SIGTERM and returns its exit status."""
        self.process.terminate()
        return self.wait(within)

    def wait(self, within=STOP_SECONDS):
        """Waits for the end of the process and returns its exit status."""
        process, self.process = self.process, None
        try:
            return process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{self.name} did not end within {within} s") from None

    def kill(self):
        """Ends the process with SIGKILL."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def restart(self):
        if self.process:
            self.kill()
        return self.start()

    # Commands.

    def run(self, *arguments, stdin=None, timeout=15, text=True):
        return run(
            *arguments, "--var-dir", self.directory, stdin=stdin, timeout=timeout, text=text, program=self.program)

    def ok(self, *arguments, **options):
        """Runs a command that must succeed, and returns what it prints."""
        result = self.run(*arguments, **options)
        assert result.status == 0, f"{self.name}: {arguments}: {result}"
        return result.out

    def json(self, *arguments, **options):
        return json.loads(self.ok(*arguments, "--json", **options))

    def status(self):
        return self.json("status")

    def put(self, key, value):
        self.ok("put", key, value)

    def get(self, key):
        """The value of a key, or None."""
        result = self.run("get", key)
        assert result.status in (0, 1), result
        return result.out if result.status == 0 else None

    def dump(self, prefix=""):
        return self.ok("dump", prefix, text=False)

    def load(self, entries):
        """Writes many entries with one command."""
        self.ok("load", "-", stdin="".join(json.dumps({"key": k, "value": v}) + "\n" for k, v in entries.items()))

    def entries(self, prefix=""):
        """The values of all keys below a prefix."""
        return {entry["key"]: entry.get("value") for entry in map(json.loads, self.dump(prefix).splitlines())}

    def shown(self):
        """The ids of the members that are listed, with the age of what they told of themselves in seconds."""
        return {member["serverId"]: member["updatedMillisecondsAgo"] / 1000 for member in self.json("members")}

    # Links.

    def links(self, state="open"):
        return [link for link in self.status()["links"] if link["state"] == state]

    def linked_ids(self):
        return {link["serverId"] for link in self.links()}

    def wait_linked(self, *others, within=10):
        wanted = {other.server_id for other in others}
        eventually(lambda: wanted <= self.linked_ids(), f"{self.name} is linked to {[o.name for o in others]}", within)

    def last_error(self, address=None):
        """The last error of an access point; of the only one unless an address is given."""
        points = self.status()["accessPoints"]
        wanted = [point for point in points if address is None or point["url"] == url(address)]
        assert len(wanted) == 1, points
        return wanted[0].get("lastError", "")

    # The log.

    def log(self, since=0):
        with open(self.log_path, "rb") as log:
            log.seek(since)
            return log.read().decode(errors="replace")

    def mark(self):
        """Where the log ends now."""
        return self.log_path.stat().st_size

    def logged(self, pattern, since=0):
        """The log's lines that match a regular expression."""
        return [line for line in self.log(since).splitlines() if re.search(pattern, line)]

    def wait_logged(self, pattern, since=0, within=10):
        def found():
            lines = self.logged(pattern, since)
            assert lines, self.log(since)[-1500:]
            return lines

        return eventually(found, f"{self.name} logs {pattern!r}", within)

    # Configuration.

    def path(self, file):
        return self.directory / "config" / file

    def write(self, file, text):
        """Replaces a configuration file in one step, as the documentation asks."""
        target = self.path(file)
        draft = target.with_name(f".{file}.draft")
        draft.write_text(text)
        draft.chmod(0o600)
        owner = self.directory.stat()
        os.chown(draft, owner.st_uid, owner.st_gid)
        draft.rename(target)

    def edit(self, file, change):
        """Changes the JSON of a configuration file."""
        content = json.loads(self.path(file).read_text())
        change(content)
        self.write(file, json.dumps(content, indent=2))

    def set_access_points(self, *urls):
        self.edit("cluster.json", lambda content: content.update(databaseConnections=[{"url": u} for u in urls]))


class Cluster:
    """Agents with one key below one directory, all ended with the test."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.agents = []
        self.key_file = self.new_key_file("cluster")

    def new_key_file(self, name):
        path = self.directory / f"{name}.key"
        path.write_text(secrets.token_hex(32) + "\n")
        path.chmod(0o600)
        return path

    def agent(self, *access_points, name=None, key_file=None, **options):
        """Makes an agent. Access points are URLs, addresses or agents."""
        name = name or f"m{len(self.agents)}"
        points = [point if isinstance(point, str) else point.url for point in access_points]
        agent = Agent(self.directory / name, points, key_file or self.key_file, **options)
        self.agents.append(agent)
        return agent

    def chain(self, count, **options):
        """Each member after the first has the one before it as its access point."""
        members = []
        for _ in range(count):
            members.append(self.agent(*members[-1:], **options))
        return self.start(members)

    def star(self, count, **options):
        """All have the first as their access point."""
        members = [self.agent(**options)]
        for _ in range(count - 1):
            members.append(self.agent(members[0], **options))
        return self.start(members)

    def mesh(self, count, **options):
        """Each has all members before it as its access points."""
        members = []
        for _ in range(count):
            members.append(self.agent(*members, **options))
        return self.start(members)

    @staticmethod
    def start(members):
        with ThreadPoolExecutor(len(members)) as pool:
            list(pool.map(Agent.start, members))
        return members

    def close(self):
        """Ends all agents. One that crashed, or does not end, is an error."""
        running = [agent for agent in self.agents if agent.process]
        crashed = [agent for agent in running if agent.process.poll() is not None]
        for agent in running:
            if agent not in crashed:
                agent.process.terminate()
        hung = []
        for agent in running:
            try:
                agent.process.wait(2 * STOP_SECONDS)
            except subprocess.TimeoutExpired:
                hung.append(agent)
                agent.process.kill()
                agent.process.wait()
            agent.process = None
        broken = [agent for agent in self.agents if agent.log_path.exists() and agent.logged("Fatal error|Crash|SIGSEGV")]
        assert not crashed, [(agent.name, agent.log()[-2000:]) for agent in crashed]
        assert not hung, f"not ended by SIGTERM: {[(agent.name, agent.log()[-2000:]) for agent in hung]}"
        assert not broken, [(agent.name, agent.logged("Fatal error|Crash|SIGSEGV")) for agent in broken]

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)


def wait_equal(members, prefix="", within=10):
    """Waits until all members dump the same bytes, and returns these."""

    def equal():
        dumps = [member.dump(prefix) for member in members]
        sizes = [(member.name, len(dump.splitlines())) for member, dump in zip(members, dumps)]
        assert len(set(dumps)) == 1, f"entries: {sizes}"
        return dumps

    return eventually(equal, "the dumps are equal", within)[0]


def wait_same_fingerprint(members, within=10):
    """Waits until all members have the same fingerprint of all entries, and returns it."""

    def same():
        prints = {member.name: member.status()["fingerprint"] for member in members}
        assert len(set(prints.values())) == 1, prints
        return prints

    return next(iter(eventually(same, "the fingerprints are equal", within).values()))
