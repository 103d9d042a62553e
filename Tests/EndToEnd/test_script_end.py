# The end of an agent whose workers run scripts and metrics: those who wait are told, and no process is left.
import getpass
import json
import os
import subprocess

import pytest

from agents import PROGRAM
from needs import needs
from waiting import eventually

NODE = os.environ.get("FASTX_NODE", "/usr/bin/node")
# As many as there are workers at once, and some that wait for one.
TRIAL_COUNT = 6
WORKER_COUNT = 4


@pytest.fixture(autouse=True)
def node():
    needs(os.access(NODE, os.X_OK), f"{NODE} is missing: install nodejs, or set FASTX_NODE")


@pytest.fixture
def agent(cluster):
    scripts = {"node": NODE, "metricsAs": "self", "metricTimeLimitSeconds": 300, "timeLimitMilliseconds": 60_000}
    agent = cluster.agent(program=PROGRAM, settings={"updateIntervalSeconds": 1, "scripts": scripts}).start()
    agent.ok("config", "set", "scripts/Endless", "-", stdin="() => { for (;;) {} }")
    agent.ok("config", "set", "placement", "-", stdin=json.dumps({"start": ["Endless"]}))
    return agent


def workers(agent):
    return agent.status()["scripts"]["workers"]


def left(processes):
    return [process for process in processes if os.path.exists(f"/proc/{process}")]


def test_no_worker_is_left_when_an_agent_has_stopped(agent):
    agent.ok("config", "set", "metrics/stuck", "-", stdin="() => { for (;;) {} }")
    metric = eventually(lambda: agent.status()["metrics"]["worker"], "the metric runs")
    processes = eventually(lambda: workers(agent) and [metric, *workers(agent)], "a worker is warm")
    assert left(processes) == processes
    assert agent.stop() == 0
    assert left(processes) == []
    assert agent.logged("stopped$")


def test_those_who_wait_for_a_script_are_told_that_the_agent_is_stopping(agent):
    command = [PROGRAM, "placement", "try", "--user", getpass.getuser(), "--json", "--var-dir", str(agent.directory)]
    trials = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(TRIAL_COUNT)]

    def busy():
        told = agent.status()["scripts"]
        assert len(told["workers"]) == WORKER_COUNT and told["waiting"] == TRIAL_COUNT - WORKER_COUNT, told
        return told["workers"]

    processes = eventually(busy, "all workers are busy, and the others wait", within=20)
    assert agent.stop() == 0
    assert left(processes) == []
    for trial in trials:
        out, err = trial.communicate(timeout=10)
        assert "the agent is stopping" in out + err, (trial.returncode, out, err)
