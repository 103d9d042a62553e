// <fastx-sessions>: My sessions. Cards of those that can be used, rows of those that are over, search and order.
import * as api from '../common/api.js';
import { confirm } from '../common/dialog.js';
import { button, el, field, setText } from '../common/dom.js';
import { icon } from '../common/icons.js';
import { plural } from '../common/format.js';
import { attempt } from '../common/notices.js';
import { read, write } from '../common/preferences.js';
import './session-card.js';
import { ORDERS, arrange, isOver } from './session-list.js';
import { Thumbnails } from './thumbnails.js';

/** From so many sessions on, search and order are worth their place. */
const TOOLS_COUNT_MIN = 5;

/** How often ages such as "5 min ago" are brought up to date. */
const AGE_MILLISECONDS = 20_000;

class SessionsView extends HTMLElement {
  cards = new Map();

  connectedCallback() {
    this.search = el('input', { type: 'search', placeholder: 'Name, command, server', oninput: () => this.render() });
    this.order = el('select', { onchange: () => { write('order', this.order.value); this.render(); } },
      Object.entries(ORDERS).map(([value, [word]]) => el('option', { value }, word)));
    this.order.value = read('order', 'recent') in ORDERS ? read('order', 'recent') : 'recent';
    this.tools = el('div', { class: 'tools', hidden: true }, field('Search', this.search), field('Order', this.order));
    this.count = el('p', { class: 'quiet', role: 'status' });
    this.active = el('div', { class: 'cards' });
    this.over = el('div', { class: 'rows' });
    this.overSection = el('section', { 'aria-labelledby': 'over-title', hidden: true },
      el('div', { class: 'view-header' }, el('h2', { id: 'over-title' }, 'Ended'),
        button('remove', 'Remove all', { class: 'button plain', onclick: () => this.removeAll() })), this.over);
    this.empty = this.emptyState();
    this.nothingFound = el('div', { class: 'empty', hidden: true }, icon('search'), el('p', {}, 'No session has all these words in its name, command, server or state.'),
      button('close', 'Clear the search', { onclick: () => { this.search.value = ''; this.search.focus(); this.render(); } }));
    this.append(el('div', { class: 'view-header' }, el('h1', {}, 'My sessions'), this.count, this.tools), this.empty, this.nothingFound,
      el('section', { 'aria-labelledby': 'active-title' }, el('h2', { id: 'active-title', class: 'unseen' }, 'Running and starting'), this.active), this.overSection);

    this.thumbnails = new Thumbnails();
    this.abort = new AbortController();
    this.list.addEventListener('change', () => this.render(), { signal: this.abort.signal });
    this.timer = setInterval(() => this.cards.forEach((card) => card.showTimes()), AGE_MILLISECONDS);
    this.render();
  }

  disconnectedCallback() {
    this.abort.abort();
    this.thumbnails.stop();
    clearInterval(this.timer);
  }

  emptyState() {
    return el('div', { class: 'empty', hidden: true }, icon('display'),
      el('h2', {}, 'No sessions yet'),
      el('p', {}, 'A session is a desktop or a program that runs on one of the servers and is shown in a browser tab. It goes on when you close the tab; come back to it from anywhere.'),
      button('plus', 'Start session', { class: 'button primary', onclick: () => attempt(async () => (await import('./start-dialog.js')).openStartDialog(this.me)) }));
  }

  render() {
    const all = [...this.list.sessions.values()];
    const { active, over } = arrange(all, { search: this.search.value, order: this.order.value });
    this.tools.hidden = all.length < TOOLS_COUNT_MIN && !this.search.value;
    this.empty.hidden = !this.list.isLoaded || all.length > 0;
    this.nothingFound.hidden = all.length === 0 || active.length + over.length > 0;
    this.overSection.hidden = over.length === 0;
    setText(this.count, this.countText(all, active.length + over.length));
    for (const [id, card] of this.cards) {
      if (this.list.sessions.has(id)) continue;
      card.remove();
      this.cards.delete(id);
    }
    const focused = document.activeElement;
    this.place(this.active, active);
    this.place(this.over, over);
    // A card that moved has lost the focus.
    if (focused !== document.activeElement && focused.isConnected) focused.focus();
  }

  countText(all, foundCount) {
    if (!this.list.isLoaded) return 'Loading…';
    if (this.search.value) return `${foundCount} of ${plural(all.length, 'session')} found`;
    const runningCount = all.filter((session) => session.state === 'running').length;
    return all.length === 0 ? '' : `${runningCount} running`;
  }

  /** Puts the cards of `sessions` into `container` in order. Only cards out of place move. */
  place(container, sessions) {
    const wanted = sessions.map((session) => this.card(session));
    for (const card of [...container.children]) if (!wanted.includes(card)) card.remove();
    wanted.forEach((card, index) => {
      if (container.children[index] !== card) container.insertBefore(card, container.children[index] ?? null);
    });
  }

  card(session) {
    let card = this.cards.get(session.id);
    if (!card) {
      card = Object.assign(document.createElement('fastx-session-card'), { session });
      this.cards.set(session.id, card);
      this.thumbnails.watch(card);
    } else {
      card.show(session);
    }
    return card;
  }

  async removeAll() {
    const over = [...this.list.sessions.values()].filter(isOver);
    const sure = await confirm('Remove all ended sessions?', `${plural(over.length, 'session')} and their logs go from this list.`, 'Remove all');
    if (sure) await attempt(() => Promise.all(over.map(({ id }) => api.deleteSession(id).then(() => this.list.remove(id)))));
  }
}
customElements.define('fastx-sessions', SessionsView);
