# An installed agent under its own unit, with the units of scripts: who answers a placement and a metric, and what he reaches.
import contextlib
import json
import re
import tempfile
from pathlib import Path

import pytest

from hostile_scripts import ESCAPE
from test_script_units import install_node
from test_systemd import UNIT, VAR, installed_host
from waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

INTERVAL = 2
SETTINGS = {"updateIntervalSeconds": INTERVAL, "scripts": {"metricTimeLimitSeconds": 1}}
# What systemd takes the users of DynamicUser= from.
DYNAMIC_USERS = range(61184, 65520)
ANNA = "anna"
# By which processes of scripts are known, and what a slow metric starts.
WORKER, CHILD = "ScriptWorker/worker.js", "86397"

# What is tried with all that Node has, in a placement script and in a metric. A number below zero is an error of the kernel's.
ATTEMPTS = {
    "var": f"fs.readdirSync('{VAR}')",
    "keys": f"fs.readFileSync('{VAR}/config/cluster.json')",
    "certificate's key": f"fs.readFileSync('{VAR}/config/key.pem')",
    "user sockets": "fs.readdirSync('/run/fastx')",
    "load": "fs.readFileSync('/proc/loadavg')",
    "connection": "(() => { const { TCP, constants } = process.binding('tcp_wrap');"
                  "return new TCP(constants.SOCKET).bind('127.0.0.1', 0); })()",
    "program": "(() => { const ran = require('child_process').spawnSync('/bin/true'); if (ran.error) throw ran.error; })()",
}
SEALED = {"var", "keys", "certificate's key", "user sockets"}
LOOK = f"""
  const attempt = (work) => {{
    try {{
      const result = work();
      return result < 0 ? require('util').getSystemErrorName(result) : 'done';
    }} catch (error) {{
      return error.code ?? String(error);
    }}
  }};
  const found = {{ {", ".join(f"{json.dumps(name)}: attempt(() => {work})" for name, work in ATTEMPTS.items())} }};
"""
# In a placement script only after it has left its scope.
OUTSIDE = f"{ESCAPE} const require = process.mainModule.require.bind(process.mainModule);"
LOCAL = "({ local }) => local.serverId"
WHO = "{ pid: process.pid, uid: process.getuid() }"

METRICS = {
    "broken": "() => {\n  throw new Error('no driver here');\n}",
    "id": "async () => (await require('util').promisify(require('child_process').execFile)('/usr/bin/id', ['-u'])).stdout.trim()",
    "load": "() => Number(require('fs').readFileSync('/proc/loadavg', 'utf8').split(' ')[0]) + 100",
    "look": f"() => {{ const fs = require('fs'); {LOOK} return found; }}",
    # In a session of its own it is nobody's child any more.
    "slow": f"""() => {{
      require('child_process').spawn('sleep', ['{CHILD}'], {{ detached: true, stdio: 'ignore' }}).unref();
      return new Promise(() => setInterval(() => {{}}, 1000));
    }}""",
    "who": f"() => ({WHO})",
}


