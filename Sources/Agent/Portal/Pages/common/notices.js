// <fastx-notices>: short messages at the foot of the page, read out as they appear. An error stays until it is dismissed.
import { el, iconButton } from './dom.js';

const INFORMATION_MILLISECONDS = 6_000;

/** More than these would hide the page; the oldest one goes. */
const NOTICES_COUNT_MAX = 3;

class Notices extends HTMLElement {
  connectedCallback() {
    this.errors = el('div', { role: 'alert' });
    this.information = el('div', { role: 'status' });
    this.append(this.errors, this.information);
  }

  show(region, text, className) {
    const notice = el('div', { class: `notice ${className}` }, el('p', {}, text));
    notice.append(iconButton('close', 'Dismiss', { onclick: () => notice.remove() }));
    region.append(notice);
    while (region.childElementCount > NOTICES_COUNT_MAX) region.firstElementChild.remove();
    return notice;
  }
}
customElements.define('fastx-notices', Notices);

const notices = () => document.querySelector('fastx-notices');

export function inform(text) {
  const notice = notices().show(notices().information, text, 'notice-information');
  setTimeout(() => notice.remove(), INFORMATION_MILLISECONDS);
}

export function complain(error) {
  notices().show(notices().errors, error.message, 'notice-error');
}

/** Runs an action; when it fails, says why. Returns whether it succeeded. */
export async function attempt(action, done) {
  try {
    await action();
    if (done) inform(done);
    return true;
  } catch (error) {
    if (error.status !== 401) complain(error); // 401 shows the view to log in, which says it all.
    return false;
  }
}
