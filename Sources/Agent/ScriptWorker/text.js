// The text of a script: from bytes to a compiled function expression, or to the mistake with its place.
'use strict';
const vm = require('node:vm');
const { ScriptError } = require('./errors.js');

/** How many compiled texts are kept. */
const KEPT_MAX = 200;
/** What JavaScript takes for the end of a line. */
const LINE_END = /\r\n|[\n\r\u2028\u2029]/;

/** A comment. There is one way to match each, or a text with many would be tried in all ways there are. */
const COMMENT = String.raw`//.*(?=[\n\r\u2028\u2029]|$)|/\*(?:[^*]|\*(?!/))*\*/`;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const kept = new Map();

/** A compiled text, which is kept for the next call. */
class Compiled {
  /** Whether its last call made so many servers whole that it gets the whole list parsed, which is quicker then. */
  wantsWhole = false;

  constructor(script) {
    this.script = script;
  }
}

/** The `Compiled` of a text: evaluating its script gives the function. Throws `ScriptError` with line and column. */
function compile(bytes, name) {
  const key = `${name}\0${bytes.toString('latin1')}`;
  let found = kept.get(key);
  if (found === undefined) {
    found = new Compiled(compiled(decode(bytes), name));
    if (kept.size >= KEPT_MAX) kept.delete(kept.keys().next().value);
    kept.set(key, found);
  }
  return found;
}

/** The function that an evaluated text is; throws `ScriptError` where it is none. */
function functionOf(value) {
  if (typeof value !== 'function') {
    const kind = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`.replace('a o', 'an o');
    throw new ScriptError(`the text is no function but ${kind}: write function(input) { … }`, 'TypeError', 1, 1);
  }
  if (/^class\b/.test(Function.prototype.toString.call(value))) {
    throw new ScriptError('the text is no function but a class: write function(input) { … }', 'TypeError', 1, 1);
  }
  return value;
}

function decode(bytes) {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    throw new ScriptError(
      'the text begins with a byte order mark (bytes EF BB BF): save it as UTF-8 without one', 'SyntaxError', 1, 1);
  }
  let text;
  try {
    text = decoder.decode(bytes);
  } catch {
    const { before, offset } = firstInvalid(bytes);
    throw located(`byte ${offset + 1} of the text is not UTF-8: save it as UTF-8`, before);
  }
  const place = text.indexOf('\0');
  if (place >= 0) throw located('the text has a NUL character, which no script may have: remove it', text.slice(0, place));
  return text;
}

/** The text before the first byte that is not UTF-8, and where that byte is. */
function firstInvalid(bytes) {
  const lossy = bytes.toString('utf8');
  for (let place = lossy.indexOf('\ufffd'); ; place = lossy.indexOf('\ufffd', place + 1)) {
    const before = lossy.slice(0, place);
    const offset = Buffer.byteLength(before);
    if (bytes.toString('latin1', offset, offset + 3) !== '\xef\xbf\xbd') return { before, offset };
  }
}

function located(message, before) {
  const lines = before.split(LINE_END);
  return new ScriptError(message, 'SyntaxError', lines.length, lines[lines.length - 1].length + 1);
}

function compiled(text, name) {
  const expression = withoutPrefix(text);
  const [script, mistake] = inParentheses(expression, name);
  if (script !== null) return script;
  const shorter = withoutTrailingSemicolon(expression, mistake, name);
  if (shorter !== null) return shorter;
  // More than one statement, the way modules are written.
  if (/\bmodule\s*\.\s*exports\s*=(?!=)/.test(text)) {
    return evaluated(`(function (module, exports) {\n${text}\nreturn module.exports; })({ exports: {} }, {})`, text, name);
  }
  throw mistake;
}

/** `export default` and `module.exports =` become blanks, so that everything else stays at its place. */
function withoutPrefix(text) {
  const start = new RegExp(`^(?:\\s|${COMMENT})*`).exec(text)[0].length;
  const prefix = /^(?:export\s+default\b|module\s*\.\s*exports\s*=(?!=))/.exec(text.slice(start));
  if (prefix === null) return text;
  return text.slice(0, start) + blank(prefix[0]) + text.slice(start + prefix[0].length);
}

const blank = (text) => text.replace(/[^\s]/g, ' ');

/** Without the semicolon at which Node stopped, where nothing but comments and blanks follows it; null where that is not so. */
function withoutTrailingSemicolon(text, { message, line, column }, name) {
  if (message !== "Unexpected token ';'") return null;
  const start = lineStart(text, line);
  let place = start + column - 1;
  // Of long lines Node does not say the column: there it is the first semicolon that can be it.
  if (column === null) {
    const last = text.slice(start).search(LINE_END);
    const end = last < 0 ? text.length : start + last;
    place = end - /[\s;]*$/.exec(text.slice(start, end))[0].length;
    place = text.indexOf(';', place);
  }
  if (place < 0 || !isBlank(text.slice(place))) return null;
  return inParentheses(text.slice(0, place) + blank(text.slice(place)), name)[0];
}

/** Where a line begins. */
function lineStart(text, line) {
  const ends = text.matchAll(new RegExp(LINE_END, 'g'));
  let start = 0;
  for (let number = 1; number < line; number += 1) {
    const end = ends.next().value;
    start = end.index + end[0].length;
  }
  return start;
}

const isBlank = (text) => new RegExp(`^(?:[\\s;]|${COMMENT})*$`).test(text);

function inParentheses(text, name) {
  try {
    return [evaluated(`(\n${text}\n)`, text, name), null];
  } catch (error) {
    return [null, error];
  }
}

/** Compiles a source whose second line is the first one of the text. */
function evaluated(source, text, name) {
  try {
    return new vm.Script(source, { filename: name, lineOffset: -1 });
  } catch (error) {
    throw syntaxError(error, text, name);
  }
}

/** Where a syntax error is, Node says only in the first lines of its stack: the place, the line, and a mark below it. */
function syntaxError(error, text, name) {
  const lines = error.stack.split('\n');
  const line = lines[0].startsWith(`${name}:`) ? Number(lines[0].slice(name.length + 1)) : NaN;
  if (!Number.isInteger(line)) return new ScriptError(error.message, 'SyntaxError');
  if (line > text.split(LINE_END).length) {
    const isEmpty = isBlank(text);
    return located(isEmpty ? 'the text is empty: write function(input) { … }' : 'the text ends before the function does', text);
  }
  const mark = lines[2]?.search(/\^/) ?? -1;
  return new ScriptError(error.message, 'SyntaxError', Math.max(line, 1), mark < 0 ? null : mark + 1);
}

module.exports = { compile, functionOf };
