# A member that people log in at, installed and run as a package does it: a service user, sudo's rule, sshd.
import os
import re
import shutil
import tempfile
from pathlib import Path

from agents import PROGRAM, PROGRAMS, ROOT, Agent, next_program
from users import HostGroup, HostUser, host_command

RESOURCES = "fastx_Agent.resources"


class Installation:
    """The programs where every user may run them, the user that agents run as, and what sudo lets that one do."""

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="fxt-"))
        self.directory.chmod(0o755)
        # The installed copies, by what they are copies of.
        self.copies = {program: self._install(program, place) for place, program in zip(("bin", "other"), PROGRAMS)}
        self.service = HostUser(is_system=True, shell="/usr/sbin/nologin")
        # Whom sudo lets the agent become; nobody else is in it.
        self.people = HostGroup()
        self._sudo_rule = Path("/etc/sudoers.d") / self.service.name
        # Under its final name only when it is whole: a file with a dot in its name is none of sudo's, which others use.
        draft = self._sudo_rule.with_suffix(".draft")
        draft.touch(mode=0o440)
        draft.write_text("".join(self._documented_rule(program) + "\n" for program in self.copies.values()))
        host_command("visudo", "--check", "--quiet", "--file", draft)
        draft.rename(self._sudo_rule)

    @property
    def program(self):
        return self.copies[PROGRAM]

    def _install(self, program, place):
        source, target = Path(program).parent, self.directory / place
        target.mkdir(mode=0o755)
        shutil.copytree(source / RESOURCES, target / RESOURCES)
        return Path(shutil.copy(program, target))

    def _documented_rule(self, program):
        """The line that the documentation has for sudoers, with this installation's names."""
        text = (ROOT / "docs/operations.md").read_text()
        [line] = re.findall(r"^ +(fastx ALL=\(%fastx-users\) NOPASSWD: .*)$", text, re.MULTILINE)
        for documented, own in (("fastx ALL", f"{self.service.name} ALL"), ("fastx-users", self.people.name),
                                ("/usr/bin/fastx-agent", str(program)), ("/run/fastx", f"{self.directory}/*")):
            assert documented in line, (documented, line)
            line = line.replace(documented, own)
        return line

    def close(self):
        self._sudo_rule.unlink()
        self.people.remove()
        self.service.remove()
        shutil.rmtree(self.directory, ignore_errors=True)


class Portal(Agent):
    """An agent that runs as the service user and logs people in."""

    def __init__(
            self, directory, installation, sshd, key_file, logins=None, environment=None, service=None, host=None,
            address=None, **settings):
        self.service = service or installation.service
        directory = Path(directory)
        # Outside the private directory: everybody finds the sockets here.
        self.runtime = directory.with_suffix(".run")
        self.runtime.mkdir(mode=0o755)
        os.chown(self.runtime, self.service.uid, self.service.gid)
        ways = {"ways": ["ssh", "sudo"]}
        if sshd:
            ways |= {"sshPort": sshd.port, "sshKnownHosts": str(sshd.known_hosts)}
        super().__init__(
            directory, key_file=key_file, program=installation.copies[next_program()], address=address,
            # For the agent alone: what runs before it is another user's.
            wrapper=[*(host.wrapper if host else ()), *self.service.wrapper, "env", "--ignore-environment", *(
                f"{name}={value}" for name, value in (self.service.environment | (environment or {})).items())],
            settings={"runtimeDirectory": str(self.runtime), "logins": ways | (logins or {}), **settings})
        host_command("chown", "--recursive", f"{self.service.uid}:{self.service.gid}", directory)

    @property
    def user_socket(self):
        return self.runtime / "user.sock"

    @property
    def steward_socket(self):
        return self.runtime / "link.sock"

    def as_user(self, user, *arguments, **options):
        """A command for users, run by one of them."""
        return user.run(
            self.program, *arguments, environment={"FASTX_USER_SOCKET": str(self.user_socket)}, **options)

    def stewards(self, user):
        """A user's stewards of this member."""
        return [process for process in user.processes()
                if {"link", str(self.steward_socket)} <= set(process.arguments) and "--detach" not in process.arguments]

    def leases(self, kind):
        """What the map says of this member's logins or sessions, by their ids."""
        prefix = f"{kind}/{self.server_id}/"
        return {key.removeprefix(prefix): value for key, value in self.entries(prefix).items()}
