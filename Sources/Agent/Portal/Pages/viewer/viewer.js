// <fastx-viewer>: the page of one session. Keeps its display connected and says why when it is not.
import * as api from '../common/api.js';
import { el } from '../common/dom.js';
import { endSession } from '../common/end-session.js';
import { attempt, inform } from '../common/notices.js';
import { Desktop } from './desktop.js';
import { openDirectly, rememberFailure } from './direct.js';
import { CODE, STEADY_MILLISECONDS, connectionTexts, lossText, outcomeOfClose, outcomeOfProblem, outcomeOfSession, overText, waitMilliseconds } from './outcome.js';
import './status-overlay.js';
import './toolbar.js';

/** How often a session that is still starting is asked for. */
const STARTING_MILLISECONDS = 1_000;

class Viewer extends HTMLElement {
  sessionId = decodeURIComponent(location.pathname.split('/').pop());
  session = { id: this.sessionId, name: 'Session', serverId: '', hostname: 'the server' };
  failureCount = 0;

  connectedCallback() {
    this.screen = el('main', { class: 'screen', 'aria-label': 'Desktop of the session' });
    this.overlay = document.createElement('fastx-status');
    this.desktop = new Desktop(this.screen);
    this.toolbar = Object.assign(document.createElement('fastx-toolbar'), { desktop: this.desktop });
    this.append(this.screen, this.overlay, this.toolbar);

    this.desktop.addEventListener('connected', () => this.connected());
    this.desktop.addEventListener('closed', (event) => this.closed(event.detail.code));
    this.toolbar.addEventListener('disconnect', () => this.disconnect());
    this.toolbar.addEventListener('end', () => endSession(this.session));
    this.toolbar.addEventListener('disconnectOthers', () => this.disconnectOthers());
    this.screen.addEventListener('pointerdown', () => this.toolbar.dismiss(), true);
    this.overlay.addEventListener('retry', () => this.retryNow());
    this.overlay.addEventListener('loggedin', () => this.retryNow());
    window.addEventListener('online', () => this.timer && this.retryNow());
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.timer && this.retryNow());
    api.account.addEventListener('loggedout', () => this.stop({ kind: 'loggedOut' }));
    this.followKeyboardOfPhones();
    this.check();
  }

  retryNow() {
    this.failureCount = 0;
    this.check();
  }

  /** Asks for the session and does what its state calls for. */
  async check(lossCode) {
    clearTimeout(this.timer);
    this.timer = null;
    // Only the newest check counts: a click may overtake a slow answer.
    const check = (this.latestCheck = {});
    if (lossCode === undefined && this.failureCount === 0) this.overlay.showConnecting(this.session);
    else this.overlay.showTrying();
    let outcome;
    try {
      if (!this.me) this.me = await api.me();
      outcome = outcomeOfSession(await api.session(this.sessionId));
    } catch (problem) {
      outcome = outcomeOfProblem(problem);
    }
    if (check === this.latestCheck) this.follow(outcome, lossCode);
  }

  follow(outcome, lossCode) {
    if (outcome.session) this.showSession(outcome.session);
    switch (outcome.kind) {
      case 'connect':
        // A close is never answered by a connection at once: a member that refuses all must not be hammered.
        if (lossCode === undefined) this.connect();
        else this.waitAndRetry(lossText(lossCode, this.session.hostname, navigator.onLine));
        break;
      case 'starting':
        this.overlay.showStarting(this.session);
        this.timer = setTimeout(() => this.check(), STARTING_MILLISECONDS);
        break;
      case 'unreachable':
        this.waitAndRetry(navigator.onLine ? outcome.text : lossText(null, '', false));
        break;
      default:
        this.stop(outcome);
    }
  }

  /** Opens the display, directly where that works. */
  async connect() {
    const check = this.latestCheck;
    const { isDirect, socket, early } = await openDirectly(this.session);
    if (check !== this.latestCheck) {
      socket?.close();
      return;
    }
    this.connection = { isDirect, hasTicket: Boolean(socket) };
    this.connectedAt = null;
    this.desktop.connect(socket ?? new WebSocket(api.displayAddress(this.sessionId), ['binary']), early);
  }

  stop(outcome) {
    this.latestCheck = null;
    clearTimeout(this.timer);
    this.timer = null;
    if (outcome.kind === 'loggedOut') this.me = null;
    this.toolbar.setConnected(false);
    const { name, hostname } = this.session;
    const texts = {
      loggedOut: () => this.overlay.showLogin(),
      over: () => this.overlay.showStopped(outcome.session.state === 'failed' ? 'The session has failed' : 'The session has ended', overText(outcome.session), null),
      missing: () => this.overlay.showStopped('No such session', 'It was removed from the list, or it belongs to somebody else.', null),
      refused: () => this.overlay.showStopped('You may not see this session', outcome.text, null),
      takenOver: () => this.overlay.showStopped('Another viewer disconnected you', `“${name}” goes on running on ${hostname}.`, 'Connect again'),
      disconnected: () => this.overlay.showStopped('Disconnected', `“${name}” goes on running on ${hostname}. Come back whenever you like.`, 'Connect again'),
    };
    texts[outcome.kind]();
    this.showTitle();
  }

  waitAndRetry(reason) {
    this.toolbar.setConnected(false);
    this.failureCount += 1;
    const milliseconds = waitMilliseconds(this.failureCount);
    this.overlay.showWaiting(reason, Date.now() + milliseconds);
    this.showTitle('Reconnecting');
    this.timer = setTimeout(() => this.check(), milliseconds);
  }

  connected() {
    this.connectedAt = Date.now();
    this.overlay.hide();
    this.toolbar.showConnection(connectionTexts(this.connection.isDirect, this.session.hostname, location.hostname));
    this.toolbar.setConnected(true);
    this.showTitle();
  }

  closed(code) {
    if (code === CODE.broken && this.connection.hasTicket && !this.connectedAt && this.latestCheck) {
      // A direct connection that breaks before there is a picture is none: the next one is not direct, and comes at once.
      rememberFailure(this.session.serverId);
      this.connect();
      return;
    }
    if (this.connectedAt && Date.now() - this.connectedAt > STEADY_MILLISECONDS) this.failureCount = 0;
    this.connectedAt = null;
    this.toolbar.setConnected(false);
    const outcome = outcomeOfClose(code);
    if (outcome) this.stop(outcome);
    else this.check(code);
  }

  disconnect() {
    this.desktop.disconnect();
    this.stop({ kind: 'disconnected' });
  }

  /** The API disconnects every viewer, this one too: it goes first and comes back after the others. */
  async disconnectOthers() {
    this.desktop.disconnect();
    this.overlay.showConnecting(this.session);
    if (await attempt(() => api.disconnectViewers(this.sessionId))) inform('All other viewers were disconnected.');
    this.retryNow();
  }

  showSession(session) {
    this.session = { ...session, name: session.name || session.command };
    this.toolbar.showSession(this.session);
    this.showTitle();
  }

  showTitle(state) {
    document.title = [state, this.session.name].filter(Boolean).join(': ');
  }

  /** An on-screen keyboard covers the page on some phones; the desktop then keeps to what is left. */
  followKeyboardOfPhones() {
    window.visualViewport?.addEventListener('resize', () => {
      this.style.height = `${window.visualViewport.height}px`;
    });
  }
}
customElements.define('fastx-viewer', Viewer);
