# The server objects that scripts see: made when they are touched, and yet in all that a script can do plain objects.
import json

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from script_worker import ScriptWorker

# Does a list of operations to an object and tells what each gave, and what there is in the end.
DRIVER = """
(input) => {
  'use strict';
  const [operations, isPlain] = [input.data.operations, input.data.isPlain];
  const given = isPlain ? JSON.parse(JSON.stringify(input.servers)) : input.servers;
  const results = [];
  for (const text of operations) {
    try {
      results.push(JSON.stringify(new Function('servers', 's', 't', 'return ' + text)(given, given[0], given[1])) ?? 'undefined');
    } catch (error) {
      results.push(error.name); // Node words it otherwise where a proxy is frozen.
    }
  }
  return 'x' && JSON.stringify([results, given]).match(/[^]{1,900}/g).forEach(part => console.log(part));
}
"""
# Does the same and returns the list.
RETURNER = """
(input) => {
  const [operations, isPlain] = [input.data.operations, input.data.isPlain];
  const given = isPlain ? JSON.parse(JSON.stringify(input.servers)) : input.servers;
  for (const text of operations) {
    try { new Function('servers', 's', 't', text)(given, given[0], given[1]); } catch {}
  }
  return given;
}
"""
SERVERS = [
    {"serverId": "a", "sessions": 3, "cpu": {"count": 4, "model": None}, "staticData": {"gpu": True, "deep": [[{"x": 1}]]},
     "urls": ["https://a"], "note": "ü\u2028\"", "empty": {}, "none": None, "__proto__": {"odd": 1}},
    {"serverId": "b", "7": "seven", "sessions": -0.5, "staticData": {}, "toString": "mine", "links": [], "big": 1e300},
]
OPERATIONS = [
    "Object.keys(s)", "Object.values(t)", "Object.entries(s).length", "({...s})", "({...t, score: 1})",
    "JSON.stringify(s)", "JSON.stringify(servers)", "Object.getOwnPropertyNames(s)",
    "Object.getOwnPropertyDescriptor(s, 'cpu')", "Object.getOwnPropertyDescriptor(s, 'none')",
    "Object.getOwnPropertyDescriptor(s, 'missing') === undefined", "Reflect.ownKeys(t)",
    "s.hasOwnProperty('cpu')", "s.hasOwnProperty('missing')", "Object.hasOwn(t, '7')", "'cpu' in s", "'valueOf' in s",
    "'missing' in s", "s.missing", "s.cpu.count", "s['sessions']", "typeof s.valueOf", "String(s)", "typeof t.toString",
    "s.staticData.deep[0][0].x", "s.staticData === s.staticData", "s.sessions++", "s.sessions += 2", "t['7'] = 8",
    "s['3'] = 'three'", "s.added = {a: [1]}", "s.added", "delete s.added", "delete s.cpu", "delete s.missing", "delete t.links",
    "s.cpu = 5", "s.cpu.count = 6", "s.cpu = undefined", "s.urls.push('https://b')", "s.staticData.deep.length = 0",
    "Object.assign(s, t)", "Object.assign({}, s)", "Object.defineProperty(s, 'cpu', {get: () => 1, configurable: true}) === s",
    "Object.defineProperty(s, 'sum', {get() { return this.sessions + 1; }, enumerable: true, configurable: true}).sum",
    "Object.defineProperty(t, 'hidden', {value: 1}).hidden", "Object.isFrozen(s)", "Object.isExtensible(s)",
    "Object.isFrozen(Object.freeze(s))", "Object.isSealed(Object.seal(t))", "Object.preventExtensions(s) === s",
    "s.other = 1", "(function () { for (const k in s) if (k === 'cpu') return k; return 0; })()",
    "(({serverId, cpu, ...rest}) => [serverId, cpu, rest])(s)", "Object.getPrototypeOf(s) === Object.prototype",
    "s.constructor === Object", "s instanceof Object", "Object.setPrototypeOf(t, {inherited: 1}).inherited",
    "Object.prototype.toString.call(s)", "structuredClone(s)", "structuredClone(servers)[1].big", "s.__proto__ === undefined",
    "t.__proto__ === Object.prototype", "s[Symbol('x')]", "(s[Symbol.toStringTag] = 'T', String(s))",
    "Object.fromEntries(Object.entries(s))", "s.propertyIsEnumerable('cpu')", "s.toJSON", "(t.toJSON = () => 'short', 1)",
    "Object.create(s).sessions", "(Object.create(s).sessions = 9, s.sessions)", "Object.create(s, {}).cpu",
    "new Proxy(s, {}).staticData", "Reflect.set(s, 'cpu', 1, t)", "Reflect.get(s, 'cpu', t)", "Reflect.has(s, 'cpu')",
    "Object.getOwnPropertyDescriptors(t)", "Object.is(t.sessions, -0.5)", "s == s", "s === t", "[s, t].indexOf(t)",
    "new Map([[s, 1]]).get(s)", "new Set([s, s, t]).size", "Array.isArray(servers)", "servers.length", "servers.includes(s)",
    "servers.map(x => x.serverId)", "servers.slice(1)", "servers.sort((x, y) => y.sessions - x.sessions).length",
    "servers.reverse().length", "servers.find(x => x.cpu)", "[...servers].length", "servers.concat([1]).length",
    "servers.entries().next().value[0]", "servers.constructor === Array", "servers.flatMap(x => [x.serverId, 1])",
    "Object.keys(servers)", "servers.push({serverId: 'c'})", "servers.pop().serverId", "structuredClone({s, again: s}).s",
]


