// The user's sessions as the events tell them, and the order in which they are shown.
import * as api from '../common/api.js';

export const isOver = (session) => session.state === 'ended' || session.state === 'failed';

/** Sends `change` whenever a session has changed. */
export class SessionList extends EventTarget {
  sessions = new Map();
  isLoaded = false;

  async load() {
    const sessions = await api.sessions();
    this.sessions = new Map(sessions.map((session) => [session.id, session]));
    this.isLoaded = true;
    this.changed();
  }

  put(session) {
    this.sessions.set(session.id, session);
    this.changed();
  }

  remove(id) {
    if (this.sessions.delete(id)) this.changed();
  }

  changed() {
    this.dispatchEvent(new Event('change'));
  }
}

const newest = (time) => (a, b) => (Date.parse(time(b) ?? '') || 0) - (Date.parse(time(a) ?? '') || 0);
const words = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

/** The orders to choose from: name, word and comparison. */
export const ORDERS = {
  recent: ['Last used', newest((session) => session.lastDisconnect ?? session.lastConnect ?? session.started)],
  started: ['Started', newest((session) => session.started)],
  name: ['Name', (a, b) => words.compare(a.name, b.name)],
  server: ['Server', (a, b) => words.compare(a.hostname ?? '', b.hostname ?? '') || words.compare(a.name, b.name)],
  memory: ['Memory', (a, b) => (b.memoryBytes ?? 0) - (a.memoryBytes ?? 0)],
  cpu: ['CPU', (a, b) => (b.cpuPercent ?? 0) - (a.cpuPercent ?? 0)],
};

/** Sessions that contain every word of the search, those that can be used apart from those that are over. */
export function arrange(sessions, { search, order }) {
  const wanted = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = sessions.filter((session) => {
    const text = [session.name, session.command, session.serverId, session.hostname, session.state].join(' ').toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
  const compare = (a, b) => ORDERS[order][1](a, b) || words.compare(a.id, b.id);
  return {
    active: found.filter((session) => !isOver(session)).sort(compare),
    over: found.filter(isOver).sort(newest((session) => session.ended)),
  };
}
