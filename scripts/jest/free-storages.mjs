// Disables the AsyncLocalStorages of test files that have run. Up to Node.js 22, every promise visits each storage that was ever
// used: after a hundred test files in one worker of jest, everything took twice the processor time. Later releases do not need
// this, and do not let the class be replaced.
import async_hooks from 'node:async_hooks';

const made = [];
if (Number.parseInt(process.versions.node) <= 22)
  async_hooks.AsyncLocalStorage = class AsyncLocalStorage extends async_hooks.AsyncLocalStorage {
    constructor(...args) {
      super(...args);
      made.push(this);
    }
  };

/** Disables all storages created since the last call; one that is used again works as before. */
export function freeStorages() {
  for (const storage of made.splice(0)) storage.disable();
}
