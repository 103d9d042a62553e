// The clipboard of the desktop, both ways: by hand through a text field, and by itself where the browser permits it.
import { button, el, field, setText } from '../common/dom.js';

export class ClipboardPanel {
  constructor(desktop) {
    this.desktop = desktop;
    this.text = el('textarea', { class: 'mono', rows: '6', spellcheck: 'false', oninput: () => this.send(this.text.value) });
    this.status = el('p', { class: 'hint', role: 'status' });
    this.element = el('div', { class: 'stack' },
      field('Clipboard of the desktop', this.text, 'What you type here can be pasted in the desktop; what you copy there appears here.'),
      el('div', { class: 'row' },
        button('clipboard', 'Copy to this computer', { onclick: () => this.copyHere() }),
        button('send', 'Paste from this computer', { onclick: () => this.pasteThere() })),
      this.status);
    desktop.addEventListener('clipboard', ({ detail }) => this.received(detail.text));
    desktop.addEventListener('connected', () => this.readIfPermitted());
    window.addEventListener('focus', () => this.readIfPermitted());
  }

  opened() {
    setText(this.status, '');
    this.text.focus();
  }

  /** The desktop's clipboard has changed. Writing here needs no question in most browsers; where it fails, the field has the text. */
  received(text) {
    this.text.value = text;
    this.last = text;
    if (document.hasFocus()) navigator.clipboard?.writeText(text).catch(() => {});
  }

  send(text) {
    if (text === this.last) return;
    this.last = text;
    this.text.value = text;
    this.desktop.sendClipboard(text);
  }

  /** Reads this computer's clipboard without asking: only when the user has permitted it before. */
  async readIfPermitted() {
    if (this.desktop.viewOnly || !this.desktop.isConnected || !document.hasFocus()) return;
    try {
      const { state } = await navigator.permissions.query({ name: 'clipboard-read' });
      if (state === 'granted') this.send(await navigator.clipboard.readText());
    } catch {
      // A browser without this permission: pasting by hand remains.
    }
  }

  async copyHere() {
    try {
      await navigator.clipboard.writeText(this.text.value);
      this.status.textContent = 'Copied to this computer.';
    } catch {
      this.text.select();
      this.status.textContent = 'The browser does not permit it. The text is selected: press Ctrl+C.';
    }
  }

  async pasteThere() {
    try {
      this.send(await navigator.clipboard.readText());
      this.status.textContent = 'Pasted to the clipboard of the desktop.';
    } catch {
      this.text.focus();
      this.text.select();
      this.status.textContent = 'The browser does not permit it. Press Ctrl+V in the field above.';
    }
  }
}
