// What scripts print: formatted as Node does it, kept for whoever looks at the call.
'use strict';
const { Console } = require('node:console');
const { types } = require('node:util');
const { ownerOf } = require('./servers.js');
const { attempt } = require('./values.js');

/** How many lines of a call are kept, and how many characters of each. */
const LINES_MAX = 200;
const LINE_MAX = 1000;
/** How deep and how wide a printed value is looked through for servers; Node prints less. */
const DEPTH_MAX = 6;
const WIDTH_MAX = 200;

/** A console whose lines stay here. */
class CapturedConsole {
  lines = [];
  #console = null;
  #whole;

  /** `whole` has the proxies of servers that were made whole. */
  constructor(whole = new Map()) {
    this.#whole = whole;
  }

  /** Does what the method of that name does with these values. */
  call(method, values) {
    if (this.lines.length >= LINES_MAX) return;
    this.node[method](...Array.from(values, (value) => (makeWhole(value, this.#whole, 0), value)));
  }

  /** A console of Node itself. */
  get node() {
    const stream = { write: (text) => this.#take(text), on() {}, once() {}, removeListener() {}, listenerCount: () => 0 };
    this.#console ??= new Console({ stdout: stream, stderr: stream, colorMode: false });
    return this.#console;
  }

  #take(text) {
    for (const line of text.replace(/\n$/, '').split('\n', LINES_MAX)) {
      if (this.lines.length >= LINES_MAX) return;
      this.lines.push(line.length > LINE_MAX ? `${line.slice(0, LINE_MAX - 1)}…` : line);
    }
  }
}

/** Node prints the target of a proxy, which for servers is empty until it has been asked for. */
function makeWhole(value, whole, depth) {
  if (typeof value !== 'object' || value === null || depth > DEPTH_MAX) return;
  if (types.isProxy(value) && !whole.has(value)) {
    const lazy = attempt(() => ownerOf(value).lazy, null);
    if (lazy === null) return;
    lazy.makeWhole();
  }
  const inner = (each) => makeWhole(each, whole, depth + 1);
  if (types.isMap(value)) Map.prototype.forEach.call(value, inner);
  if (types.isSet(value)) Set.prototype.forEach.call(value, inner);
  for (const key of Object.keys(value).slice(0, WIDTH_MAX)) inner(Object.getOwnPropertyDescriptor(value, key)?.value);
}

module.exports = { CapturedConsole };
