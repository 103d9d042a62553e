# The program as the README installs it, and what an agent says that was installed without its pages.
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from agents import PROGRAM, ROOT
from needs import needs, needs_root
from portal import RESOURCES
from readme import commands_with
from web import get

BUILT = ROOT / ".build/release"
# Stands for ssh: what is typed for a host happens below a directory of its name. Its packages are those of this host.
SSH = """#!/usr/bin/env python3
import os, sys
account, *command = sys.argv[1:]
if command[0] != "apt-get":
    assert command[0] == "tar" and account.startswith("root@"), sys.argv
    root = "{hosts}/" + account.removeprefix("root@")
    os.execvp(command[0], [root if word == "/" else word for word in command])
"""


@pytest.fixture
def alone(directory):
    """A copy of the program and nothing else."""
    needs(not Path("/usr/share/fastx").exists(), "pages are installed on this host: remove /usr/share/fastx")
    program = directory / "prefix/bin/fastx-agent"
    program.parent.mkdir(parents=True)
    shutil.copy(PROGRAM, program)
    return program


@pytest.fixture
def hosts(directory):
    """What the README's commands for two hosts put on them: their directories by name."""
    needs(Path(PROGRAM).is_relative_to(BUILT), f"make install takes what is in {BUILT}: unset FASTX_AGENT")
    tools, hosts = directory / "tools", directory / "hosts"
    tools.mkdir()
    (tools / "ssh").write_text(SSH.format(hosts=hosts))
    (tools / "ssh").chmod(0o755)
    for name in ("alpha", "beta"):
        (hosts / name).mkdir(parents=True)
    commands = commands_with("make install")
    assert ".build/installed" in commands, commands
    # Whoever keeps his files to himself installs for all users of the host all the same.
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands.replace(".build/installed", f"{directory}/installed")],
        cwd=ROOT, capture_output=True, text=True, timeout=50, umask=0o077,
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"})
    assert done.returncode == 0, done
    return {name: hosts / name for name in ("alpha", "beta")}


def without_toolchain():
    """The words before a program that make it run where the toolchain is not."""
    needs_root("the toolchain is hidden")
    linked = subprocess.run(["ldd", PROGRAM], capture_output=True, text=True, check=True).stdout
    [core] = re.findall(r"libswiftCore\.so => (\S+)", linked)
    return ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(Path(core).parent)]


def test_an_agent_without_pages_says_so_in_its_log_its_status_and_to_browsers(cluster, alone):
    agent = cluster.agent(program=alone).start()
    looked_in = [f"{alone.parent}/{RESOURCES}", f"{alone.parent.parent}/share/fastx", "/usr/share/fastx"]
    [line] = agent.logged("no pages")
    assert " warning " in line and ", ".join(looked_in) in line and "make install" in line, line
    [line] = [line for line in agent.ok("status").splitlines() if line.startswith("pages ")]
    assert "MISSING" in line and ", ".join(looked_in) in line and "make install" in line, line
    for path in ("/", "/session/x", "/pages/portal/portal.js"):
        answer = get(agent.address, path)
        assert answer.status == 503 and answer.type.startswith("text/plain"), (path, answer.status, answer.type)
        text = answer.body.decode()
        assert "pages are not installed on this member" in text and "make install" in text, text
        assert str(cluster.directory) not in text, text
    # Programs are served as ever.
    assert get(agent.address, "/api/v1/me").problem["reason"] == "not-logged-in"


def test_pages_that_are_installed_while_the_agent_runs_are_served_at_once(cluster, alone):
    agent = cluster.agent(program=alone).start()
    assert get(agent.address, "/").status == 503
    shutil.copytree(Path(PROGRAM).parent / RESOURCES, alone.parent.parent / "share/fastx")
    assert get(agent.address, "/").status == 200
    assert get(agent.address, "/api/v1/openapi.json").status == 200
    assert "pages " not in agent.ok("status") and agent.status()["pagesMissing"] is None


def test_what_the_readme_installs_on_two_hosts_needs_no_toolchain_and_has_its_pages(cluster, hosts):
    for root in hosts.values():
        private = [path for path in root.rglob("*") if not path.stat().st_mode & stat.S_IROTH]
        assert not private, private
    agents = []
    for name, root in hosts.items():
        points = agents[:1]
        agents.append(cluster.agent(
            *points, name=name, program=root / "usr/bin/fastx-agent", wrapper=without_toolchain()))
    cluster.start(agents)
    alpha, beta = agents
    beta.wait_linked(alpha)
    for agent in agents:
        page = get(agent.address, "/")
        assert page.status == 200, (page.status, page.body)
        modules = re.findall(r'src="(/pages/[^"]+\.js)"', page.body.decode())
        assert modules, page.body
        for module in modules:
            answer = get(agent.address, module)
            assert answer.status == 200 and answer.type.startswith("text/javascript"), (module, answer.status)
        assert not agent.logged("no pages"), agent.log()


def test_nothing_is_installed_before_it_is_built(directory):
    done = subprocess.run(
        [ROOT / "scripts/install", directory / "nowhere", directory / "prefix"], capture_output=True, text=True,
        timeout=20)
    assert done.returncode == 1 and "make build" in done.stderr, done
    assert not (directory / "prefix").exists()
