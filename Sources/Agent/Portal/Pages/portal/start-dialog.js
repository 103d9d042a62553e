// The dialog that starts a session: a command, a name, a geometry and further parameters; and what the host asks before.
import * as api from '../common/api.js';
import { openDialog } from '../common/dialog.js';
import { button, choices, el, field, iconButton } from '../common/dom.js';
import { recentCommands, rememberCommand } from '../common/preferences.js';
import { questionField } from '../common/question.js';
import { openWaitingTab, showSession } from './session-tab.js';

const TITLE = 'Start a session';
const GEOMETRIES = [['fit', 'Fit this window'], ['1280x800', '1280 × 800'], ['1920x1080', '1920 × 1080'], ['custom', 'Custom']];

export function openStartDialog(me) {
  new StartDialog(me).open();
}

class StartDialog {
  constructor(me) {
    this.me = me;
    this.busy = false;
    // What waits for an answer to the host's question, and the attempt that the question is of.
    this.body = null;
    this.attempt = null;
    this.geometryChoice = 'fit';
    this.command = el('input', { type: 'text', class: 'mono', required: true, autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', placeholder: 'xterm -ls', oninput: () => this.markChosen() });
    this.name = el('input', { type: 'text', autocomplete: 'off', maxlength: '200', placeholder: 'Named after the command' });
    this.configured = el('div', { class: 'commands' });
    this.commandButtons = [];
    this.width = el('input', { type: 'number', min: '320', max: '7680', value: '1600' });
    this.height = el('input', { type: 'number', min: '240', max: '4320', value: '1000' });
    this.custom = el('div', { class: 'row', hidden: true }, field('Width', this.width), field('Height', this.height));
    this.server = el('select');
    this.serverField = field('Server', this.server);
    this.serverField.hidden = true;
    this.parameters = el('div', { class: 'stack' });
    this.error = el('p', { class: 'form-error', role: 'alert' });
    this.form = el('form', { id: 'start-form', class: 'dialog-body stack', onsubmit: (event) => { event.preventDefault(); this.start(); } },
      this.configured, field('Command', this.command), field('Name', this.name), this.serverField,
      choices('Geometry', 'geometry', GEOMETRIES, 'fit', (value) => { this.geometryChoice = value; this.custom.hidden = value !== 'custom'; }),
      this.custom,
      el('details', {}, el('summary', {}, 'Further parameters'), el('div', { class: 'stack' },
        el('p', { class: 'hint' }, 'Names and values for the scripts that choose a server or schedule the session.'),
        this.parameters, button('plus', 'Add a parameter', { onclick: () => this.addParameter() }))),
      this.error);
  }

  open() {
    this.dialog = openDialog(TITLE, this.form, this.buttons('Start', () => this.dialog.close()));
    this.dialog.addEventListener('close', () => this.giveUp());
    this.command.focus();
    this.showCommands([]);
    this.load().catch((error) => { this.error.textContent = error.message; });
  }

  async load() {
    const { commands, mayChooseServer } = await api.startChoices();
    this.showCommands(commands);
    if (!mayChooseServer) return;
    const servers = (await api.servers()).filter((server) => server.sessionsEnabled && !server.draining && server.state !== 'stopped');
    if (servers.length < 2) return;
    this.server.replaceChildren(el('option', { value: '' }, 'Any'), ...servers.map(({ serverId, hostname }) => el('option', { value: serverId }, hostname)));
    this.serverField.hidden = false;
  }

  showCommands(commands) {
    this.commandButtons = [];
    const recent = recentCommands(this.me.user).filter((text) => !commands.some(({ command }) => command === text));
    this.configured.replaceChildren(
      this.commandGroup('Configured', commands),
      this.commandGroup('Recent', recent.map((command) => ({ command }))));
    this.markChosen();
  }

  commandGroup(title, commands) {
    if (commands.length === 0) return '';
    return el('div', { class: 'command-group', role: 'group', 'aria-label': `${title} commands` }, el('p', { class: 'group-title', 'aria-hidden': 'true' }, title),
      el('div', { class: 'command-list' }, commands.map(({ name, command, description }) => {
        const choice = el('button', { type: 'button', class: 'command', 'aria-pressed': 'false', title: command, onclick: () => { this.command.value = command; this.markChosen(); } },
          name && el('strong', {}, name), el('span', { class: 'mono' }, command), description && el('span', { class: 'quiet' }, description));
        this.commandButtons.push([choice, command]);
        return choice;
      })));
  }

  markChosen() {
    for (const [choice, command] of this.commandButtons) choice.setAttribute('aria-pressed', String(command === this.command.value.trim()));
  }

  addParameter() {
    const name = el('input', { type: 'text', class: 'mono', 'aria-label': 'Name of the parameter', placeholder: 'name', autocapitalize: 'none', spellcheck: 'false' });
    const value = el('input', { type: 'text', class: 'mono', 'aria-label': 'Value of the parameter', placeholder: 'value', autocapitalize: 'none', spellcheck: 'false' });
    const row = el('div', { class: 'row parameter' }, name, value, iconButton('remove', 'Remove this parameter', { onclick: () => { row.remove(); this.command.focus(); } }));
    this.parameters.append(row);
    name.focus();
  }

  get geometry() {
    if (this.geometryChoice === 'fit') return `${window.innerWidth}x${window.innerHeight}`;
    return this.geometryChoice === 'custom' ? `${this.width.value}x${this.height.value}` : this.geometryChoice;
  }

  get entered() {
    const body = { command: this.command.value.trim(), geometry: this.geometry };
    if (this.name.value.trim()) body.name = this.name.value.trim();
    if (this.server.value) body.serverId = this.server.value;
    const params = [...this.parameters.children].map((row) => [...row.querySelectorAll('input')].map((input) => input.value.trim()));
    const named = params.filter(([name]) => name);
    if (named.length > 0) body.params = Object.fromEntries(named);
    return body;
  }

  start() {
    if (this.busy) return;
    this.body = this.entered;
    this.step(() => api.startSession(this.body));
  }

  /** A step on the way to the session: the start itself, or an answer to a question of the host that it waits for. */
  async step(action) {
    const { attempt, body } = this;
    const tab = openWaitingTab(`Starting ${body.name ?? body.command}…`);
    this.error.textContent = '';
    this.setBusy(true);
    try {
      this.take(await action(), tab);
    } catch (error) {
      tab?.close();
      if (attempt === this.attempt) await this.failed(error); // Otherwise it was given up meanwhile.
    }
    this.setBusy(false);
  }

  take(answer, tab) {
    if (answer.prompt === undefined) {
      this.attempt = null;
      rememberCommand(this.me.user, this.body.command);
      this.dialog.close();
      showSession(answer.id, tab);
    } else {
      tab?.close();
      this.ask(answer);
    }
  }

  async failed(error) {
    const wasWrong = this.attempt && error.reason === 'wrong-credentials';
    this.attempt = null; // It has ended with its first wrong answer; the next one begins with a new start.
    this.showForm();
    this.error.textContent = error.message;
    if (!wasWrong) return;
    try {
      this.take(await api.startSession(this.body), null);
    } catch (again) {
      this.error.textContent = again.message;
    }
  }

  /** Shows a question of the host in place of the form, which keeps what was entered. */
  ask(question) {
    this.attempt = question.attempt;
    if (!this.dialog.open) {
      this.giveUp();
      return;
    }
    const { hostname } = question;
    const [whole, answer] = questionField(question);
    const form = el('form', { id: 'question-form', class: 'dialog-body stack', onsubmit: (event) => { event.preventDefault(); this.answer(answer.value); } },
      el('p', {}, `${hostname} starts your sessions by a process of your own, and has to know that it is you who asks. It does not ask again until this second login ends; you find it under My logins.`),
      field('User', el('input', { type: 'text', name: 'username', autocomplete: 'username', readonly: true, value: this.me.user })), whole);
    this.show(`${hostname} needs your password once more to start sessions there`, form,
      this.buttons('Continue', () => { this.giveUp(); this.showForm(); }));
    answer.focus();
  }

  answer(text) {
    const { attempt } = this;
    if (!this.busy) this.step(() => api.answerPrompt(attempt, text));
  }

  giveUp() {
    if (this.attempt) api.cancelAttempt(this.attempt).catch(() => {}); // An attempt that is not cancelled expires by itself.
    this.attempt = null;
  }

  showForm() {
    this.error.textContent = '';
    this.show(TITLE, this.form, this.buttons('Start', () => this.dialog.close()));
    this.command.focus();
  }

  show(title, form, buttons) {
    this.dialog.querySelector('h2').textContent = title;
    this.dialog.querySelector('form').replaceWith(form);
    form.append(this.error);
    this.dialog.querySelector('footer').replaceChildren(...buttons);
    this.setBusy(this.busy);
  }

  buttons(word, oncancel) {
    this.word = word;
    this.startButton = button(null, word, { type: 'submit', class: 'button primary', form: word === 'Start' ? 'start-form' : 'question-form' });
    return [button(null, 'Cancel', { onclick: oncancel }), this.startButton];
  }

  setBusy(busy) {
    this.busy = busy;
    this.startButton.setAttribute('aria-disabled', String(busy));
    this.startButton.querySelector('span').textContent = busy ? 'Starting…' : this.word;
  }
}
