// The desktop: noVNC's RFB over a WebSocket of our own, whose close code noVNC would not tell.
// Sends `connected`, `closed` (detail.code) and `clipboard` (detail.text).
import RFB from '/novnc/core/rfb.js';
import { read, write } from '../common/preferences.js';

/** Qualities to choose from: word, JPEG quality (0 to 9) and compression (0 to 9) as the RFB encodings number them. */
export const QUALITIES = { sharp: ['Sharp', 9, 1], balanced: ['Balanced', 6, 2], low: ['Low bandwidth', 2, 8] };

/** Whether the desktop takes the size of the window, or keeps its own and is scaled into it. */
export const FITS = { resize: 'Resize desktop', scale: 'Scale picture' };

/** How long the display may take to show its first picture; after that the page tries anew and says so. */
const CONNECT_MILLISECONDS = 20_000;

/** A longer text would block the display's connection for seconds on a slow line. */
const CLIPBOARD_LENGTH_MAX = 1_000_000;

const known = (table, name, otherwise) => (name in table ? name : otherwise);

export class Desktop extends EventTarget {
  viewOnly = false;
  quality = known(QUALITIES, read('quality', ''), 'balanced');
  fit = known(FITS, read('fit', ''), 'resize');

  constructor(screen) {
    super();
    this.screen = screen;
  }

  get isConnected() {
    return Boolean(this.rfb?.connected);
  }

  /** Shows what comes over a WebSocket; `early` are its messages that have come before. */
  connect(socket, early = []) {
    this.disconnect();
    const rfb = new RFB(this.screen, socket, { shared: true });
    this.rfb = rfb;
    rfb.background = 'transparent';
    rfb.scaleViewport = true;
    this.apply();
    socket.addEventListener('close', ({ code }) => this.lose(rfb, code));
    // noVNC gives up by itself on a broken stream. Its `disconnect` comes before the socket's close.
    rfb.addEventListener('disconnect', () => socket.readyState === WebSocket.CLOSING && this.lose(rfb, 1006));
    setTimeout(() => {
      if (this.rfb !== rfb || rfb.connected) return;
      rfb.disconnect();
      this.lose(rfb, 1006);
    }, CONNECT_MILLISECONDS);
    rfb.addEventListener('clipboard', ({ detail }) => this.dispatchEvent(new CustomEvent('clipboard', { detail })));
    rfb.addEventListener('connect', () => {
      if (this.rfb !== rfb) return;
      rfb.connected = true;
      this.last?.remove();
      this.last = this.screen.querySelector('canvas');
      this.dispatchEvent(new Event('connected'));
    });
    // noVNC listens by now.
    for (const message of early) socket.onmessage(message);
  }

  /** Ends the connection without a `closed`. */
  disconnect() {
    const { rfb } = this;
    this.rfb = null;
    rfb?.disconnect();
    this.keepLastPicture();
  }

  /** The connection has ended by itself; noVNC has cleaned up already. */
  lose(rfb, code) {
    if (this.rfb !== rfb) return;
    this.rfb = null;
    this.keepLastPicture();
    this.dispatchEvent(new CustomEvent('closed', { detail: { code } }));
  }

  /** noVNC takes its canvas out of the page; the last picture stays, dimmed by the overlay. */
  keepLastPicture() {
    if (!this.last || this.last.isConnected) return;
    this.last.classList.add('last-picture');
    this.last.setAttribute('aria-hidden', 'true');
    this.screen.append(this.last);
  }

  /** Brings quality, fit and view only to the connection. */
  apply() {
    if (!this.rfb) return;
    const [, quality, compression] = QUALITIES[this.quality];
    this.rfb.qualityLevel = quality;
    this.rfb.compressionLevel = compression;
    this.rfb.viewOnly = this.viewOnly;
    this.rfb.resizeSession = this.fit === 'resize';
  }

  setQuality(quality) {
    this.quality = quality;
    write('quality', quality);
    this.apply();
  }

  setFit(fit) {
    this.fit = fit;
    write('fit', fit);
    this.apply();
  }

  setViewOnly(viewOnly) {
    this.viewOnly = viewOnly;
    this.apply();
  }

  focus() {
    this.rfb?.focus();
  }

  sendCtrlAltDel() {
    this.rfb?.sendCtrlAltDel();
  }

  /** Sends one key as X11 numbers it: pressed, released, or (without `down`) both. */
  sendKey(keysym, code, down) {
    if (this.isConnected) this.rfb.sendKey(keysym, code, down);
  }

  sendClipboard(text) {
    if (this.isConnected) this.rfb.clipboardPasteFrom(text.slice(0, CLIPBOARD_LENGTH_MAX));
  }
}
