// The kept servers, and the objects that scripts see of them: each is made when it is touched, and is the script's own.
'use strict';

/** An object or array in a server: its JSON text, as JSON.stringify writes it, so that equal values have equal texts. */
class Nested {
  #text;
  #value = undefined;

  constructor(text) {
    this.#text = text;
  }

  /** The text where a value is one of these, or undefined. Never touches a script's object, as `instanceof` would. */
  static text(value) {
    return #text in value ? value.#text : undefined;
  }

  /** Whether JSON makes the same of a script's value, so far as that can be told without making its text. */
  static isLike(nested, value) {
    return isLike(value, nested.#value ??= JSON.parse(nested.#text));
  }
}

/** Whether a script's value has what a parsed one has, and is made in no way that JSON would make something else of. */
function isLike(value, parsed) {
  if (value === parsed) return true;
  if (typeof value !== 'object' || value === null || typeof parsed !== 'object' || parsed === null) return false;
  if (Array.isArray(value) !== Array.isArray(parsed) || typeof value.toJSON === 'function') return false;
  if (Array.isArray(value)) return value.length === parsed.length && parsed.every((each, place) => isLike(value[place], each));
  let count = 0;
  for (const key in value) {
    if (!Object.hasOwn(parsed, key) || !isLike(value[key], parsed[key])) return false;
    count += 1;
  }
  for (const _ in parsed) count -= 1;
  return count === 0;
}

/** The names of members in their order. Servers mostly have the same, so that they share this. */
class Shape {
  constructor(keys) {
    this.keys = keys;
    this.positions = new Map(keys.map((key, position) => [key, position]));
    this.labels = keys.map((key) => `${JSON.stringify(key)}:`);
  }

  static #known = new Map();
  /** Scripts could make names up without end. */
  static #KNOWN_MAX = 1000;

  static of(keys) {
    const name = keys.join('\n');
    let shape = Shape.#known.get(name);
    if (shape === undefined || shape.keys.length !== keys.length) {
      if (Shape.#known.size >= Shape.#KNOWN_MAX) Shape.#known.clear();
      Shape.#known.set(name, shape = new Shape(keys));
    }
    return shape;
  }
}

/** An object as JSON knows it, with its top level taken apart: a primitive or a `Nested` for each name. Never changed. */
class Record {
  #text = null;

  constructor(shape, values) {
    this.shape = shape;
    this.values = values;
  }

  get(key) {
    return this.values[this.shape.positions.get(key)];
  }

  /** The JSON text of all of it. */
  get text() {
    return this.#text ??= this.#write(null);
  }

  /** Has the text of its members be parts of its own, which takes no room besides. For records that are kept for long. */
  pack() {
    const places = [];
    this.#text = this.#write(places);
    for (const [position, start, end] of places) this.values[position] = new Nested(this.#text.slice(start, end));
    return this;
  }

  #write(places) {
    let text = '{';
    this.values.forEach((value, position) => {
      text += `${position === 0 ? '' : ','}${this.shape.labels[position]}`;
      const start = text.length;
      const nested = typeof value === 'object' && value !== null ? Nested.text(value) : undefined;
      text += nested ?? JSON.stringify(value);
      if (nested !== undefined) places?.push([position, start, text.length]);
    });
    return `${text}}`;
  }

  /** What JSON makes of an object; null where that is no object. Throws what its getters throw, and as JSON.stringify does. */
  static of(object) {
    if (typeof object.toJSON === 'function') {
      const text = JSON.stringify(object);
      const plain = text === undefined ? null : JSON.parse(text);
      return plain === null || typeof plain !== 'object' || Array.isArray(plain) ? null : Record.of(plain);
    }
    const keys = [];
    const values = [];
    for (const key of Object.keys(object)) {
      const value = valueOf(object[key]);
      if (value === undefined) continue;
      keys.push(key);
      values.push(value);
    }
    return new Record(Shape.of(keys), values);
  }

