# A Debian with a real systemd as its process 1, in namespaces of its own: a host for a test to install the agent on.
import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest

from agents import ROOT, Result
from needs import needs, needs_root
from waiting import eventually

# Where the host's administrator has the project's unit.
PROJECT = "/usr/src/fastx"
BOOT_SECONDS = 40
NAMESPACES = ["--mount", "--pid", "--cgroup", "--uts", "--ipc", "--net"]


class SystemdHost:
    """A host that is up, with all that the agent needs but without the agent."""

    def __init__(self, directory):
        needs_root("a host with systemd is made of namespaces and mounts")
        tree, directory = _make_tree(), Path(directory)
        self.log_path = directory / "boot.log"
        self.pid = None
        changes = directory / "changes"
        changes.mkdir()
        shown = [ROOT / "packaging", f"{PROJECT}/packaging"]
        self._group = _process_groups() / f"fx-systemd-{os.getpid()}-{directory.name}"
        self._group.mkdir()
        # In a group of processes of its own, and never without whoever started it.
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen(
                ["bash", "-c", 'echo 0 >"$0/cgroup.procs" && exec "$@"', self._group, "setpriv", "--pdeathsig", "KILL",
                 "unshare", "--fork", "--kill-child", *NAMESPACES, ROOT / "Tests/EndToEnd/boot-systemd", tree, changes,
                 *shown],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            eventually(self._is_up, "systemd is up", within=BOOT_SECONDS)
        except BaseException:
            self.close()
            raise

    def _is_up(self):
        ended = self._process.poll() is not None
        needs(not ended, f"systemd did not start in namespaces of its own: {self.log_path.read_text()}")
        self.pid = self.pid or self._find_systemd()
        assert self.pid, "there is no systemd yet"
        # A unit of Debian's that has no use for such a host may have failed.
        return self.run("systemctl", "is-system-running", "--wait").out.strip() in ("running", "degraded")

    def _find_systemd(self):
        """Process 1 of the host as this machine numbers it, once that is systemd."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for child in Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split():
                if Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                    return int(child)

    def run(self, *words, stdin="", timeout=30):
        """Runs a program of the host as its root."""
        ended = subprocess.run(self._words(*words), input=stdin, capture_output=True, text=True, timeout=timeout)
        return Result(ended.returncode, ended.stdout, ended.stderr)

    def _words(self, *words):
        return ["nsenter", "--target", str(self.pid), *NAMESPACES, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                "LANG=C.UTF-8", *words]

    def ok(self, *words, **options):
        """Runs a program that must succeed, and returns what it prints."""
        result = self.run(*words, **options)
        assert result.status == 0, f"{words}: {result}"
        return result.out

    def install(self, directory):
        """Puts on the host what `make install` has put below a directory, as README.md does it over ssh."""
        packed = subprocess.run(
            ["tar", "-C", directory, "--owner=0", "--group=0", "-cf", "-", "usr"], check=True, capture_output=True).stdout
        subprocess.run(self._words("tar", "-C", "/", "--no-overwrite-dir", "-xf", "-"), input=packed, check=True, timeout=30)

    def unit(self, name):
        """What systemd says of a unit."""
        return dict(line.split("=", 1) for line in self.ok("systemctl", "show", "--all", name).splitlines())

    def journal(self, name):
        """What a unit has said and what systemd has said of it, line by line."""
        self.ok("journalctl", "--sync")
        return self.ok("journalctl", "--unit", name, "--no-pager", "--output", "cat").splitlines()

    def close(self):
        """Ends the host with all its processes."""
        if self._process.poll() is None:
            os.kill(self.pid or self._process.pid, signal.SIGKILL)
        self._process.wait(10)
        eventually(self._remove_group, f"{self._group} is empty")

    def _remove_group(self):
        with contextlib.suppress(OSError):
            for parent, _, _ in os.walk(self._group, topdown=False):
                os.rmdir(parent)
        return not self._group.exists()


def _make_tree():
    made = subprocess.run(
        [ROOT / "scripts/make-systemd-tree"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    needs(made.returncode == 0, f"no tree for systemd: {made.stderr}")
    return made.stdout.strip()


def _process_groups():
    """Where this machine has the groups of processes that systemd wants: the unified ones."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    for _, place, kind, *_ in mounts:
        if kind == "cgroup2" and os.access(place, os.W_OK):
            return Path(place)
    pytest.fail("no unified control groups (cgroup2) are mounted here, or only for reading", pytrace=False)
