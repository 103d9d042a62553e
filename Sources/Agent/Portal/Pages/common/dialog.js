// Modal dialogs: one frame for all of them, and the question before something is lost.
import { button, el, freshId, iconButton } from './dom.js';

/** Opens a <dialog> with a title, content and buttons; it is removed from the page when it closes. */
export function openDialog(title, content, footer, className = '') {
  const titleId = freshId('dialog');
  const opener = document.activeElement;
  const dialog = el('dialog', { class: `dialog ${className}`, 'aria-labelledby': titleId },
    el('header', { class: 'dialog-header' }, el('h2', { id: titleId }, title),
      iconButton('close', 'Close', { onclick: () => dialog.close() })),
    content,
    footer && el('footer', { class: 'dialog-footer' }, footer));
  dialog.addEventListener('close', () => {
    dialog.remove();
    if (opener?.isConnected) opener.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Asks before something is lost; resolves to whether the user confirmed. The safe button has the focus. */
export function confirm(title, sentence, word) {
  return new Promise((resolve) => {
    let confirmed = false;
    const cancel = button(null, 'Cancel', { onclick: () => dialog.close() });
    const go = button(null, word, { class: 'button danger', onclick: () => { confirmed = true; dialog.close(); } });
    const dialog = openDialog(title, el('div', { class: 'dialog-body' }, el('p', {}, sentence)), [cancel, go], 'dialog-small');
    dialog.addEventListener('close', () => resolve(confirmed));
    cancel.focus();
  });
}
