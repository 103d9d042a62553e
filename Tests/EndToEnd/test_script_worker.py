# The worker for scripts: its frames, what it says of mistakes, and what scripts cannot break.
import contextlib
import json

import pytest

from script_worker import ScriptWorker, encode

SERVERS = [{"serverId": name, "sessions": number, "city": "Zürich 🗻"} for number, name in enumerate("abc")]


@pytest.fixture(scope="module")
def shared_worker():
    with contextlib.closing(ScriptWorker()) as worker:
        worker.keep(SERVERS)
        yield worker


@pytest.fixture
def worker(shared_worker):
    shared_worker.begin()
    yield shared_worker
    # Whatever a test did, the next script is not to notice.
    shared_worker.begin()
    assert shared_worker.outcome("i => i.servers.map(s => s.serverId).join('')") == {"kind": "server", "server": "abc"}


@pytest.fixture
def workers():
    """Makes workers of one's own."""
    with contextlib.ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(contextlib.closing(ScriptWorker(*arguments)))


@pytest.fixture(scope="module")
def metrics():
    with contextlib.closing(ScriptWorker("metrics")) as worker:
        yield worker


def test_frames_may_come_in_any_pieces(workers):
    worker = workers()
    put = [(each["serverId"], json.dumps(each, ensure_ascii=False).encode()) for each in SERVERS]
    header = {"type": "servers", "put": [[name, len(text)] for name, text in put], "drop": ["none"]}
    data = encode(header, *(text for _, text in put)) + encode({"type": "chain", "without": ["b"]})
    data += worker.call_frame(1, "i => { console.log(i.grüße); return i.servers; }", {"grüße": "😀 für alle"})
    for byte in data:
        worker.send_bytes(bytes([byte]))
    answer = worker.answer(1)
    assert answer["outcome"] == {"kind": "list", "servers": [0, 1], "changed": 0} and answer["console"] == ["😀 für alle"]
    frames = [worker.call_frame(number, f"() => '{number} ü'") for number in (2, 3, 4)]
    worker.send_bytes(b"".join(frames))
    assert [worker.answer(number)["outcome"]["server"] for number in (2, 3, 4)] == ["2 ü", "3 ü", "4 ü"]


def test_a_frame_takes_no_more_memory_than_it_is_long(workers):
    """14 MB of servers at once, in a process that may have 150 MB for them."""
    worker = workers()
    worker.outcome("() => ''")
    worker.limit_memory(150 << 20)
    worker.keep({"serverId": f"node-{number:05}", "pad": "x" * 1400} for number in range(10_000))
    worker.begin()
    assert worker.outcome("i => i.servers.at(-1).serverId") == {"kind": "server", "server": "node-09999"}


@pytest.mark.parametrize("way", [
    "URL.constructor('return process')()", "new Buffer.from.constructor('return 1')", "this.constructor.constructor('')",
    "Object.getPrototypeOf(TextEncoder).constructor('return 1')()"])
def test_a_script_that_leaves_its_scope_is_noticed(workers, way):
    worker = workers()
    worker.begin()
    assert worker.call("() => Function('return 1')() + eval('1') + (async () => {}).constructor.name")["hasLeft"] is False
    assert worker.call(f"() => {{ {way}; }}")["hasLeft"] is True
    # It is, whatever comes after.
    assert worker.call("() => 'a'")["hasLeft"] is True


def test_an_answer_tells_its_time_and_the_heap(worker):
    answer = worker.call("() => { const end = Date.now() + 30; while (Date.now() < end); }")
    assert 29 <= answer["milliseconds"] < 5000 and 1e6 < answer["heapBytes"] < 1e9


def test_it_ends_when_the_agent_closes_the_socket(workers):
    assert workers().close() == (0, "")
    assert workers("metrics").close() == (0, "")


