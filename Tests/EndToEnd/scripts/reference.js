// The reference for the worker: runs each script the plain way, in a Node program of its own. Standard input is JSON
// {servers, input, local, scripts: {NAME: TEXT}}, standard output {NAME: {kind, …, list: [JSON text of each element], console}}.
'use strict';
const { Console } = require('node:console');
const vm = require('node:vm');

function prepared(text) {
  return text.replace(/^export default|^module\.exports =/, (prefix) => ' '.repeat(prefix.length)).replace(/;(\s*\/\/.*)?\s*$/, '');
}

async function run(name, text, { servers, input, local }) {
  const lines = [];
  const stream = { write: (chunk) => lines.push(...chunk.replace(/\n$/, '').split('\n')), on() {}, once() {}, removeListener() {}, listenerCount: () => 0 };
  globalThis.console = new Console({ stdout: stream, stderr: stream, colorMode: false });
  try {
    const callee = vm.runInThisContext(`(\n${prepared(text)}\n)`, { filename: name, lineOffset: -1 });
    const list = JSON.parse(servers);
    const given = { ...JSON.parse(input), local: JSON.parse(servers).find((server) => server.serverId === local), servers: list };
    const value = await callee(given);
    return { ...outcome(value, JSON.parse(servers)), console: lines };
  } catch (error) {
    const place = new RegExp(`${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}:(\\d+)`).exec(error?.stack ?? '');
    return { kind: 'error', message: error?.message ?? error, line: place ? Number(place[1]) : null, console: lines };
  }
}

function outcome(value, candidates) {
  if (!value) return { kind: 'next' };
  if (typeof value === 'string') return { kind: 'server', server: value };
  if (!Array.isArray(value)) return { kind: 'wrong' };
  const list = new Map();
  for (let index = 0; index < value.length; index += 1) {
    const element = typeof value[index] === 'string' ? candidates.find((each) => each.serverId === value[index]) : value[index];
    const id = element?.serverId;
    if (!candidates.some((each) => each.serverId === id)) return { kind: 'wrongElement', index };
    if (!list.has(id)) list.set(id, JSON.stringify(element));
  }
  return { kind: 'list', list: [...list.values()] };
}

(async () => {
  const given = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
  const results = {};
  for (const [name, text] of Object.entries(given.scripts)) results[name] = await run(name, text, given);
  process.stdout.write(JSON.stringify(results));
})();
