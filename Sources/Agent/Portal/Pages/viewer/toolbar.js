// <fastx-toolbar>: what can be done with the session. Hides by itself and comes back by its handle, by touch, or by
// Ctrl+Alt+Shift. Sends `disconnect`, `disconnectOthers` and `end`.
import { choices, el, iconButton, setText } from '../common/dom.js';
import { complain } from '../common/notices.js';
import { icon } from '../common/icons.js';
import { ClipboardPanel } from './clipboard-panel.js';
import { FITS, QUALITIES } from './desktop.js';
import { KeyboardPanel } from './keyboard-panel.js';
import { onMenuKeys } from './menu-keys.js';

const HIDE_MILLISECONDS = 3_000;

class Toolbar extends HTMLElement {
  connectedCallback() {
    const action = (iconName, label, onclick) => iconButton(iconName, label, { onclick });
    this.panels = [];
    this.name = el('span', { class: 'toolbar-name' });
    this.connection = el('span', { class: 'toolbar-connection' });
    this.fullScreen = action('fullscreen', 'Full screen', () => this.toggleFullScreen());
    this.viewOnly = iconButton('eye', 'View only', { 'aria-pressed': 'false', onclick: () => this.toggleViewOnly() });
    this.clipboard = new ClipboardPanel(this.desktop);
    this.keyboard = new KeyboardPanel(this.desktop);
    // Connected only: these act on the display.
    this.displayTools = el('div', { class: 'toolbar-group' },
      this.panelButton('clipboard', 'Clipboard', this.clipboard),
      this.panelButton('keyboard', 'Keyboard', this.keyboard),
      this.panelButton('display', 'Picture', { element: this.picture() }),
      this.viewOnly,
      action('keys', 'Send Ctrl+Alt+Del', () => { this.desktop.sendCtrlAltDel(); this.close(); }),
      action('people', 'Disconnect other viewers', () => this.send('disconnectOthers')),
      action('unplug', 'Disconnect', () => this.send('disconnect')));
    this.bar = el('section', { id: 'toolbar', class: 'toolbar', 'aria-label': 'Toolbar' },
      el('a', { class: 'icon-button', href: '/', 'aria-label': 'My sessions', title: 'My sessions' }, icon('back')),
      this.name, this.connection, this.fullScreen, this.displayTools,
      iconButton('end', 'End session', { class: 'icon-button danger-text', onclick: () => this.send('end') }),
      el('kbd', { title: 'These keys open and close the toolbar' }, 'Ctrl+Alt+Shift'));
    this.handle = el('button', { type: 'button', class: 'handle', 'aria-label': 'Toolbar (Ctrl+Alt+Shift)', title: 'Toolbar (Ctrl+Alt+Shift)', 'aria-expanded': 'true', 'aria-controls': 'toolbar', onclick: () => this.isOpen ? this.close() : this.open() }, icon('more'));
    this.append(this.bar, ...this.panels.map(({ panel }) => panel), this.handle);

    this.addEventListener('keydown', (event) => event.key === 'Escape' && this.escape());
    this.addEventListener('pointerenter', () => this.stay());
    this.addEventListener('pointerleave', () => this.hideSoon());
    this.addEventListener('focusin', () => this.stay());
    this.addEventListener('focusout', () => this.hideSoon());
    onMenuKeys(() => this.isOpen && this.contains(document.activeElement) ? this.close() : this.openWithFocus());
    document.addEventListener('fullscreenchange', () => this.showFullScreen());
    this.showFullScreen();
    this.setConnected(false);
  }

  // MARK: what it shows

  showSession({ name, hostname }) {
    setText(this.name, name);
    this.name.title = `${name} on ${hostname}`;
  }

  showConnection([text, title]) {
    setText(this.connection, text);
    this.connection.title = title;
  }

