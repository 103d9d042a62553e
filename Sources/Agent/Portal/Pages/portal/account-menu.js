// <fastx-account>: who is logged in, my logins, the theme, and the ways out.
import * as api from '../common/api.js';
import { confirm } from '../common/dialog.js';
import { button, el } from '../common/dom.js';
import { icon } from '../common/icons.js';
import { attempt } from '../common/notices.js';
import { themeChoice } from '../common/theme.js';
import { openLoginsDialog } from './logins-dialog.js';

const ROLES = { user: 'User', manager: 'Manager', admin: 'Administrator' };

class AccountMenu extends HTMLElement {
  connectedCallback() {
    this.toggle = el('button', { type: 'button', class: 'button account-button', 'aria-expanded': 'false', 'aria-controls': 'account-menu', onclick: () => this.setOpen(this.menu.hidden) },
      icon('account'), el('span', {}, this.me.user), icon('chevron'));
    const item = (iconName, word, action) => button(iconName, word, { class: 'button plain', onclick: () => { this.setOpen(false); action(); } });
    this.menu = el('div', { id: 'account-menu', class: 'menu', hidden: true },
      el('div', { class: 'menu-head' }, el('strong', {}, this.me.user),
        el('span', { class: 'quiet' }, `${ROLES[this.me.role] ?? this.me.role} on ${this.me.hostname}`)),
      themeChoice(),
      item('keys', 'My logins…', () => openLoginsDialog(this.events)),
      item('logout', 'Log out', () => this.leave(api.logout)),
      item('logout', 'Log out everywhere…', () => this.leaveEverywhere()));
    this.append(this.toggle, this.menu);
    this.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || this.menu.hidden) return;
      this.setOpen(false);
      this.toggle.focus();
    });
    this.addEventListener('focusout', (event) => {
      if (event.relatedTarget && !this.contains(event.relatedTarget)) this.setOpen(false);
    });
    this.abort = new AbortController();
    document.addEventListener('pointerdown', (event) => {
      if (!this.contains(event.target)) this.setOpen(false);
    }, { signal: this.abort.signal });
  }

  disconnectedCallback() {
    this.abort.abort();
  }

  setOpen(open) {
    this.menu.hidden = !open;
    this.toggle.setAttribute('aria-expanded', String(open));
  }

  async leaveEverywhere() {
    const sure = await confirm('Log out everywhere?', 'All your logins end, on every server and in every browser. Your sessions go on.', 'Log out everywhere');
    if (sure) await this.leave(api.logoutEverywhere);
  }

  async leave(call) {
    // The answer to the next call, 401, brings the view to log in.
    if (await attempt(call)) await api.me().catch(() => {});
  }
}
customElements.define('fastx-account', AccountMenu);
