// Lets go of the modules of test files that have run. Node.js links a module by handles that are only given up when the module
// itself is instantiated, which happens to the first one of a graph alone: all others stay for good, with the world of their test
// file. A worker of jest grew by 4 to 90 MB a file, and each garbage collection walked through all of it.
import v8 from 'node:v8';
import vm from 'node:vm';

// Entries of this cache keep their module, too.
v8.setFlagsFromString('--no-compilation-cache');

const made = [];
for (const name of ['SourceTextModule', 'SyntheticModule']) {
  const Module = vm[name];
  vm[name] = class extends Module {
    constructor(...args) {
      super(...args);
      made.push(this);
    }
  };
}

/** Frees what the modules that were made since the last call hold of one another; none of them may be linked any more. */
export function freeModules() {
  for (const module of made.splice(0)) {
    // Where Node.js calls it otherwise, there is nothing to free, or nothing that could be done about it.
    const wrap = Object.getOwnPropertySymbols(module).find(({ description }) => description === 'kWrap');
    if (module.status === 'evaluated') module[wrap]?.instantiate?.();
  }
}