  /** Whether both are the same to JSON. */
  equals(other) {
    return this.shape === other.shape && this.values.every((value, place) => isSame(value, other.values[place]));
  }
}

/** What JSON makes of a value: a primitive, a `Nested`, or undefined for nothing. */
function valueOf(value) {
  switch (typeof value) {
    case 'string': case 'boolean': return value;
    case 'number': return Number.isFinite(value) ? value + 0 : null;
    case 'undefined': case 'function': case 'symbol': return undefined;
    default: break;
  }
  if (value === null) return null;
  const text = JSON.stringify(value);
  if (text === undefined) return undefined;
  return text[0] === '{' || text[0] === '[' ? new Nested(text) : JSON.parse(text);
}

function isSame(value, other) {
  if (value === other) return true;
  if (typeof value !== 'object' || typeof other !== 'object' || value === null || other === null) return false;
  return Nested.text(value) === Nested.text(other);
}

/** A place in a script's list: which candidate it is, and how the object is to look. */
class Item {
  constructor(number, record, id) {
    this.number = number;
    this.record = record;
    this.id = id;
  }
}

/** The servers that the agent has told of, across calls. */
class KeptServers {
  #records = new Map();
  /** All of them as candidates, in the order of their ids; null where one has come or gone since. */
  #items = null;
  #numbers = new Map();

