// Keeps what V8 makes of the text of a module, for the next test file in the same worker of jest that imports the module.
import vm from 'node:vm';

const kept = new Map();

/** Calls `compile` with what was kept of a text; else keeps what `write` makes of the outcome. */
function compiled(code, name, compile, write) {
  const entry = kept.get(name);
  if (entry?.code === code) {
    try {
      return compile(entry.data);
    } catch (error) {
      // A test has set a flag of V8 since then.
      if (error.code !== 'ERR_VM_MODULE_CACHED_DATA_REJECTED') throw error;
    }
  }
  const made = compile();
  // In what was kept, `import()` is without the function that jest imports by.
  if (!/\bimport\s*\(/.test(code)) kept.set(name, { code, data: write(made) });
  return made;
}

const { SourceTextModule, compileFunction } = vm;

vm.SourceTextModule = function (code, options) {
  return compiled(
    code,
    options.identifier,
    (cachedData) => new SourceTextModule(code, cachedData ? { ...options, cachedData } : options),
    (made) => made.createCachedData(),
  );
};
vm.SourceTextModule.prototype = SourceTextModule.prototype;

vm.compileFunction = (code, parameters, options) =>
  compiled(
    code,
    options.filename,
    (cachedData) =>
      compileFunction(code, parameters, {
        ...options,
        ...(cachedData ? { cachedData } : { produceCachedData: true }),
      }),
    (made) => made.cachedData,
  );
