# The configuration that is the cluster's: written at one member, taken up by all, kept in a history, undone, and moved
# through files. Values with mistakes come from members that check nothing.
import json
import os
import pty
import re
import subprocess

import pytest

from agents import PROGRAM, PROGRAMS, wait_equal
from needs import needs
from waiting import eventually

SCRIPT = "scripts/Best GPU"
TEXT = "({ servers }) => servers\n"


def set_value(agent, name, text, *options):
    return agent.run("config", "set", name, "-", *options, stdin=text)


def written(agent, name, text, *options):
    """Writes a value, and returns its version."""
    result = set_value(agent, name, text, *options)
    assert result.status == 0, result
    return re.search(r"version ([0-9a-f]{16}-[0-9a-f]{16})$", result.out).group(1)


def values(agent):
    return {value["name"]: value for value in agent.json("config", "show")}


def text(agent, name):
    result = agent.run("config", "show", name)
    return result.out if result.status == 0 else None


def mistakes(agent):
    return agent.status()["globalMistakes"]


@pytest.fixture
def agent(cluster):
    return cluster.agent(program=PROGRAM).start()


@pytest.fixture
def pair(cluster):
    first, second = cluster.chain(2, program=PROGRAM)
    second.wait_linked(first)
    return first, second


def test_what_is_set_at_one_member_is_seen_at_the_others_with_its_writer(pair):
    first, second = pair
    version = written(first, SCRIPT, TEXT)
    assert text(first, SCRIPT) == TEXT
    eventually(lambda: text(second, SCRIPT) == TEXT, "the script arrives")
    eventually(lambda: values(second)[SCRIPT]["writtenBy"] == first.server_id, "its writer is known")
    assert values(second)[SCRIPT]["version"] == version
    shown = second.ok("config", "show")
    assert re.search(rf"Best GPU\s+{version}\s+\S+\s+{first.server_id}\s+{re.escape(TEXT.strip())}\n", shown), shown
    # The entry is an ordinary one.
    assert second.get("config/" + SCRIPT) == TEXT


def test_a_change_of_an_older_version_is_refused_and_says_who_was_faster(pair):
    first, second = pair
    old = written(first, SCRIPT, TEXT, "--expected", "absent")
    eventually(lambda: text(second, SCRIPT) == TEXT, "the script arrives")
    new = written(second, SCRIPT, "() => 1", "--expected", old)
    eventually(lambda: text(first, SCRIPT) == "() => 1", "the change arrives")
    eventually(lambda: values(first)[SCRIPT]["writtenBy"] == second.server_id, "its writer is known")
    for expected in (old, "absent"):
        refused = set_value(first, SCRIPT, "() => 2", "--expected", expected)
        assert refused.status == 1, refused
        assert f"version {new} was written at" in refused.err and f"by {second.server_id}" in refused.err
        assert "nothing was written" in refused.err
    assert first.run("config", "remove", SCRIPT, "--expected", old).status == 1
    assert text(first, SCRIPT) == "() => 1"
    wrong = set_value(first, SCRIPT, "() => 2", "--expected", "7")
    assert wrong.status == 1 and '"7" is not a version' in wrong.err, wrong


@pytest.mark.parametrize("name, value, complaint", [
    ("scripts/a/b", TEXT, r'config/scripts/a/b: the name "a/b" is not allowed; allowed: 1 to 80 characters'),
    ("script/a", TEXT, r'"script/a" is not allowed; .*; did you mean "scripts"\?'),
    ("scripts/a", " \n", r"config/scripts/a: an empty text is not allowed"),
    ("metrics/a", "x" * 65_537, r"config/metrics/a: a text of 65537 bytes is not allowed"),
    ("placement", '{"strat": []}', r'config/placement: strat: .*did you mean "start"\?'),
    ("placement", '{"start": ["Best GPU"]}', r'config/placement: start\[0\]: there is no script "Best GPU"'),
], ids=["slash", "kind", "blank", "long", "key", "missing"])
def test_a_mistake_is_named_and_nothing_is_written(agent, name, value, complaint):
    refused = set_value(agent, name, value)
    assert refused.status == 2 and re.search(complaint, refused.err), refused
    assert values(agent) == {}
    key = name if name.startswith("config/") else f"config/{name}"
    put = agent.run("put", key, stdin=value)
    if name != "script/a":
        assert put.status == 2 and re.search(complaint, put.err), put
        assert values(agent) == {}


