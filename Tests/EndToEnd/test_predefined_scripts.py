# The scripts that come with the program: whom they choose among none, one, a few and a thousand servers.
import contextlib
import random

import pytest

from script_worker import PREDEFINED, ScriptWorker

NAMES = {
    "Needs GPU", "Use GPU System", "Get GPU", "Most Free Memory", "Local Server", "Random Server", "Fewest Sessions",
    "User's Logged In Server", "User Selection", "Find Logged in", "Filter Vnode servers", "Filter not logged in servers"}
THREE = [
    {"serverId": "a", "sessions": 2, "freemem": 50, "loggedInUsers": ["anna"], "staticData": {"gpu": False}},
    {"serverId": "b", "sessions": 1, "freemem": 70, "loggedInUsers": ["bert"], "staticData": {"gpu": "A40", "vnode": True}},
    {"serverId": "c", "sessions": 1, "freemem": 70, "loggedInUsers": ["anna"], "staticData": {"gpu": 1}}]
# All that may be missing, and what else may stand there.
BARE = [{"serverId": "x"}, {"serverId": "y", "staticData": None, "loggedInUsers": None, "sessions": "odd", "freemem": None},
        {"serverId": "z", "staticData": [], "loggedInUsers": "anna", "sessions": -1}]
NEXT = {"kind": "next"}


def text_of(name):
    return (PREDEFINED / f"{name}.js").read_text()


@pytest.fixture(scope="module")
def run():
    """Runs a predefined script over servers."""
    with contextlib.closing(ScriptWorker()) as worker:
        def run(name, servers, given=None, local="a"):
            worker.keep(servers, drop=run.kept - {server["serverId"] for server in servers})
            run.kept = {server["serverId"] for server in servers}
            worker.begin()
            return worker.outcome(text_of(name), given, name=name, local=local)

        run.kept = set()
        yield run


def chosen(name):
    return {"kind": "server", "server": name}


def left(*numbers):
    return {"kind": "list", "servers": list(numbers), "changed": 0}


ANNA = {"user": {"login": "anna", "iss": "c"}, "data": {"serverId": "b"}}


@pytest.mark.parametrize("name, given, expected", [
    ("Needs GPU", {"data": {"gpu": True}}, left(1, 2)), ("Needs GPU", {"data": {"params": {"gpu": "yes"}}}, left(1, 2)),
    ("Needs GPU", {"data": {}}, NEXT), ("Needs GPU", {}, NEXT), ("Needs GPU", {"data": {"gpu": "No", "params": None}}, NEXT),
    ("Needs GPU", {"data": {"gpu": "0", "params": {"gpu": 0}}}, NEXT), ("Needs GPU", {"data": None}, NEXT),
    ("Use GPU System", {}, left(1, 2)), ("Get GPU", {}, chosen("b")), ("Most Free Memory", {}, chosen("b")),
    ("Local Server", {}, chosen("a")), ("Fewest Sessions", {}, chosen("b")),
    ("User's Logged In Server", ANNA, chosen("c")), ("User's Logged In Server", {}, NEXT),
    ("User's Logged In Server", {"user": {"iss": "gone"}}, NEXT),
    ("User Selection", ANNA, chosen("b")), ("User Selection", {"data": {"serverId": "gone"}}, NEXT), ("User Selection", {}, NEXT),
    ("Find Logged in", ANNA, chosen("c")), ("Find Logged in", {"user": {"login": "none"}}, NEXT), ("Find Logged in", {}, NEXT),
    ("Filter Vnode servers", {}, left(0, 2)),
    ("Filter not logged in servers", ANNA, left(0, 2)), ("Filter not logged in servers", {}, left()),
])
def test_among_three(run, name, given, expected):
    assert run(name, THREE, given) == expected


@pytest.mark.parametrize("name", sorted(NAMES - {"Local Server", "Use GPU System"}))
def test_among_none_each_goes_on_or_leaves_none(run, name):
    assert run(name, [], {**ANNA, "data": {"gpu": 1}}) in (NEXT, left())


def test_among_none_some_fail(run):
    assert run("Local Server", []) == chosen("a")
    outcome = run("Use GPU System", [])
    assert outcome["kind"] == "error" and outcome["message"] == "There is no server with a GPU at the moment."


@pytest.mark.parametrize("name", ["Most Free Memory", "Random Server", "Fewest Sessions"])
def test_one_is_chosen_whatever_it_tells(run, name):
    for server in BARE:
        assert run(name, [server]) == chosen(server["serverId"])


@pytest.mark.parametrize("name", sorted(NAMES))
def test_missing_fields_are_survived(run, name):
    outcome = run(name, BARE, {"data": {"gpu": True}, "user": {"login": "anna"}}, local="x")
    if name == "Use GPU System":
        assert outcome["kind"] == "error"
    elif name.startswith(("Needs", "Filter not")):
        assert outcome == left()
    elif name == "Filter Vnode servers":
        assert outcome == left(0, 1, 2)
    elif name in ("Get GPU", "Find Logged in", "User Selection", "User's Logged In Server"):
        assert outcome == NEXT
    else:
        expected = {"Local Server": "x", "Most Free Memory": "z", "Fewest Sessions": "z"}
        assert outcome in [chosen(expected[name])] if name in expected else outcome["server"] in "xyz"


def test_among_a_thousand(run):
    draw = random.Random(7)
    servers = [{"serverId": f"s{number:03}", "sessions": draw.randrange(5), "freemem": draw.randrange(5),
                "loggedInUsers": ["anna"] * draw.randrange(2),
                "staticData": {"gpu": draw.random() < 0.3, "vnode": draw.random() < 0.3}} for number in range(1000)]
    draw.shuffle(servers)
    ordered = sorted(servers, key=lambda each: each["serverId"])

    def numbers(accept):
        return left(*(place for place, each in enumerate(ordered) if accept(each)))

    def first(key, accept=lambda each: True):
        return chosen(min(filter(accept, ordered), key=key)["serverId"])

    fewest = lambda each: (each["sessions"], each["serverId"])
    has_gpu = lambda each: each["staticData"]["gpu"]
    has_anna = lambda each: each["loggedInUsers"]
    given = {"data": {"gpu": 1, "serverId": "s500"}, "user": {"login": "anna", "iss": "s600"}}
    expected = {
        "Needs GPU": numbers(has_gpu), "Use GPU System": numbers(has_gpu), "Get GPU": first(fewest, has_gpu),
        "Most Free Memory": first(lambda each: (-each["freemem"], *fewest(each))), "Fewest Sessions": first(fewest),
        "Local Server": chosen("s700"), "User's Logged In Server": chosen("s600"), "User Selection": chosen("s500"),
        "Find Logged in": first(fewest, has_anna), "Filter not logged in servers": numbers(has_anna),
        "Filter Vnode servers": numbers(lambda each: not each["staticData"]["vnode"])}
    for name, outcome in expected.items():
        assert run(name, servers, given, local="s700") == outcome, name


def test_random_is_fair(run):
    names = [run("Random Server", THREE)["server"] for _ in range(300)]
    # Each 100 times, with a deviation of 8.2: six of these come once in 500 million runs.
    assert all(50 < names.count(name) < 150 for name in "abc"), names


def test_each_is_described_and_a_function():
    assert {path.stem for path in PREDEFINED.iterdir()} == NAMES
    with contextlib.closing(ScriptWorker()) as worker:
        for name in NAMES:
            text = text_of(name)
            assert worker.check(text, name) == {"kind": "function"}
            assert text.startswith("// ") and all(len(line) <= 140 for line in text.split("\n")), name
