# Calls of the store that fail, each in its turn, in the real agent: what was acknowledged stays, reads go on, and
# writing resumes by itself.
import itertools
import json
import os
import re
import shutil
import subprocess
import threading
from dataclasses import dataclass, field

import pytest

from agents import PROGRAM, run
from second_implementation.entries import Entry, wall_time
from second_implementation.member import Member
from storage_shim import (
    DIRECTORY_SYNC, DISK_ERROR, DISK_FULL, FOR_GOOD, LINK, META_WRITE, MKDIR, OPEN, RENAME, SHORT_WRITE, SYNC,
    TRUNCATE, UNLINK, WRITE, Control, build_shim)
from tokens import read_secret
from waiting import eventually

pytestmark = pytest.mark.slow

# What a refusal must say of the disk, for each way to fail.
NAMED = {
    DISK_FULL: "no space is left on the disk|No space left on device",
    DISK_ERROR: "the disk failed|Input/output error",
    # It may be the disk that failed, but mostly it is one that filled up.
    SHORT_WRITE: "filled up|no space is left on the disk|No space left on device",
}
LOAD_COUNT = 1500
PURGE_MILLISECONDS = 240_000
# Nothing is written in the background while a test counts calls.
QUIET = {"updateIntervalSeconds": 60, "reconcileIntervalSeconds": 3600}
# Cases that differ little from one that is always run.
SOAK = pytest.mark.soak
DURATIONS = {1: "once", FOR_GOOD: "for-good"}
NAMES = {DISK_FULL: "disk-full", DISK_ERROR: "disk-error", SHORT_WRITE: "short-write"}


def codes(*usual):
    """Each way to fail; all but some of these only in soak tests."""
    return [pytest.param(code, id=name, marks=() if code in usual else SOAK) for code, name in NAMES.items()]


def cases(*usual):
    """Each way to fail, once and for good; all but some of these only in soak tests."""
    return [
        pytest.param(code, count, id=f"{NAMES[code]}-{duration}", marks=() if (code, count) in usual else SOAK)
        for code in NAMES for count, duration in DURATIONS.items()]


@pytest.fixture(scope="module", autouse=True)
def shim():
    build_shim()


def shimmed_agent(cluster, followed=None):
    """An agent that is not yet started, and the control over its calls on its store or another directory."""
    agent = cluster.agent(settings=QUIET)
    control = Control(cluster.directory / f"{agent.name}.control", followed or agent.directory / "store")
    agent.environment = control.environment
    return agent, control


def start(agent):
    """Starts it, and waits until its first server update is stored, after which it writes nothing of itself."""
    agent.start()
    eventually(lambda: has_committed(agent), "the first server update")
    return agent


def has_committed(agent):
    status = agent.run("status", "--json")
    return status.status == 0 and json.loads(status.out)["commits"] > 0


def kinds_of_commit(code):
    """The calls of a commit that can fail so."""
    return (WRITE,) if code == SHORT_WRITE else (WRITE, SYNC)


def each_call_of_commit(control, code, count=1):
    """Each call of a commit, and each sync on its own: where commits differ in their writes the others may miss it."""
    yield from control.each_call(code, *kinds_of_commit(code), count=count)
    if SYNC in kinds_of_commit(code):
        yield from control.each_call(code, SYNC, count=count)


def lines_of_entries(changes):
    return "".join(json.dumps({"key": key, "value": value}) + "\n" for key, value in changes.items())


def entries(dump):
    return {entry["key"]: entry.get("value") for entry in map(json.loads, dump.splitlines())}


def counts(agent):
    status = agent.status()
    return {name: status[name] for name in ("entries", "values", "tombstones")}


@dataclass(frozen=True)
class Write:
    """One write of the command line, and what it makes of some keys; None where it deletes them."""

    command: tuple
    changes: dict = field(hash=False)
    stdin: str | None = None