@pytest.mark.parametrize("kind, ask", [((), "() => 'x'"), (("metrics",), "() => 1")])
def test_it_ends_where_nobody_waits_for_its_answer(workers, kind, ask):
    worker = workers(*kind)
    assert worker.check(ask) == {"kind": "function"}
    busy = f"() => {{ const end = Date.now() + 100; while (Date.now() < end); return ({ask})(); }}".encode()
    header = {"id": 1, "name": "Busy", "text": len(busy)}
    worker.send_bytes(encode({"type": "metric", **header}, busy) if kind else worker.call_frame(1, busy))
    assert worker.close() == (0, "")


def test_a_frame_of_the_other_kind_of_worker_ends_it(workers):
    for worker, kind in ((workers(), "metric"), (workers("metrics"), "chain")):
        worker.send_bytes(encode({"type": kind, "id": 1, "name": "x", "text": 0, "without": []}))
        worker.process.wait(timeout=30)
        status, error = worker.close()
        assert status == 1 and f'a frame "{kind}", which a worker for' in error


def test_a_frame_that_is_none_ends_it_with_the_reason(workers):
    for worker in (workers(), workers("metrics")):
        worker.send_bytes(b"\xff" * 8)
        worker.process.wait(timeout=30)
        status, error = worker.close()
        assert status != 0 and "a frame of 4294967295 bytes" in error


def test_servers_are_kept_replaced_and_dropped(workers):
    worker = workers()
    show = "i => JSON.stringify([i.local, ...i.servers])"
    worker.begin()
    assert worker.outcome(show)["server"] == '[{"serverId":"a"}]'
    worker.keep(SERVERS)
    worker.begin(without=["a", "none"])
    assert [each["serverId"] for each in json.loads(worker.outcome(show)["server"])] == ["a", "b", "c"]
    worker.keep([{"serverId": "b", "sessions": 99}], drop=["c"])
    worker.begin()
    assert json.loads(worker.outcome(show)["server"]) == [SERVERS[0], SERVERS[0], {"serverId": "b", "sessions": 99}]


def test_candidates_are_in_the_order_of_their_ids_and_lists_hand_on(worker):
    assert worker.outcome("i => [i.servers[2], i.servers[0]]") == {"kind": "list", "servers": [2, 0], "changed": 0}
    assert worker.outcome("i => { i.servers.length = 0; }") == {"kind": "next"}
    assert worker.outcome("i => i.servers") == {"kind": "list", "servers": [2, 0], "changed": 0}
    # One that was filtered out may still be named.
    assert worker.outcome("i => ['b', ...i.servers]") == {"kind": "list", "servers": [1, 2, 0], "changed": 0}
    assert worker.outcome("i => []") == {"kind": "list", "servers": [], "changed": 0}
    assert worker.outcome("i => i.servers.length + ''") == {"kind": "server", "server": "0"}


@pytest.mark.parametrize("text, line, column, message", [
    (b"\xef\xbb\xbf() => 1", 1, 1, "byte order mark"),
    (b"() =>\n  'a\x00b'", 2, 5, "NUL"),
    (b"() => {\r\n  // gr\xfcn\r\n}", 2, 8, "byte 17 of the text is not UTF-8"),
    ("// \ufffd\n".encode() + b"() => '\xc3'", 2, 8, "is not UTF-8"),
    ("function(input) {\n  return input.;\n}", 2, 16, "Unexpected token ';'"),
    ("function(input) {\n\tlet x = 1; let x;\n}", 2, 17, "already been declared"),
    ("function(input) {\n  return 1;\n}\nfunction(input) {}", 4, 1, "Unexpected token 'function'"),
    ("function(input) {\n  return 1;\n", 3, 1, "ends before the function does"),
    ("() => 1 }", 1, 9, "Unexpected token '}'"),
    ("() => { return 1 )", 1, 18, "Unexpected token ')'"),
    ("return 5", 1, 1, "Unexpected token 'return'"),
    ("", 1, 1, "the text is empty"), ("// nothing\n", 2, 1, "the text is empty"),
    ("({ run() {} })", 1, 1, "no function but an object"), ("'a'", 1, 1, "no function but a string"),
    ("[]", 1, 1, "no function but an array"), ("null", 1, 1, "no function but null"),
    ("class Pick {}", 1, 1, "no function but a class"),
    ("const a = 1;\nconst b = ;\nmodule.exports = () => a;", 2, 11, "Unexpected token ';'"),
])
def test_a_text_that_is_no_function_is_refused_with_its_place(worker, text, line, column, message):
    for outcome in (worker.check(text, name="Odd (name)"), worker.outcome(text, name="Odd (name)")):
        assert outcome["kind"] == "error" and message in outcome["message"], outcome
        assert (outcome["line"], outcome["column"]) == (line, column), outcome


