# Metrics: functions of administrators whose values every member finds in the server update of each host.
import getpass
import json
import os
import platform
import re

import pytest

from agents import PROGRAM
from needs import needs
from waiting import eventually

NODE = os.environ.get("FASTX_NODE", "/usr/bin/node")
INTERVAL = 2

# What a slow one starts, by which it is known: it would outlive its parent.
CHILD = "86399"
METRICS = {
    "kernel": "() => require('child_process').execFileSync('uname', ['-r']).toString().trim()",
    "load": "function () { return Number(require('fs').readFileSync('/proc/loadavg', 'utf8').split(' ')[0]) + 100; }",
    "later": "async () => { await new Promise((resolve) => setTimeout(resolve, 20)); return { gpus: [1, null] }; }",
    "broken": "() => {\n  throw new Error('no driver here');\n}",
    "nothing": "() => undefined",
    "slow": f"""() => {{
      require('child_process').spawn('sleep', ['{CHILD}'], {{ detached: true, stdio: 'ignore' }}).unref();
      return new Promise(() => setInterval(() => {{}}, 1000));
    }}""",
    "busy": "() => { for (;;) {} }",
    "zlast": "() => 'still here'",
}


def settings(**more):
    scripts = {"node": NODE, "metricsAs": "self", "metricTimeLimitSeconds": 1}
    return {"updateIntervalSeconds": INTERVAL, "scripts": scripts, **more}


def set_metric(agent, name, text):
    agent.ok("config", "set", f"metrics/{name}", "-", stdin=text)


def update(agent, of):
    """The server update of a member as another one has it."""
    found = [member["update"] for member in agent.json("members") if member["serverId"] == of.server_id]
    assert found, f"{agent.name} does not know {of.name}"
    return found[0]


def values(agent, of=None):
    return update(agent, of or agent).get("metrics", {})


def errors(agent, of=None):
    return update(agent, of or agent).get("metricErrors", {})