class Ledger:
    """Carries out writes, and knows which values each key may have after what was acknowledged and what was not."""

    def __init__(self, agent):
        self.agent = agent
        self.allowed = {}
        self.write(Write(("put", "config/earlier", "1"), {"config/earlier": "1"}))

    def attempt(self, write, code):
        """True where the write was acknowledged; else it was refused with words that name the problem."""
        result = self.agent.run(*write.command, stdin=write.stdin)
        if result.status == 0:
            self.allowed.update({key: {value} for key, value in write.changes.items()})
            return True
        assert result.status == 1 and re.search(NAMED[code], result.err), result
        for key, value in write.changes.items():
            self.allowed[key] = self.allowed.get(key, {None}) | {value}
        return False

    def write(self, write):
        """Carries out a write that must be acknowledged."""
        assert self.attempt(write, DISK_ERROR), write.command

    def read(self):
        """Reads an earlier value. While the store is opened again a read may be refused for a moment, saying so."""
        def earlier_value():
            result = self.agent.run("get", "config/earlier")
            assert (result.status, result.out) == (0, "1") or "is being opened again" in result.err, result
            return result.status == 0

        eventually(earlier_value, "an earlier value can be read", within=2)

    def verify(self):
        """Each key has a value that it may have, and there is no other key."""
        found = entries(self.agent.dump("config/"))
        wrong = {key: found.get(key) for key, allowed in self.allowed.items() if found.get(key) not in allowed}
        assert not wrong, {key: (str(value)[:100], len(self.allowed[key])) for key, value in wrong.items()}
        assert found.keys() <= self.allowed.keys(), found.keys() - self.allowed.keys()
        checked = self.agent.json("check")
        assert (checked["damaged"], checked["entries"]) == (0, self.agent.status()["entries"]), checked

    def verify_over_restart(self, end):
        """The same now and after a start, with nothing else counted than before."""
        self.verify()
        before = counts(self.agent)
        end(self.agent)
        start(self.agent)
        assert counts(self.agent) == before
        self.verify()


def stop(agent):
    assert agent.stop() == 0


# Writes of the command line. Each generator is given a directory for the files that it needs.


def puts(_):
    for number in itertools.count():
        yield Write(("put", f"config/new/{number}", "new"), {f"config/new/{number}": "new"})


def replacements(_):
    for number in itertools.count():
        yield Write(("put", "config/replaced", str(number)), {"config/replaced": str(number)})


def largest_puts(_):
    for number in itertools.count():
        key, value = f"config/large/{number % 2}", f"{number:08}".ljust(1 << 20, "x")
        yield Write(("put", key), {key: value}, value)


def loads(directory):
    """From a file, because what comes through a pipe is not written all at once."""
    for number in itertools.count():
        changes = {f"config/load/{index:04}": f"load {number} " + "x" * 100 for index in range(LOAD_COUNT)}
        path = directory / f"load-{number}.json"
        path.write_text(lines_of_entries(changes))
        yield Write(("load", path), changes)


def deletions(_):
    for number in itertools.count():
        yield Write(("delete", f"config/old/{number:02}"), {f"config/old/{number:02}": None})


def what_deletions_need():
    changes = {f"config/old/{number:02}": "old" for number in range(60)}
    return Write(("load", "-"), changes, lines_of_entries(changes))


USUAL_WRITES = {
    (puts, 1, DISK_FULL), (puts, 1, DISK_ERROR), (puts, 1, SHORT_WRITE), (puts, FOR_GOOD, DISK_FULL),
    (puts, FOR_GOOD, DISK_ERROR), (largest_puts, 1, DISK_FULL), (loads, 1, DISK_FULL), (loads, 1, SHORT_WRITE),
    (deletions, 1, DISK_ERROR)}


@pytest.mark.parametrize("writes, count, code", [
    pytest.param(
        writes, count, code, id=f"{writes.__name__}-{NAMES[code]}-{duration}",
        marks=() if (writes, count, code) in USUAL_WRITES else SOAK)
    for writes in (puts, replacements, largest_puts, loads, deletions)
    for count, duration in DURATIONS.items() for code in NAMES])
