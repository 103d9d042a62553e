# What `status` says of the processes that run scripts, before anybody is placed by them.
import getpass
import json
import os
import re
import sys
from pathlib import Path

import pytest

from agents import PROGRAM
from needs import needs
from waiting import eventually

NODE = os.environ.get("FASTX_NODE", "/usr/bin/node")
WITHOUT_LANDLOCK = [sys.executable, str(Path(__file__).with_name("without_landlock.py"))]


@pytest.fixture(autouse=True)
def node():
    needs(os.access(NODE, os.X_OK), f"{NODE} is missing: install nodejs, or set FASTX_NODE")


def make(cluster, path=NODE, **options):
    return cluster.agent(program=PROGRAM, settings={"scripts": {"node": str(path)}}, **options).start()


def chain(agent, **chains):
    agent.ok("config", "set", "placement", "-", stdin=json.dumps(chains))


def lines(agent):
    return re.findall("^scripts .*", agent.ok("status"), re.MULTILINE)


def scripts(agent):
    return agent.status()["scripts"]


def test_where_no_script_is_configured_nothing_runs_and_nothing_is_said(cluster):
    agent = make(cluster)
    assert lines(agent) == []
    assert scripts(agent) == {
        "chains": [], "count": 0, "nodePath": NODE, "node": None, "workers": [], "starting": 0, "waiting": 0,
        "missingWalls": None, "problem": None, "runsAs": f"{getpass.getuser()}, the agent's own user"}


def test_a_chain_has_a_worker_started_of_which_node_user_and_walls_are_told(cluster):
    agent = make(cluster)
    chain(agent, start=["Fewest Sessions"])
    told = eventually(lambda: scripts(agent)["workers"] and scripts(agent), "a worker was started")
    assert re.fullmatch(r"v\d+\.\d+\.\d+", told["node"]), told
    assert (told["chains"], told["missingWalls"], told["problem"]) == (["start"], [], None)
    [worker] = told["workers"]
    assert lines(agent) == [
        f"scripts      chains: start; {NODE} {told['node']}, 1 worker (process {worker}), started as {told['runsAs']}"]
    # At the next start of the agent it is there without a change too.
    agent.stop()
    agent.start()
    eventually(lambda: scripts(agent)["workers"], "a worker was started")


def test_a_wall_that_does_not_hold_is_told_before_anybody_is_placed(cluster):
    agent = make(cluster, wrapper=WITHOUT_LANDLOCK)
    chain(agent, login=["Fewest Sessions"])
    eventually(lambda: scripts(agent)["missingWalls"], "a worker was started")
    [wall] = scripts(agent)["missingWalls"]
    assert wall.startswith("Landlock is not there: ") and wall.endswith(", so files are not walled off"), wall
    assert f"scripts      WALL MISSING: {wall}" in lines(agent)
    [logged] = agent.wait_logged("a wall around scripts is missing: Landlock")
    assert wall in logged


def old_node(directory):
    """A program that answers as an old Node does."""
    program = directory / "node16"
    answer = json.dumps({"version": "v16.20.2", "program": str(program), "data": 40000})
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    return program


def test_a_node_that_is_missing_or_too_old_is_told_with_its_path_until_another_one_is_configured(cluster):
    missing, old = cluster.directory / "missing", old_node(cluster.directory)
    agent = make(cluster, missing)
    chain(agent, start=["Fewest Sessions"])
    told = eventually(lambda: scripts(agent)["problem"] and scripts(agent), "the start has failed")
    assert (told["node"], told["missingWalls"], told["workers"]) == (None, None, [])
    assert told["problem"].startswith(f"{missing} is not there; install "), told
    first, second = lines(agent)
    assert f"{missing} (version not known), no worker" in first
    assert second == f"scripts      PROBLEM: {told['problem']}"
    agent.wait_logged(f"scripts cannot run: {missing} is not there")
    agent.edit("settings.json", lambda content: content["scripts"].update(node=str(old)))
    eventually(lambda: (scripts(agent)["problem"] or "").startswith(f"{old} is Node v16.20.2, which is too old; "), "it is told")
    agent.edit("settings.json", lambda content: content["scripts"].update(node=NODE))
    eventually(lambda: scripts(agent)["workers"], "a worker was started")
    assert scripts(agent)["problem"] is None and len(lines(agent)) == 1
