// Loads the page of a session. noVNC is a package of its own on the server: without it, the page says so.
import { button, el } from '../common/dom.js';

import('./viewer.js').catch(() => {
  document.body.replaceChildren(el('main', { class: 'load-failure stack' },
    el('h1', {}, 'The session cannot be shown'),
    el('p', { role: 'alert' }, 'A part of this page could not be loaded. Check your network; if that does not help, noVNC is missing on the server. The session goes on.'),
    button('refresh', 'Load again', { class: 'button primary', onclick: () => location.reload() })));
});
