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

function row(login, load) {
  const browser = browserName(login.userAgent);
  return el('li', {},
    el('div', {},
      el('p', { class: 'login-title' }, el('strong', { title: login.userAgent }, browser),
        login.current && el('span', { class: 'tag' }, 'This browser'),
        login.link && el('span', { class: 'tag tag-quiet', title: 'Its link, the process that starts your sessions, is connected' }, 'Link')),
      el('p', { class: 'quiet' }, `From ${login.address} by ${login.serverId}`),
      el('p', { class: 'quiet', title: fullTime(login.since) }, `Logged in ${ago(login.since)}, last seen ${ago(login.lastSeen)}`)),
    button('end', 'End', {
      'aria-label': login.current ? 'End this login (log out)' : `End the login from ${login.address}, ${browser}`,
      onclick: async () => { if (await attempt(() => api.endLogin(login.id))) await load(); },
    }));
}
