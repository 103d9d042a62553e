// <fastx-servers>: the members of the cluster with their load, kept up to date while the view is shown.
import * as api from '../common/api.js';
import { el, setText } from '../common/dom.js';
import { bytes, plural } from '../common/format.js';
import { attempt } from '../common/notices.js';
import { sparkline } from './sparkline.js';

/** Server updates come from every member; the list is loaded at most this often. */
const LOAD_MILLISECONDS_MIN = 5_000;

/** A history has a point every 30 s. It is asked for at most this often. */
const HISTORY_MILLISECONDS_MIN = 60_000;

const COLUMNS = ['Server', 'Sessions', 'CPU', 'Memory', 'Load average'];

class ServersView extends HTMLElement {
  /** By server id: the answer, and when it came. */
  histories = new Map();

  connectedCallback() {
    this.count = el('p', { class: 'quiet', role: 'status' }, 'Loading…');
    this.rows = el('tbody');
    this.append(el('div', { class: 'view-header' }, el('h1', { id: 'servers-title' }, 'Servers'), this.count),
      el('div', { class: 'table-frame', tabindex: '0', role: 'region', 'aria-labelledby': 'servers-title' }, el('table', { 'aria-labelledby': 'servers-title' },
        el('thead', {}, el('tr', {}, COLUMNS.map((word) => el('th', { scope: 'col' }, word)))), this.rows)));
    this.abort = new AbortController();
    for (const name of ['server', 'reset']) this.events.addEventListener(name, () => this.loadSoon(), { signal: this.abort.signal });
    this.load();
  }

  disconnectedCallback() {
    this.abort.abort();
    clearTimeout(this.timer);
  }

  loadSoon() {
    this.timer ??= setTimeout(() => this.load(), LOAD_MILLISECONDS_MIN);
  }

  async load() {
    await attempt(async () => {
      const servers = await api.servers();
      servers.sort((a, b) => a.hostname.localeCompare(b.hostname, undefined, { numeric: true }));
      this.servers = servers;
      this.show();
      const sum = servers.reduce((count, server) => count + (server.sessions ?? 0), 0);
      setText(this.count, `${plural(servers.length, 'server')}, ${plural(sum, 'session')}`);
    });
    this.timer = undefined;
    await attempt(() => this.loadHistories());
  }

  show() {
    this.rows.replaceChildren(...this.servers.map((server) => row(server, this.histories.get(server.serverId)?.answer)));
  }

  /** One after the other: the lines are the least urgent of the page. */
  async loadHistories() {
    if (this.isLoadingHistories) return;
    this.isLoadingHistories = true;
    try {
      let hasNew = false;
      for (const { serverId } of this.servers ?? []) {
        if (!this.isConnected) return;
        if (Date.now() - (this.histories.get(serverId)?.time ?? -Infinity) < HISTORY_MILLISECONDS_MIN) continue;
        this.histories.set(serverId, { answer: await api.serverHistory(serverId), time: Date.now() });
        hasNew = true;
      }
      if (hasNew) this.show();
    } finally {
      this.isLoadingHistories = false;
    }
  }
}

/** What a member does for new users, in words; nothing where it takes them. */
function limits({ state, draining, sessionsEnabled, loginsEnabled }) {
  if (state === 'stopped') return ['Stopped'];
  if (draining) return ['Being emptied'];
  return [!sessionsEnabled && 'No sessions', !loginsEnabled && 'No logins'].filter(Boolean);
}

/** What was used of a memory of so many bytes, in percent. */
const usedShares = (free, total) => free.map((bytes) => (bytes === null ? null : (100 * (total - bytes)) / total));

function row(server, history) {
  const { serverId, hostname, sessions, cpu, totalmem, freemem, loadavg } = server;
  const used = totalmem ? (100 * (totalmem - freemem)) / totalmem : null;
  const memory = history?.freemem && totalmem
    && sparkline('Memory', usedShares(history.freemem, totalmem), history.stepSeconds, 100, (value) => `${Math.round(value)} %`);
  const load = history?.load && sparkline('Load', history.load, history.stepSeconds, cpu?.count ?? 1, (value) => value.toFixed(2));
  return el('tr', {},
    el('th', { scope: 'row' }, el('span', { class: 'server-id', title: serverId }, hostname),
      limits(server).map((word) => el('span', { class: 'tag tag-quiet' }, word))),
    el('td', { class: 'number' }, String(sessions ?? '–')),
    el('td', {}, share(cpu?.use, cpu?.count ? `of ${plural(cpu.count, 'core')}` : '')),
    el('td', {}, el('div', { class: 'with-spark' }, share(used, totalmem ? `of ${bytes(totalmem)}` : ''), memory)),
    el('td', {}, el('div', { class: 'with-spark' },
      el('span', { class: 'number' }, loadavg?.map((value) => value.toFixed(2)).join('  ') ?? '–'), load)));
}

/** A share in percent as words and as a bar; the bar adds nothing for a screen reader. */
function share(value, whole) {
  if (value === null || value === undefined) return el('span', { class: 'quiet' }, `– ${whole}`);
  const fill = el('span', { class: 'bar-fill' });
  fill.style.width = `${Math.min(100, Math.max(0, value))}%`;
  const level = value >= 90 ? 'high' : value >= 70 ? 'middle' : 'low';
  return el('div', { class: 'share', 'data-level': level }, el('span', { class: 'share-bar', 'aria-hidden': 'true' }, fill),
    el('span', { class: 'share-words' }, el('strong', {}, `${Math.round(value)} %`), ` ${whole}`));
}
customElements.define('fastx-servers', ServersView);
