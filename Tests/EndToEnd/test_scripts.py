# Scripts of administrators in the worker that runs them: what comes of them, against Node itself and against plain objects.
import json
import re
import subprocess
from pathlib import Path

import pytest

from script_worker import ScriptWorker, node

DIRECTORY = Path(__file__).parent / "scripts"
INPUT = {"action": "session/start", "user": {"login": "anna", "serverId": "b", "sessions": []},
         "userGroups": ["users", "render"], "isManager": False, "isAdmin": False, "data": {}}
# Prints the list that a function is given, one element a line.
SHOW = "({ servers }) => { for (const server of servers) console.log(JSON.stringify(server)); }"


def server(name, sessions, static_data=None, **fields):
    """A server object such as members tell it, with little in it."""
    made = {"serverId": name, "hostname": f"node-{name}.example.org", "sessions": sessions, "cpu": {"count": 4},
            "links": [{"serverId": "b", "direction": "out"}], "loadavg": [sessions + 0.25, 0.5, 1],
            "freemem": 1000 + sessions, "loggedInUsers": ["root"]}
    return {**made, **({} if static_data is None else {"staticData": static_data}), **fields}


SERVERS = [server("a", 3, {"gpu": True}), server("b", 1, {}), server("c", 7, {"gpu": "A40", "vnode": True}),
           server("d", 1, {"group": "gr\u00fcn"}), server("e", 0), server("f", 12, {"gpu": 2})]


def corpus():
    """Name, what comes of it, and text of each script."""
    text = (DIRECTORY / "corpus.txt").read_text()
    parts = re.split(r"^=== (.*) -> (.*)\n", text, flags=re.MULTILINE)[1:]
    return list(zip(parts[0::3], parts[1::3], (part.removesuffix("\n") for part in parts[2::3])))


CORPUS = corpus()


@pytest.fixture(scope="module")
def reference():
    """What Node itself makes of each script."""
    given = {"servers": json.dumps(SERVERS), "input": json.dumps(INPUT), "local": "a",
             "scripts": {name: text for name, _, text in CORPUS}}
    done = subprocess.run(
        [*node(), str(DIRECTORY / "reference.js")], input=json.dumps(given), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def shared_worker():
    worker = ScriptWorker()
    worker.keep(SERVERS)
    yield worker
    assert worker.close() == (0, "")


@pytest.fixture
def worker(shared_worker):
    """A worker at the beginning of a chain over all of SERVERS."""
    shared_worker.begin()
    return shared_worker


def list_of(worker):
    """The list that the next function would be given, as JSON texts."""
    answer = worker.call(SHOW, name="Show")
    assert answer["outcome"] == {"kind": "next"}, answer
    return answer["console"]


def in_words(outcome):
    """An outcome as the corpus names it."""
    match outcome["kind"]:
        case "server": return f"server {outcome['server']}"
        case "list": return " ".join(["list", *(SERVERS[number]["serverId"] for number in outcome["servers"])])
        case "wrong": return f"wrong {outcome['what']}"
        case "wrongElement": return f"wrongElement {outcome['index']}"
        case "error": return f"error {outcome['line'] or '-'} {outcome['message']}"
        case kind: return kind


def expected_pattern(expected):
    """Of errors and of what is wrong the corpus has a part of the message."""
    kind, *rest = expected.split(" ", 1)
    if kind == "wrong":
        return f"wrong {re.escape(rest[0])}.*"
    if kind == "error":
        line, message = rest[0].split(" ", 1)
        return f"error {line} .*{re.escape(message)}.*"
    return re.escape(expected)


@pytest.mark.parametrize("name, expected, text", CORPUS, ids=[name for name, _, _ in CORPUS])
def test_a_script_gives_what_it_gives_in_node(worker, reference, name, expected, text):
    answer = worker.call(text, INPUT, name=name)
    outcome, plain = answer["outcome"], reference[name]
    assert re.fullmatch(expected_pattern(expected), in_words(outcome), re.DOTALL), answer
    assert outcome["kind"] == plain["kind"], plain
    for key in ("server", "message", "line", "index"):
        assert outcome.get(key) == plain.get(key), (key, plain)
    assert answer["console"] == plain["console"]
    if outcome["kind"] == "list":
        assert list_of(worker) == plain["list"]
    if outcome["kind"] == "next":
        assert list_of(worker) == [json.dumps(each, separators=(",", ":"), ensure_ascii=False) for each in SERVERS]


def test_the_corpus_is_large():
    assert len(CORPUS) >= 70 and len({name for name, _, _ in CORPUS}) == len(CORPUS)
