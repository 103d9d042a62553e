// What went wrong, as the agent is told it: the message for users, and the place in the administrator's own text.
'use strict';
const { types } = require('node:util');
const { attempt, className, cut, cutBytes } = require('./values.js');

/** The longest message and stack, in bytes. */
const TEXT_MAX = 4096;

/** A mistake in a script that is no exception of its own. */
class ScriptError extends Error {
  constructor(message, name, line = null, column = null) {
    super(message);
    Object.assign(this, { name, line, column });
  }
}

/** The outcome for a mistake of ours to tell. */
function outcomeOf(error) {
  return { kind: 'error', message: error.message, class: error.name, line: error.line, column: error.column, stack: '' };
}

/** The outcome for whatever a script has thrown. */
function thrownOutcome(thrown, name) {
  if (thrown instanceof ScriptError) return outcomeOf(thrown);
  const isError = isObject(thrown) && (types.isNativeError(thrown) || attempt(() => typeof thrown.stack === 'string', false));
  const stack = isError ? stackOf(thrown, name) : { line: null, column: null, text: '' };
  return {
    kind: 'error', message: cutBytes(messageOf(thrown), TEXT_MAX), class: classOf(thrown),
    line: stack.line, column: stack.column, stack: cutBytes(stack.text, TEXT_MAX),
  };
}

const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';

function messageOf(thrown) {
  if (typeof thrown === 'string') return thrown === '' ? 'an empty text was thrown' : thrown;
  if (!isObject(thrown)) return `${attempt(() => String(thrown), typeof thrown)} was thrown`;
  const message = attempt(() => thrown.message, undefined);
  if (typeof message === 'string' && message !== '') return message;
  const text = attempt(() => JSON.stringify(thrown), undefined);
  if (types.isNativeError(thrown)) return `${classOf(thrown)} without a message`;
  return typeof text === 'string' && text !== '{}'
    ? `an object without a message was thrown: ${cut(text, 200)}` : 'an object without a message was thrown';
}

/** The name of an error as it gives itself, or of its class where it only has that of Error. */
function classOf(thrown) {
  if (!isObject(thrown)) return thrown === null ? 'null' : typeof thrown;
  const name = attempt(() => thrown.name, '');
  const made = className(thrown);
  if (typeof name !== 'string' || name === '' || (name === 'Error' && made !== '')) return made || 'Object';
  return cut(name, 100);
}

/** The frames of a stack that are in the administrator's text, and where the first of them is. */
function stackOf(error, name) {
  const text = attempt(() => error.stack, '');
  if (typeof text !== 'string') return { line: null, column: null, text: '' };
  const header = attempt(() => `${error.name}: ${error.message}`, '');
  const body = text.startsWith(header) ? text.slice(header.length) : text;
  const lines = body.slice(0, 64 * 1024).split('\n').filter((line) => /^\s+at /.test(line));
  const places = lines.map((line) => placeIn(line, name));
  const last = places.findLastIndex((place) => place !== null);
  const kept = lines.filter((line, index) => index <= last && (places[index] !== null || /<anonymous>\)?$/.test(line)));
  const first = places.find((place) => place !== null) ?? { line: null, column: null };
  return { ...first, text: [cut(`${classOf(error)}: ${messageOf(error)}`, 500), ...kept].join('\n') };
}

/** The place of a frame that is in a file, or null. */
function placeIn(frame, name) {
  const match = /:(\d+):(\d+)\)?$/.exec(frame);
  if (match === null) return null;
  const before = frame.slice(0, match.index);
  if (!before.endsWith(name) || !/[ (]$/.test(before.slice(0, before.length - name.length))) return null;
  return { line: Number(match[1]), column: Number(match[2]) };
}

module.exports = { ScriptError, outcomeOf, thrownOutcome };
