// <fastx-login>: logs in by password or one-time code and answers the further questions of the host one by one.
// Sends `loggedin`. Used by the portal and, in place, by a session's page.
import * as api from './api.js';
import { button, el, field } from './dom.js';
import { read, write } from './preferences.js';
import { hideable, questionField } from './question.js';

class LoginForm extends HTMLElement {
  connectedCallback() {
    if (this.form) return;
    this.heading = el('h1', {}, 'Log in');
    this.host = el('p', { class: 'login-host' });
    this.error = el('p', { class: 'form-error', role: 'alert' });
    this.form = el('form', { class: 'stack', onsubmit: (event) => { event.preventDefault(); this.submit(); } });
    this.append(this.heading, this.host, this.error, this.form);
    this.load();
  }

  async load() {
    this.form.replaceChildren(el('p', { class: 'quiet', role: 'status' }, 'Asking the server how to log in…'));
    try {
      this.ways = await api.loginWays();
    } catch (error) {
      this.complain(error);
      this.form.replaceChildren(button('refresh', 'Try again', { onclick: () => { this.complain(null); this.load(); } }));
      return;
    }
    this.host.textContent = this.ways.chosenByScripts ? '' : this.ways.hostname;
    if (!this.ways.loginsEnabled) {
      this.form.replaceChildren(el('p', {}, `Logins are disabled on ${this.ways.hostname}, and it knows no other server that takes any. Try again later, or open the address of another server of the cluster.`));
    } else if (this.code) {
      const code = this.code;
      this.code = null;
      this.showCode();
      this.step(() => api.login({ code }));
    } else if (this.ways.ways.includes('ssh')) {
      this.showPassword();
    } else {
      this.showCode();
    }
  }

  showPassword() {
    const remembered = read('user', '');
    this.user = el('input', { type: 'text', name: 'username', autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false', required: true, value: remembered });
    const servers = this.ways.servers ?? [];
    this.server = el('select', {}, el('option', { value: '' }, 'Any'), servers.map(({ serverId, hostname }) => el('option', { value: serverId }, hostname)));
    this.password = el('input', { type: 'password', name: 'password', autocomplete: 'current-password', required: true });
    this.send = () => {
      write('user', this.user.value.trim());
      // Where scripts choose the server, only what the user has chosen is told to them.
      const serverId = this.server.value || (this.ways.chosenByScripts ? undefined : this.ways.serverId);
      return api.login({ user: this.user.value.trim(), password: this.password.value, serverId });
    };
    this.show([field('User', this.user), hideable('Password', this.password), servers.length > 0 && field('Server', this.server)].filter(Boolean), 'Log in',
      this.ways.ways.includes('self') && button(null, 'Use a one-time code instead', { class: 'button plain', onclick: () => this.showCode() }));
    (remembered ? this.password : this.user).focus();
  }

  showCode() {
    const code = el('input', { type: 'text', name: 'code', class: 'mono', autocomplete: 'one-time-code', autocapitalize: 'none', spellcheck: 'false', required: true });
    this.send = () => api.login({ code: code.value.trim() });
    this.show([field('One-time code', code, `It is printed on the terminal of ${this.ways.hostname}.`)], 'Log in',
      this.ways.ways.includes('ssh') && button(null, 'Use user and password instead', { class: 'button plain', onclick: () => this.showPassword() }));
    code.focus();
  }

  /** A further question of the host, such as for a verification code. */
  showPrompt(question) {
    const { attempt } = question;
    const [whole, answer] = questionField(question);
    this.send = () => api.answerPrompt(attempt, answer.value);
    this.show([whole], 'Continue', button(null, 'Cancel', {
      onclick: () => {
        api.cancelAttempt(attempt).catch(() => {}); // An attempt that is not cancelled expires by itself.
        this.load();
      },
    }));
    answer.focus();
  }

  show(fields, word, second) {
    this.button = button(null, word, { type: 'submit', class: 'button primary wide' });
    this.form.replaceChildren(...fields, this.button, second || '');
  }

  submit() {
    return this.step(this.send);
  }

  async step(action) {
    if (this.busy) return;
    this.complain(null);
    this.setBusy(true);
    try {
      const answer = await action();
      if (answer.prompt !== undefined) this.showPrompt(answer);
      else this.dispatchEvent(new CustomEvent('loggedin', { bubbles: true }));
    } catch (error) {
      this.failed(error);
    } finally {
      this.setBusy(false);
    }
  }

  failed(error) {
    // An attempt ends with its first wrong answer: the next one begins with user and password.
    if (this.form.elements.answer) this.ways.ways.includes('ssh') ? this.showPassword() : this.showCode();
    this.complain(error);
    const input = this.form.elements.password ?? this.form.elements.code;
    if (error.status === 401 && input) {
      input.value = '';
      input.focus();
    }
  }

  setBusy(busy) {
    this.busy = busy;
    this.button.setAttribute('aria-disabled', String(busy));
    this.form.setAttribute('aria-busy', String(busy));
  }

  complain(error) {
    this.error.textContent = error ? error.message : '';
  }
}
customElements.define('fastx-login', LoginForm);