class Site:
    """A host whose agent runs as its unit says, with the units of scripts beside it."""

    def __init__(self, host, directory):
        self.host = host
        install_node(host, directory)
        host.ok("useradd", "--create-home", ANNA)
        host.ok("tee", f"{VAR}/config/settings.json", stdin=json.dumps(SETTINGS))
        host.ok("systemctl", "start", UNIT)
        self.server_id = host.ok("cat", f"{VAR}/server-id").strip()
        self.metric_names = set()
        self.agent_user = int(host.ok("id", "-u", "fastx"))

    def ok(self, *words, **options):
        return self.host.ok("fastx-agent", *words, **options)

    def json(self, *words):
        return json.loads(self.ok(*words, "--json"))

    def chain(self, text, of="start"):
        """Sets the chain to one script."""
        self.ok("config", "set", "scripts/Only", "-", stdin=text)
        self.ok("config", "set", "placement", "-", stdin=json.dumps({of: ["Only"]}))

    def tried(self, action="session/start"):
        return self.json("placement", "try", "--action", action, "--user", ANNA)

    def printed(self, action="session/start"):
        """What the one script of the chain prints, which leaves its scope."""
        trace = self.tried(action)
        assert "outside of its own scope" in trace["detail"] and "server" not in trace, trace
        [line] = trace["runs"][0]["calls"][0]["console"]
        return json.loads(line)

    def workers(self):
        """The processes that are kept for scripts."""
        found = [{"pid": pid, "uid": self.user_of(pid)} for pid in self.json("status")["scripts"]["workers"]]
        assert found
        return found

    def metrics(self, texts):
        """Sets these metrics and no others."""
        for name in self.metric_names - set(texts):
            self.ok("config", "remove", f"metrics/{name}")
        for name, text in texts.items():
            self.ok("config", "set", f"metrics/{name}", "-", stdin=text)
        self.metric_names = set(texts)

    def settings(self, content):
        self.ok("config", "write", "settings.json", "-", stdin=json.dumps(content))

    def update(self):
        [member] = self.json("members")
        return member["update"]

    def values(self):
        return self.update().get("metrics", {})

    def metrics_worker(self):
        """What the metric "who" tells of a process that is there now: a value outlives the process that it came from."""
        def found():
            who = self.values().get("who")
            return who and self.is_there(who["pid"]) and who

        return eventually(found, "a process runs metrics")

    def age(self):
        """How long ago the last server update was made, in seconds."""
        [member] = self.json("members")
        return member["updatedMillisecondsAgo"] / 1000

    @contextlib.contextmanager
    def drop_in(self, unit, lines):
        """Has these lines in a unit's section [Service], for processes that are started from now on."""
        directory = f"/etc/systemd/system/{unit}.d"
        self.host.ok("mkdir", directory)
        try:
            self.host.ok("tee", f"{directory}/test.conf", stdin=f"[Service]\n{lines}\n")
            self.host.ok("systemctl", "daemon-reload")
            yield
        finally:
            self.host.ok("rm", "-r", directory)
            self.host.ok("systemctl", "daemon-reload")
            self.host.ok("systemctl", "stop", unit.replace("@.", "@*."))

    # Processes of the host.

    def is_there(self, pid):
        return self.host.run("test", "-e", f"/proc/{pid}").status == 0

    def unit_of(self, pid):
        return self.host.ok("cat", f"/proc/{pid}/cgroup").strip().rsplit("/", 1)[-1]

    def user_of(self, pid):
        return int(self.host.ok("stat", "-c", "%u", f"/proc/{pid}"))

    def kill(self, pid):
        self.host.ok("kill", "-KILL", str(pid))

    def units(self):
        """The units of scripts that there are, also those that have failed."""
        lines = self.host.ok(
            "systemctl", "list-units", "--all", "--plain", "--no-legend", "fastx-scripts@*", "fastx-metrics@*")
        return [line.split()[0] for line in lines.splitlines()]

    def processes(self, text):
        """Those whose command line has a text."""
        return self.host.run("pgrep", "--full", text).out.split()

    def assert_unit_worker(self, who, kind):
        """That a process is one of the unit's, and of nobody's who is anybody else."""
        assert re.fullmatch(rf"fastx-{kind}@\d+-.*\.service", self.unit_of(who["pid"])), self.unit_of(who["pid"])
        assert who["uid"] == self.user_of(who["pid"]) and who["uid"] in DYNAMIC_USERS, who
        assert who["uid"] != self.agent_user


@pytest.fixture(scope="module")
def shared_site():
    with tempfile.TemporaryDirectory(prefix="fx-") as name, installed_host(Path(name)) as host:
        yield Site(host, Path(name))


@pytest.fixture
def site(shared_site, request):
    yield shared_site
    if getattr(request.node, "failed", False):
        print("\n".join(shared_site.host.journal("fastx-*")[-60:]))