def test_a_write_of_which_a_call_fails_is_refused_and_done_when_tried_again(
        cluster, writes, count, code, record_property):
    agent, control = shimmed_agent(cluster)
    ledger = Ledger(start(agent))
    if writes is deletions:
        ledger.write(what_deletions_need())
    failed_kinds, writes = set(), writes(cluster.directory)
    for number in each_call_of_commit(control, code, count):
        write = next(writes)
        is_acknowledged = ledger.attempt(write, code)
        if not control.failed:
            assert is_acknowledged
            continue
        assert not is_acknowledged, (write.command, control.failed_kinds)
        assert control.failed == 1 or count > 1
        failed_kinds |= control.failed_kinds
        record_property("calls", number)
        ledger.read()
        found = entries(agent.dump(os.path.commonprefix(list(write.changes))))
        # All of a write or nothing of it: no key has the new value unless every key has it.
        assert len({found.get(key) == value for key, value in write.changes.items()}) == 1
        control.stop()
        ledger.read()
        ledger.write(write)
    assert failed_kinds == {META_WRITE, *kinds_of_commit(code)}
    ledger.verify_over_restart(stop if count == 1 else type(agent).kill)


@pytest.mark.parametrize("code", codes(DISK_FULL))
def test_writers_go_on_by_themselves_after_a_disk_that_failed_for_long(cluster, code):
    agent, control = shimmed_agent(cluster)
    ledger = Ledger(start(agent))
    writers = [Writer(agent, f"config/writer-{number}", code) for number in range(3)]
    for writer in writers:
        writer.start()
    for _ in range(3):
        eventually(lambda: all(writer.has_written(2) for writer in writers), "every writer writes")
        control.fail(code, *kinds_of_commit(code), count=FOR_GOOD)
        eventually(lambda: all(writer.is_refused(3) for writer in writers), "every writer is refused")
        assert control.failed >= 3
        ledger.read()
        assert agent.status()["entries"] > 1 and entries(agent.dump("config/"))["config/earlier"] == "1"
        control.stop()
        ledger.read()
    eventually(lambda: all(writer.has_written(2) for writer in writers), "every writer writes again")
    for writer in writers:
        ledger.allowed |= writer.stop()
    # An agent that cannot write ends as it should, too.
    control.fail(code, *kinds_of_commit(code), count=FOR_GOOD)
    refused = Write(("put", "config/at-the-end", "1"), {"config/at-the-end": "1"})
    assert not ledger.attempt(refused, code) and control.failed
    stop(agent)
    control.stop()
    start(agent)
    ledger.verify()
    ledger.write(refused)
    ledger.verify_over_restart(stop)


class Writer(threading.Thread):
    """Puts without a pause, and remembers how often in a row it was acknowledged or refused."""

    def __init__(self, agent, prefix, code):
        super().__init__(daemon=True)
        self.agent, self.prefix, self.code = agent, prefix, code
        self.allowed = {}
        self.run_length = 0
        self.error = None
        self.ended = threading.Event()

    def run(self):
        try:
            for number in itertools.count():
                if self.ended.is_set():
                    return
                key = f"{self.prefix}/{number:05}"
                result = self.agent.run("put", key, "1")
                assert result.status == 0 or (result.status == 1 and re.search(NAMED[self.code], result.err)), result
                self.allowed[key] = {"1"} if result.status == 0 else {None, "1"}
                step = 1 if result.status == 0 else -1
                self.run_length = self.run_length + step if self.run_length * step > 0 else step
        except Exception as error:
            self.error = error

    def has_written(self, count):
        return self._is_well() and self.run_length >= count

    def is_refused(self, count):
        return self._is_well() and self.run_length <= -count

    def _is_well(self):
        if self.error:
            raise self.error
        return True

    def stop(self):
        self.ended.set()
        self.join(20)
        assert self._is_well() and not self.is_alive()
        return self.allowed


