# Accounts of this host, made for a test run and removed with all that they left.
import contextlib
import fcntl
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

from waiting import eventually

ACCOUNTS_LOCK = "/run/lock/fastx-tests-accounts"


def host_command(*arguments, **options):
    """Runs a program of the host that must succeed, and returns what it prints."""
    ended = subprocess.run([str(word) for word in arguments], capture_output=True, text=True, timeout=30, **options)
    assert ended.returncode == 0, (arguments[0], ended)
    return ended.stdout


@contextlib.contextmanager
def changing_accounts():
    """For one process of tests at a time: where several change the host's accounts, each that is not the first waits a
    second before it tries again, and gives up after some."""
    with open(ACCOUNTS_LOCK, "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class HostGroup:
    """A group of this host."""

    def __init__(self):
        self.name = f"fxt{secrets.token_hex(4)}"
        with changing_accounts():
            host_command("groupadd", self.name)

    def remove(self):
        with changing_accounts():
            host_command("groupdel", self.name)


class HostUser:
    """An account of this host, with a home that others may enter and a password that needs careful hands."""

    def __init__(self, groups=(), is_system=False, shell="/bin/bash"):
        self.name, self.shell = f"fxt{secrets.token_hex(4)}", shell
        self.password = f"{secrets.token_urlsafe(9)} ü'\"$\\:%-"
        kind = ["--system"] if is_system else []
        more = ["--groups", ",".join(groups)] if groups else []
        with changing_accounts():
            host_command("useradd", "--create-home", "--user-group", "--shell", shell, *kind, *more, self.name)
            host_command("chpasswd", input=f"{self.name}:{self.password}\n")
        entry = pwd.getpwnam(self.name)
        self.uid, self.gid, self.home = entry.pw_uid, entry.pw_gid, Path(entry.pw_dir)
        self.home.chmod(0o755)

    @property
    def wrapper(self):
        """The words before a program's own that make it run as this user."""
        return ["setpriv", "--reuid", self.name, "--regid", str(self.gid), "--init-groups", "--"]

    @property
    def environment(self):
        """What a login sets."""
        return {"HOME": str(self.home), "USER": self.name, "LOGNAME": self.name, "SHELL": self.shell,
                "PATH": "/usr/local/bin:/usr/bin:/bin"}

    def run(self, *arguments, timeout=30, environment=None, **options):
        """Runs a program as this user."""
        return subprocess.run(
            [*self.wrapper, *map(str, arguments)], capture_output=True, text=True, timeout=timeout, cwd="/",
            env=self.environment | (environment or {}), **options)

    @contextlib.contextmanager
    def identity(self):
        """Makes this process act as the user, as far as the kernel tells others. Not for two threads at a time."""
        groups = os.getgroups()
        os.setgroups(os.getgrouplist(self.name, self.gid))
        os.setegid(self.gid)
        os.seteuid(self.uid)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setegid(0)
            os.setgroups(groups)

    def processes(self):
        """The user's processes, without those that have ended and wait for their parent, and without those that were
        forked this moment and still look like their parent."""
        parents = {}
        for directory in Path("/proc").iterdir():
            if not directory.name.isdigit():
                continue
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                status = (directory / "status").read_text()
                is_zombie = "\nState:\tZ" in status
                if f"\nUid:\t{self.uid}\t" in status and not is_zombie:
                    [parent] = re.findall(r"\nPPid:\t(\d+)", status)
                    parents[Process(int(directory.name))] = Process(int(parent))
        return [process for process, parent in parents.items()
                if parent not in parents or process.arguments != parent.arguments]

    def find(self, program, text=""):
        """The user's processes of a program, with a text in their arguments."""
        return [process for process in self.processes()
                if process.program == program and text in " ".join(process.arguments)]

    def _end_processes(self):
        running = self.processes()
        for process in running:
            process.kill()
        return not running

    def remove(self):
        eventually(self._end_processes, f"the processes of {self.name} end")
        # As long as the number is this user's: the next one to be made may get it.
        shutil.rmtree(f"/tmp/.fastx-{self.uid}", ignore_errors=True)
        with changing_accounts():
            host_command("userdel", "--remove", "--force", self.name)


class Process:
    """A process of a user."""

    def __init__(self, pid):
        self.pid = pid

    def __repr__(self):
        return f"{self.pid}: {' '.join(self.arguments)}"

    def __eq__(self, other):
        return self.pid == other.pid

    def __hash__(self):
        return hash(self.pid)

    def _read(self, file):
        try:
            return Path(f"/proc/{self.pid}/{file}").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return b""

    @property
    def is_alive(self):
        return b"\nState:\tZ" not in (status := self._read("status")) and status != b""

    @property
    def is_asleep(self):
        """Whether it waits for something to happen, and has nothing to do until then."""
        return b"\nState:\tS" in self._read("status")

    @property
    def program(self):
        return Path(self.arguments[0]).name if self.arguments else ""

    @property
    def arguments(self):
        return self._read("cmdline").decode(errors="replace").split("\0")[:-1]

    def argument(self, name):
        """The word after an option."""
        words = self.arguments
        return words[words.index(name) + 1]

    @property
    def environment(self):
        lines = self._read("environ").decode(errors="replace").split("\0")
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
