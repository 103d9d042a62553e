# Network namespaces joined by cables: hosts of a network that a test makes for itself, and breaks.
import contextlib
import ctypes
import itertools
import os
import shutil
import subprocess
from pathlib import Path

from needs import needs, needs_root

LIBRARY = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000

# A hardware address that no host has.
NOBODY = "02:00:00:00:00:01"


def ip(*arguments):
    ended = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    assert ended.returncode == 0, f"ip {' '.join(arguments)}: {ended.stderr}"
    return ended.stdout


def add_namespace(name):
    needs_root("network namespaces are made")
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    needs(made.returncode == 0, f"no network namespace can be made on this host: {made.stderr.strip()}")
    ip("-n", name, "link", "set", "lo", "up")


class Namespace:
    """A host of such a network."""

    _numbers = itertools.count(1)

    def __init__(self, name):
        self.name = f"fx-{name}-{os.getpid()}-{next(self._numbers)}"
        add_namespace(self.name)

    def ip(self, *arguments):
        return ip("-n", self.name, *arguments)

    def connect(self, device, address):
        """Takes a device into use. It has this one address: another of IPv6, which would be there a second later, is a
        change of the network to browsers, and they give up what they are asking for."""
        self.ip("link", "set", device, "addrgenmode", "none")
        self.ip("address", "add", f"{address}/24", "dev", device)
        self.ip("link", "set", device, "up")

    def know(self, *lines):
        """Sets the lines of this host's /etc/hosts, for programs that are started from now on."""
        self._etc.mkdir(parents=True, exist_ok=True)
        (self._etc / "hosts").write_text("".join(f"{line}\n" for line in lines))

    @property
    def _etc(self):
        return Path("/etc/netns") / self.name

    def is_unreachable(self, address):
        """Whether there is no way from here to an address."""
        answer = subprocess.run(
            ["ip", "-n", self.name, "route", "get", address], capture_output=True, text=True)
        return answer.returncode != 0 and "unreachable" in answer.stderr

    @property
    def wrapper(self):
        """The words before a program's own that make it run on this host."""
        return ["ip", "netns", "exec", self.name]

    @contextlib.contextmanager
    def entered(self):
        """Makes this thread act on that host: the sockets and threads that it makes stay there."""
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{self.name}") as away:
            _enter(away)
            try:
                yield
            finally:
                _enter(home)

    def remove(self):
        ip("netns", "del", self.name)
        shutil.rmtree(self._etc, ignore_errors=True)


def _enter(namespace):
    if LIBRARY.setns(namespace.fileno(), CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Cable:
    """A cable between two hosts, with an address at each end."""

    _numbers = itertools.count(1)

    def __init__(self, *hosts):
        number = next(self._numbers)
        self.name = f"cable{number}"
        self.hosts = hosts
        self.addresses = {host: f"10.77.{number}.{end}" for end, host in enumerate(hosts, 1)}
        near, far = hosts
        ip("link", "add", self.name, "netns", near.name, "type", "veth", "peer", "name", self.name, "netns", far.name)
        for host in hosts:
            host.connect(self.name, self.addresses[host])

    def pull(self):
        """Nothing passes until the cable is plugged in again."""
        self.hosts[0].ip("link", "set", self.name, "down")

    def plug(self):
        self.hosts[0].ip("link", "set", self.name, "up")

    def mislead(self, sender):
        """What one host sends goes astray without a word from then on, while all that is sent to it arrives."""
        self._neighbour("replace", sender, "lladdr", NOBODY, "nud", "permanent")

    def correct(self, sender):
        self._neighbour("del", sender)

    def _neighbour(self, verb, sender, *arguments):
        [other] = [host for host in self.hosts if host is not sender]
        sender.ip("neighbour", verb, self.addresses[other], *arguments, "dev", self.name)


class Network:
    """A switch with hosts plugged in: these reach each other, and nobody else."""

    _numbers = itertools.count(1)

    def __init__(self, *hosts):
        self.number = next(self._numbers)
        self.name = f"net{self.number}"
        self.addresses = {}
        self._switch = Namespace(self.name)
        self._switch.ip("link", "add", "switch", "type", "bridge")
        self._switch.ip("link", "set", "switch", "up")
        for host in hosts:
            self.plug(host)

    def plug(self, host):
        """Gives a host an address in this network."""
        end = len(self.addresses) + 1
        self.addresses[host] = f"10.78.{self.number}.{end}"
        port = f"port{end}"
        ip("link", "add", self.name, "netns", host.name, "type", "veth", "peer", "name", port, "netns", self._switch.name)
        self._switch.ip("link", "set", port, "master", "switch", "up")
        host.connect(self.name, self.addresses[host])
        return self.addresses[host]

    def unplug(self, host):
        """Cuts a host off from this network, without a word to anybody."""
        self._switch.ip("link", "set", f"port{list(self.addresses).index(host) + 1}", "down")

    def route(self, host, address, via):
        """Makes a host send what goes to an address to another host of this network."""
        host.ip("route", "replace", address, "via", self.addresses[via], "dev", self.name)

    @contextlib.contextmanager
    def losing(self, host, address):
        """What a host sends to an address goes astray in this network without a word."""
        host.ip("route", "add", address, "dev", self.name)
        host.ip("neighbour", "replace", address, "lladdr", NOBODY, "nud", "permanent", "dev", self.name)
        try:
            yield
        finally:
            host.ip("neighbour", "del", address, "dev", self.name)
            host.ip("route", "del", address, "dev", self.name)

    def remove(self):
        self._switch.remove()
