// What a value is, in words and within bounds, whatever it does when it is looked at.
'use strict';
const { types } = require('node:util');

/** The longest description, in characters. */
const WHAT_MAX = 200;

/** A text of at most so many characters. */
function cut(text, characters) {
  return text.length > characters ? `${text.slice(0, characters - 1)}…` : text;
}

/** A text of at most so many bytes of UTF-8. */
function cutBytes(text, bytes) {
  if (text.length * 3 <= bytes || Buffer.byteLength(text) <= bytes) return text;
  let end = Math.min(text.length, bytes);
  while (Buffer.byteLength(text.slice(0, end)) > bytes - 3) end = Math.floor(end * 0.9);
  return `${text.slice(0, end)}…`;
}

/** What a function does, or what stands in for it where it throws. */
function attempt(action, otherwise) {
  try {
    return action();
  } catch {
    return otherwise;
  }
}

/** What came back, as it is put into a sentence: "the number 3". */
function describe(value) {
  return cut(attempt(() => description(value), 'an object that cannot be looked at'), WHAT_MAX);
}

function description(value) {
  switch (typeof value) {
    case 'undefined': return 'undefined';
    case 'string': return `the string ${JSON.stringify(cut(value, WHAT_MAX))}`;
    case 'number': case 'boolean': case 'bigint':
      return `the ${typeof value} ${Object.is(value, -0) ? '-0' : cut(String(value), 50)}`;
    case 'symbol': return 'a symbol';
    case 'function': return 'a function';
    default: return value === null ? 'null' : objectDescription(value);
  }
}

function objectDescription(value) {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (types.isGeneratorObject(value)) return 'a generator (a function* has to be run by somebody)';
  if (types.isNativeError(value)) return `an error that was returned and not thrown: ${String(value.message)}`;
  const name = className(value);
  if (name !== '' && name !== 'Object') return `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}`;
  const keys = Object.keys(value);
  return keys.length === 0 ? 'an empty object' : `an object with ${keys.slice(0, 5).join(', ')}${keys.length > 5 ? ', …' : ''}`;
}

/** The name of what made an object, or nothing. */
function className(value) {
  const name = attempt(() => value.constructor.name, '');
  return typeof name === 'string' ? cut(name, 100) : '';
}

module.exports = { attempt, className, cut, cutBytes, describe };
