// Builds elements. Every string becomes a text node or an attribute, so that no string of a server can become markup.
import { icon } from './icons.js';

let idCount = 0;

/** A new id for an element that another one refers to. */
export const freshId = (word) => `${word}-${++idCount}`;

/** An element with attributes (`onclick` and the like are listeners) and children (strings become text). */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A button with an icon, a word or both. Without `attributes.title` the word must say what it does. */
export function button(iconName, word, attributes = {}) {
  return el('button', { type: 'button', class: 'button', ...attributes }, iconName && icon(iconName), word && el('span', {}, word));
}

/** A button that shows its icon only; the label is its accessible name and its tooltip. */
export function iconButton(iconName, label, attributes = {}) {
  return el('button', { type: 'button', class: 'icon-button', 'aria-label': label, title: label, ...attributes }, icon(iconName));
}

/** A labelled input; `hint` is tied to it. */
export function field(label, input, hint) {
  input.id ||= freshId('field');
  const hintElement = hint && el('p', { class: 'hint', id: `${input.id}-hint` }, hint);
  if (hint) input.setAttribute('aria-describedby', hintElement.id);
  return el('div', { class: 'field' }, el('label', { for: input.id }, label), input, hintElement);
}

/** A group of radio buttons in a row; `options` is a list of [value, word]. */
export function choices(legend, name, options, chosen, onchoice) {
  return el('fieldset', { class: 'choices', onchange: (event) => onchoice(event.target.value) },
    el('legend', {}, legend),
    el('div', { class: 'choices-row' }, options.map(([value, word]) => el('label', {},
      el('input', { type: 'radio', name, value, checked: value === chosen }), el('span', {}, word)))));
}

/** Sets the text of an element only when it differs, so that a live region is not read out again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
