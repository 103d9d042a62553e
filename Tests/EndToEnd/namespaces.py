# Network namespaces joined by cables: hosts of a network that a test makes for itself, and breaks.
import itertools
import os
import subprocess

# A hardware address that no host has.
NOBODY = "02:00:00:00:00:01"


def ip(*arguments):
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


class Namespace:
    """A host of such a network."""

    def __init__(self, name):
        self.name = f"fx-{name}-{os.getpid()}"
        ip("netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *arguments):
        return ip("-n", self.name, *arguments)

    def is_unreachable(self, address):
        """Whether there is no way from here to an address."""
        answer = subprocess.run(
            ["ip", "-n", self.name, "route", "get", address], capture_output=True, text=True)
        return answer.returncode != 0 and "unreachable" in answer.stderr

    @property
    def wrapper(self):
        """The words before a program's own that make it run on this host."""
        return ["ip", "netns", "exec", self.name]

    def remove(self):
        ip("netns", "del", self.name)


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
            host.ip("address", "add", f"{self.addresses[host]}/24", "dev", self.name)
            host.ip("link", "set", self.name, "up")

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
