# The store's file: backup, restore, check, damage, and what LMDB's own tools say of it.
import json
import os
import subprocess

import pytest

from agents import wait_equal
from waiting import eventually


def data_file(agent):
    return agent.directory / "store/data.mdb"


def flip(agent, value):
    """Changes one bit in the middle of a value on disk, wherever it stands."""
    content = bytearray(data_file(agent).read_bytes())
    positions = []
    start = content.find(value)
    while start >= 0:
        positions.append(start)
        start = content.find(value, start + 1)
    assert positions, "the value is not in the file"
    for position in positions:
        content[position + len(value) // 2] ^= 0x20
    data_file(agent).write_bytes(content)


def test_a_backup_restores_one_member_and_gossip_brings_newer_values(cluster):
    first, second = cluster.chain(2)
    second.wait_linked(first)
    for index in range(100):
        first.put(f"config/{index}", "1")
    copy = cluster.directory / "copy.mdb"
    said = first.ok("backup", copy)
    assert str(copy) in said and "restore" in said
    assert os.stat(copy).st_mode & 0o777 == 0o600
    first.put("config/0", "newer")
    eventually(lambda: second.get("config/0") == "newer", "the newer value arrives")

    running = first.run("restore", copy)
    assert running.status == 1 and str(first.process.pid) in running.err, running
    assert first.stop() == 0
    assert "newer values" in first.ok("restore", copy)
    second_address = second.address
    second.stop()
    first.start()
    assert first.get("config/0") == "1" and first.dump("config/").count(b"\n") == 100
    second.start()
    assert second.address == second_address
    second.wait_linked(first)
    eventually(lambda: first.get("config/0") == "newer", "gossip brings the newer value")
    wait_equal([first, second], "config/")


def test_a_backup_overwrites_nothing_and_says_why_it_cannot_be_made(agent):
    copy = agent.directory.parent / "copy.mdb"
    agent.ok("backup", copy)
    again = agent.run("backup", copy)
    assert again.status == 1 and str(copy) in again.err and "exists" in again.err, again
    nowhere = agent.run("backup", "/nowhere/copy.mdb")
    assert nowhere.status == 1 and "/nowhere" in nowhere.err, nowhere


@pytest.mark.parametrize("content", [b"", b"not a store" * 1000], ids=["empty", "other"])
def test_restore_refuses_what_is_no_backup_and_keeps_the_store(cluster, content):
    member = cluster.agent().start()
    member.put("config/x", "1")
    member.stop()
    wrong = cluster.directory / "wrong.mdb"
    wrong.write_bytes(content)
    for path in (wrong, cluster.directory / "missing.mdb"):
        result = member.run("restore", path)
        assert result.status == 1 and path.name in result.err, result
    member.start()
    assert member.get("config/x") == "1"


def test_check_finds_a_sound_store_sound_running_or_not(cluster):
    member = cluster.agent().start()
    for index in range(50):
        member.put(f"config/{index}", "1")
    checked = member.json("check")
    assert checked["damaged"] == 0 and checked["entries"] >= 51
    assert "0 damaged" in member.ok("check")
    member.stop()
    assert member.json("check")["damaged"] == 0


def test_a_flipped_bit_is_found_never_given_out_and_healed_by_a_peer(cluster):
    first, second = cluster.chain(2)
    second.wait_linked(first)
    value = "the-value-that-will-be-damaged-" * 4
    for index in range(20):
        first.put(f"config/{index:02}", value if index == 7 else f"sound {index}")
    wait_equal([first, second], "config/")
    second.stop()
    flip(second, value.encode())

    checked = second.run("check", "--json")
    assert checked.status == 1, checked
    assert json.loads(checked.out)["damagedKeys"] == ["config/07"]
    assert "config/07" in second.run("check").out

    second.start()
    assert second.get("config/07") in (None, value), "a damaged value was given out"
    second.wait_linked(first)
    eventually(lambda: second.get("config/07") == value, "a peer brings the value back", within=15)
    second.wait_logged("config/07: damaged on disk")
    assert second.json("check")["damaged"] == 0
    assert first.get("config/07") == value


def test_a_damaged_entry_is_not_passed_on(cluster):
    source = cluster.agent().start()
    value = "the-value-that-will-be-damaged-" * 4
    source.put("config/damaged", value)
    source.put("config/sound", "1")
    source.stop()
    flip(source, value.encode())
    source.start()
    newcomer = cluster.agent(source).start()
    newcomer.wait_linked(source)
    eventually(lambda: newcomer.get("config/sound") == "1", "the sound entry arrives")
    assert newcomer.get("config/damaged") is None
    source.wait_logged("config/damaged: damaged on disk")
    # Both agree afterwards that there is nothing left to reconcile.
    wait_equal([source, newcomer], "config/")


def test_a_truncated_file_is_refused_with_what_to_do(cluster):
    member = cluster.agent().start()
    for index in range(200):
        member.put(f"config/{index}", "x" * 500)
    member.stop()
    size = data_file(member).stat().st_size
    os.truncate(data_file(member), size // 2)
    checked = member.run("check")
    assert checked.status == 1 and "damaged" in checked.err, checked
    started = member.run("run", timeout=10)
    assert started.status == 1 and "data.mdb" in started.err and "restore" in started.err, started


def test_lmdbs_own_tool_reads_as_many_records_as_there_are_entries(cluster):
    member = cluster.agent().start()
    lines = "".join(json.dumps({"key": f"data/{n:04}", "value": "x" * n}) + "\n" for n in range(1000))
    member.ok("load", "-", stdin=lines)
    member.ok("delete", "data/0500")
    member.stop()
    member.start()
    count = member.status()["entries"]
    copy = cluster.directory / "copy.mdb"
    assert member.json("backup", copy)["entries"] == count
    assert member.stop() == 0
    for path, options in ((copy, ["-n"]), (member.directory / "store", [])):
        dumped = subprocess.run(
            ["mdb_dump", *options, "-s", "entries", str(path)], capture_output=True, text=True, timeout=20, check=True)
        header, _, body = dumped.stdout.partition("HEADER=END\n")
        records = body.split("DATA=END")[0].splitlines()
        assert "type=btree" in header and len(records) == 2 * count, (len(records), count)
        assert records[0].strip() == b"data/0000".hex()
