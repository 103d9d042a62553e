// The worker: runs administrators' scripts for the agent, which is at the other end of descriptor 0, a socket that blocks.
//
// `node worker.js` is for placement scripts, `node worker.js metrics` for metrics. It knows no limits of time: a script that
// takes too long is ended with the worker, by the agent. A script that means harm can leave its scope, so the walls around
// this process are the operating system's; what is judged here is judged so that no script breaks it by accident.
//
// What can wait is done when the agent says that it has no more to ask for now ("rest"): scopes for the next calls, and the
// sweeping of the heap.
'use strict';
const v8 = require('node:v8');
const vm = require('node:vm');
const { FrameReader, encodeFrame, writeWhole } = require('./frames.js');

const DESCRIPTOR = 0;
/**
 * By how much the heap may grow until it is swept, in bytes: Node itself lets a hundred scopes pile up. A larger heap than
 * `SWEPT_MAX` takes long to sweep, and is left to Node.
 */
const GROWTH_MAX = 2 * 1024 * 1024;
const SWEPT_MAX = 16 * 1024 * 1024;

/** An answer as bytes. `milliseconds` is what it took, `heapBytes` what is in use after it. */
function answerFrame(id, started, { console, outcome, hasLeft, blob }) {
  const milliseconds = Math.round((performance.now() - started) * 1000) / 1000;
  const heapBytes = v8.getHeapStatistics().used_heap_size;
  return encodeFrame({ id, milliseconds, heapBytes, console, outcome, hasLeft }, blob);
}

/** A function that sweeps the heap once it has grown; without it a worker holds twice the memory that it needs. */
function sweeper() {
  v8.setFlagsFromString('--expose-gc');
  const sweep = vm.runInNewContext('gc');
  v8.setFlagsFromString('--no-expose-gc');
  let least = Infinity;
  return () => {
    let bytes = v8.getHeapStatistics().used_heap_size;
    if (bytes - least > GROWTH_MAX && least <= SWEPT_MAX) {
      sweep();
      bytes = least = v8.getHeapStatistics().used_heap_size;
    }
    least = Math.min(least, bytes);
  };
}

function runPlacement() {
  const { Placement } = require('./placement.js');
  require('./leaving.js').watch();
  const placement = new Placement();
  const sweepGrown = sweeper();
  const reader = new FrameReader(DESCRIPTOR);
  // What is left of a call's promises is the script's own affair; what matters is told in the answer.
  process.on('unhandledRejection', () => {});
  process.removeAllListeners('warning');
  (function next() {
    const frame = reader.next();
    if (frame === null) process.exit(0);
    if (frame.header.type === 'rest') {
      placement.prepare();
      sweepGrown();
    } else {
      const started = performance.now();
      const answer = placement.handle(frame);
      if (answer !== null && !writeWhole(DESCRIPTOR, answerFrame(frame.header.id, started, answer))) process.exit(0);
    }
    // Node forgets rejected promises between two turns only.
    setImmediate(next);
  })();
}

if (process.argv[2] === 'metrics') require('./metrics.js').run(DESCRIPTOR, answerFrame);
else runPlacement();