def test_put_and_delete_of_a_value_are_checked_and_in_the_history(agent):
    agent.put("config/" + SCRIPT, TEXT)
    agent.put("config/placement", '{"start": ["Best GPU"]}')
    refused = agent.run("delete", "config/" + SCRIPT)
    assert refused.status == 2 and "is named in start of config/placement; take it out there first" in refused.err
    agent.ok("delete", "config/placement")
    agent.ok("delete", "config/" + SCRIPT)
    agent.load({"config/" + SCRIPT: "() => 1"})
    told = [(row["effect"], row["source"]) for row in agent.json("config", "history", SCRIPT)]
    assert told == [("added", "fastx-agent put"), ("removed", "fastx-agent delete"), ("added", "fastx-agent load")]
    result = agent.run("put", "config/motd", "hello")
    assert result.status == 0 and "keep data of your own under data/" in result.err, result
    assert agent.get("config/motd") == "hello"
    assert agent.run("put", "data/motd", "hello").err == ""


def test_a_value_with_a_mistake_leaves_the_last_good_one_and_is_named_with_its_writer(agent, members, secret):
    agent.put("config/placement", '{"showLoginErrors": false}')
    stranger = members(secret)
    link = stranger.dial(agent.address)
    assert link.phase == "open"
    stranger.put("config/placement", b'{"showLoginError": true}')
    [mistake] = eventually(lambda: mistakes(agent) or None, "the mistake is seen")
    assert mistake["key"] == "config/placement" and mistake["used"] == "the last good value counts"
    [line] = mistake["mistakes"]
    assert 'config/placement: showLoginError: ' in line and 'did you mean "showLoginErrors"?' in line
    agent.wait_logged("configuration of the cluster: config/placement: showLoginError: ")
    assert "MISTAKE: config/placement: showLoginError" in agent.ok("status")
    assert "MISTAKE: config/placement" in agent.ok("config", "show")
    checked = agent.run("config", "check")
    assert checked.status == 2 and line in checked.err, checked
    agent.restart()
    assert [mistake["used"] for mistake in mistakes(agent)] == ["the last good value counts"]
    agent.ok("config", "set", "placement", "-", stdin="{}")
    assert mistakes(agent) == []
    assert agent.run("config", "check").status == 0


def test_a_script_is_not_removed_from_under_a_chain_but_may_go_elsewhere_and_is_then_missed(agent, members, secret):
    agent.ok("config", "set", SCRIPT, "-", stdin=TEXT)
    agent.ok("config", "set", "placement", "-", stdin='{"login": ["Best GPU"]}')
    refused = agent.run("config", "remove", SCRIPT)
    assert refused.status == 2 and "is named in login of config/placement" in refused.err
    stranger = members(secret)
    stranger.dial(agent.address)
    stranger.wait(lambda: stranger.get("config/" + SCRIPT))
    stranger.put("config/" + SCRIPT, kind=1)
    [mistake] = eventually(lambda: mistakes(agent) or None, "the missing script is named")
    assert mistake["used"] == "placements by this chain are refused until it is mended"
    assert 'login[0]: there is no script "Best GPU"' in mistake["mistakes"][0]


