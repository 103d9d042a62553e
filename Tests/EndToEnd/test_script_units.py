# The units of scripts under a real systemd: who may ask for a process, as whom it runs, and what it reaches.
import json
import os
import shutil
import socket

import pytest

from needs import needs
from test_systemd import host  # noqa: F401 (a fixture)
from waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NODE = os.environ.get("FASTX_NODE", "/usr/bin/node")
MAIN_PATH = "share/fastx/ScriptWorker/worker.js"
# It tells who it is and what it reaches, and waits to be killed.
MAIN = """
const fs = require("fs");
const attempt = (work) => { try { work(); return "done"; } catch (error) { return error.code ?? error.message; } };
const connect = () => { const socket = require("net").connect(80, "127.0.0.1"); socket.on("error", () => {}); };
const program = () => { const ran = require("child_process").spawnSync("/bin/true"); if (ran.error) throw ran.error; };
fs.writeSync(0, JSON.stringify({
  uid: process.getuid(), status: fs.readFileSync("/proc/self/status", "latin1"),
  var: attempt(() => fs.readdirSync("/usr/lib/fastx/var")), sockets: attempt(() => fs.readdirSync("/run/fastx")),
  write: attempt(() => fs.writeFileSync("/usr/new", "x")), program: attempt(program),
}) + "\\n");
setInterval(() => {}, 1000);
"""


def open_guard(host, name):
    """A connection to a unit's socket, from outside of the host."""
    guard = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    guard.settimeout(30)
    guard.connect(f"/proc/{host.pid}/root/run/fastx-{name}.sock")
    return guard


def start(guard, kind):
    near, far = socket.socketpair()
    reading, writing = os.pipe()
    order = json.dumps({"kind": kind, "node": "/usr/bin/node", "memoryMiB": 64}).encode()
    socket.send_fds(guard, [order], [far.fileno(), writing])
    far.close()
    os.close(writing)
    near.settimeout(30)
    return near, reading


def install_node(host, directory, main=None):
    """Puts Node on the host, and a main script in the place of the agent's."""
    needs(os.access(NODE, os.X_OK), f"{NODE} is missing: install nodejs, or set FASTX_NODE")
    tree = directory / "node/usr"
    (tree / "bin").mkdir(parents=True)
    shutil.copy(NODE, tree / "bin/node")
    if main is not None:
        (tree / MAIN_PATH).parent.mkdir(parents=True)
        (tree / MAIN_PATH).write_text(main)
    host.install(directory / "node")


@pytest.mark.parametrize("kind", ["scripts", "metrics"])
def test_a_unit_runs_scripts_as_a_user_of_its_own_without_the_members_files(host, directory, kind):  # noqa: F811
    install_node(host, directory, MAIN)

    guard = open_guard(host, kind)
    data, errors = start(guard, "placement" if kind == "scripts" else "metrics")
    report = json.loads(guard.recv(65536))
    assert report.get("missingWalls") == [] and report["node"].startswith("v"), (report, host.journal(f"fastx-{kind}@*"))
    told = json.loads(data.makefile().readline())
    agent = int(host.ok("id", "-u", "fastx"))
    assert told["uid"] not in (0, agent), told
    assert "NoNewPrivs:\t1" in told["status"] and "Seccomp:\t2" in told["status"], told
    assert told["var"] in ("EACCES", "EPERM") and told["sockets"] in ("EACCES", "EPERM", "ENOENT"), told
    assert told["write"] in ("EACCES", "EPERM", "EROFS"), told
    assert told["program"] == ("EPERM" if kind == "scripts" else "done"), told
    guard.send(b'{"kill":true}')
    assert json.loads(guard.recv(65536)) == {"ended": {"signal": 9}}
    assert guard.recv(65536) == b""
    os.close(errors)
    eventually(lambda: "fastx-" + kind + "@" not in host.ok("systemctl", "list-units", "--plain", "--no-legend",
                                                          "--state=running", "--type=service"), "the unit has ended")


def test_only_the_agents_user_may_ask_for_a_process(host):  # noqa: F811
    for name in ("scripts", "metrics"):
        assert host.ok("stat", "-c", "%U %a", f"/run/fastx-{name}.sock") == "fastx 600\n"


def test_the_agents_own_unit_lets_its_processes_put_up_all_walls(host, directory):  # noqa: F811
    """Where the sockets are not enabled the guards are children of the agent's, behind the filter of its unit."""
    install_node(host, directory, """
        try { require("fs").readFileSync("/etc/passwd"); } catch (error) { console.error("reading:", error.code); }
        const ran = require("child_process").spawnSync("/bin/true");
        console.error("running:", ran.error?.code);""")
    command = f"/usr/bin/fastx-agent script-confine --node /usr/bin/node --main /usr/{MAIN_PATH}"
    host.ok("sed", "-i", f"s#^ExecStart=.*#ExecStart={command}#; s#^Type=.*#Type=oneshot#; /^Restart/d; /^ExecReload/d",
            "/etc/systemd/system/fastx-agent.service")
    host.ok("systemctl", "daemon-reload")
    host.ok("systemctl", "start", "fastx-agent")
    said = host.journal("fastx-agent")
    assert "reading: EACCES" in said and "running: EPERM" in said, said
    # It would be there for a wall that is missing.
    assert not any("missingWalls" in line for line in said), said