@pytest.mark.parametrize("text", [
    "function(input) {}", "() => 1", "async () => 1", "function* () {}", "function pick(input) {}", "(function () {})",
    "function(input) {};", "() => 1 ; // end;\n/* ; */ ;\n", "// first\nmodule.exports = () => ';'", "export default function () {}",
    "/* a */ export default () => 1;", "const one = () => 1;\nmodule.exports = () => one();", "module.exports=function(){}",
    f"function(i) {{ {'i = 1;' * 500} }} ; ", f"// {'x' * 2000}\n() => 1; // {'y' * 2000}", "() => {};;\r\n\u2028;",
    "\n\n  async function late(input) {}\n\n", "() => { throw new Error('when it is called') }"])
def test_a_function_is_one(worker, text):
    assert worker.check(text) == {"kind": "function"}


def test_many_comments_are_read_quickly(worker):
    comments = "// ; ; ;\n/* ; */ /* ; */\n" * 500
    assert worker.check(f"{comments}() => 1;\n{comments}") == {"kind": "function"}
    assert worker.check(f"{comments}() => 1;\n{comments}x")["line"] == 1001
    assert worker.check(f"{comments}")["message"].startswith("the text is empty")


def test_a_check_runs_nothing_but_the_expression(worker):
    outcome = worker.check("(() => { throw new TypeError('at once') })()", name="Eager")
    assert outcome["message"] == "at once" and (outcome["line"], outcome["column"]) == (1, 16)


def test_the_place_of_an_error_is_that_of_the_text_whatever_its_name(worker):
    text = "module.exports = function pick(input) { helper();\n  function helper() { return [1].map(() => input.none.x); }\n};"
    for name in ("Needs GPU", "a (b)", "x:1:2", "näme/../*[", "node:fs", "worker.js"):
        outcome = worker.outcome(text, name=name)
        assert (outcome["line"], outcome["column"]) == (2, 55), outcome
        frames = outcome["stack"].split("\n")
        assert frames[0] == "TypeError: " + outcome["message"] and len(frames) == 5, frames
        assert f"helper ({name}:2:34)" in frames[3] and f"pick ({name}:1:41)" in frames[4], frames


@pytest.mark.parametrize("text, name, message", [
    ("throw null", "null", "null was thrown"), ("throw undefined", "undefined", "undefined was thrown"),
    ("throw 5", "number", "5 was thrown"), ("throw ''", "string", "an empty text was thrown"),
    ("throw Symbol('s')", "symbol", "Symbol(s) was thrown"), ("throw 'plain'", "string", "plain"),
    ("throw {code: 5}", "Object", 'an object without a message was thrown: {"code":5}'),
    ("throw new Error()", "Error", "Error without a message"), ("throw Object.create(null)", "Object", "an object without a message was thrown"),
    ("throw {get message() { throw 1; }}", "Object", "an object without a message was thrown"),
    ("throw Object.assign(new Error('x'), {toString() { throw 1; }, name: 5})", "Error", "x"),
    ("throw new Proxy(new Error('x'), {get() { throw 1; }})", "Object", "an object without a message was thrown"),
    ("throw new (class Busy extends Error {})('x')", "Busy", "x"),
    ("throw Object.assign(new Error('x'), {name: 'Named'})", "Named", "x"),
    ("Error.prepareStackTrace = () => { throw 1; }; null.x", "TypeError", "Cannot read properties of null (reading 'x')"),
    ("Error.prepareStackTrace = (e, frames) => frames; throw new RangeError('r')", "RangeError", "r"),
    ("Error.stackTraceLimit = 0; throw new Error('x')", "Error", "x"),
    ("const e = new Error('x'); Object.defineProperty(e, 'stack', {get() { throw 1; }}); throw e", "Error", "x"),
    ("throw new Error('at fake (Script:77:88)\\n    at fake (Script:77:88)')", "Error", "at fake (Script:77:88)\n    at fake (Script:77:88)"),
    ("throw function named() {}", "named", "an object without a message was thrown"),
    ("return [10n, {toString: 0}][0] + 1", "TypeError", "Cannot mix BigInt and other types, use explicit conversions"),
])
def test_whatever_is_thrown_is_told(worker, text, name, message):
    outcome = worker.outcome(f"() => {{\n{text} }}")
    assert (outcome["kind"], outcome["class"], outcome["message"]) == ("error", name, message), outcome
    assert outcome["line"] in (2, None) and isinstance(outcome["stack"], str)


