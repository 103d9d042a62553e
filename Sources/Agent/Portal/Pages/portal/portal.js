// <fastx-portal>: the frame of the portal. Chooses between the view to log in and the views of whoever is logged in.
import * as api from '../common/api.js';
import '../common/login-form.js';
import '../common/notices.js';
import { attempt } from '../common/notices.js';
import { button, el, setText } from '../common/dom.js';
import { themeChoice } from '../common/theme.js';
import './account-menu.js';
import './servers-view.js';
import './sessions-view.js';
import { Events } from './events.js';
import { SessionList } from './session-list.js';

const VIEWS = { sessions: ['fastx-sessions', 'My sessions'], servers: ['fastx-servers', 'Servers'] };

class Portal extends HTMLElement {
  async connectedCallback() {
    const code = new URLSearchParams(location.hash.slice(1)).get('code');
    if (code) history.replaceState(null, '', location.pathname);
    this.addEventListener('loggedin', () => this.enter());
    api.account.addEventListener('loggedout', () => this.leave());
    window.addEventListener('hashchange', () => this.me && this.showView());
    if (code) this.showLogin({ code });
    else await this.enter();
  }

  /** Shows the portal, or the view to log in when nobody is logged in. */
  async enter() {
    try {
      this.me = await api.me();
    } catch (error) {
      if (error.status !== 401) this.showUnreachable(error);
      return;
    }
    this.list = new SessionList();
    this.events = new Events();
    this.events.addEventListener('reset', () => attempt(() => this.list.load()));
    this.events.addEventListener('session', (event) => this.list.put(event.detail));
    this.events.addEventListener('sessionRemoved', (event) => this.list.remove(event.detail.id));
    for (const name of ['me', 'loginRemoved']) this.events.addEventListener(name, () => this.refreshMe());
    this.showFrame();
    this.events.open();
    this.showView();
  }

  /** What this login may do has changed, or it has ended: then the answer, 401, brings the view to log in. */
  refreshMe() {
    api.me().then((me) => Object.assign(this.me, me), () => {});
  }

  /** Called at the first answer that says so, whichever call got it. */
  leave() {
    const wasIn = Boolean(this.me);
    this.me = null;
    this.events?.close();
    for (const dialog of document.querySelectorAll('dialog')) dialog.close();
    if (!this.querySelector('fastx-login')) this.showLogin({ notice: wasIn && 'You have been logged out.' });
  }

  showLogin({ code, notice }) {
    document.title = 'Log in – FastX';
    const form = Object.assign(document.createElement('fastx-login'), { code });
    this.replaceChildren(el('div', { class: 'login-page' },
      el('main', { class: 'login-card' }, brand(), notice && el('p', { class: 'login-notice', role: 'status' }, notice), form),
      el('footer', { class: 'login-footer' }, themeChoice())));
  }

  showUnreachable(error) {
    this.replaceChildren(el('div', { class: 'login-page' }, el('main', { class: 'login-card stack' }, brand(),
      el('h1', {}, 'The portal cannot be shown'), el('p', { role: 'alert' }, error.message),
      button('refresh', 'Try again', { class: 'button primary', onclick: () => this.enter() }))));
  }

  showFrame() {
    this.live = el('p', { class: 'live', role: 'status' }, el('span', { class: 'live-dot' }), el('span', { class: 'live-word' }));
    const menu = Object.assign(document.createElement('fastx-account'), { me: this.me, events: this.events });
    this.links = Object.fromEntries(Object.entries(VIEWS).map(([name, [, title]]) => [name, el('a', { href: `#${name}` }, title)]));
    this.main = el('main', { id: 'main', tabindex: '-1' });
    const skip = el('a', { class: 'skip', href: '#main', onclick: (event) => { event.preventDefault(); this.main.focus(); } }, 'Skip to content');
    this.replaceChildren(skip, el('header', { class: 'bar' },
      el('div', { class: 'bar-inner' }, brand(),
        el('nav', { 'aria-label': 'Views' }, Object.values(this.links)),
        this.live,
        button('plus', 'Start session', { class: 'button primary', onclick: () => attempt(async () => (await import('./start-dialog.js')).openStartDialog(this.me)) }), menu)),
    this.main);
    this.events.addEventListener('state', () => this.showLive());
    this.showLive();
  }

  showLive() {
    this.live.classList.toggle('is-live', this.events.isLive);
    setText(this.live.querySelector('.live-word'), this.events.isLive ? 'Live' : 'Reconnecting…');
  }

  showView() {
    const name = location.hash.slice(1) in VIEWS ? location.hash.slice(1) : 'sessions';
    const [tag, title] = VIEWS[name];
    document.title = `${title} – FastX`;
    for (const [other, link] of Object.entries(this.links)) {
      if (other === name) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    this.main.replaceChildren(Object.assign(document.createElement(tag), { me: this.me, list: this.list, events: this.events }));
  }
}

const brand = () => el('span', { class: 'brand' }, el('img', { src: '/pages/favicon.svg', alt: '', width: '28', height: '28' }), 'FastX');

customElements.define('fastx-portal', Portal);