@pytest.mark.parametrize("action", ["session/start", "user/login"])
def test_a_placement_is_answered_by_a_process_of_the_unit(site, action):
    of = "start" if action == "session/start" else "login"
    site.chain(LOCAL, of)
    assert site.tried(action)["server"] == site.server_id
    for worker in site.workers():
        site.assert_unit_worker(worker, "scripts")
    # As the process itself sees it, which is ended for having left its scope.
    site.chain(f"""() => {{
      {ESCAPE}
      console.log(JSON.stringify({{ uid: process.getuid(), cgroup: fs.readFileSync('/proc/self/cgroup', 'utf8') }}));
    }}""", of)
    who = site.printed(action)
    assert who["uid"] in DYNAMIC_USERS and re.search(r"/fastx-scripts@\d+-.*\.service$", who["cgroup"].strip()), who
    assert site.unit_of(site.host.unit(UNIT)["MainPID"]) == UNIT


def test_a_users_start_and_login_meet_the_same_processes(site):
    site.chain("({ user }) => { throw new Error(`not today, ${user.sub}`); }")
    started = site.host.run("sudo", "-u", ANNA, "fastx-agent", "start", "--place", "--command", "true")
    assert (started.status, started.err) == (1, f"fastx-agent: not today, {ANNA}\n"), started
    for worker in site.workers():
        site.assert_unit_worker(worker, "scripts")
    site.chain("() => { throw new Error('nobody logs in today'); }", "login")
    chosen = site.host.run("sudo", "-u", ANNA, "fastx-agent", "choose", "--login", ANNA)
    assert (chosen.status, chosen.out) == (1, "") and "nobody logs in today" in chosen.err, chosen
    site.chain(LOCAL, "login")
    assert site.host.ok("sudo", "-u", ANNA, "fastx-agent", "choose", "--login", ANNA).strip()


def test_a_script_of_a_chain_that_leaves_its_scope_meets_the_walls(site):
    site.chain(f"({{ local }}) => {{ {OUTSIDE} {LOOK} console.log(JSON.stringify(found)); return local.serverId; }}")
    found = site.printed()
    assert set(found) == set(ATTEMPTS) and set(found.values()) <= {"EACCES", "EPERM"}, found


def test_a_wall_that_is_missing_is_told_once_in_the_agents_log(site):
    told = "a wall around scripts is missing: Landlock is not there"
    site.chain(LOCAL)
    assert site.tried()["server"] == site.server_id
    assert not [line for line in site.host.journal(UNIT) if told in line]
    # As on a kernel without it.
    with site.drop_in("fastx-scripts@.service", "ExecStart=\nExecStart=/usr/bin/fastx-agent script-guard --abi 0"):
        for _ in range(3):
            site.host.ok("systemctl", "stop", "fastx-scripts@*")
            assert site.tried()["server"] == site.server_id
        [line] = [line for line in site.host.journal(UNIT) if told in line]
        assert line.endswith("so files are not walled off"), line


def test_metrics_are_values_of_processes_of_their_unit_and_no_update_waits_for_them(site):
    site.metrics(METRICS)

    def complete():
        shown = site.update()
        found, wrong = shown.get("metrics", {}), shown.get("metricErrors", {})
        assert set(found) | set(wrong) == set(METRICS), (found, wrong)
        return found, wrong

    found, wrong = eventually(complete, "each metric has a value or an error", within=30)
    assert wrong == {"broken": "no driver here (Error, line 2, column 9)", "slow": "it took longer than 1 s, and was ended"}
    assert site.update()["metricsMode"] == "cluster"
    assert found["load"] >= 100
    uid = int(found["id"])
    assert uid in DYNAMIC_USERS and uid != site.agent_user
    look = found["look"]
    assert {name for name, result in look.items() if result == "done"} == set(ATTEMPTS) - SEALED, look
    assert {look[name] for name in SEALED} <= {"EACCES", "EPERM"}, look
    ages = []

    def watched():
        ages.append(site.age())
        return len(ages) == 40

    eventually(watched, "forty looks", within=60, every=0.1)
    assert max(ages) < INTERVAL + 1, ages
    # What the slow one has started went with its unit each time: at most the latest is there.
    assert len(site.processes(f"sleep {CHILD}")) <= 1
    site.metrics({"who": METRICS["who"]})
    site.assert_unit_worker(site.metrics_worker(), "metrics")
    eventually(lambda: not site.processes(f"sleep {CHILD}"), "what the slow one has started is gone")


