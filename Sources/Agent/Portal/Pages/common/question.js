// What a host asks somebody who logs in there: its question as a field that can be hidden, and the answer's way back.
import { el, field, iconButton } from './dom.js';
import { icon } from './icons.js';

/** A field whose content is hidden until somebody wants to see it. */
export function hideable(label, input) {
  const toggle = iconButton('eye', `Show ${label}`, {
    'aria-pressed': 'false',
    onclick: () => {
      const shown = input.type === 'password';
      input.type = shown ? 'text' : 'password';
      toggle.setAttribute('aria-pressed', String(shown));
      toggle.replaceChildren(icon(shown ? 'eyeOff' : 'eye'));
    },
  });
  const whole = field(label, input);
  whole.append(toggle);
  whole.classList.add('field-hideable');
  return whole;
}

/** The field for a question and its input; hidden unless the host says that the answer may be seen. */
export function questionField({ prompt, echo }) {
  const label = prompt.trim().replace(/:$/, '') || 'Answer';
  const input = el('input', {
    type: echo ? 'text' : 'password', name: 'answer', autocapitalize: 'none', spellcheck: 'false',
    autocomplete: /password/i.test(label) ? 'current-password' : 'one-time-code',
  });
  return [echo ? field(label, input) : hideable(label, input), input];
}
