// <fastx-servers>: the members of the cluster with their load, kept up to date while the view is shown.
import * as api from '../common/api.js';
import { el, setText } from '../common/dom.js';
import { bytes, plural } from '../common/format.js';
import { attempt } from '../common/notices.js';

/** Server updates come from every member; the list is loaded at most this often. */
const LOAD_MILLISECONDS_MIN = 5_000;

const COLUMNS = ['Server', 'Sessions', 'CPU', 'Memory', 'Load average'];

class ServersView extends HTMLElement {
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
      this.rows.replaceChildren(...servers.map(row));
      const sum = servers.reduce((count, server) => count + (server.sessions ?? 0), 0);
      setText(this.count, `${plural(servers.length, 'server')}, ${plural(sum, 'session')}`);
    });
    this.timer = undefined;
  }
}

/** What a member does for new users, in words; nothing where it takes them. */
function limits({ state, draining, sessionsEnabled, loginsEnabled }) {
  if (state === 'stopped') return ['Stopped'];
  if (draining) return ['Being emptied'];
  return [!sessionsEnabled && 'No sessions', !loginsEnabled && 'No logins'].filter(Boolean);
}

function row(server) {
  const { serverId, hostname, sessions, cpu, totalmem, freemem, loadavg } = server;
  const used = totalmem ? (100 * (totalmem - freemem)) / totalmem : null;
  return el('tr', {},
    el('th', { scope: 'row' }, el('span', { class: 'server-id', title: serverId }, hostname),
      limits(server).map((word) => el('span', { class: 'tag tag-quiet' }, word))),
    el('td', { class: 'number' }, String(sessions ?? '–')),
    el('td', {}, share(cpu?.use, cpu?.count ? `of ${plural(cpu.count, 'core')}` : '')),
    el('td', {}, share(used, totalmem ? `of ${bytes(totalmem)}` : '')),
    el('td', { class: 'number' }, loadavg?.map((value) => value.toFixed(2)).join('  ') ?? '–'));
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
