// Why a session is on its server: which scripts were asked, and what each answered.
import * as api from '../common/api.js';
import { openDialog } from '../common/dialog.js';
import { button, el } from '../common/dom.js';

export function openPlacementDialog({ name, hostname, placement }) {
  const content = el('div', { class: 'dialog-body stack' }, el('p', { class: 'quiet', role: 'status' }, 'Loading…'));
  const dialog = openDialog(`Why “${name}” is on ${hostname}`, content, [button(null, 'Close', { onclick: () => dialog.close() })]);
  api.placement(placement).then(
    (trace) => content.replaceChildren(...explanation(trace, hostname)),
    (error) => content.replaceChildren(el('p', { role: 'alert' }, error.message)));
}

function explanation({ chain, runs }, hostname) {
  if (chain.length === 0) {
    return [el('p', {}, `No scripts choose servers here: ${hostname} was named, is the server that you are at, or had the fewest.`)];
  }
  const parts = [el('p', {}, `These scripts were asked, one after the other, until one chose ${hostname}:`)];
  runs.forEach(({ calls }, index) => {
    if (index > 0) parts.push(el('p', {}, 'The server that was chosen could not be reached, so they were asked once more without it:'));
    parts.push(el('ol', {}, calls.map(({ script, answer }) => el('li', {}, el('strong', {}, script), `: ${answer}`))));
  });
  return parts;
}
