// <fastx-status>: over the desktop while it is not connected: why, what happens next, and what the user can do.
// Sends `retry`; a login in place sends `loggedin`.
import '../common/login-form.js';
import { button, el, setText } from '../common/dom.js';
import { icon } from '../common/icons.js';

const COUNTDOWN_MILLISECONDS = 250;

class StatusOverlay extends HTMLElement {
  connectedCallback() {
    this.symbol = el('div', { class: 'status-symbol' });
    this.heading = el('h1');
    this.text = el('p');
    // The countdown is outside the live region: it would be read out at every second.
    this.countdown = el('p', { class: 'quiet', 'aria-hidden': 'true' });
    this.actions = el('div', { class: 'status-actions' });
    this.card = el('section', { class: 'status-card', 'aria-label': 'State of the connection' },
      this.symbol, el('div', { role: 'status' }, this.heading, this.text), this.countdown, this.actions);
    this.append(this.card);
    this.hidden = true;
  }

  show(symbol, heading, text, actions) {
    clearInterval(this.timer);
    this.hidden = false;
    this.form?.remove();
    this.form = null;
    this.card.hidden = false;
    this.symbol.replaceChildren(icon(symbol));
    this.symbol.dataset.symbol = symbol;
    setText(this.heading, heading);
    setText(this.text, text);
    this.countdown.textContent = '';
    const hadFocus = this.actions.contains(document.activeElement);
    this.actions.replaceChildren(...actions);
    if (hadFocus) this.actions.firstElementChild?.focus();
  }

  showConnecting({ name, hostname }) {
    this.show('starting', 'Connecting…', `${name} on ${hostname}`, [this.back()]);
  }

  showStarting({ name, hostname }) {
    this.show('starting', 'The session is starting…', `${name} on ${hostname}`, [this.back()]);
  }

  showWaiting(reason, nextTry) {
    this.show('unplug', 'Reconnecting…', reason, [this.retry('Try now'), this.back()]);
    const show = () => setText(this.countdown, `Next try in ${Math.max(0, Math.ceil((nextTry - Date.now()) / 1000))} s`);
    show();
    this.timer = setInterval(show, COUNTDOWN_MILLISECONDS);
  }

  /** A further try: the card keeps saying why, so that neither words nor buttons flicker. */
  showTrying() {
    clearInterval(this.timer);
    setText(this.countdown, 'Trying…');
  }

  /** The page does not try again by itself; `retryWord` offers it. */
  showStopped(heading, text, retryWord) {
    this.show(retryWord ? 'unplug' : 'ended', heading, text, [retryWord && this.retry(retryWord), this.back(!retryWord)].filter(Boolean));
    this.actions.firstElementChild.focus();
  }

  showLogin() {
    if (this.form) return;
    this.show('unplug', 'You are logged out', '', []);
    this.card.hidden = true;
    this.form = el('section', { class: 'status-card', 'aria-label': 'Log in again' },
      el('p', { class: 'quiet', role: 'status' }, 'You have been logged out. Log in to come back to the session.'), document.createElement('fastx-login'));
    this.append(this.form);
  }

  hide() {
    clearInterval(this.timer);
    this.hidden = true;
  }

  retry(word) {
    return button('refresh', word, { class: 'button primary', onclick: () => this.dispatchEvent(new Event('retry')) });
  }

  back(primary = false) {
    return el('a', { class: `button ${primary ? 'primary' : ''}`, href: '/' }, el('span', {}, 'My sessions'));
  }
}
customElements.define('fastx-status', StatusOverlay);