def children(text):
    """Processes whose command line has a text."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{process}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if text.encode() in words:
            found.append(int(process))
    return found


@pytest.fixture(autouse=True)
def node():
    needs(os.access(NODE, os.X_OK), f"{NODE} is missing: install nodejs, or set FASTX_NODE")


@pytest.fixture
def agent(cluster):
    return cluster.agent(program=PROGRAM, settings=settings()).start()


@pytest.fixture
def pair(cluster):
    first = cluster.agent(program=PROGRAM, settings=settings())
    second = cluster.agent(first, program=PROGRAM, settings=settings(metrics="local"))
    cluster.start([first, second])
    second.wait_linked(first)
    return first, second


def test_all_members_have_the_values_and_errors_of_each_host_and_its_update_is_on_time(pair):
    first, second = pair
    for name, text in METRICS.items():
        set_metric(first, name, text)

    def complete():
        found, wrong = values(second, first), errors(second, first)
        assert set(found) | set(wrong) == set(METRICS), (found, wrong)
        return found, wrong

    found, wrong = eventually(complete, "each metric has a value or an error", within=20)
    assert found["kernel"] == platform.release() and found["load"] >= 100
    assert found["later"] == {"gpus": [1, None]} and found["zlast"] == "still here"
    assert wrong["broken"] == "no driver here (Error, line 2, column 9)"
    assert "undefined" in wrong["nothing"]
    assert wrong["slow"] == wrong["busy"] == "it took longer than 1 s, and was ended"
    # What the slow one had started ended with it: at most the one of this moment is there.
    eventually(lambda: not children(CHILD), "what the slow metric started has ended", within=20, every=0.02)
    # Never later than an interval, though two of them take a second each, and a moment for what lies between.
    ages = []

    def watched():
        ages.append(second.shown()[first.server_id])
        return len(ages) == 40

    eventually(watched, "forty looks", within=30, every=0.1)
    assert max(ages) < INTERVAL + 1, ages
    assert update(first, first)["metricsMode"] == "cluster"
    # Without metrics of its own, and told to run no others.
    assert update(first, second)["metricsMode"] == "local" and "metrics" not in update(first, second)
    assert second.status()["metrics"]["worker"] is None
    status = first.status()["metrics"]
    assert status["count"] == len(METRICS) and status["errors"]["broken"] == wrong["broken"], status
    assert re.search(r"metrics +ERROR: broken: no driver here", first.ok("status"))


def test_a_chain_chooses_by_the_values(cluster):
    first = cluster.agent(program=PROGRAM, settings=settings())
    second = cluster.agent(first, program=PROGRAM, settings=settings())
    cluster.start([first, second])
    second.wait_linked(first)
    set_metric(first, "here", "() => require('fs').readFileSync('/proc/self/environ', 'latin1').length")
    for agent, number in ((first, 1), (second, 2)):
        local(agent, "rank", f"() => {number}")
    eventually(lambda: values(first, second).get("rank") == 2 and values(first).get("rank") == 1, "both are known")
    first.ok("config", "set", "scripts/Best", "-", stdin="""function ({ servers }) {
      return servers.reduce((best, each) => each.metrics.rank > best.metrics.rank ? each : best).serverId;
    }""")
    first.ok("config", "set", "placement", "-", stdin=json.dumps({"start": ["Best"]}))
    assert first.json("placement", "try", "--user", getpass.getuser())["server"] == second.server_id
    local(first, "rank", "() => 3")
    eventually(lambda: values(first).get("rank") == 3, "the change is known")
    assert first.json("placement", "try", "--user", getpass.getuser())["server"] == first.server_id


def local(agent, name, text):
    directory = agent.directory / "config/metrics"
    directory.mkdir(mode=0o700, exist_ok=True)
    draft = directory / f".{name}.draft"
    draft.write_text(text)
    draft.rename(directory / f"{name}.js")


def test_metrics_of_one_host_are_files_that_come_first_are_followed_and_are_named_where_they_are_wrong(agent):
    set_metric(agent, "a", "() => 'cluster'")
    set_metric(agent, "b", "() => 'cluster'")
    eventually(lambda: values(agent) == {"a": "cluster", "b": "cluster"}, "those of the cluster run")
    local(agent, "b", "() => 'here'")
    local(agent, "c", "() => 'here'")
    eventually(lambda: values(agent) == {"a": "cluster", "b": "here", "c": "here"}, "those of the host come first")
    agent.wait_logged("configuration changed: metrics/c.js: added")
    agent.edit("settings.json", lambda content: content.update(metrics="local"))
    eventually(lambda: values(agent) == {"b": "here", "c": "here"}, "only those of the host run")
    (agent.directory / "config/metrics/b.js").write_bytes(b"() => '\xff'")
    eventually(lambda: "config/metrics/b.js: a text that is not UTF-8" in errors(agent).get("b", ""), "it is named")
    assert values(agent) == {"c": "here"}
    agent.edit("settings.json", lambda content: content.pop("metrics"))
    # What the host wanted to be different does not become the cluster's.
    eventually(lambda: values(agent) == {"a": "cluster", "c": "here"}, "the cluster's run again")
    (agent.directory / "config/metrics/b.js").unlink()
    eventually(lambda: values(agent).get("b") == "cluster" and not errors(agent), "the cluster's b runs")
    agent.restart()
    eventually(lambda: values(agent).get("c") == "here", "they are read at the start")


def test_off_means_that_no_process_is_there(agent):
    assert agent.status()["metrics"] == {
        "mode": "cluster", "count": 0, "known": 0, "worker": None, "nodePath": NODE, "node": None,
        "runsAs": f"{getpass.getuser()}, the agent's own user", "missingWalls": None, "errors": {}, "problem": None}
    assert not re.search("^metrics", agent.ok("status"), re.MULTILINE)
    set_metric(agent, "stuck", "() => { for (;;) {} }")
    set_metric(agent, "pid", "() => process.pid")
    worker = eventually(lambda: values(agent).get("pid"), "it runs")
    shown = agent.ok("status")
    assert re.search(rf"^metrics +cluster: 2; {NODE} v\d+\S+, process \d+, started as {getpass.getuser()}, ", shown, re.MULTILINE)
    assert agent.status()["metrics"]["missingWalls"] == [] and "WALL" not in shown, shown
    agent.edit("settings.json", lambda content: content.update(metrics="off"))
    eventually(lambda: agent.status()["metrics"]["worker"] is None, "the worker is gone")
    eventually(lambda: not os.path.exists(f"/proc/{worker}"), "its process is gone")
    shown = eventually(lambda: update(agent, agent)["metricsMode"] == "off" and update(agent, agent), "others are told")
    assert "metrics" not in shown and "metricErrors" not in shown
    assert re.search("^metrics +off, as .*settings.json says: 2 do not run here$", agent.ok("status"), re.MULTILINE)


def test_without_the_unit_metrics_are_off_and_the_status_says_what_to_do(cluster):
    needs(not os.path.exists("/run/fastx-metrics.sock"), "this host has the unit fastx-metrics.socket: stop it for this test")
    agent = cluster.agent(program=PROGRAM, settings={"updateIntervalSeconds": 1}).start()
    set_metric(agent, "a", "() => 1")
    status = agent.status()["metrics"]
    assert (status["mode"], status["worker"]) == ("off: no unit", None)
    assert "fastx-metrics.socket" in status["problem"] and '"metricsAs": "self"' in status["problem"]
    assert re.search(r"metrics +PROBLEM: .*fastx-metrics.socket", agent.ok("status"))
    shown = update(agent, agent)
    assert shown["metricsMode"] == "off: no unit" and "metrics" not in shown


def test_one_that_takes_the_memory_or_ends_its_process_harms_no_other(agent):
    agent.edit("settings.json", lambda content: content["scripts"].update(metricTimeLimitSeconds=60, memoryLimitMiB=32))
    set_metric(agent, "greedy", "() => { const all = []; for (;;) all.push(new Array(100000).fill({})); }")
    set_metric(agent, "quits", "() => process.exit(3)")
    set_metric(agent, "good", "() => 1")
    eventually(lambda: len(errors(agent)) == 2 and values(agent) == {"good": 1}, "both are named", within=60)
    assert errors(agent) == {
        "greedy": "it wanted more memory than 32 MiB, and was ended", "quits": "its process ended with status 3"}


def test_large_values_are_refused_one_by_one_and_in_sum(agent):
    set_metric(agent, "over", "() => 'x'.repeat(65536)")
    for number in range(5):
        set_metric(agent, f"m{number}", f"() => '{number}'.repeat(60000)")
    eventually(lambda: len(values(agent)) == 4 and len(errors(agent)) == 2, "the last is left out", within=20)
    wrong = errors(agent)
    assert "65538 bytes" in wrong.pop("over")
    assert "262144 bytes" in "".join(wrong.values())


def test_a_member_that_runs_metrics_ends_within_its_time_and_leaves_nothing(agent):
    agent.edit("settings.json", lambda content: content["scripts"].update(metricTimeLimitSeconds=300))
    set_metric(agent, "stuck", "() => { for (;;) {} }")
    worker = eventually(lambda: agent.status()["metrics"]["worker"], "it runs")
    assert agent.stop() == 0
    eventually(lambda: not os.path.exists(f"/proc/{worker}"), "its process is gone")