def test_a_process_that_was_killed_is_replaced_by_way_of_its_socket(site):
    site.chain(LOCAL)
    site.metrics({"who": METRICS["who"]})

    def placed():
        assert site.tried()["server"] == site.server_id
        workers = site.workers()
        for worker in workers:
            site.assert_unit_worker(worker, "scripts")
        return workers

    # The processes, their guards, with which they end, and the units, which the host's administrator ends.
    for end in (lambda pid: site.kill(pid), lambda pid: site.kill(site.host.unit(site.unit_of(pid))["MainPID"]),
                lambda pid: site.host.ok("systemctl", "stop", site.unit_of(pid))):
        pids = [worker["pid"] for worker in placed()]
        for pid in pids:
            end(pid)
        eventually(lambda: not any(site.is_there(pid) for pid in pids), "the processes are gone")
        assert not {worker["pid"] for worker in placed()} & set(pids)
    metric = site.metrics_worker()
    site.kill(metric["pid"])
    other = site.metrics_worker()
    assert other["pid"] != metric["pid"]
    site.assert_unit_worker(other, "metrics")


def test_an_agent_that_stops_or_dies_leaves_no_process_of_scripts(site):
    site.chain(LOCAL)
    site.metrics({"stuck": METRICS["slow"]})
    for end in (["systemctl", "stop", UNIT], ["systemctl", "kill", "--signal=KILL", UNIT]):
        assert site.tried()["server"] == site.server_id
        eventually(lambda: site.processes(f"sleep {CHILD}"), "the metric runs")
        workers = site.processes(WORKER)
        assert len(workers) >= 2, workers
        site.host.ok(*end)
        eventually(lambda: not any(map(site.is_there, workers)), "its workers are gone")
        if end[1] == "stop":
            eventually(lambda: not site.units(), "no unit of scripts is left")
            assert not site.processes(WORKER) and not site.processes(f"sleep {CHILD}")
            for kind in ("scripts", "metrics"):
                assert site.host.unit(f"fastx-{kind}.socket")["ActiveState"] == "active"
        site.host.ok("systemctl", "restart", UNIT)
    assert site.tried()["server"] == site.server_id


def test_with_a_list_metrics_of_the_unit_start_its_programs_and_none_run_where_nothing_holds_them_to_it(site):
    site.metrics({"id": METRICS["id"], "true": "() => require('child_process').execFileSync('/bin/true').toString()"})
    eventually(lambda: set(site.values()) == {"id", "true"}, "both run")
    limited = {**SETTINGS, "scripts": {**SETTINGS["scripts"], "metricsPrograms": ["/usr/bin/id"]}}
    site.settings(limited)
    try:
        wrong = eventually(lambda: site.update().get("metricErrors"), "one is refused")
        assert set(wrong) == {"true"} and "spawnSync /bin/true EACCES" in wrong["true"], wrong
        site.metrics({"id": METRICS["id"]})
        eventually(lambda: "metricErrors" not in site.update(), "the other one runs")
        with site.drop_in("fastx-metrics@.service", "ExecStart=\nExecStart=/usr/bin/fastx-agent script-guard --abi 0"):
            site.host.ok("systemctl", "stop", "fastx-metrics@*")
            problem = eventually(lambda: site.json("status")["metrics"]["problem"], "it is told")
            assert 'nothing holds metrics to "scripts.metricsPrograms"' in problem and "Landlock is not there" in problem
            assert "take the list out" in problem
            told = {"id": f"it cannot run: {problem}"}
            eventually(lambda: site.update().get("metricErrors") == told, "all members are told")
            # Its value stays for three intervals, and is then left out.
            eventually(lambda: not site.values(), "no metric runs", within=10 * INTERVAL)
            assert not site.processes(f"{WORKER} metrics")
            site.settings(SETTINGS)
            eventually(lambda: site.values().get("id"), "without the list it runs", within=10 * INTERVAL)
            assert site.processes(f"{WORKER} metrics")
    finally:
        site.settings(SETTINGS)
