// Preloaded by the processes of the tests: loads each package of scripts/jest/outside-bundles.mjs as one script, with the code that
// V8 compiled before. TypeORM, read from its 330 files, takes nearly half of the processor time of a command of koji-hub.
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const { startupSnapshot } = require('node:v8');
const vm = require('node:vm');

const folder = process.env.KOJI_TEST_OUTSIDE;
// A snapshot can't hold what this file needs.
if (folder && !startupSnapshot.isBuildingSnapshot()) {
  const names = JSON.parse(readFileSync(path.join(folder, 'names.json'), 'utf8'));
  const load = Module._extensions['.js'];
  Module._extensions['.js'] = (module, filename) =>
    Object.hasOwn(names, filename)
      ? run(module, filename, path.join(folder, names[filename]))
      : load(module, filename);
}

function run(module, filename, bundle) {
  const text = readFileSync(`${bundle}.cjs`, 'utf8');
  const script = new vm.Script(`(function (exports, require, module, __filename, __dirname) { ${text}\n})`, {
    filename: `${bundle}.cjs`,
    // Another release of Node.js, or one with other flags, compiles the script again.
    cachedData: readIfThere(`${bundle}.code`),
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const require = Module.createRequire(filename);
  script.runInThisContext()(module.exports, require, module, filename, path.dirname(filename));
  return script;
}

function readIfThere(file) {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

module.exports = { run };
