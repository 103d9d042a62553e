# load and dump: many entries, and what happens to lines that are wrong.
import base64
import json

import pytest

from waiting import eventually


def lines(*entries):
    return "".join(json.dumps(entry) + "\n" for entry in entries)


def test_a_dump_loaded_elsewhere_dumps_to_the_same_bytes(cluster):
    source, target = cluster.start([cluster.agent(), cluster.agent()])
    source.ok("load", "-", stdin=lines(
        {"key": "config/plain", "value": "text"},
        {"key": "config/ä/\u00e9", "value": "\u0000\u0001\b\t\n\f\r\"\\/\u007f\u2028 ü 😀"},
        {"key": "config/empty", "value": ""},
        {"key": "data/binary", "valueBase64": base64.b64encode(bytes(range(256))).decode()},
        {"key": "data/text-as-base64", "valueBase64": base64.b64encode(b"text").decode()},
        {"key": "data/large", "value": "x" * (1 << 20)},
    ))
    dump = source.dump("config/") + source.dump("data/")
    copy = cluster.directory / "copy.ndjson"
    copy.write_bytes(dump)
    assert target.json("load", copy)["committed"] == 6
    assert target.dump("config/") + target.dump("data/") == dump
    assert target.ok("get", "data/binary", text=False) == bytes(range(256))
    assert json.loads(target.ok("dump", "data/text-as-base64")) == {"key": "data/text-as-base64", "value": "text"}


def test_strings_in_a_dump_have_their_shortest_form(agent):
    agent.ok("put", "config/x", stdin="\u0000\u001f\b\t\n\f\r\"\\/\u007f\u2028ü😀")
    expected = '{"key":"config/x","value":"\\u0000\\u001f\\b\\t\\n\\f\\r\\"\\\\/\u007f\u2028ü😀"}\n'
    assert agent.dump("config/").decode() == expected


def test_loading_an_old_dump_rolls_the_cluster_back(cluster):
    first, second = cluster.chain(2)
    second.wait_linked(first)
    first.put("config/x", "old")
    old = first.dump("config/")
    first.put("config/x", "new")
    said = second.ok("load", "-", stdin=old.decode())
    assert "1 entries are committed" in said or "1 entry" in said, said
    assert "newest" in said
    eventually(lambda: first.get("config/x") == "old", "the old value is back")


def test_leases_are_left_out_and_counted(agent):
    loaded = agent.json("load", "-", stdin=lines(
        {"key": "server/x", "value": "1"}, {"key": "config/x", "value": "1"}, {"key": "login/a/b", "value": "1"}))
    assert loaded == {"committed": 1, "skippedLeases": 2}
    assert agent.get("server/x") is None


GOOD = '{"key":"config/good","value":"1"}\n'


@pytest.mark.parametrize(
    "bad, reason",
    [
        ("not json", "JSON"),
        ('["key"]', "key"),
        ('{"value":"1"}', "key"),
        ('{"key":"config/x"}', "value"),
        ('{"key":"config/x","value":1}', "string"),
        ('{"key":"config/x","value":"1","valueBase64":"MQ=="}', "one of"),
        ('{"key":"config/x","valueBase64":"***"}', "base64"),
        ('{"key":"config/x","value":"1","extra":"2"}', "extra"),
        ('{"key":"other/x","value":"1"}', "other/x"),
        ('{"key":"config/%s","value":"1"}' % ("k" * 500), "480"),
        ('{"key":"config/x","value":"%s"}' % ("v" * ((1 << 20) + 1)), "1048576"),
        ('{"key":"config/x","value":"\\ud800"}', ""),
    ])
def test_a_bad_line_is_named_with_its_number_and_nothing_of_it_is_written(agent, bad, reason):
    result = agent.run("load", "-", stdin=GOOD + "\n" + bad + "\n" + GOOD)
    assert result.status == 1, result
    assert "line 3" in result.err and reason in result.err, result.err[:500]
    assert "committed" in result.err, result.err
    assert agent.get("config/x") is None


def test_a_bad_line_far_into_a_file_is_named_with_its_number_in_the_file(agent, directory):
    path = directory / "many.ndjson"
    with open(path, "w") as file:
        for number in range(1, 30001):
            file.write(json.dumps({"key": f"data/{number:06}", "value": "x" * 100}) + "\n")
        file.write("broken\n")
    result = agent.run("load", path)
    assert result.status == 1 and "line 30001" in result.err, result
    committed = int(result.err.split(" entries are committed")[0].split()[-1])
    present = agent.dump("data/").count(b"\n")
    assert 0 < committed <= present, (committed, present)


def test_a_file_without_a_line_end_at_its_end_and_with_windows_line_ends_is_taken(agent):
    text = '{"key":"config/a","value":"1"}\r\n\r\n{"key":"config/b","value":"2"}'
    assert agent.json("load", "-", stdin=text)["committed"] == 2
    assert agent.get("config/a") == "1" and agent.get("config/b") == "2"


def test_an_empty_file_loads_nothing_and_a_missing_one_is_a_mistake(agent, directory):
    assert agent.json("load", "-", stdin="")["committed"] == 0
    result = agent.run("load", directory / "missing.ndjson")
    assert result.status == 2 and "missing.ndjson" in result.err, result