def test_the_history_tells_who_and_undo_brings_an_older_text_back(agent):
    first = written(agent, SCRIPT, TEXT)
    written(agent, SCRIPT, "() => 1")
    agent.ok("config", "remove", SCRIPT)
    assert text(agent, SCRIPT) is None
    undone = agent.ok("config", "undo", SCRIPT, "--to", first)
    assert undone.startswith(f"{SCRIPT}: added, version ")
    assert text(agent, SCRIPT) == TEXT
    agent.restart()
    rows = agent.json("config", "history", SCRIPT)
    assert [row["effect"] for row in rows] == ["added", "changed", "removed", "added"]
    assert [row["fate"]["kind"] for row in rows] == ["changed", "changed", "changed", "current"]
    assert {row["user"] for row in rows} == {"root"} and {row["serverId"] for row in rows} == {agent.server_id}
    assert rows[0]["version"] == first and rows[1]["before"] == first
    assert rows[3]["source"].startswith("fastx-agent config undo")
    wrong = agent.run("config", "undo", SCRIPT, "--to", first[:-1] + ("0" if first[-1] != "0" else "1"))
    assert wrong.status == 1 and "in the history of this value" in wrong.err, wrong


def test_changes_of_files_are_in_the_history_of_this_member_without_secrets(agent):
    agent.ok("place", "--no-logins")
    agent.ok("key", "new")
    agent.edit("settings.json", lambda content: content.update(updateIntervalSeconds=7))
    rows = eventually(
        lambda: [row for row in agent.json("config", "history") if "updateInterval" in row["lines"][0]]
        and agent.json("config", "history"), "the edit is in the history")
    assert [row["lines"] for row in rows] == [
        ["settings.json: loginsEnabled: true -> false"], ["cluster.json: keys: 1 added"],
        ["settings.json: updateIntervalSeconds: 30 -> 7"]]
    assert [row.get("user") for row in rows] == ["root", "root", None]
    assert rows[0]["source"].startswith("fastx-agent place")
    told = agent.ok("config", "history", "settings.json")
    assert "edited by hand\n    settings.json: updateIntervalSeconds: 30 -> 7" in told and "cluster.json" not in told
    secret = json.loads(agent.path("cluster.json").read_text())["keys"][1]["secret"]
    assert secret not in agent.ok("config", "history", "--json")


def test_what_is_exported_is_imported_as_it_was_all_or_nothing(cluster, directory):
    first, second = cluster.agent(key_file=cluster.new_key_file("one"), program=PROGRAM), cluster.agent(program=PROGRAM)
    cluster.start([first, second])
    given = {SCRIPT: TEXT, "scripts/.100% sure": "() => 'ß'", "metrics/load": "() => 1\n"}
    for name, value in given.items():
        written(first, name, value)
    written(first, "placement", '{"start": ["Best GPU", ".100% sure"]}')
    files = directory / "files"
    assert first.ok("config", "export", files).endswith(": 4 values\n")
    assert sorted(str(path.relative_to(files)) for path in files.rglob("*.*")) == [
        "metrics/load.js", "placement.json", "scripts/%2E100%25 sure.js", "scripts/Best GPU.js"]
    again = first.run("config", "export", files)
    assert again.status == 1 and "exists" in again.err, again

    written(second, "metrics/old", "() => 2")
    asked = second.run("config", "import", files)
    assert asked.status == 1 and "say --yes" in asked.err, asked
    assert "scripts/Best GPU: added\n  +" + TEXT in asked.out
    assert list(values(second)) == ["metrics/old"]
    (files / "scripts/Bad.js").write_text(" ")
    (files / "scripts/notes.txt").write_text("mine")
    refused = second.run("config", "import", files, "--yes")
    assert refused.status == 2 and "config/scripts/Bad: an empty text" in refused.err, refused
    assert "notes.txt is not what" in refused.err
    assert list(values(second)) == ["metrics/old"]
    (files / "scripts/Bad.js").unlink()
    second.ok("config", "import", files, "--yes")
    assert second.dump("config/").count(b"\n") == 5
    assert second.ok("config", "import", files, "--yes") == "the cluster is configured so already\n"
    second.ok("config", "import", files, "--yes", "--delete")
    assert second.dump("config/") == first.dump("config/")
    nothing = second.run("config", "import", directory / "nothing")
    assert nothing.status == 2, nothing
    (directory / "empty").mkdir()
    empty = second.run("config", "import", directory / "empty", "--yes", "--delete")
    assert empty.status == 2 and "there is nothing there" in empty.err, empty


