// <fastx-session-card>: one session. A card while it can be used, a row when it is over; the style sheet decides by
// the attribute `data-state`.
import * as api from '../common/api.js';
import { button, el, freshId, iconButton, setText } from '../common/dom.js';
import { endSession } from '../common/end-session.js';
import { bytes, percent, showTime } from '../common/format.js';
import { icon } from '../common/icons.js';
import { attempt } from '../common/notices.js';
import { isOver } from './session-list.js';
import { sessionAddress, sessionTab } from './session-tab.js';

const STATES = { starting: 'Starting', running: 'Running', ended: 'Ended', failed: 'Failed' };

class SessionCard extends HTMLElement {
  connectedCallback() {
    if (!this.article) this.build();
  }

  build() {
    const { id } = this.session;
    const nameId = freshId('session');
    const link = { href: sessionAddress(id), target: sessionTab(id) };
    this.picture = el('img', { alt: '', hidden: true });
    this.placeholder = el('span', { class: 'thumbnail-placeholder' }, icon('display'));
    this.name = el('h3', { id: nameId });
    this.rename = iconButton('pencil', 'Rename', { onclick: () => this.startRename() });
    this.heading = el('div', { class: 'card-title' }, this.name, this.rename);
    this.state = el('p', { class: 'state' });
    this.reason = el('p', { class: 'card-reason' });
    this.command = el('p', { class: 'card-command mono' });
    this.facts = Object.fromEntries(['Server', 'Started', 'Ended', 'Last viewed', 'Viewers', 'Memory', 'CPU'].map((word) =>
      [word, el(['Started', 'Ended', 'Last viewed'].includes(word) ? 'time' : 'span')]));
    this.connectLink = el('a', { class: 'button primary', ...link, 'aria-describedby': nameId }, el('span', {}, 'Connect'), icon('arrow'));
    this.whyButton = button('servers', 'Why here', { class: 'button plain', 'aria-describedby': nameId, onclick: () => attempt(async () => (await import('./placement-dialog.js')).openPlacementDialog(this.session)) });
    this.endButton = button('end', 'End', { class: 'button plain danger-text', 'aria-describedby': nameId, onclick: () => endSession(this.session) });
    this.removeButton = button('remove', 'Remove', { class: 'button plain', 'aria-describedby': nameId, onclick: () => attempt(() => api.deleteSession(id)) });
    this.article = el('article', { 'aria-labelledby': nameId },
      el('a', { class: 'thumbnail', ...link, tabindex: '-1', 'aria-hidden': 'true' }, this.placeholder, this.picture),
      el('div', { class: 'card-body' }, this.heading, this.state, this.command, this.reason,
        el('dl', { class: 'facts' }, Object.entries(this.facts).map(([word, value]) =>
          el('div', { 'data-fact': word.split(' ')[0].toLowerCase() }, el('dt', {}, word), el('dd', {}, value))))),
      el('div', { class: 'card-actions' }, this.connectLink,
        button('log', 'Log', { class: 'button plain', 'aria-describedby': nameId, onclick: () => attempt(async () => (await import('./log-dialog.js')).openLogDialog(this.session)) }),
        this.whyButton, this.endButton, this.removeButton));
    this.append(this.article);
    this.show(this.session);
  }

  show(session) {
    this.session = session;
    if (!this.article) return; // build() shows it.
    const over = isOver(session);
    this.dataset.state = session.state;
    setText(this.name, session.name || session.command);
    this.name.title = this.name.textContent;
    if (this.state.dataset.state !== session.state) {
      this.state.dataset.state = session.state;
      this.state.replaceChildren(icon(session.state), STATES[session.state] ?? session.state);
    }
    setText(this.command, session.command);
    this.command.title = session.command;
    setText(this.reason, this.reasonText(session));
    this.reason.hidden = !this.reason.textContent;
    setText(this.facts.Server, session.hostname ?? session.serverId);
    this.facts.Server.title = session.serverId;
    setText(this.facts.Viewers, String(session.clients ?? 0));
    setText(this.facts.Memory, bytes(session.memoryBytes));
    setText(this.facts.CPU, percent(session.cpuPercent));
    this.connectLink.hidden = over;
    this.whyButton.hidden = !session.placement;
    this.endButton.hidden = over;
    this.removeButton.hidden = !over;
    this.showTimes();
  }

  reasonText({ state, reason, exitStatus, forgotten }) {
    if (forgotten) return 'Forgotten: nobody has connected to it for a long time.';
    if (!isOver({ state })) return reason ?? '';
    const status = exitStatus === null || exitStatus === undefined ? '' : `Exit status ${exitStatus}`;
    return [reason, status].filter(Boolean).join(' · ');
  }

  showTimes() {
    if (!this.article) return;
    const { started, ended, clients, lastConnect, lastDisconnect } = this.session;
    showTime(this.facts.Started, started);
    showTime(this.facts.Ended, ended);
    showTime(this.facts['Last viewed'], lastDisconnect ?? lastConnect);
    if (clients > 0) setText(this.facts['Last viewed'], 'now');
    else if (!lastConnect) setText(this.facts['Last viewed'], 'never');
  }

  startRename() {
    let done = false;
    const input = el('input', { type: 'text', value: this.session.name ?? '', 'aria-label': 'Name of the session', maxlength: '200' });
    const finish = async (save) => {
      if (done) return;
      done = true;
      const name = input.value.trim();
      const wasFocused = document.activeElement === input;
      this.heading.replaceChildren(this.name, this.rename);
      if (wasFocused) this.rename.focus();
      if (!save || !name || name === this.session.name) return;
      if (await attempt(() => api.renameSession(this.session.id, name))) this.show({ ...this.session, name });
    };
    input.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== 'Escape') return;
      event.preventDefault(); // The focus goes to the button, which must not take this key for a click.
      finish(event.key === 'Enter');
    });
    input.addEventListener('blur', () => finish(true));
    this.heading.replaceChildren(input);
    input.select();
    input.focus();
  }

  async loadThumbnail() {
    if (this.session.state !== 'running') return;
    let address = null;
    try {
      address = URL.createObjectURL(await api.screenshot(this.session.id));
      this.picture.src = address;
      await this.picture.decode();
    } catch {
      // No picture now: the placeholder says enough.
      if (address) URL.revokeObjectURL(address);
      address = null;
    }
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = address;
    this.picture.hidden = address === null;
  }
}
customElements.define('fastx-session-card', SessionCard);