@pytest.fixture(scope="module")
def shared_worker():
    worker = ScriptWorker()
    worker.keep(SERVERS)
    yield worker
    assert worker.close() == (0, "")


@pytest.fixture
def worker(shared_worker):
    shared_worker.begin()
    return shared_worker


def done(worker, operations, is_plain):
    worker.begin()
    # A name of its own for each text keeps the worker from learning from one run how to do the next.
    answer = worker.call(DRIVER + f"// {is_plain}", {"data": {"operations": operations, "isPlain": is_plain}})
    assert answer["outcome"]["kind"] == "next", answer
    return json.loads("".join(answer["console"]))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_operation_gives_what_it_gives_on_a_plain_object(worker, operation):
    assert done(worker, [operation], False) == done(worker, [operation], True)


def test_so_do_operations_one_after_the_other(worker):
    @settings(max_examples=300, deadline=None, database=None)
    @given(st.lists(st.sampled_from(OPERATIONS), min_size=2, max_size=12))
    def property_of_sequences(operations):
        assert done(worker, operations, False) == done(worker, operations, True)

    property_of_sequences()


def handed_on(worker, operations, is_plain):
    """What becomes of a list after operations, and the list that the next function is given."""
    worker.begin()
    outcome = worker.outcome(RETURNER + f"// {is_plain}", {"data": {"operations": operations, "isPlain": is_plain}})
    # A stack has the frames of a proxy's traps in it, or has not.
    return {**outcome, "stack": ""}, worker.outcome("i => JSON.stringify(i.servers)")


def test_what_becomes_of_a_list_is_what_becomes_of_a_plain_one(worker):
    @settings(max_examples=300, deadline=None, database=None)
    @given(st.lists(st.sampled_from(OPERATIONS), max_size=8))
    def property_of_sequences(operations):
        assert handed_on(worker, operations, False) == handed_on(worker, operations, True)

    property_of_sequences()


def test_what_a_script_changes_is_seen_by_nobody_else(worker):
    change = "i => { for (const s of i.servers) { s.cpu = 1; s.staticData.gpu = 5; s.more = 1; } i.local.urls.length = 0; }"
    show = "i => JSON.stringify([i.servers, i.local])"
    before = worker.call(show)["outcome"]
    for _ in range(2):
        assert worker.outcome(change) == {"kind": "next"}
        assert worker.call(show)["outcome"] == before


def test_elements_that_are_only_read_do_not_count_as_changed(worker):
    for text in ["i => i.servers", "i => i.servers.filter(s => s.staticData.deep || s.sessions)", "i => i.servers.map(s => ({...s}))",
                 "i => { i.servers.forEach(Object.keys); return i.servers; }", "i => { i.servers[0].sessions = 3; return i.servers; }",
                 "i => structuredClone(i.servers)", "i => i.servers.map(s => s.serverId)"]:
        worker.begin()
        assert worker.outcome(text) == {"kind": "list", "servers": [0, 1], "changed": 0}, text


@pytest.mark.parametrize("text", [
    "i => { i.servers[0].staticData.gpu = 2; return i.servers; }", "i => { i.servers[0].added = 2; return i.servers; }",
    "i => { delete i.servers[0].cpu; return i.servers; }", "i => { i.servers[0].cpu = undefined; return i.servers; }",
    "i => { i.servers[0].staticData.deep[0].push(null); return i.servers; }",
    "i => { i.servers[0].note = 'x'; return i.servers; }", "i => [{...i.servers[0], x: 1}, 'b']",
    "i => { i.servers[0].cpu.toJSON = () => 1; return i.servers; }"])
def test_changed_elements_are_kept_for_the_next_function(worker, text):
    assert worker.outcome(text) == {"kind": "list", "servers": [0, 1], "changed": 1}
    shown = json.loads(worker.outcome("i => JSON.stringify(i.servers)")["server"])
    assert shown[0] != SERVERS[0] and shown[1] == SERVERS[1]
    assert worker.outcome("i => i.servers") == {"kind": "list", "servers": [0, 1], "changed": 1}


def test_a_script_that_wants_everything_is_given_plain_objects_from_its_second_call_on():
    worker = ScriptWorker()
    servers = [{"serverId": f"s{number:02}", "cpu": {"count": number}} for number in range(40)]
    worker.keep(servers)
    text = "i => { console.log(i.servers.length); return i.servers.map(s => ({...s, score: s.cpu.count})).reverse(); }"
    for _ in range(3):
        worker.begin()
        answer = worker.call(text)
        assert answer["outcome"] == {"kind": "list", "servers": list(range(39, -1, -1)), "changed": 40}
        last = worker.outcome("i => JSON.stringify(i.servers[0]) + i.servers.length")["server"]
        assert last == '{"serverId":"s39","cpu":{"count":39},"score":39}40'
    assert worker.close() == (0, "")