def test_import_asks_on_a_terminal(agent, directory):
    files = directory / "files"
    (files / "scripts").mkdir(parents=True)
    (files / "scripts" / "a.js").write_text("() => 1")
    for answer, expected in ((b"n\n", None), (b"y\n", "() => 1")):
        ours, theirs = pty.openpty()
        with subprocess.Popen(
                [agent.program, "config", "import", str(files), "--var-dir", str(agent.directory)], stdin=theirs,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            os.write(ours, answer)
            out, err = process.communicate(timeout=15)
        os.close(ours)
        os.close(theirs)
        assert b"Write these 1 changes at every member? [y/N]" in out, (out, err)
        assert text(agent, "scripts/a") == expected


@pytest.mark.cuts
def test_two_sides_of_a_cut_end_as_one_version_and_the_other_is_in_the_history(cluster, proxies):
    target = cluster.agent(program=PROGRAM).start()
    proxy = proxies(target)
    dialler = cluster.agent(proxy.url, program=PROGRAM).start()
    dialler.wait_linked(target)
    written(target, SCRIPT, TEXT)
    eventually(lambda: text(dialler, SCRIPT) == TEXT, "the script arrives")
    proxy.cut()
    eventually(lambda: not dialler.links() and not target.links(), "the link is down at both ends")
    lost = written(dialler, SCRIPT, "() => 'lost'")
    kept = written(target, SCRIPT, "() => 'kept'")
    proxy.heal()
    dialler.wait_linked(target)
    wait_equal([dialler, target], "config/")
    assert text(dialler, SCRIPT) == text(target, SCRIPT) == "() => 'kept'"
    eventually(lambda: len(dialler.json("config", "history", SCRIPT)) == 3, "the records of both sides arrive")
    _, own, current = dialler.json("config", "history", SCRIPT)
    assert (own["version"], current["version"]) == (lost, kept)
    fate = own["fate"]
    assert fate["version"] == kept and fate["serverId"] == target.server_id and fate["kind"] == "overwritten"
    # What lost is not lost.
    dialler.ok("config", "undo", SCRIPT, "--to", lost)
    assert text(dialler, SCRIPT) == "() => 'lost'"
    eventually(lambda: text(target, SCRIPT) == "() => 'lost'", "it counts everywhere")


def test_a_member_that_may_not_write_what_all_share_says_why(cluster):
    gateway = cluster.agent(program=PROGRAM)
    gateway.edit("cluster.json", lambda content: content["keys"][0].update(scope="gateway"))
    gateway.start()
    refused = set_value(gateway, SCRIPT, TEXT)
    assert refused.status == 1 and "this member has a gateway key only" in refused.err, refused


@pytest.mark.versions
def test_what_an_older_member_writes_without_a_look_is_named_by_this_one(cluster):
    needs(len(PROGRAMS) == 2, "only one version is given: say make versions OTHER=/path/of/another/fastx-agent")
    old = cluster.agent(program=PROGRAMS[1]).start()
    new = cluster.agent(old, program=PROGRAM).start()
    new.wait_linked(old)
    needs(old.run("config", "show").status == 2, "the other version has the configuration of the cluster itself")
    written(new, SCRIPT, TEXT)
    eventually(lambda: old.get("config/" + SCRIPT) == TEXT, "the script arrives")
    old.put("config/" + SCRIPT, " ")
    [mistake] = eventually(lambda: mistakes(new) or None, "the mistake is seen")
    assert (mistake["writtenBy"], mistake["used"]) == (old.server_id, "the last good value counts")
    old.put("config/" + SCRIPT, TEXT)
    eventually(lambda: not mistakes(new), "it is mended")