def test_messages_are_cut_by_bytes(worker):
    message = worker.outcome("() => { throw new Error('ü'.repeat(1e6)) }")["message"]
    assert message.startswith("üüü") and message.endswith("…") and 3900 <= len(message.encode()) <= 4096
    assert len(worker.outcome("() => 'x'.repeat(1e7)")["server"]) <= 1000
    assert len(worker.outcome("() => ({['x'.repeat(1e6)]: 1})")["what"]) <= 200
    assert len(worker.outcome("() => ['y'.repeat(1e6)]")["what"]) <= 400


def test_console_lines_are_bounded(worker):
    answer = worker.call("() => { for (let n = 0; n < 1e5; n++) console.log('y'.repeat(2000)); }")
    assert len(answer["console"]) == 200 and {len(line) for line in answer["console"]} == {1000}
    assert worker.call("() => console.log(Array(1e6).fill('x').join('\\n'))")["console"] == ["x"] * 200


@pytest.mark.parametrize("text", [
    "() => new Promise(() => {})", "async () => { await new Promise(() => {}); return 'a'; }",
    "() => ({then() {}})", "async () => { setTimeout(() => {}, 2); await new Promise(() => {}); }"])
def test_what_never_comes_is_told_at_once(worker, text):
    assert "waits for something that never comes" in worker.outcome(text)["message"]


def test_errors_outside_of_the_function_end_the_call_too(worker):
    wait = "await new Promise(resolve => setTimeout(resolve, 5000)); return 'a'; }"
    for start in ("setTimeout(() => { throw new Error('late') }, 1);", "queueMicrotask(() => { throw new Error('late') });"):
        outcome = worker.outcome(f"async () => {{\n{start}\n{wait}")
        assert (outcome["message"], outcome["line"]) == ("late", 2), outcome


@pytest.mark.parametrize("text, kind", [
    ("Object.prototype.toJSON = () => 'x'; return i.servers", "wrongElement"),
    ("Array.prototype[Symbol.iterator] = null; return i.servers", "list"),
    ("Array.prototype.map = Array.prototype.push = null; return i.servers", "list"),
    ("JSON.parse = JSON.stringify = Reflect.apply = null; Object = Array = Promise = undefined; return i.servers", "list"),
    ("Object.prototype.get = () => 5; Object.prototype.serverId = 'a'; return [{}]", "wrongElement"),
    ("Object.setPrototypeOf(Object.prototype, null); return i.servers", "list"),
    ("globalThis.console = null; delete globalThis.setTimeout; return i.servers", "list"),
    ("Promise.prototype.then = () => 5; return Promise.resolve('a')", "server"),
    ("return new Proxy([], {get() { throw new Error('trap') }})", "error"),
    ("const r = Proxy.revocable([], {}); r.revoke(); return r.proxy", "error"),
    ("const r = Proxy.revocable({}, {}); r.revoke(); return [r.proxy]", "error"),
    ("return new Proxy({}, {getPrototypeOf() { throw 1 }, ownKeys() { throw 1 }})", "wrong"),
    ("return [{get serverId() { throw new Error('no') }}]", "error"),
    ("const s = i.servers[0]; s.self = s; return i.servers", "error"),
    ("return [{serverId: 'a', big: 1n}]", "error"),
    ("let d = {}; for (let n = 0; n < 1e5; n++) d = {d}; i.servers[0].deep = d; return i.servers", "error"),
    ("let d = []; for (let n = 0; n < 1e5; n++) d = [d]; return d", "wrongElement"),
    ("const a = []; a.length = 4294967295; return a", "wrongElement"),
    ("return Array(20000).fill(i.servers[0])", "list"),
    ("for (const s of i.servers) s.constructor = s.__proto__ = null; return i.servers", "list"),
    ("Object.freeze(i.servers); i.servers.forEach(Object.freeze); return i.servers", "list"),
    ("Promise.reject(new Error('nobody looks')); return 'a'", "server"),
    ("(async () => { for (;;) await null; })().x; return 'a'", "server"),
    ("setInterval(() => {}, 1); return 'a'", "server"),
    ("console.log(new Proxy({}, {get() { throw 1 }}), i.servers, i); return 'a'", "server"),
    ("return i.servers[0].constructor.constructor('return typeof process')()", "server"),
    ("return typeof require + typeof process", "server"),
])
def test_scripts_do_not_break_the_worker(worker, text, kind):
    assert worker.outcome(f"(i) => {{ {text} }}")["kind"] == kind