def test_a_failed_sync_has_the_store_opened_again_and_watchers_are_told_to_look_again(cluster, lines_of):
    agent, control = shimmed_agent(cluster)
    ledger = Ledger(start(agent))
    watched = lines_of(agent, "watch", "config/")
    before = Write(("put", "config/watched", "before"), {"config/watched": "before"})
    eventually(lambda: ledger.write(before) or watched, "the watcher has begun and sees what is put")
    for number in range(1, 4):
        control.fail(DISK_ERROR, SYNC)
        assert not ledger.attempt(Write(("put", "config/x", "1"), {"config/x": "1"}), DISK_ERROR)
        assert (control.failed, control.failed_kinds) == (1, {SYNC})
        eventually(lambda: watched.count('{"missed":true}') == number, "the watcher is told")
        ledger.read()
    ledger.write(Write(("put", "config/watched", "after"), {"config/watched": "after"}))
    eventually(lambda: watched[-1] == '{"key":"config/watched","value":"after"}', "the watcher still watches")
    ledger.verify_over_restart(stop)


@pytest.fixture
def lines_of():
    """Starts commands that print lines, and gives the growing list of these; ended with the test."""
    started = []

    def make(agent, *command):
        process = subprocess.Popen(
            [PROGRAM, *command, "--var-dir", str(agent.directory)], text=True, stdout=subprocess.PIPE)
        lines = []
        reader = threading.Thread(
            target=lambda: lines.extend(line.rstrip("\n") for line in process.stdout), daemon=True)
        started.append((process, reader))
        reader.start()
        return lines

    yield make
    for process, reader in started:
        process.kill()
        process.wait()
        reader.join()
        process.stdout.close()


def test_a_store_that_could_not_be_opened_again_is_opened_when_the_disk_is_well(cluster):
    agent, control = shimmed_agent(cluster)
    ledger = Ledger(start(agent))
    control.fail(DISK_ERROR, SYNC, OPEN, count=FOR_GOOD)
    write = Write(("put", "config/x", "1"), {"config/x": "1"})
    for _ in range(3):
        assert not ledger.attempt(write, DISK_ERROR)
        read = agent.run("get", "config/earlier")
        assert (read.status, read.out) == (0, "1") or re.search(NAMED[DISK_ERROR], read.err), read
    assert control.failed_kinds == {SYNC, OPEN}
    control.stop()
    # Nobody writes meanwhile.
    eventually(lambda: agent.get("config/earlier") == "1", "reads go on")
    ledger.write(write)
    ledger.verify_over_restart(stop)


# Entries from a peer, and their expiry.


@pytest.fixture
def peer(cluster):
    made = Member(read_secret(cluster.key_file))
    yield made
    made.close()


def settled_link(agent, peer):
    """A link after its rounds, and after the agent has told of it in its own entry."""
    link = peer.dial(agent.address)
    own_entry = f"server/{agent.server_id}"
    peer.wait(lambda: any(
        other["serverId"] == peer.server_id for other in json.loads(peer.get(own_entry) or "{}").get("links", [])))
    peer.wait(lambda: link.rounds.done and not link.rounds.current)
    assert peer.reconcile(link).equal
    return link


