# Access points by a name with two addresses, the first of which leads to nothing, to silence or to somebody else.
import os
import socket
import subprocess

import pytest

from namespaces import NOBODY, Cable, Namespace
from waiting import eventually

pytestmark = [
    pytest.mark.cuts, pytest.mark.skipif(os.geteuid() != 0, reason="only root may make network namespaces")]

PORT = 3300
NAME = "beta.example"


class Pair:
    """The host of a member, and the host of another one that knows it by a name."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.near, self.far = Namespace("near"), Namespace("far")
        self.cable = Cable(self.near, self.far)
        self.near_address, self.address = (self.cable.addresses[host] for host in (self.near, self.far))
        # Nobody has the third address of either network.
        self.dead = self.address.removesuffix("2") + "3"
        self.address6, self.dead6 = "fd00:77::2", "fd00:77::3"
        for host, address in ((self.near, "fd00:77::1"), (self.far, self.address6)):
            host.ip("address", "add", f"{address}/64", "dev", self.cable.name, "nodad")
        for address in (self.dead, self.dead6):
            self.near.ip(
                "neighbour", "replace", address, "lladdr", NOBODY, "nud", "permanent", "dev", self.cable.name)
        # As `init` has it, with IPv4 alone: what comes by IPv6 is refused.
        self.member = cluster.agent(name="beta", address=("0.0.0.0", PORT), wrapper=self.far.wrapper).start()

    def know(self, *addresses):
        """Gives the name two addresses, which are tried in this order."""
        self.near.know(*(f"{address} {NAME}" for address in addresses))
        found = subprocess.run(
            [*self.near.wrapper, "getent", "ahosts", NAME], check=True, capture_output=True, text=True)
        assert [line.split()[0] for line in found.stdout.splitlines() if "STREAM" in line] == list(addresses)

    def dialler(self):
        return self.cluster.agent(
            f"https://{NAME}:{PORT}", name="alpha", address=("127.0.0.1", PORT), wrapper=self.near.wrapper)

    def check(self, *addresses):
        """The dialler gets its link by the name at its first try."""
        self.know(*addresses)
        dialler = self.dialler().start()
        dialler.wait_linked(self.member)
        assert not dialler.logged("no link to access point"), dialler.log()

    def remove(self):
        for host in (self.near, self.far):
            host.remove()


@pytest.fixture
def pair(cluster):
    pair = Pair(cluster)
    yield pair
    pair.remove()


@pytest.mark.parametrize("first", ["dead", "dead6"])
def test_a_name_links_whose_first_address_is_dead(pair, first):
    pair.check(getattr(pair, first), pair.address)


# At its own address the dialler's host has nobody who listens.
@pytest.mark.parametrize("first", ["near_address", "address6"])
def test_a_name_links_whose_first_address_refuses(pair, first):
    pair.check(getattr(pair, first), pair.address)


def test_a_name_links_whose_first_address_takes_connections_and_says_nothing(pair):
    with pair.near.entered():
        mute = socket.create_server((pair.near_address, PORT))
    with mute:
        pair.check(pair.near_address, pair.address)


def test_a_name_links_whose_first_address_another_cluster_has_taken(pair):
    pair.cluster.agent(
        name="gamma", key_file=pair.cluster.new_key_file("other"), address=(pair.near_address, PORT),
        wrapper=pair.near.wrapper).start()
    pair.check(pair.near_address, pair.address)


def test_localhost_links_where_it_is_an_ipv6_address_first(pair):
    pair.far.know("127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback")
    other = pair.cluster.agent(
        f"https://localhost:{PORT}", name="alpha", address=("127.0.0.1", PORT + 1), wrapper=pair.far.wrapper).start()
    other.wait_linked(pair.member)
    assert not other.logged("no link to access point"), other.log()


def test_where_all_addresses_fail_one_line_says_why_for_each(pair):
    pair.know(pair.address6, pair.dead)
    dialler = pair.dialler()
    dialler.edit("cluster.json", lambda content: content.update(
        databaseConnections=[{"url": f"https://{NAME}:{PORT}", "options": {"timeout": 1000}}]))
    dialler.start()
    line = (
        f"unreachable: no answer in 1.0 seconds ({pair.dead}); unreachable: Connection refused ({pair.address6})")
    eventually(lambda: dialler.last_error() == line, "both addresses are named")
    # The next dial says the same, and nothing new.
    point = lambda: dialler.status()["accessPoints"][0]["state"]
    for state in ("waiting", "dialling", "waiting"):
        eventually(lambda: point() == state, state, within=15)
    assert len(dialler.logged("no link to access point")) == 1, dialler.log()
