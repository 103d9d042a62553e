// The log of a session, to read and to load again.
import * as api from '../common/api.js';
import { openDialog } from '../common/dialog.js';
import { button, el } from '../common/dom.js';
import { icon } from '../common/icons.js';

/** A longer log is cut at its beginning: a browser lays out only so much text swiftly. */
const LOG_LENGTH_MAX = 300_000;

export function openLogDialog({ id, name }) {
  const status = el('p', { class: 'quiet', role: 'status' });
  const text = el('pre', { class: 'log', tabindex: '0', 'aria-label': 'Log', role: 'region' });
  const load = async () => {
    status.textContent = 'Loading…';
    try {
      const log = await api.sessionLog(id);
      text.textContent = log.slice(-LOG_LENGTH_MAX);
      status.textContent = log.length > LOG_LENGTH_MAX ? 'Only the end of the log is shown.' : log ? '' : 'The log is empty.';
      text.scrollTop = text.scrollHeight;
    } catch (error) {
      status.textContent = error.message;
    }
  };
  openDialog(`Log of “${name}”`, el('div', { class: 'dialog-body log-body' }, text, status), [
    el('a', { class: 'button', href: api.logAddress(id), target: '_blank', rel: 'noopener' }, el('span', {}, 'Open as text'), icon('arrow')),
    button('refresh', 'Load again', { onclick: load }),
  ], 'dialog-wide');
  text.focus();
  load();
}
