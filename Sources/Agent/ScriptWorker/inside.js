// What is in a script's own global scope besides the language. Evaluated in each scope anew, with the worker's side of it.
(function (host) {
  'use strict';
  const { apply } = Reflect;
  const { parse } = JSON;
  const { defineProperty, getPrototypeOf, keys, prototype: objectPrototype } = Object;
  const { isArray } = Array;
  const NativePromise = Promise;
  const NativeError = Error;
  const NativeTypeError = TypeError;
  const { then } = Promise.prototype;

  /** Calls `settled(isFulfilled, value)` once a promise or thenable is settled. */
  async function watch(promise, settled) {
    let value;
    try {
      value = await promise;
    } catch (error) {
      settled(false, error);
      return;
    }
    settled(true, value);
  }

  function define(name, value) {
    defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });
  }

  function mustBeFunction(callback) {
    if (typeof callback === 'function') return;
    throw new NativeTypeError(`The "callback" argument must be of type function. Received ${host.described(callback)}`);
  }

  class Timer {
    #id;
    constructor(id) { this.#id = id; }
    static id(timer) { return typeof timer === 'object' && timer !== null && #id in timer ? timer.#id : +timer; }
    ref() { return this; }
    unref() { return this; }
    hasRef() { return true; }
    [Symbol.toPrimitive]() { return this.#id; }
  }
  const timerID = Timer.id;

  function timer(callback, milliseconds, repeats, values) {
    mustBeFunction(callback);
    return new Timer(host.schedule(() => apply(callback, undefined, values), milliseconds, repeats));
  }
  define('setTimeout', function setTimeout(callback, milliseconds, ...values) {
    return timer(callback, +milliseconds || 0, false, values);
  });
  define('setInterval', function setInterval(callback, milliseconds, ...values) {
    return timer(callback, +milliseconds || 0, true, values);
  });
  define('setImmediate', function setImmediate(callback, ...values) { return timer(callback, -1, false, values); });
  for (const name of ['clearTimeout', 'clearInterval', 'clearImmediate']) {
    define(name, { [name](timer) { host.clear(timerID(timer)); } }[name]);
  }
  define('queueMicrotask', function queueMicrotask(callback) {
    mustBeFunction(callback);
    const started = new NativePromise((resolve) => resolve());
    apply(then, apply(then, started, [() => { callback(); }]), [undefined, (error) => host.failed(error)]);
  });

  for (const method of ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir', 'dirxml', 'table', 'assert', 'group',
    'groupCollapsed', 'groupEnd', 'count', 'countReset', 'time', 'timeEnd', 'timeLog']) {
    console[method] = { [method](...values) { host.console(method, values); } }[method];
  }

  // structuredClone: that of Node gives objects of another scope.
  const errors = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
  const { Map: NativeMap, Set: NativeSet, Date: NativeDate, RegExp: NativeRegExp } = globalThis;

  function cloneMembers(from, to, seen) {
    for (const key of keys(from)) {
      const value = clone(from[key], seen);
      if (key === '__proto__') defineProperty(to, key, { value, writable: true, enumerable: true, configurable: true });
      else to[key] = value;
    }
    return to;
  }

  /** A copy of an object of one of the language's own kinds without its members; undefined for any other. */
  function emptyCopy(value, kind) {
    switch (kind) {
      case 'Array': { const copy = []; copy.length = value.length; return copy; }
      case 'Date': return new NativeDate(+value);
      case 'RegExp': return new NativeRegExp(value.source, value.flags);
      case 'Map': return new NativeMap();
      case 'Set': return new NativeSet();
      case 'ArrayBuffer': return value.slice(0);
      case 'Boxed': return Object(value.valueOf());
      case 'Error': {
        const copy = new (errors[value.name] ?? NativeError)(String(value.message));
        defineProperty(copy, 'stack', { value: value.stack, writable: true, enumerable: false, configurable: true });
        return copy;
      }
      case 'View': {
        const copy = clone(value.buffer, new NativeMap());
        const length = value.BYTES_PER_ELEMENT === undefined ? value.byteLength : value.length;
        return new value.constructor(copy, value.byteOffset, length);
      }
      case 'Object': return {};
      default: return undefined;
    }
  }

  function clone(value, seen) {
    if (typeof value === 'function' || typeof value === 'symbol') host.cannotClone(value);
    if (typeof value !== 'object' || value === null) return value;
    if (seen.has(value)) return seen.get(value);
    const kind = isArray(value) ? 'Array' : getPrototypeOf(value) === objectPrototype ? 'Object' : host.kind(value);
    const copy = emptyCopy(value, kind);
    if (copy === undefined) host.cannotClone(value);
    seen.set(value, copy);
    if (kind === 'Map') NativeMap.prototype.forEach.call(value, (each, key) => copy.set(clone(key, seen), clone(each, seen)));
    if (kind === 'Set') NativeSet.prototype.forEach.call(value, (each) => copy.add(clone(each, seen)));
    return kind === 'Array' || kind === 'Object' ? cloneMembers(value, copy, seen) : copy;
  }
  define('structuredClone', function structuredClone(value) {
    if (arguments.length === 0) throw new NativeTypeError("The \"value\" argument must be specified");
    return clone(value, new NativeMap());
  });

  define('global', globalThis);
  return {
    objectPrototype, parse, watch, newArray: () => [],
    // A script that changes this would have the worker read nonsense instead of a stack.
    forgetStackFormat: () => { delete NativeError.prepareStackTrace; },
  };
})
