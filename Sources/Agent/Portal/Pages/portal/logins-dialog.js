// My logins: where and since when I am logged in, with this browser's login marked, and the way to end each.
import * as api from '../common/api.js';
import { openDialog } from '../common/dialog.js';
import { button, el } from '../common/dom.js';
import { ago, browserName, fullTime } from '../common/format.js';
import { attempt } from '../common/notices.js';

export function openLoginsDialog(events) {
  const body = el('div', { class: 'dialog-body' }, el('p', { class: 'quiet', role: 'status' }, 'Loading…'));
  const load = () => attempt(async () => {
    const logins = await api.logins();
    logins.sort((a, b) => Number(b.current) - Number(a.current) || Date.parse(b.lastSeen) - Date.parse(a.lastSeen));
    body.replaceChildren(el('ul', { class: 'logins' }, logins.map((login) => row(login, load))));
  });
  const dialog = openDialog('My logins', body, null);
  const abort = new AbortController();
  for (const name of ['login', 'loginRemoved', 'reset']) events.addEventListener(name, load, { signal: abort.signal });
  dialog.addEventListener('close', () => abort.abort());
  load();
}

/** The claim of a second login: it lets nobody in, but has sessions started. */
const SECOND_LOGIN = 'fastx/daemon';

function row(login, load) {
  const { title, current, lines, endLabel } = login.claims.includes(SECOND_LOGIN) ? secondLogin(login) : browserLogin(login);
  return el('li', {},
    el('div', {},
      el('p', { class: 'login-title' }, el('strong', { title: login.userAgent }, title),
        current && el('span', { class: 'tag' }, current),
        login.link && el('span', { class: 'tag tag-quiet', title: 'Its link, the process that starts your sessions, is connected' }, 'Link')),
      lines.map((line) => el('p', { class: 'quiet', title: fullTime(login.since) }, line))),
    button('end', 'End', {
      'aria-label': endLabel,
      onclick: async () => { if (await attempt(() => api.endLogin(login.id))) await load(); },
    }));
}

function browserLogin({ userAgent, current, address, serverId, since, lastSeen }) {
  const browser = browserName(userAgent);
  return {
    title: browser,
    current: current && 'This browser',
    lines: [`From ${address} by ${serverId}`, `Logged in ${ago(since)}, last seen ${ago(lastSeen)}`],
    endLabel: current ? 'End this login (log out)' : `End the login from ${address}, ${browser}`,
  };
}

function secondLogin({ userAgent, address, serverId, since, lastSeen, link }) {
  return {
    title: `Process for starting sessions on ${serverId}`,
    current: 'Second login',
    lines: [
      link ? 'Sessions there start without your password until this ends; those that run go on then' : 'It is not running: the next start there asks for your password',
      `From ${address} with ${browserName(userAgent)}, ${ago(since)}; last used ${ago(lastSeen)}`,
    ],
    endLabel: `End the process for starting sessions on ${serverId}`,
  };
}
