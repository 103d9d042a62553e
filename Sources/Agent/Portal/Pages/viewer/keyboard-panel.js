// Keys for phones and tablets: a text field that calls up the on-screen keyboard and sends what is typed, and the keys
// that such a keyboard lacks.
import keysyms from '/novnc/core/input/keysymdef.js';
import { el, field } from '../common/dom.js';

const BACKSPACE = 0xff08, RETURN = 0xff0d;

/** Keys that on-screen keyboards lack: label, name, X11 keysym, code. */
const KEYS = [
  ['Esc', 'Escape', 0xff1b, 'Escape'], ['Tab', 'Tab', 0xff09, 'Tab'], ['Enter', 'Enter', RETURN, 'Enter'],
  ['←', 'Left', 0xff51, 'ArrowLeft'], ['↑', 'Up', 0xff52, 'ArrowUp'], ['↓', 'Down', 0xff54, 'ArrowDown'], ['→', 'Right', 0xff53, 'ArrowRight'],
];

/** Modifiers stay down until the next key or the next press of the button. */
const MODIFIERS = [['Ctrl', 0xffe3, 'ControlLeft'], ['Alt', 0xffe9, 'AltLeft'], ['Super', 0xffeb, 'MetaLeft']];

/** A longer text would make an on-screen keyboard's corrections slow; the field starts anew. */
const TEXT_LENGTH_MAX = 200;

/** A text of spaces, so that an on-screen keyboard has something to delete. */
const FILLER = ' '.repeat(20);

export class KeyboardPanel {
  constructor(desktop) {
    this.desktop = desktop;
    this.down = new Set();
    this.text = el('input', { type: 'text', autocapitalize: 'none', autocomplete: 'off', autocorrect: 'off', spellcheck: 'false', enterkeyhint: 'enter',
      oninput: () => this.typed(), onkeydown: (event) => this.pressed(event) });
    this.modifiers = MODIFIERS.map(([label, keysym, code]) => el('button', { type: 'button', class: 'button key', 'aria-pressed': 'false', onclick: () => this.toggle(code) }, label));
    this.element = el('div', { class: 'stack' },
      field('Type to the desktop', this.text),
      el('div', { class: 'keys', role: 'group', 'aria-label': 'Keys' }, this.modifiers,
        KEYS.map(([label, name, keysym, code]) => el('button', { type: 'button', class: 'button key', 'aria-label': name, onclick: () => this.send(keysym, code) }, label))));
    this.restart();
  }

  opened() {
    this.restart();
    this.text.focus();
  }

  restart() {
    this.text.value = FILLER;
    this.before = FILLER;
  }

  /** On-screen keyboards replace whole words: what differs from before is deleted and typed anew. */
  typed() {
    const now = [...this.text.value], before = [...this.before];
    let common = 0;
    while (common < now.length && common < before.length && now[common] === before[common]) common += 1;
    for (let count = common; count < before.length; count += 1) this.send(BACKSPACE, 'Backspace');
    for (const character of now.slice(common)) this.send(keysyms.lookup(character.codePointAt(0)));
    this.before = this.text.value;
    if (now.length > TEXT_LENGTH_MAX || now.length === 0) this.restart();
  }

  pressed(event) {
    const key = KEYS.find(([, , , code]) => code === event.key);
    // Escape and Tab stay the page's own keys here, so that the panel can be left; their buttons send them.
    if (!key || ['Escape', 'Tab'].includes(event.key)) return;
    event.preventDefault();
    this.send(key[2], key[3]);
    if (event.key === 'Enter') this.restart();
  }

  send(keysym, code) {
    this.desktop.sendKey(keysym, code);
    for (const held of [...this.down]) this.toggle(held);
  }

  toggle(code) {
    const index = MODIFIERS.findIndex(([, , other]) => other === code);
    const isDown = !this.down.has(code);
    if (isDown) this.down.add(code);
    else this.down.delete(code);
    this.modifiers[index].setAttribute('aria-pressed', String(isDown));
    this.desktop.sendKey(MODIFIERS[index][1], code, isDown);
  }
}
