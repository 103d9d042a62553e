# The client commands on single entries: what they print, and how they end.
import contextlib
import json
import re
import select
import socket
import subprocess

import pytest

from agents import PROGRAM, run
from test_stopped import stopped
from waiting import eventually

OK, REFUSED, USAGE, NO_AGENT = 0, 1, 2, 3
VALUE_BYTES_MAX = 1 << 20
KEY_BYTES_MAX = 480


def test_a_value_put_is_read_back_and_deleted(agent):
    assert agent.run("put", "data/motd", "Grüße").status == OK
    assert agent.run("get", "data/motd") == (OK, "Grüße", "")
    assert agent.run("delete", "data/motd").status == OK
    missing = agent.run("get", "data/motd")
    assert missing.status == REFUSED and missing.out == "" and "data/motd" in missing.err


def test_put_reads_standard_input_without_a_value_byte_for_byte(agent):
    value = bytes(range(256)) * 3 + b"\n"
    agent.ok("put", "data/binary", stdin=value, text=False)
    assert agent.ok("get", "data/binary", text=False) == value
    assert "valueBase64" in agent.json("get", "data/binary")


def test_an_empty_value_is_a_value(agent):
    agent.ok("put", "data/empty", "")
    assert agent.run("get", "data/empty") == (OK, "", "")


def test_every_command_that_prints_data_prints_json_on_demand(agent):
    assert set(agent.json("put", "data/a", "1")) >= {"version"}
    entry = agent.json("get", "data/a")
    assert entry["key"] == "data/a" and entry["value"] == "1" and entry["version"].endswith("Z")
    assert [json.loads(line) for line in agent.ok("list", "data/", "--json").splitlines()] == [{"key": "data/a"}]
    assert agent.json("explain", "data/a")["writtenBy"] == agent.server_id
    assert agent.json("members")[0]["serverId"] == agent.server_id
    assert agent.json("key", "list")[0]["scope"] == "full"
    assert agent.json("check")["damaged"] == 0
    assert agent.json("load", "-", stdin='{"key":"data/b","value":"2"}\n')["committed"] == 1
    assert agent.json("backup", agent.directory / "copy.mdb")["entries"] >= 2
    assert agent.json("delete", "data/a")["version"].endswith("Z")
    assert json.loads(agent.ok("dump", "data/", "--json")) == {"key": "data/b", "value": "2"}


def test_status_has_the_documented_fields(agent):
    status = agent.status()
    assert set(status) >= {"serverId", "entries", "fingerprint", "storeBytes", "links", "clock"}
    assert status["serverId"] == agent.server_id and status["links"] == []
    int(status["fingerprint"], 16)


def test_a_missing_key_is_not_found_by_any_command(agent):
    for command in ("get", "delete", "explain"):
        result = agent.run(command, "data/none")
        assert result.status == REFUSED and "data/none" in result.err, (command, result)
    assert agent.run("list", "data/none") == (OK, "", "")
    assert agent.run("dump", "data/none") == (OK, "", "")


@pytest.mark.parametrize("key", ["server/abc", "login/abc/1", "session/abc/1", "reservation/abc/1", "audit/abc/1"])
def test_leases_are_written_by_their_owner_only(agent, key):
    for arguments in (("put", key, "1"), ("delete", key)):
        result = agent.run(*arguments)
        assert result.status == REFUSED and "lease" in result.err and key in result.err, result