def test_received_entries_of_which_a_call_fails_come_with_the_next_round(cluster, peer, record_property):
    agent, control = shimmed_agent(cluster)
    ledger = Ledger(start(agent))
    link = settled_link(agent, peer)
    numbers = itertools.count()
    for code in (DISK_FULL, DISK_ERROR, SHORT_WRITE):
        failed_kinds = set()
        for number in each_call_of_commit(control, code):
            mark = agent.mark()
            key = f"config/received/{next(numbers):03}"
            peer.put(key, b"1")
            ledger.allowed[key] = {"1"}
            eventually(lambda: control.failed or agent.get(key) == "1", f"{key} is merged or not")
            if control.failed:
                failed_kinds |= control.failed_kinds
                record_property(f"calls {NAMES[code]}", number)
                [line] = agent.wait_logged("received entries were not stored", mark)
                assert re.search(NAMED[code], line), line
                ledger.read()
                control.stop()
                ledger.read()
        assert failed_kinds == {META_WRITE, *kinds_of_commit(code)}
    eventually(lambda: len(entries(agent.dump("config/"))) == len(ledger.allowed), "a round brings them", within=15)
    assert not link.end and peer.reconcile(link).equal
    ledger.verify_over_restart(stop)


@pytest.mark.parametrize("code", codes(DISK_FULL))
def test_leases_whose_purge_fails_are_purged_when_the_disk_is_well(cluster, peer, code, record_property):
    agent, control = shimmed_agent(cluster)
    ledger = Ledger(start(agent))
    settled_link(agent, peer)
    numbers, entry_count = itertools.count(), agent.status()["entries"]

    def lend():
        """Sends a lease that is over and about to be purged, and waits until the agent has it."""
        key, end = f"session/python/{next(numbers)}", wall_time() + 1000
        written = end - PURGE_MILLISECONDS
        peer.call(peer.merge, Entry(key.encode(), b"1", 0, written << 16, peer.origin, written + 1000), None)
        eventually(lambda: agent.status()["entries"] > entry_count, f"{key} is merged", every=0.02)

    for number in control.each_call(code, *kinds_of_commit(code), patience=1):
        # A lease whose purge failed is purged a second later, unless a further call is made to fail in time.
        while not control.failed and agent.status()["entries"] == entry_count:
            control.stop()
            lend()
            control.fail(code, *kinds_of_commit(code), nth=number)
        eventually(lambda: control.failed or agent.status()["entries"] == entry_count, "the lease ends")
        if control.failed:
            record_property("calls", number)
            [*_, line] = agent.wait_logged("expired entries were not purged")
            assert re.search(NAMED[code], line), line
            ledger.read()
            assert agent.get("session/python/0") is None
    assert number > len(kinds_of_commit(code)) and agent.status()["entries"] == entry_count
    ledger.verify_over_restart(stop)


# Backup and restore.


@pytest.mark.parametrize("code, count", cases((DISK_FULL, 1)))
def test_a_backup_of_which_a_call_fails_leaves_nothing_and_can_be_tried_again(cluster, code, count, record_property):
    copies = cluster.directory / "copies"
    copies.mkdir()
    agent, control = shimmed_agent(cluster, copies)
    ledger = Ledger(start(agent))
    ledger.write(next(loads(cluster.directory)))
    whole = cluster.directory / "whole.mdb"
    agent.ok("backup", whole)
    copy = copies / "copy.mdb"
    for kind in (WRITE,) if code == SHORT_WRITE else (OPEN, WRITE, SYNC, LINK, UNLINK, DIRECTORY_SYNC):
        for number in control.each_call(code, kind, count=count):
            result = agent.run("backup", copy)
            control.stop()
            assert control.failed or result.status == 0, result
            if control.failed:
                record_property(f"calls {kind}", number)
            if result.status != 0:
                assert result.status == 1 and re.search(NAMED[code], result.err) and str(copies) in result.err, result
                # Nothing is left but what could not be removed.
                left = list(copies.iterdir())
                assert not left or (kind == UNLINK and count > 1), left
                for path in left:
                    path.unlink()
                agent.ok("backup", copy)
            assert copy.read_bytes() == whole.read_bytes()
            copy.unlink()
        assert number > 1, f"no call of kind {kind} failed"
    ledger.verify()


