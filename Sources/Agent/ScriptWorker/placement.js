// Placement: chains of functions over the kept servers, each called in a scope of its own.
'use strict';
const { Item, KeptServers, LazyServer, changedRecord, ownerOf } = require('./servers.js');
const { NeverSettled, Realm } = require('./realm.js');
const { ScriptError, thrownOutcome } = require('./errors.js');
const { hasLeftScope } = require('./leaving.js');
const { compile, functionOf } = require('./text.js');
const { attempt, cut, describe } = require('./values.js');

/** The longest id that is handed on, in characters; the agent knows none that is longer than 64. */
const ID_MAX = 1000;
/** How many scopes are made beforehand: as many as most chains have functions. */
const REALM_COUNT = 4;
/** A script that makes no more servers whole than this is as quick as it can be. */
const WHOLE_MIN = 8;

/** The servers that a chain began with, and the list as the last function left it. */
class Chain {
  #numbers = null;

  constructor(kept, without) {
    this.candidates = kept.candidates(without);
    this.current = this.candidates;
  }

  /** The candidate of an id, or undefined. */
  candidate(id) {
    this.#numbers ??= new Map(this.candidates.map((item) => [item.id, item.number]));
    return this.candidates[this.#numbers.get(id)];
  }
}

/** What a worker for placement scripts does with each frame. */
class Placement {
  #kept = new KeptServers();
  #chain = new Chain(this.#kept, []);
  /** Those of the next calls, made while nobody waits for them. */
  #realms = [new Realm()];

  /** The answer to a frame without its id, or null where none is due. */
  handle({ header, blobs }) {
    switch (header.type) {
      case 'servers':
        header.put.forEach(([id], place) => this.#kept.put(id, blobs[place].toString()));
        header.drop.forEach((id) => this.#kept.drop(id));
        return null;
      case 'chain':
        this.#chain = new Chain(this.#kept, header.without);
        return null;
      case 'call': return this.#answer(header.name, (realm) => this.#call(realm, header, blobs));
      case 'check': return this.#answer(header.name, (realm) => {
        functionOf(realm.evaluate(compile(blobs[0], header.name).script));
        return { kind: 'function' };
      });
      default: throw new Error(`a frame "${header.type}", which a worker for placement does not know`);
    }
  }

  /** To be called when nobody waits for an answer. */
  prepare() {
    while (this.#realms.length < REALM_COUNT) this.#realms.push(new Realm());
  }

  #answer(name, action) {
    const realm = this.#realms.pop() ?? new Realm();
    let outcome;
    try {
      outcome = action(realm);
    } catch (error) {
      attempt(() => realm.forgetStackFormat());
      outcome = thrownOutcome(error instanceof NeverSettled ? neverSettled() : error, name);
    }
    return { console: realm.lines, outcome, hasLeft: hasLeftScope() };
  }

  #call(realm, { name, local }, [text, inputText]) {
    const compiled = compile(text, name);
    const callee = functionOf(realm.evaluate(compiled.script));
    const input = realm.parse(inputText.toString());
    const kept = this.#kept.get(local);
    if (kept === undefined) (input.local = realm.newObject()).serverId = local;
    else input.local = new LazyServer(new Item(-1, kept, local), realm).proxy;
    input.servers = this.#servers(realm, compiled.wantsWhole);
    try {
      return this.#outcome(realm, realm.call(callee, input));
    } finally {
      compiled.wantsWhole ||= realm.whole.size > WHOLE_MIN && realm.whole.size * 4 >= this.#chain.current.length;
    }
  }

  #servers(realm, isWhole) {
    const { current } = this.#chain;
    if (isWhole) return realm.parse(`[${current.map((item) => item.record.text).join(',')}]`);
    const servers = realm.newArray();
    for (let place = 0; place < current.length; place += 1) servers[place] = new LazyServer(current[place], realm).proxy;
    return servers;
  }

  #outcome(realm, result) {
    if (!result) return { kind: 'next' };
    if (typeof result === 'string') return { kind: 'server', server: cut(result, ID_MAX) };
    return attempt(() => Array.isArray(result), false) ? this.#list(realm, result) : { kind: 'wrong', what: describe(result) };
  }

  #list(realm, elements) {
    const list = [];
    const seen = new Set();
    let changed = 0;
    for (let place = 0; place < elements.length; place += 1) {
      const element = elements[place];
      const item = this.#item(realm, element);
      if (typeof item === 'string') return { kind: 'wrongElement', index: place, what: item };
      if (seen.has(item.number)) continue;
      seen.add(item.number);
      list.push(item);
      if (item.record !== this.#chain.candidates[item.number].record) changed += 1;
    }
    this.#chain.current = list;
    return { kind: 'list', servers: list.map((item) => item.number), changed };
  }

  /** What stands for an element in the next list, or what is wrong with it. */
  #item(realm, element) {
    if (typeof element === 'string') {
      return this.#chain.candidate(element) ?? `${describe(element)}, which is no serverId that the chain began with`;
    }
    if (typeof element !== 'object' || element === null || Array.isArray(element)) return describe(element);
    const owner = ownerOf(element);
    const { serverId } = owner;
    const lazy = owner.lazy ?? realm.whole.get(element) ?? null;
    if (typeof serverId !== 'string') return `${describe(element)}, without a serverId`;
    const isItself = lazy !== null && lazy.item.number >= 0 && lazy.item.id === serverId;
    const before = isItself ? lazy.item : this.#chain.candidate(serverId);
    if (before === undefined) {
      return `an object with the serverId ${JSON.stringify(cut(serverId, 70))}, which the chain did not begin with`;
    }
    const record = lazy !== null ? lazy.record() : changedRecord(element, before.record);
    if (record?.get('serverId') !== serverId) return `${describe(element)}, which JSON makes something else of`;
    return record === before.record ? before : new Item(before.number, record, before.id);
  }
}

function neverSettled() {
  return new ScriptError('the function waits for something that never comes: its promise cannot be settled any more', 'Error');
}

module.exports = { Placement };