  /** Not between the functions of a chain: what it began with stays the same. */
  put(id, text) {
    const record = Record.of(JSON.parse(text)).pack();
    if (!this.#records.has(id)) this.#items = null;
    else if (this.#items !== null) {
      const number = this.#numbers.get(id);
      this.#items[number] = new Item(number, record, id);
    }
    this.#records.set(id, record);
  }

  drop(id) {
    this.#records.delete(id);
    this.#items = null;
  }

  /** The record of an id, or undefined. */
  get(id) {
    return this.#records.get(id);
  }

  /** Candidates in the order of their ids: all but some. */
  candidates(without) {
    if (this.#items === null) {
      const ids = [...this.#records.keys()].sort();
      this.#items = ids.map((id, number) => new Item(number, this.#records.get(id), id));
      this.#numbers = new Map(ids.map((id, number) => [id, number]));
    }
    if (without.length === 0) return this.#items;
    const left = new Set(without);
    return this.#items.filter(({ id }) => !left.has(id)).map(({ record, id }, number) => new Item(number, record, id));
  }
}

// Whom `ownerOf` asks. A proxy cannot be told from what it stands for, but by its own trap.
let isAsking = false;
let answering = null;

/** The lazy server behind a proxy that is not whole yet, or null for any other object; together with its `serverId`. */
function ownerOf(object) {
  isAsking = true;
  answering = null;
  try {
    const serverId = object.serverId;
    return { lazy: answering?.proxy === object ? answering : null, serverId };
  } finally {
    isAsking = false;
  }
}

/**
 * A server as a script sees it: a proxy that behaves as the plain object that JSON.parse would have made, and parses a
 * member when it is read. What the script adds is in its target, what it reads or replaces in `made`. An operation that
 * is about all members makes it whole: then it is the target, and nothing stands between.
 */
class LazyServer {
  constructor(item, realm) {
    this.item = item;
    this.realm = realm;
    /** Position and value of each member that was made, one after the other; null for none. */
    this.made = null;
    this.hasMore = false;
    this.isWhole = false;
    this.target = realm.newObject();
    this.proxy = new Proxy(this.target, this);
  }

  /** The member at a position; makes it, for good. */
  value(position) {
    const { made } = this;
    if (made !== null) {
      for (let place = 0; place < made.length; place += 2) if (made[place] === position) return made[place + 1];
    }
    const value = this.item.record.values[position];
    if (typeof value !== 'object' || value === null) return value;
    const member = this.realm.parse(Nested.text(value));
    if (made === null) this.made = [position, member];
    else made.push(position, member);
    return member;
  }

  replace(position, value) {
    const made = this.made ??= [];
    let place = 0;
    while (place < made.length && made[place] !== position) place += 2;
    made[place] = position;
    made[place + 1] = value;
  }

  makeWhole() {
    const { target, made, hasMore, item: { record } } = this;
    const added = hasMore ? Reflect.ownKeys(target).map((key) => [key, Reflect.getOwnPropertyDescriptor(target, key)]) : [];
    for (const [key] of added) delete target[key];
    const prototype = Object.getPrototypeOf(target);
    const parsed = this.realm.parse(record.text);
    Object.assign(target, parsed);
    // Assigned, it is the prototype instead of a member.
    if (record.shape.positions.has('__proto__')) {
      Object.setPrototypeOf(target, prototype);
      for (const key of record.shape.keys) Reflect.defineProperty(target, key, plainMember(parsed[key]));
    }
    for (let place = 0; made !== null && place < made.length; place += 2) {
      Reflect.defineProperty(target, record.shape.keys[made[place]], plainMember(made[place + 1]));
    }
    for (const [key, descriptor] of added) Reflect.defineProperty(target, key, descriptor);
    this.isWhole = true;
    this.realm.whole.set(this.proxy, this);
    for (const trap of TRAPS) this[trap] = undefined;
  }

  /** As it is to be in the next list: the same record where nothing differs; null where JSON makes no object of it. */
  record() {
    const { made, target, item: { record } } = this;
    if (this.isWhole) return changedRecord(target, record);
    if (this.item.record.shape.positions.has('toJSON') || typeof target.toJSON === 'function') return changedRecord(this.proxy, record);
    let values = null;
    for (let place = 0; made !== null && place < made.length; place += 2) {
      const before = record.values[made[place]];
      if (typeof before === 'object' && before !== null && Nested.isLike(before, made[place + 1])) continue;
      const value = valueOf(made[place + 1]);
      if (value === undefined) return changedRecord(this.proxy, record);
      if (!isSame(value, before)) (values ??= record.values.slice())[made[place]] = value;
    }
    if (!this.hasMore) return values === null ? record : new Record(record.shape, values);
    const more = Record.of(target);
    if (more.values.length === 0 && values === null) return record;
    return new Record(Shape.of([...record.shape.keys, ...more.shape.keys]), [...values ?? record.values, ...more.values]);
  }

  get(target, key, receiver) {
    if (isAsking && receiver === this.proxy) answering = this;
    const position = this.item.record.shape.positions.get(key);
    return position === undefined ? Reflect.get(target, key, receiver) : this.value(position);
  }

  has(target, key) {
    return this.item.record.shape.positions.has(key) || Reflect.has(target, key);
  }

  ownKeys(target) {
    this.makeWhole();
    return Reflect.ownKeys(target);
  }

  getOwnPropertyDescriptor(target, key) {
    const position = this.item.record.shape.positions.get(key);
    return position === undefined
      ? Reflect.getOwnPropertyDescriptor(target, key) : plainMember(this.value(position));
  }

  set(target, key, value, receiver) {
    const position = this.item.record.shape.positions.get(key);
    if (receiver === this.proxy && position !== undefined) {
      this.replace(position, value);
      return true;
    }
    if (receiver !== this.proxy || isIndex(key)) {
      this.makeWhole();
      return Reflect.set(target, key, value, receiver);
    }
    this.hasMore = true;
    return Reflect.set(target, key, value, target);
  }

  deleteProperty(target, key) {
    if (this.item.record.shape.positions.has(key)) this.makeWhole();
    return Reflect.deleteProperty(target, key);
  }

  defineProperty(target, key, descriptor) {
    this.makeWhole();
    return Reflect.defineProperty(target, key, descriptor);
  }

  preventExtensions(target) {
    this.makeWhole();
    return Reflect.preventExtensions(target);
  }
}

const TRAPS = [
  'get', 'has', 'ownKeys', 'getOwnPropertyDescriptor', 'set', 'deleteProperty', 'defineProperty', 'preventExtensions',
];

const plainMember = (value) => ({ value, writable: true, enumerable: true, configurable: true });

/** Whether a name may be one that objects put before all others. */
const isIndex = (key) => typeof key === 'string' && key !== '' && key.charCodeAt(0) - 48 >>> 0 < 10;

/** What JSON makes of an object; the record that it came from where that is the same. Null as `Record.of`. */
function changedRecord(object, before) {
  const record = Record.of(object);
  return record !== null && record.equals(before) ? before : record;
}

module.exports = { Item, KeptServers, LazyServer, changedRecord, ownerOf };
