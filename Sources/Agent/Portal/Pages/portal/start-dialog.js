// The dialog that starts a session: a command, a name, a geometry and further parameters.
import * as api from '../common/api.js';
import { openDialog } from '../common/dialog.js';
import { button, choices, el, field, iconButton } from '../common/dom.js';
import { recentCommands, rememberCommand } from '../common/preferences.js';
import { openWaitingTab, showSession } from './session-tab.js';

const GEOMETRIES = [['fit', 'Fit this window'], ['1280x800', '1280 × 800'], ['1920x1080', '1920 × 1080'], ['custom', 'Custom']];

export function openStartDialog(me) {
  new StartDialog(me).open();
}

class StartDialog {
  constructor(me) {
    this.me = me;
    this.geometryChoice = 'fit';
    this.command = el('input', { type: 'text', class: 'mono', required: true, autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', placeholder: 'xterm -ls', oninput: () => this.markChosen() });
    this.name = el('input', { type: 'text', autocomplete: 'off', maxlength: '200', placeholder: 'Named after the command' });
    this.configured = el('div', { class: 'commands' });
    this.commandButtons = [];
    this.width = el('input', { type: 'number', min: '320', max: '7680', value: '1600' });
    this.height = el('input', { type: 'number', min: '240', max: '4320', value: '1000' });
    this.custom = el('div', { class: 'row', hidden: true }, field('Width', this.width), field('Height', this.height));
    this.parameters = el('div', { class: 'stack' });
    this.error = el('p', { class: 'form-error', role: 'alert' });
    this.startButton = button(null, 'Start', { type: 'submit', class: 'button primary', form: 'start-form' });
    this.form = el('form', { id: 'start-form', class: 'dialog-body stack', onsubmit: (event) => { event.preventDefault(); this.start(); } },
      this.configured, field('Command', this.command), field('Name', this.name),
      choices('Geometry', 'geometry', GEOMETRIES, 'fit', (value) => { this.geometryChoice = value; this.custom.hidden = value !== 'custom'; }),
      this.custom,
      el('details', {}, el('summary', {}, 'Further parameters'), el('div', { class: 'stack' },
        el('p', { class: 'hint' }, 'Names and values for the scripts that choose a server or schedule the session.'),
        this.parameters, button('plus', 'Add a parameter', { onclick: () => this.addParameter() }))),
      this.error);
  }

  open() {
    this.dialog = openDialog('Start a session', this.form, [button(null, 'Cancel', { onclick: () => this.dialog.close() }), this.startButton]);
    this.command.focus();
    this.showCommands([]);
    api.commands().then((commands) => this.showCommands(commands), (error) => { this.error.textContent = error.message; });
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

  get body() {
    const body = { command: this.command.value.trim(), geometry: this.geometry };
    if (this.name.value.trim()) body.name = this.name.value.trim();
    const params = [...this.parameters.children].map((row) => [...row.querySelectorAll('input')].map((input) => input.value.trim()));
    const named = params.filter(([name]) => name);
    if (named.length > 0) body.params = Object.fromEntries(named);
    return body;
  }

  async start() {
    if (this.busy) return;
    this.setBusy(true);
    const { body } = this;
    const tab = openWaitingTab(`Starting ${body.name ?? body.command}…`);
    try {
      const session = await api.startSession(body);
      rememberCommand(this.me.user, body.command);
      this.dialog.close();
      showSession(session.id, tab);
    } catch (error) {
      tab?.close();
      this.error.textContent = error.message;
      this.setBusy(false);
    }
  }

  setBusy(busy) {
    this.busy = busy;
    this.startButton.setAttribute('aria-disabled', String(busy));
    this.startButton.querySelector('span').textContent = busy ? 'Starting…' : 'Start';
    if (busy) this.error.textContent = '';
  }
}
