// Notices that a script has left its scope by the usual way: a function of the worker's own has a constructor, which makes
// functions that run among the worker's own objects. No wall: there are other ways. A worker of which this is known is not
// used again.
'use strict';

let hasLeft = false;

/** Whether any script has made such a function so far. */
const hasLeftScope = () => hasLeft;

/** Begins to watch the constructors of all kinds of functions. */
function watch() {
  for (const each of [function () {}, async function () {}, function* () {}, async function* () {}]) {
    const prototype = Object.getPrototypeOf(each);
    const watched = new Proxy(prototype.constructor, {
      apply(constructor, self, texts) {
        hasLeft = true;
        return Reflect.apply(constructor, self, texts);
      },
      construct(constructor, texts, newTarget) {
        hasLeft = true;
        return Reflect.construct(constructor, texts, newTarget);
      },
    });
    Object.defineProperty(prototype, 'constructor', { value: watched });
  }
}

module.exports = { hasLeftScope, watch };
