// Lets go of the AsyncLocalStorages of test files that have run. Up to Node.js 22 each one that was ever used is asked at every
// promise that is made: after a hundred test files in a worker of jest, everything took twice the processor time.
import async_hooks from 'node:async_hooks';

const made = [];
async_hooks.AsyncLocalStorage = class AsyncLocalStorage extends async_hooks.AsyncLocalStorage {
  constructor(...args) {
    super(...args);
    made.push(this);
  }
};

/** Disables all that were made since the last call; one that is used again works as before. */
export function freeStorages() {
  for (const storage of made.splice(0)) storage.disable();
}