  setConnected(isConnected) {
    this.displayTools.hidden = !isConnected;
    this.classList.toggle('is-idle', !isConnected);
    if (!isConnected) this.showPanel(null);
    this.open();
    if (!isConnected) return;
    if (!this.contains(document.activeElement) && !document.querySelector('dialog[open]')) this.desktop.focus();
    this.hideSoon();
  }

  // MARK: opening and hiding

  get isOpen() {
    return !this.bar.hidden;
  }

  open() {
    this.bar.hidden = false;
    this.handle.setAttribute('aria-expanded', 'true');
  }

  openWithFocus() {
    this.open();
    this.bar.querySelector('a').focus();
  }

  /** Hides the bar and gives the keyboard back to the desktop. */
  close() {
    this.showPanel(null);
    this.stay();
    if (!this.desktop.isConnected) return;
    this.bar.hidden = true;
    this.handle.setAttribute('aria-expanded', 'false');
    this.desktop.focus();
  }

  /** The user turns to the desktop. Only the keyboard's panel stays: what it types goes where the user points. */
  dismiss() {
    if (this.openPanel?.content !== this.keyboard) this.close();
  }

  stay() {
    clearTimeout(this.timer);
  }

  hideSoon() {
    this.stay();
    this.timer = setTimeout(() => {
      if (!this.matches(':hover, :focus-within') && !this.openPanel) this.close();
    }, HIDE_MILLISECONDS);
  }

  escape() {
    const panel = this.openPanel;
    if (!panel) return this.close();
    this.showPanel(null);
    panel.toggle.focus();
  }

  // MARK: panels

  /** `content` has an `element` and perhaps `opened()`, called when the panel opens. */
  panelButton(iconName, label, content) {
    const panel = el('section', { id: `panel-${iconName}`, class: 'panel', 'aria-label': label, hidden: true }, content.element);
    const toggle = iconButton(iconName, label, { 'aria-expanded': 'false', 'aria-controls': panel.id });
    const entry = { toggle, panel, content };
    toggle.addEventListener('click', () => this.showPanel(this.openPanel === entry ? null : entry));
    this.panels.push(entry);
    return toggle;
  }

  get openPanel() {
    return this.panels.find(({ panel }) => !panel.hidden) ?? null;
  }

  showPanel(shown) {
    for (const entry of this.panels) {
      entry.panel.hidden = entry !== shown;
      entry.toggle.setAttribute('aria-expanded', String(entry === shown));
    }
    shown?.content.opened?.();
  }

  picture() {
    const qualities = Object.entries(QUALITIES).map(([name, [word]]) => [name, word]);
    return el('div', { class: 'stack' },
      choices('Quality', 'quality', qualities, this.desktop.quality, (quality) => this.desktop.setQuality(quality)),
      choices('When the window changes its size', 'fit', Object.entries(FITS), this.desktop.fit, (fit) => this.desktop.setFit(fit)));
  }

  // MARK: actions

  send(name) {
    this.dispatchEvent(new Event(name));
  }

  toggleViewOnly() {
    const viewOnly = !this.desktop.viewOnly;
    this.desktop.setViewOnly(viewOnly);
    this.viewOnly.setAttribute('aria-pressed', String(viewOnly));
  }

  async toggleFullScreen() {
    try {
      if (document.fullscreenElement) await document.exitFullscreen();
      else await document.documentElement.requestFullscreen({ navigationUI: 'hide' });
      // Where the browser can, keys such as Alt+Tab and Escape go to the desktop as well.
      if (document.fullscreenElement) await navigator.keyboard?.lock?.();
    } catch (error) {
      complain(new Error(`The browser refused full screen: ${error.message}`));
    }
  }

  showFullScreen() {
    this.fullScreen.hidden = !document.fullscreenEnabled;
    const label = document.fullscreenElement ? 'Leave full screen' : 'Full screen';
    this.fullScreen.setAttribute('aria-label', label);
    this.fullScreen.title = label;
  }
}
customElements.define('fastx-toolbar', Toolbar);
