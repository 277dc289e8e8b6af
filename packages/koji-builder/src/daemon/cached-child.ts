// Starts lone-child.cjs, the process of a task with everything in one script, from the code that V8 compiled of it before.
// Node has such a cache of its own from 22 on, which a process that is killed does not write.
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Script, constants } from 'node:vm';

type Main = (...words: readonly unknown[]) => void;

const [, self = '', folder = ''] = process.argv;
const file = path.join(path.dirname(self), 'lone-child.cjs');
const { size, mtimeMs } = statSync(file);
// V8 tells scripts apart by their length alone.
const cache = path.join(folder, `${size}-${mtimeMs}-${process.version}.code`);

function readCache(): Buffer | undefined {
  try {
    return readFileSync(cache);
  } catch {
    return undefined;
  }
}

const cachedData = readCache();
const script = new Script(
  `(function (exports, require, module, __filename, __dirname) {${readFileSync(file, 'utf8')}\n})`,
  {
    filename: file,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(cachedData ? { cachedData } : {}),
  },
);

/** Writes what is compiled by now, for the processes of later tasks. */
function writeCache(): void {
  try {
    writeFileSync(`${cache}.${process.pid}`, script.createCachedData(), { mode: 0o600 });
    renameSync(`${cache}.${process.pid}`, cache);
  } catch {
    return; // the next ones compile it again
  }
}

// Code alone, no data. At the end again, when what a task needs is compiled, too.
if (!cachedData || script.cachedDataRejected)
  process.once('message', () => setImmediate(writeCache)).once('exit', writeCache);
const main = script.runInThisContext() as Main;
const module = { exports: {} };
main(module.exports, createRequire(file), module, file, path.dirname(file));
