// Disables the AsyncLocalStorages of test files that have run. Up to Node.js 22, every promise visits each storage that was ever
// used: after a hundred test files in one worker of jest, everything took twice the processor time. Later releases do not need it.
import async_hooks from 'node:async_hooks';

const made = [];
const { AsyncLocalStorage } = async_hooks;
class ListedStorage extends AsyncLocalStorage {
  constructor(...args) {
    super(...args);
    made.push(this);
  }
}
// A plain assignment fails where the property is a getter, as from Node.js 22.23 on.
if (Number.parseInt(process.versions.node) <= 22)
  Object.defineProperty(async_hooks, 'AsyncLocalStorage', { value: ListedStorage, configurable: true });

/** Disables all storages created since the last call; one that is used again works as before. */
export function freeStorages() {
  for (const storage of made.splice(0)) storage.disable();
}
