# Addresses and ports: every agent, proxy and server of a test run has a loopback address of its own.
import itertools
import socket

# Not 127.0.0.1: from there outgoing connections start, and one of them could take the port of a stopped agent.
_hosts = (f"127.0.{third}.{fourth}" for third in itertools.count(0) for fourth in range(2, 255))


def new_host():
    return next(_hosts)


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
