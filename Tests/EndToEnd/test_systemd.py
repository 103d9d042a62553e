# The shipped unit under a real systemd, on a host where the agent is installed as docs/operations.md says.
import contextlib
import json
import re
import subprocess
from pathlib import Path

import pytest

from agents import PROGRAM, ROOT
from systemd_host import PROJECT, SystemdHost
from waiting import eventually

# The first host waits for its tree, and the last test for four restarts.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

UNIT = "fastx-agent.service"
DROP_INS = f"/etc/systemd/system/{UNIT}.d"
VAR = "/usr/lib/fastx/var"
# What `systemd-analyze security` may find, in tenths: from 0 for nothing to 100.
EXPOSURE_MAX = 20
# How often systemd starts an agent within a minute, as its default StartLimitBurst= says.
STARTS_MAX = 5


def installing_commands():
    """What docs/operations.md tells an administrator to type before he starts the agent."""
    section = (ROOT / "docs/operations.md").read_text().split("\n## Installing\n")[1].split("\n## ")[0]
    *commands, start, look = [line.strip() for line in section.splitlines() if line.startswith("    ")]
    assert (start, look) == ("systemctl enable --now fastx-agent", "journalctl -u fastx-agent -f")
    return commands


@contextlib.contextmanager
def installed_host(directory):
    """One on which the agent is installed and has not been started."""
    host = SystemdHost(directory)
    try:
        for command in installing_commands():
            if command.startswith("make install "):
                # Nothing is built there.
                subprocess.run(
                    [ROOT / "scripts/install", Path(PROGRAM).parent, directory / "installed/usr"], check=True,
                    stdout=subprocess.DEVNULL)
                host.install(directory / "installed")
            else:
                host.ok("bash", "-c", f"cd {PROJECT} && {command}")
        yield host
    finally:
        host.close()


@pytest.fixture
def host(directory, request):
    """An installed host of one test's own."""
    with installed_host(directory) as host:
        yield host
        if getattr(request.node, "failed", False):
            print("\n".join(host.journal(UNIT)[-40:]))


def start(host):
    host.ok("systemctl", "enable", "--now", UNIT)


def state(host):
    unit = host.unit(UNIT)
    return unit["ActiveState"], int(unit["NRestarts"])


def test_the_unit_starts_an_agent_that_is_installed_as_documented(host):
    start(host)
    unit = host.unit(UNIT)
    assert (unit["ActiveState"], unit["SubState"], unit["UnitFileState"]) == ("active", "running", "enabled"), unit
    assert (unit["NRestarts"], unit["StatusText"]) == ("0", "serving"), unit
    for user in ("fastx", "root"):
        assert json.loads(host.ok("sudo", "-u", user, "fastx-agent", "status", "--json"))["listen"]
    host.ok("fastx-agent", "put", "data/motd", "Hello")
    host.ok("systemctl", "reload", UNIT)
    host.ok("systemctl", "restart", UNIT)
    assert host.ok("fastx-agent", "get", "data/motd") == "Hello"
    assert state(host) == ("active", 0)


def test_the_agent_misses_nothing_that_the_unit_forbids(host):
    start(host)
    host.ok("systemctl", "stop", UNIT)
    complaints = [line for line in host.journal(UNIT) if re.search(r"(?i)error|warning|fail|errno|not permitted", line)]
    assert not complaints
    assert host.unit(UNIT)["Result"] == "success"


def test_what_the_unit_forbids_is_refused_to_a_program_and_does_not_end_it(host):
    """A file's owner may give it to himself, which changes nothing, unless the unit forbids the call."""
    host.ok("mkdir", DROP_INS)
    host.ok("tee", f"{DROP_INS}/forbidden.conf", stdin=f"[Service]\nExecStartPre=-chown fastx {VAR}/server-id\n")
    start(host)
    assert [line for line in host.journal(UNIT) if line.startswith("chown: ") and "Operation not permitted" in line]


def test_a_mistake_in_the_configuration_is_told_once_and_no_further_start_is_tried(host):
    host.ok("tee", f"{VAR}/config/settings.json", stdin='{"updateIntervalSeconds": "often"}')
    assert host.run("systemctl", "start", UNIT).status != 0
    unit = host.unit(UNIT)
    assert (unit["ActiveState"], unit["SubState"]) == ("failed", "failed"), unit
    assert (unit["Result"], unit["ExecMainStatus"], unit["NRestarts"]) == ("exit-code", "2", "0"), unit
    told = [line for line in host.journal(UNIT) if "settings.json" in line and "often" in line]
    assert len(told) == 1 and "updateIntervalSeconds" in told[0], host.journal(UNIT)
    host.ok("tee", f"{VAR}/config/settings.json", stdin="{}")
    host.ok("systemctl", "restart", UNIT)
    assert state(host) == ("active", 0)


def test_an_agent_that_dies_is_started_again_but_not_for_ever(host):
    start(host)
    for restarts in range(1, STARTS_MAX):
        host.ok("systemctl", "kill", "--signal=KILL", UNIT)
        eventually(lambda: state(host) == ("active", restarts), f"restart {restarts}")
    host.ok("systemctl", "kill", "--signal=KILL", UNIT)
    eventually(lambda: host.unit(UNIT)["ActiveState"] == "failed", "systemd gives up")


def test_systemd_finds_no_mistake_in_the_unit_and_hardly_a_way_out_of_it(host):
    assert host.run("systemd-analyze", "verify", UNIT) == (0, "", "")
    rated = host.run("systemd-analyze", "security", f"--threshold={EXPOSURE_MAX}", UNIT)
    assert rated.status == 0, rated