@pytest.mark.parametrize(
    "key, reason",
    [
        ("config/" + "k" * (KEY_BYTES_MAX - 6), "480"),
        ("config/" + "ä" * (KEY_BYTES_MAX // 2), "480"),
        ("other/key", "config/"),
        ("config", "config"),
        ("config/", "config/"),
        ("", "key"),
        ("config/a\nb", "control character"),
    ])
def test_a_key_that_is_not_allowed_is_refused_with_what_is_allowed(agent, key, reason):
    result = agent.run("put", key, "1")
    assert result.status == REFUSED and reason in result.err, result
    assert len(result.err.splitlines()) == 1, result.err


def test_the_longest_key_and_the_largest_value_are_taken(agent):
    key = "config/" + "k" * (KEY_BYTES_MAX - 7)
    value = "v" * VALUE_BYTES_MAX
    agent.ok("put", key, stdin=value)
    assert agent.get(key) == value
    odd = "data/ space ä+%&?#=\"\\'/x"
    agent.ok("put", odd, "odd")
    assert agent.get(odd) == "odd"
    assert odd in agent.ok("list", "data/").splitlines()


def test_an_oversized_value_is_refused_with_the_limit(agent):
    result = agent.run("put", "data/large", stdin="v" * (VALUE_BYTES_MAX + 1))
    assert result.status == REFUSED and str(VALUE_BYTES_MAX) in result.err, result
    assert agent.get("data/large") is None


def test_keys_are_listed_in_the_order_of_their_bytes(agent):
    keys = ["data/a", "data/a/b", "data/aa", "data/A", "data/ä", "data/z", "data/a\u0308", "data/😀"]
    for key in keys:
        agent.put(key, "1")
    ordered = sorted(keys, key=lambda key: key.encode())
    assert agent.ok("list", "data/").splitlines() == ordered
    assert [json.loads(line)["key"] for line in agent.dump("data/").splitlines()] == ordered
    assert agent.ok("list", "data/a/").splitlines() == ["data/a/b"]


def test_explain_tells_writer_link_and_what_was_replaced(cluster):
    first, second = cluster.chain(2)
    second.wait_linked(first)
    first.put("data/x", "1")
    eventually(lambda: second.get("data/x") == "1", "the write arrives")
    second.put("data/x", "2")
    eventually(lambda: first.get("data/x") == "2", "the newer write arrives")
    told = first.json("explain", "data/x")
    assert told["value"] == "2" and told["writtenBy"] == second.server_id
    newest, oldest = told["changes"]
    assert newest["source"] == f"link to {second.server_id}" and newest["replaced"] == oldest["version"]
    assert oldest["source"] == "local" and oldest["writtenBy"] == first.server_id
    text = first.ok("explain", "data/x")
    assert second.server_id in text and "replaced" in text
    first.ok("delete", "data/x")
    told = first.json("explain", "data/x")
    assert told["deleted"] is True and "value" not in told


def test_watch_prints_each_change_below_its_prefix(agent):
    watch = subprocess.Popen(
        [PROGRAM, "watch", "data/", "--var-dir", str(agent.directory)], stdout=subprocess.PIPE, text=True)
    try:
        # The first change that is seen shows that the watch has begun.
        def started():
            agent.put("data/begin", "now")
            return agent.json("status")["commits"] and _readable(watch)

        eventually(started, "the watch has begun")
        agent.put("config/other", "not below the prefix")
        agent.put("data/x", "1")
        agent.ok("delete", "data/x")
        lines = []
        while len(lines) < 2:
            line = json.loads(watch.stdout.readline())
            if line["key"] != "data/begin":
                lines.append(line)
        assert lines == [{"key": "data/x", "value": "1"}, {"deleted": True, "key": "data/x"}]
    finally:
        watch.terminate()
        watch.wait(5)
        watch.stdout.close()


def _readable(process):
    return select.select([process.stdout], [], [], 0)[0]


def test_watch_says_when_the_agent_has_stopped(cluster):
    agent = cluster.agent().start()
    watch = subprocess.Popen(
        [PROGRAM, "watch", "--var-dir", str(agent.directory)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    eventually(lambda: agent.put("data/begin", "now") or _readable(watch), "the watch has begun")
    assert agent.stop() == 0
    _, err = watch.communicate(timeout=5)
    assert watch.returncode == NO_AGENT and "stopped" in err, err
    assert len(err.splitlines()) == 1, err


def test_commands_without_an_agent_say_how_to_start_one(cluster):
    member = cluster.agent()
    for arguments in (("status",), ("members",), ("put", "data/x", "1"), ("get", "data/x"), ("dump",), ("watch",),
                      ("delete", "data/x"), ("list",), ("explain", "data/x"), ("backup", "/tmp/none")):
        result = member.run(*arguments)
        assert result.status == NO_AGENT, (arguments, result)
        assert "no agent is running" in result.err and f"run --var-dir {member.directory}" in result.err, result


def test_load_without_an_agent_says_so(cluster):
    member = cluster.agent()
    result = member.run("load", "-", stdin='{"key":"data/x","value":"1"}\n')
    assert result.status == NO_AGENT and "no agent is running" in result.err, result


def test_a_stale_socket_counts_as_no_agent(cluster):
    member = cluster.agent().start()
    member.kill()
    assert (member.directory / "agent.sock").exists()
    result = member.run("status")
    assert result.status == NO_AGENT and "no agent is running" in result.err, result
    member.start()


@pytest.mark.parametrize("arguments", [("put", "data/x", "1"), ("dump",)], ids=["put", "dump"])
def test_a_command_whose_agent_dies_before_it_answers_ends_and_says_so(cluster, arguments):
    member = cluster.agent().start()
    with stopped(member):
        command = subprocess.Popen(
            [PROGRAM, *arguments, "--var-dir", str(member.directory)], stderr=subprocess.PIPE, text=True)
        eventually(lambda: asks(command), "the command has asked")
        member.kill()
    _, err = command.communicate(timeout=5)
    assert command.returncode == NO_AGENT and "the agent ended before it had answered" in err, err
    assert len(err.splitlines()) == 1, err


def test_a_command_waits_where_the_socket_has_no_room_for_it_and_is_answered(agent):
    """The agent takes no connection for a while, and as many wait as its socket holds."""
    with stopped(agent), contextlib.ExitStack() as others:
        with contextlib.suppress(BlockingIOError):
            while True:
                other = others.enter_context(socket.socket(socket.AF_UNIX))
                other.setblocking(False)
                other.connect(str(agent.directory / "agent.sock"))
        command = subprocess.Popen(
            [PROGRAM, "get", "data/x", "--var-dir", str(agent.directory)], stderr=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired):
            command.communicate(timeout=1)
    _, err = command.communicate(timeout=10)
    assert command.returncode == REFUSED and "data/x" in err, err


def asks(command):
    """Whether a command has a connection to a socket."""
    sockets = subprocess.run(["ss", "-xpH"], check=True, capture_output=True, text=True).stdout
    return re.search(rf"u_str ESTAB .*pid={command.pid},", sockets)


@pytest.mark.parametrize(
    "arguments", [("put",), ("get", "a", "b"), ("nonsense",), ("status", "--nonsense"), ("debug", "on", "nonsense")])
def test_wrong_usage_ends_with_2(directory, arguments):
    result = run(*arguments)
    assert result.status == USAGE and result.err and not result.out, result


def test_help_and_version_succeed():
    assert run("--help").status == OK and "load" in run("--help").out
    assert run("--version").status == OK
    assert run("help", "put").status == OK


def test_a_directory_that_was_never_made_is_a_configuration_mistake(directory):
    for arguments in (("run",), ("key", "list"), ("config", "check")):
        result = run(*arguments, "--var-dir", directory / "none")
        assert result.status == USAGE and str(directory / "none") in result.err, (arguments, result)
    assert "fastx-agent init" in run("run", "--var-dir", directory / "none").err


def test_init_refuses_a_directory_that_holds_a_member(cluster):
    member = cluster.agent()
    before = (member.directory / "server-id").read_text()
    result = run("init", "--var-dir", member.directory, "--new-cluster-key")
    assert result.status == USAGE and str(member.directory) in result.err, result
    assert (member.directory / "server-id").read_text() == before


def test_init_refuses_what_cannot_be_meant(directory):
    short = directory / "short.key"
    short.write_text("abcd\n")
    for arguments, reason in (
        (("--listen", "nowhere"), "host:port"),
        (("--access-point", "http://a:1"), "https"),
        (("--access-point", "https://a:1/path"), "path"),
        (("--cluster-key-file", short), "32"),
        (("--cluster-key-file", directory / "missing.key"), "missing.key"),
        (("--cluster-key-file", short, "--new-cluster-key"), "exclude"),
    ):
        result = run("init", "--var-dir", directory / "m", *arguments)
        assert result.status == USAGE and reason in result.err, (arguments, result)
        assert not (directory / "m" / "server-id").exists()
