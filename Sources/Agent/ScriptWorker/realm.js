// The global scope of one call of a placement script: its own objects, timers and promises. Nothing of it outlives the call.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');
const { types } = require('node:util');
const { describe } = require('./values.js');
const { CapturedConsole } = require('./console.js');

const INSIDE = 'inside.js';
const inside = new vm.Script(fs.readFileSync(path.join(__dirname, INSIDE), 'utf8'), { filename: INSIDE });
/** What is evaluated so that promises that are settled go on: their jobs are run after each evaluation. */
const nothing = new vm.Script('0');
/** Timers of Node take no less, in milliseconds. */
const TIMER_MILLISECONDS_MIN = 1;
/** And no more; a longer one fires at once there. */
const TIMER_MILLISECONDS_MAX = 2 ** 31 - 1;

/** What nothing can settle any more. */
class NeverSettled extends Error {}

/** The timers of a call. Immediates are timers that are due before all others. */
class Timers {
  #timers = new Map();
  #last = 0;
  #sleeper = new Int32Array(new SharedArrayBuffer(4));

  schedule(callback, milliseconds, repeats) {
    let wait = milliseconds;
    if (wait >= 0) wait = wait >= TIMER_MILLISECONDS_MIN && wait <= TIMER_MILLISECONDS_MAX ? wait : TIMER_MILLISECONDS_MIN;
    this.#timers.set(this.#last += 1, { callback, wait, repeats, due: wait < 0 ? 0 : performance.now() + wait });
    return this.#last;
  }

  clear(id) {
    this.#timers.delete(id);
  }

  /** Waits for the next timer, and gives its callback; null where there is none. */
  next() {
    let first = null;
    for (const [id, timer] of this.#timers) {
      if (first === null || timer.due < first.timer.due) first = { id, timer };
    }
    if (first === null) return null;
    const { id, timer } = first;
    for (let left; (left = timer.due - performance.now()) > 0;) Atomics.wait(this.#sleeper, 0, 0, left);
    if (timer.repeats) timer.due = performance.now() + timer.wait;
    else this.#timers.delete(id);
    return timer.callback;
  }
}

/** One global scope. */
class Realm {
  #context;
  #tools;
  #timers = new Timers();
  /** The servers that were made whole, by their proxies. */
  whole = new Map();
  #console = new CapturedConsole(this.whole);
  /** What ended the call from outside of the function: `{error}`. */
  #failure = null;

  constructor() {
    const { URL, URLSearchParams, TextEncoder, TextDecoder, Buffer, atob, btoa } = globalThis;
    const globals = { URL, URLSearchParams, TextEncoder, TextDecoder, Buffer, atob, btoa };
    this.#context = vm.createContext(globals, { microtaskMode: 'afterEvaluate' });
    this.#tools = inside.runInContext(this.#context)({
      schedule: (callback, milliseconds, repeats) => this.#timers.schedule(callback, milliseconds, repeats),
      clear: (id) => this.#timers.clear(id),
      console: (method, values) => this.#console.call(method, values),
      failed: (error) => { this.#failure ??= { error }; },
      described: describe,
      kind: kindOf,
      cannotClone,
    });
    this.parse = this.#tools.parse;
    this.newArray = this.#tools.newArray;
    this.newObject = Object.create.bind(null, this.#tools.objectPrototype);
  }

  /** What the script has printed. */
  get lines() {
    return this.#console.lines;
  }

  /** The value of a compiled script. */
  evaluate(script) {
    return script.runInContext(this.#context, { displayErrors: false });
  }

  /** Calls a function and waits for what it promises. Throws what it throws, or `NeverSettled`. */
  call(callee, argument) {
    const result = Reflect.apply(callee, undefined, [argument]);
    return isThenable(result) ? this.#settled(result) : result;
  }

  /** To be called before a stack is read. */
  forgetStackFormat() {
    this.#tools.forgetStackFormat();
  }

  #settled(promise) {
    let outcome = null;
    this.#tools.watch(promise, (isFulfilled, value) => { outcome ??= { isFulfilled, value }; });
    for (;;) {
      nothing.runInContext(this.#context);
      if (this.#failure !== null) throw this.#failure.error;
      if (outcome !== null) break;
      const callback = this.#timers.next();
      if (callback === null) throw new NeverSettled();
      callback();
    }
    if (!outcome.isFulfilled) throw outcome.value;
    return outcome.value;
  }
}

/** Whether a value is one that `await` would wait for. */
function isThenable(value) {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false;
  return types.isPromise(value) || (!Array.isArray(value) && typeof value.then === 'function');
}

/** Which of the language's kinds an object is to structuredClone. */
function kindOf(value) {
  if (types.isDate(value)) return 'Date';
  if (types.isRegExp(value)) return 'RegExp';
  if (types.isMap(value)) return 'Map';
  if (types.isSet(value)) return 'Set';
  if (types.isNativeError(value)) return 'Error';
  if (types.isAnyArrayBuffer(value)) return 'ArrayBuffer';
  if (ArrayBuffer.isView(value)) return 'View';
  if (types.isBoxedPrimitive(value)) return types.isSymbolObject(value) ? '' : 'Boxed';
  return types.isPromise(value) || types.isWeakMap(value) || types.isWeakSet(value) ? '' : 'Object';
}

function cannotClone(value) {
  const text = typeof value === 'object' ? '#<Object>' : String(value);
  throw new DOMException(`${text} could not be cloned.`, 'DataCloneError');
}

module.exports = { NeverSettled, Realm, isThenable };
