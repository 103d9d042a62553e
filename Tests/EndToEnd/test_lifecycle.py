# The daemon's start and end, and what systemd is told.
import os
import select
import signal
import socket
import subprocess
import time

import pytest

from agents import PROGRAM, STOP_SECONDS
from waiting import eventually

# Words of libraries and of Swift that have no place in an administrator's log.
NOISE = r"Hummingbird|CancellationError|NIO|ChannelError|Error\(|error\.|swift|uncleanShutdown|\[services\]|ServiceLifecycle"


def assert_quiet(agent):
    assert not agent.logged(NOISE), agent.logged(NOISE)


def test_a_single_member_ends_in_time_with_status_0_and_without_noise(cluster):
    agent = cluster.agent().start()
    assert agent.stop(within=STOP_SECONDS) == 0
    assert agent.log().splitlines()[-1].endswith("stopped")
    assert_quiet(agent)
    assert not agent.logged("error|warning"), agent.log()


def test_an_interrupt_from_the_keyboard_ends_it_as_well(cluster):
    agent = cluster.agent().start()
    agent.process.send_signal(signal.SIGINT)
    assert agent.wait() == 0
    assert_quiet(agent)


def test_linked_members_say_goodbye(cluster):
    hub, first, second = cluster.star(3)
    hub.wait_linked(first, second)
    began = time.monotonic()
    assert hub.stop(within=STOP_SECONDS) == 0
    assert time.monotonic() - began < STOP_SECONDS
    for member in (first, second):
        [line] = member.wait_logged(f"link down: {hub.server_id}")
        assert "shutting down" in line and "info" in line and "warning" not in line, line
        eventually(lambda: "refused" in member.last_error() or "shutting down" in member.last_error(), "it is told why")
    assert first.stop() == 0
    for member in (hub, first):
        assert_quiet(member)
    hub.start()
    second.wait_linked(hub, within=15)


def test_members_that_dial_end_as_well_while_they_dial_in_vain(cluster, proxies):
    target = cluster.agent().start()
    hole = proxies(target)
    hole.blackhole()
    member = cluster.agent(hole.url, "https://127.0.0.1:1").start()
    eventually(lambda: hole.connection_count, "the member dials")
    assert member.stop(within=STOP_SECONDS) == 0
    assert_quiet(member)


def test_a_member_ends_while_commands_wait(cluster):
    """A watch, a load and an idle connection to the port do not hold it up."""
    agent = cluster.agent().start()
    commands = [
        subprocess.Popen([PROGRAM, *arguments, "--var-dir", str(agent.directory)], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for arguments in (("watch",), ("load", "-"))
    ]
    idle = socket.create_connection(agent.address)
    eventually(lambda: agent.put("config/x", "1") or _has_output(commands[0]), "the watch has begun")
    try:
        assert agent.stop(within=STOP_SECONDS) == 0
        assert_quiet(agent)
    finally:
        idle.close()
        for command in commands:
            command.kill()
            command.communicate()


def _has_output(process):
    return select.select([process.stdout], [], [], 0)[0]


@pytest.fixture
def notified(directory):
    """The socket of a service manager."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(directory / "notify"))
        listener.settimeout(STOP_SECONDS)
        yield listener


def test_systemd_is_told_when_the_agent_is_ready(cluster, notified):
    agent = cluster.agent(environment={"NOTIFY_SOCKET": notified.getsockname()}).spawn()
    assert "READY=1" in notified.recv(4096).decode().splitlines()
    # Ready means: commands and links are taken now.
    assert agent.run("status").status == 0
    socket.create_connection(agent.address).close()


def test_systemd_is_told_when_the_agent_begins_to_end(cluster, notified):
    agent = cluster.agent(environment={"NOTIFY_SOCKET": notified.getsockname()}).spawn()
    assert "READY=1" in notified.recv(4096).decode().splitlines()
    assert agent.stop() == 0
    assert "STOPPING=1" in notified.recv(4096).decode().splitlines()


def test_the_log_goes_to_standard_error_and_nothing_to_standard_output(cluster):
    agent = cluster.agent()
    process = subprocess.Popen(
        [PROGRAM, "run", "--var-dir", str(agent.directory)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = [process.stderr.readline() for _ in range(3)]
    process.terminate()
    out, _ = process.communicate(timeout=STOP_SECONDS)
    assert agent.server_id in lines[0] and "sockets" in lines[1] and "listening on" in lines[2] and out == "", (
        lines, out)


def test_a_stopped_process_that_goes_on_is_a_member_again(cluster):
    first, second = cluster.chain(2)
    second.wait_linked(first)
    os.kill(second.process.pid, signal.SIGSTOP)
    first.put("config/meanwhile", "1")
    os.kill(second.process.pid, signal.SIGCONT)
    eventually(lambda: second.get("config/meanwhile") == "1", "it catches up")
    second.wait_linked(first)
