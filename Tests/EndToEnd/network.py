# Addresses and ports: every agent, proxy and server of a test run has a loopback address of its own.
import itertools
import os
import socket

# What pytest-xdist calls its processes: gw0 and so on. There is one without a name where tests run one after the other.
PROCESS_NUMBER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw-1").removeprefix("gw")) + 1
# Not 127.0.0.1: from there outgoing connections start, and one of them could take the port of a stopped agent.
FIRST, HOSTS_IN_A_ROW = 2, 253
_numbers = itertools.count()


def new_host():
    """An address that nobody else has, whichever thread asks."""
    third, fourth = divmod(next(_numbers), HOSTS_IN_A_ROW)
    return f"127.{PROCESS_NUMBER}.{third}.{FIRST + fourth}"


def free_port(host):
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def new_address():
    """A host and port that nothing listens on."""
    host = new_host()
    return host, free_port(host)


def url(address):
    return f"https://{address[0]}:{address[1]}"
