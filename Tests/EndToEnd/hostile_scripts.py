# Scripts that do harm, each for the user of its name: what it does, and what the administrator is told of it.
from typing import NamedTuple

NAME = "Hostile"
# What scripts may use of time and memory here.
LIMITS = {"timeLimitMilliseconds": 200, "memoryLimitMiB": 64}
SLOW = r'"Hostile" was ended because it took longer than the 200 ms allowed'
LARGE = r'"Hostile" was ended for lack of memory; scripts may use 64 MiB'
# A way out of its own scope, and on to Node itself.
ESCAPE = "const process = URL.constructor('return process')(); const { fs } = { fs: process.mainModule.require('fs') };"


class Hostile(NamedTuple):
    """The end of a function's body, and a pattern of what comes of it: with `None` the server that it should choose."""

    body: str
    told: str | None


SCRIPTS = {
    # Time.
    "loop": Hostile("for (;;) {}", SLOW),
    "getter of what it returns": Hostile("return [{ ...input.servers[0], get more() { for (;;) {} } }];", SLOW),
    "getter of a server": Hostile(
        "Object.defineProperty(input.servers[0], 'sessions', { enumerable: true, get() { for (;;) {} } });"
        "return input.servers;", SLOW),
    "job of a promise": Hostile("return Promise.resolve().then(() => { for (;;) {} });", SLOW),
    # Such a job is never begun: the call is over before.
    "job that nobody waits for": Hostile(
        "Promise.resolve().then(() => { for (;;) {} }); return input.servers[0].serverId;", None),
    "comparator": Hostile("return input.servers.sort(() => { for (;;) {} });", SLOW),
    "then": Hostile("return { then() { for (;;) {} } };", SLOW),
    "proxy": Hostile("return new Proxy([], { get() { for (;;) {} } });", SLOW),
    "regular expression": Hostile("return /^(a+)+$/.test('a'.repeat(60) + 'b');", SLOW),
    "search": Hostile("return 'a'.repeat(2 ** 22).lastIndexOf('a'.repeat(2 ** 21) + 'b');", SLOW),
    "great number": Hostile("return String(7n ** 20_000_000n);", f"{SLOW}|{LARGE}"),
    "promise": Hostile("return new Promise(() => {});", r'"Hostile" refused: the function waits for something that never'),
    "promise with a timer": Hostile("return new Promise(() => { setInterval(() => {}, 10); });", SLOW),
    "sleep": Hostile("return new Promise((resolve) => { setTimeout(resolve, 1e9); });", SLOW),
    # Memory.
    "small objects": Hostile("const a = []; for (;;) a.push({ x: a.length, y: 'k' + a.length });", f"{SLOW}|{LARGE}"),
    "buffers": Hostile("const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1));", f"{SLOW}|{LARGE}|refused: .*allocation"),
    "great buffer": Hostile("new ArrayBuffer(8 * 2 ** 30);", r'"Hostile" refused: Array buffer allocation failed'),
    "great string": Hostile("let s = 'x'; for (;;) s += s;", r'"Hostile" refused: Invalid string length'),
    "flat strings": Hostile(
        "const a = []; for (;;) { a.push(('x' + a.length).repeat(2 ** 22)); JSON.stringify(a); }",
        f'{SLOW}|{LARGE}|"Hostile" refused: Invalid string length'),
    "arrays": Hostile("const a = []; for (;;) a.push(new Array(1e6).fill(1.5));", f"{SLOW}|{LARGE}"),
    "great array": Hostile("return new Array(2 ** 32 - 1);", r'"Hostile" returned a list whose element 0 is undefined'),
    # What comes back.
    "long answer": Hostile("return 'x'.repeat(1e7);", r'"Hostile" chose "x+…", which is no candidate'),
    "long member": Hostile("return [{ ...input.servers[0], more: 'x'.repeat(1e7) }];", r"without a server id, with 1 server"),
    "deep answer": Hostile("let o = {}; for (let i = 0; i < 1e5; i++) o = { o }; return o;", r'"Hostile" returned an object'),
    "deep member": Hostile(
        "let o = {}; for (let i = 0; i < 1e5; i++) o = { o }; return [{ ...input.servers[0], o }];",
        r'"Hostile" refused: Maximum call stack'),
    "long message": Hostile("throw new Error('x'.repeat(1e7));", f'"Hostile" refused: x+…|{SLOW}'),
    "long console": Hostile("for (;;) console.log('x'.repeat(1e4));", SLOW),
    # Tampering. Each call has objects of its own.
    "JSON": Hostile("JSON.stringify = JSON.parse = () => { for (;;) {} }; return input.servers[0].serverId;", None),
    "arrays of its own": Hostile(
        "Array.prototype[Symbol.iterator] = Array.prototype.map = Array.prototype.push = () => { for (;;) {} };"
        "return [input.servers[0]].concat()[0].serverId;", None),
    "promises of its own": Hostile(
        "Promise.prototype.then = Promise.resolve = () => { for (;;) {} };"
        "return (async () => input.servers[0].serverId)();", None),
    "objects of its own": Hostile(
        "Object.defineProperty(Object.prototype, 'toJSON', { get() { for (;;) {} } });"
        "return input.servers[0].serverId;", None),
    "stack": Hostile("Error.prepareStackTrace = () => { for (;;) {} }; throw new Error('full');", f'refused: full|{SLOW}'),
    "constructor": Hostile(
        "return input.constructor.constructor('return process')().exit(3);", r'"Hostile" refused: process is not defined'),
    # Beyond its scope the walls are the operating system's, and the time is the agent's.
    "exit": Hostile(f"{ESCAPE} process.exit(3);", r'"Hostile" did not answer: its process ended with status 3'),
    "abort": Hostile(f"{ESCAPE} process.abort();", r'"Hostile" did not answer: its process was ended by signal 6'),
    "closed stream": Hostile(f"{ESCAPE} fs.closeSync(0); for (;;) {{}}", SLOW),
    "nonsense": Hostile(
        f"{ESCAPE} fs.writeSync(0, 'nonsense'); for (;;) {{}}",
        r'"Hostile" did not answer: its process sent what is no answer'),
    "standard error": Hostile(f"{ESCAPE} for (;;) fs.writeSync(2, 'x'.repeat(1e5));", SLOW),
}


def text():
    """One function that is hostile to the users of these names, slow for one, and harmless for all others."""
    cases = "\n".join(f"    case {name!r}: {{ {hostile.body} }}" for name, hostile in SCRIPTS.items())
    return f"""function (input) {{
  switch (input.user.login) {{
{cases}
    case 'slow': {{ const end = Date.now() + 100; while (Date.now() < end) {{}} }}
  }}
  return input.servers[0].serverId;
}}"""
