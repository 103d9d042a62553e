// The stream of events: one EventSource, kept open. Sends each event with its data as `detail`, `state` when the stream
// opens or breaks, and `reset` when lists have to be loaded: at the start, when the server says so, after a new stream.
import * as api from '../common/api.js';

const NAMES = ['session', 'sessionRemoved', 'login', 'loginRemoved', 'server', 'me'];

/** A wait after an error status; after a lost connection the browser itself reconnects and resumes. */
const RETRY_MILLISECONDS = 3_000;

export class Events extends EventTarget {
  isLive = false;

  open() {
    this.source = new EventSource(api.eventsAddress);
    let opened = false;
    this.source.onopen = () => {
      // A later opening of the same source resumes by Last-Event-ID: nothing was missed.
      if (!opened) this.dispatchEvent(new Event('reset'));
      opened = true;
      this.setLive(true);
    };
    this.source.onerror = () => this.broke();
    this.source.addEventListener('reset', () => this.dispatchEvent(new Event('reset')));
    for (const name of NAMES) {
      this.source.addEventListener(name, (event) => this.dispatchEvent(new CustomEvent(name, { detail: JSON.parse(event.data) })));
    }
  }

  close() {
    clearTimeout(this.timer);
    this.source.onerror = null;
    this.source.close();
  }

  broke() {
    this.setLive(false);
    if (this.source.readyState !== EventSource.CLOSED) return;
    this.timer = setTimeout(() => this.open(), RETRY_MILLISECONDS);
    // An error status closes the source without telling which one. /me says whether the user is logged out; then the
    // portal closes these events.
    api.me().catch(() => {});
  }

  setLive(isLive) {
    this.isLive = isLive;
    this.dispatchEvent(new Event('state'));
  }
}