@pytest.mark.parametrize("code, count", cases((DISK_FULL, 1), (SHORT_WRITE, 1)))
def test_a_restore_of_which_a_call_fails_leaves_the_old_store_or_the_new_one(cluster, code, count, record_property):
    agent, control = shimmed_agent(cluster)
    start(agent)
    states, copies = {}, {}
    for name in ("one", "two"):
        agent.put("config/state", name)
        agent.put(f"config/{name}", name)
        states[name] = agent.dump("config/")
        copies[name] = cluster.directory / f"{name}.mdb"
        agent.ok("backup", copies[name])
    stop(agent)
    names = (MKDIR, OPEN, TRUNCATE, SYNC, RENAME, UNLINK, DIRECTORY_SYNC)
    kinds = (WRITE,) if code == SHORT_WRITE else (WRITE, *names)
    present, failed_kinds = "two", set()
    for number in control.each_call(code, *kinds, count=count, patience=1):
        wanted = "one" if present == "two" else "two"
        result = run(
            "restore", copies[wanted], "--var-dir", agent.directory, environment=control.environment)
        control.stop()
        failed_kinds |= control.failed_kinds
        record_property("calls", number)
        if result.status != 0:
            assert result.status == 1 and control.failed and re.search(NAMED[code], result.err), result
        assert agent.json("check")["damaged"] == 0
        agent.start()
        [found] = [name for name, state in states.items() if state == agent.dump("config/")]
        assert found == wanted or result.status != 0
        agent.put("config/after", str(number))
        stop(agent)
        present = "one" if found == "two" else "two"
        agent.ok("restore", copies[present])
        assert not (agent.directory / "store/data.mdb.restore").exists()
    assert failed_kinds == set(kinds)


# Starting.


def starts_or_says_why(agent, code):
    """Starts it. True once it serves; else it has ended with words that name the problem."""
    mark = agent.log_path.exists() and agent.mark()
    agent.spawn()
    eventually(
        lambda: agent.process.poll() is not None or has_committed(agent)
        or agent.logged("the server update was not stored", mark), "it stores its first server update, or says why not")
    if agent.process.poll() is None:
        return True
    assert agent.wait() == 1
    assert re.search(NAMED[code], agent.log(mark)), agent.log(mark)
    return False


USUAL_STARTS = {("new", 1, DISK_FULL), ("new", 1, SHORT_WRITE), ("existing", 1, SHORT_WRITE)}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("which, count, code", [
    pytest.param(
        which, count, code, id=f"{which}-{NAMES[code]}-{duration}",
        marks=() if (which, count, code) in USUAL_STARTS else SOAK)
    for which in ("new", "existing") for count, duration in DURATIONS.items() for code in NAMES])
def test_a_start_of_which_a_call_fails_says_why_and_the_next_one_needs_no_help(
        cluster, which, count, code, record_property):
    is_new = which == "new"
    agent, control = shimmed_agent(cluster)
    kinds = (WRITE,) if code == SHORT_WRITE else (WRITE, SYNC, MKDIR, OPEN, TRUNCATE, RENAME, UNLINK, DIRECTORY_SYNC)
    store, kept = agent.directory / "store", cluster.directory / "kept"
    if not is_new:
        Ledger(start(agent))
        stop(agent)
        shutil.copytree(store, kept)
    failed_kinds = set()
    for number in control.each_call(code, *kinds, count=count, patience=1):
        shutil.rmtree(store, ignore_errors=True)
        if not is_new:
            shutil.copytree(kept, store)
        serves = starts_or_says_why(agent, code)
        assert control.failed or serves
        failed_kinds |= control.failed_kinds
        record_property("calls", number)
        control.stop()
        if serves and not is_new:
            eventually(lambda: agent.get("config/earlier") == "1", "an earlier value can be read", within=5)
        if not serves:
            agent.start()
        assert is_new or agent.get("config/earlier") == "1"
        agent.put("config/after", str(number))
        assert agent.json("check")["damaged"] == 0
        stop(agent)
    assert failed_kinds >= {META_WRITE, *kinds[:5]}