def test_each_call_has_a_scope_of_its_own(worker):
    worker.outcome("() => { globalThis.left = 1; Array.prototype.left = 1; URL = null; }")
    assert worker.outcome("() => typeof left + typeof [].left + typeof URL")["server"] == "undefinedundefinedfunction"


@pytest.mark.parametrize("text, value", [
    ("() => 5", 5), ("function() { return {licences: [1, null, 'ü']}; }", {"licences": [1, None, "ü"]}), ("() => null", None),
    ("async () => { await new Promise(r => setTimeout(r, 5)); return false; }", False),
    ("() => require('os').cpus().length > 0", True), ("() => process.versions.node.split('.').length", 3),
    ("() => new Promise((done, failed) => require('child_process').execFile('echo', ['7'], (e, out) => e ? failed(e) : done(+out)))", 7),
    ("() => require('fs').promises.readFile('/proc/self/stat', 'utf8').then(text => text.length > 10)", True),
    ("() => ({toJSON: () => 'own'})", "own"), ("() => [] instanceof Array && Buffer.from('a') instanceof Uint8Array", True),
])
def test_a_metric_has_all_of_node(metrics, text, value):
    assert metrics.metric(text)["value"] == value


@pytest.mark.parametrize("text, part", [
    ("() => { throw new Error('no licence manager') }", {"kind": "error", "message": "no licence manager", "line": 1}),
    ("() => {\n  setTimeout(() => { throw new Error('late') }, 1);\n  return new Promise(() => {}); }", {"message": "late", "line": 2}),
    ("() => { Promise.reject(new Error('lost')); return new Promise(done => setTimeout(done, 500)); }", {"message": "lost"}),
    ("() => require('child_process').execFileSync('/nonexistent/program')", {"class": "Error", "line": 1}),
    ("() => undefined", {"kind": "wrong", "what": "undefined"}), ("() => NaN", {"kind": "wrong", "what": "the number NaN"}),
    ("() => () => 1", {"kind": "wrong", "what": "a function"}), ("() => 'x'.repeat(1e6)", {"kind": "wrong"}),
    ("() => 1n", {"kind": "error", "class": "TypeError"}), ("5", {"kind": "error", "line": 1}),
    ("() => require('./none')", {"kind": "error", "line": 1}),
])
def test_a_metric_that_fails_says_how(metrics, text, part):
    outcome = metrics.metric(text)["outcome"]
    assert {key: outcome[key] for key in part} == part, outcome


def test_a_metric_that_waits_for_nothing_is_told_at_once(metrics):
    assert "waits for something that never comes" in metrics.metric("() => new Promise(() => {})")["outcome"]["message"]
    answer = metrics.metric("() => { console.log('used: %d', 3); return 3; }")
    assert answer["value"] == 3 and answer["console"] == ["used: 3"]
