# The newcomer's walk of the README on two hosts that the test makes: network namespaces joined by a cable.
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from agents import PROGRAM
from namespaces import add_namespace, ip
from waiting import eventually

pytestmark = pytest.mark.cuts


class Host:
    """A network namespace with a name, an address, and a var directory."""

    def __init__(self, name, address, directory):
        self.name = name
        self.namespace = f"fx-{name}-{os.getpid()}"
        self.address = address
        self.var = directory / name
        self.log = directory / f"{name}.log"
        self.process = None
        add_namespace(self.namespace)
        # What `ip netns exec` shows as /etc/hosts in there.
        self.etc = Path("/etc/netns") / self.namespace
        self.etc.mkdir(parents=True)
        (self.etc / "hosts").write_text("127.0.0.1 localhost\n10.77.0.1 alpha\n10.77.0.2 beta\n")

    def command(self, *arguments, stdin=""):
        """What the newcomer types, with FASTX_VAR_DIR set as the README says."""
        return subprocess.run(
            ["ip", "netns", "exec", self.namespace, PROGRAM, *arguments], input=stdin, capture_output=True, text=True,
            timeout=20, env={**os.environ, "FASTX_VAR_DIR": str(self.var)})

    def ok(self, *arguments):
        result = self.command(*arguments)
        assert result.returncode == 0, (self.name, arguments, result)
        return result.stdout

    def run(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, PROGRAM, "run"], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env={**os.environ, "FASTX_VAR_DIR": str(self.var)})
        eventually(lambda: self.command("status").returncode == 0, f"{self.name} runs")

    def remove(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)
        ip("netns", "del", self.namespace)
        (self.etc / "hosts").unlink()
        self.etc.rmdir()


@pytest.fixture
def hosts():
    with tempfile.TemporaryDirectory(prefix="fx-") as name:
        directory = Path(name)
        alpha, beta = Host("alpha", "10.77.0.1", directory), Host("beta", "10.77.0.2", directory)
        ip("link", "add", "cable", "netns", alpha.namespace, "type", "veth", "peer", "name", "cable", "netns", beta.namespace)
        for host in (alpha, beta):
            ip("-n", host.namespace, "address", "add", f"{host.address}/24", "dev", "cable")
            ip("-n", host.namespace, "link", "set", "cable", "up")
        yield alpha, beta, directory
        for host in (alpha, beta):
            host.remove()


def join(alpha, beta, directory):
    """The README's steps for two hosts."""
    alpha.ok("init", "--new-cluster-key")
    key_file = directory / "cluster.key"
    alpha.ok("key", "export", "--to", str(key_file))
    alpha.run()
    beta.ok("init", "--cluster-key-file", str(key_file), "--access-point", "https://alpha:3300")
    beta.run()
    return key_file


def has_open_link(host):
    return any(link["state"] == "open" for link in json.loads(host.ok("status", "--json"))["links"])


def test_a_newcomer_joins_two_hosts_breaks_the_key_reads_the_error_and_mends_it(hosts):
    alpha, beta, directory = hosts
    key_file = join(alpha, beta, directory)
    for host in (alpha, beta):
        eventually(lambda: host.ok("members").count(" s ago") == 2, f"{host.name} lists both members")
    alpha.ok("put", "data/motd", "Hello, cluster")
    eventually(lambda: beta.command("get", "data/motd").stdout == "Hello, cluster", "the value is at beta")

    old = beta.ok("key", "list").split("\n")[1].split()[0]
    beta.ok("key", "new")
    began = time.monotonic()
    beta.ok("key", "remove", old)
    eventually(lambda: not has_open_link(beta), "the link ends", within=5)
    assert time.monotonic() - began < 5
    eventually(lambda: "no common key" in beta.ok("status"), "the status says why")
    for host in (alpha, beta):
        eventually(lambda: "no common key" in host.log.read_text(), f"the log of {host.name} says why")

    beta.ok("key", "add", str(key_file))
    eventually(lambda: has_open_link(beta), "the link is back", within=40)
    beta.ok("put", "data/motd", "mended")
    eventually(lambda: alpha.command("get", "data/motd").stdout == "mended", "the value is at alpha")
