// Metrics: functions with all of Node around them, whose value goes into the server update. One at a time, in order.
'use strict';
const { createRequire } = require('node:module');
const net = require('node:net');
const vm = require('node:vm');
const { FrameDecoder, FrameError } = require('./frames.js');
const { ScriptError, thrownOutcome } = require('./errors.js');
const { CapturedConsole } = require('./console.js');
const { compile, functionOf } = require('./text.js');
const { describe } = require('./values.js');

/** The longest value, in bytes of JSON: all metrics of a host go into one server update. */
const VALUE_MAX = 64 * 1024;

/** Calls functions, each with a console of its own. */
class Metrics {
  #console = null;
  /** Ends the call that is waited for with an error. */
  #fail = null;

  constructor() {
    globalThis.require = createRequire(`${process.cwd()}/`);
    const nodeConsole = globalThis.console;
    Object.defineProperty(globalThis, 'console', {
      configurable: true, get: () => this.#console?.node ?? nodeConsole,
    });
    // Nobody awaits these: a callback that threw, a promise that nobody looked at, and nothing left that could come.
    process.on('uncaughtException', (error) => this.#failWith(error));
    process.on('unhandledRejection', (error) => this.#failWith(error));
    process.on('beforeExit', () => this.#failWith(new ScriptError(
      'the function waits for something that never comes: nothing is left that could settle its promise', 'Error')));
  }

  /** The answer to a frame without its id. */
  async answer({ header, blobs: [text] }) {
    this.#console = new CapturedConsole();
    const { lines } = this.#console;
    try {
      const { script } = compile(text, header.name);
      const failed = new Promise((_, reject) => { this.#fail = reject; });
      failed.catch(() => {});
      const callee = functionOf(script.runInThisContext({ displayErrors: false }));
      if (header.type === 'check') return { console: lines, outcome: { kind: 'function' } };
      return { console: lines, ...outcomeOf(await Promise.race([failed, (async () => callee())()])) };
    } catch (error) {
      delete Error.prepareStackTrace;
      return { console: lines, outcome: thrownOutcome(error, header.name) };
    } finally {
      this.#console = null;
      this.#fail = null;
    }
  }

  #failWith(error) {
    if (this.#fail !== null) this.#fail(error);
    else if (!(error instanceof ScriptError)) process.stderr.write(`after its metric had answered: ${describe(error)}\n`);
  }
}

function outcomeOf(value) {
  const json = typeof value === 'number' && !Number.isFinite(value) ? undefined : JSON.stringify(value);
  if (json === undefined) return { outcome: { kind: 'wrong', what: describe(value) } };
  const blob = Buffer.from(json);
  if (blob.length > VALUE_MAX) {
    return { outcome: { kind: 'wrong', what: `a value of ${blob.length} bytes of JSON, where ${VALUE_MAX} are the most` } };
  }
  return { outcome: { kind: 'value', json: blob.length }, blob };
}

/** Answers on a descriptor until it is closed. */
function run(descriptor, answerFrame) {
  const socket = new net.Socket({ fd: descriptor, readable: true, writable: true });
  const decoder = new FrameDecoder();
  const metrics = new Metrics();
  let isBusy = false;
  const work = async () => {
    if (isBusy) return;
    isBusy = true;
    // Only what the function itself has begun keeps Node waiting while it runs.
    socket.unref();
    for (let frame; (frame = decoder.next()) !== null;) {
      if (!['metric', 'check'].includes(frame.header.type)) {
        throw new FrameError(`a frame "${frame.header.type}", which a worker for metrics does not know`);
      }
      const started = performance.now();
      const answer = await metrics.answer(frame);
      socket.write(answerFrame(frame.header.id, started, answer));
    }
    socket.ref();
    isBusy = false;
  };
  const end = (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  };
  socket.on('data', (bytes) => { decoder.push(bytes); work().catch(end); });
  socket.on('end', () => process.exit(0));
  socket.on('error', () => process.exit(0));
}

module.exports = { run };
