# Fixtures: a cluster in a short temporary directory, and the proxies and servers around it, all ended with the test.
import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from agents import PROGRAMS, Agent, Cluster
from mitm import InterceptingProxy
from proxy import Proxy
from second_implementation.member import Member
from tokens import read_secret

# How much of each running agent's log is shown with a failed test, in bytes.
LOG_LENGTH = 3000

pytest_plugins = ["spreading", "portal_fixtures", "configuration_fixtures"]


def pytest_configure():
    # Whoever ends the run ends its agents too: the fixtures are torn down as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for program in PROGRAMS:
        if not os.access(program, os.X_OK):
            raise pytest.UsageError(f"{program} is not built; set FASTX_AGENT or FASTX_OTHER_AGENT to another one")


@pytest.fixture
def directory(request):
    """A private directory, with a path so short that Unix sockets fit into it. Kept when the test failed."""
    path = Path(tempfile.mkdtemp(prefix="fx-"))
    yield path
    if getattr(request.node, "failed", False) and os.environ.get("FASTX_KEEP"):
        print(f"kept: {path}")
    else:
        shutil.rmtree(path, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        item.failed = True
        for agent in sorted(Agent.running, key=lambda agent: agent.name):
            if agent.process:
                report.sections.append((f"end of the log of {agent.name}, {agent.url}", agent.log()[-LOG_LENGTH:]))
    return report


@pytest.fixture
def cluster(directory):
    cluster = Cluster(directory)
    yield cluster
    cluster.close()


@pytest.fixture
def agent(cluster):
    """A single running member."""
    return cluster.agent().start()


@pytest.fixture
def proxies():
    """Makes proxies: `proxies(agent)` stands before that agent."""
    made = []

    def make(agent):
        made.append(Proxy(agent.address))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


@pytest.fixture
def interceptors():
    """Makes proxies that end TLS with a certificate of their own."""
    made = []

    def make(agent):
        made.append(InterceptingProxy(agent.address))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


@pytest.fixture
def secret(cluster):
    return read_secret(cluster.key_file)


@pytest.fixture
def members():
    """Makes members of the second implementation."""
    made = []

    def make(*secrets, **options):
        made.append(Member(*secrets, **options))
        return made[-1]

    yield make
    for member in made:
        member.close()
