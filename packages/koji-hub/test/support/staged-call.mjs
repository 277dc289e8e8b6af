// One call that moves, writes, removes, renames, links and copies files, in a process that kills itself before its Nth change of the file system;
// with `copies` it keeps an image of the disk before each of them instead. Asked for the outcome `recovers` it starts a hub's recovery instead of the call.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [dist, folder, url, killAt, outcome, copies] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(path.join(dist, name)).href);
const { PathInfo } = await import('@koji/core');
const { openDatabase } = await load('db/database.js');
const { sql } = await load('db/sql.js');
const { stageCopy, stageFolder, stageLink, stageMove, stageRemoval, stageRename, stageWrite } =
  await load('domain/files/files.js');
const { openJournals, recoverFiles } = await load('domain/files/recovery.js');
const { syncChanges } = await load('domain/files/syncs.js');

const database = await openDatabase({ url, folder });
const top = path.join(folder, 'top');
const hub = {
  database,
  paths: new PathInfo(top),
  journals: null,
  logger: () => ({ ...console, info: () => {} }),
};
const own = outcome === 'recovers' ? null : await openJournals(hub);
hub.journals = own?.folder ?? null;

let changes = 0;
const countdown = () => {
  changes += 1;
  // By cp, which keeps two names of one file what they are.
  if (copies) execFileSync('cp', ['-a', folder, path.join(copies, String(changes))]);
  if (changes === Number(killAt)) process.kill(process.pid, 'SIGKILL');
};
const patch = (object, names) => {
  for (const name of names) {
    const real = object[name];
    object[name] = function (...args) {
      countdown();
      return real.apply(this, args);
    };
  }
};
const probe = await fs.open(import.meta.filename);
patch(Object.getPrototypeOf(probe), ['write', 'writeFile', 'truncate']);
await probe.close();
const { mkdir } = fs;
patch(fs, ['link', 'rename', 'rm', 'symlink', 'rmdir', 'open']);
// Several folders come into being one after the other.
fs.mkdir = async (name, options) => {
  if (options?.recursive && !(await fs.lstat(path.dirname(name)).catch(() => null)))
    await fs.mkdir(path.dirname(name), options);
  countdown();
  return mkdir(name, options);
};
syncBuiltinESMExports();

const after = [];
const undo = [];
const call = {
  hub,
  afterCommit: (action) => after.push(action),
  beforeRollback: (action) => undo.push(action),
};
try {
  if (outcome === 'recovers') await recoverFiles(hub);
  else
    await database.write(async (db) => {
      call.db = db;
      await db.run(sql`INSERT INTO package (name) VALUES ('committed')`);
      await stageMove(call, path.join(top, 'work/in/a.rpm'), path.join(top, 'packages/a/1/1/src/a.rpm'));
      await stageWrite(call, path.join(top, 'packages/a/1/1/data/a.sig'), Buffer.from('new'));
      await stageWrite(call, path.join(top, 'packages/old/kept'), Buffer.from('new'));
      await stageRemoval(call, path.join(top, 'packages/stray'));
      await stageRename(call, path.join(top, 'packages/draft'), path.join(top, 'packages/real'));
      await stageLink(call, path.join(top, 'packages/draft'), 'real');
      await stageCopy(call, path.join(top, 'packages/real'), path.join(top, 'vol/v/packages/real'));
      await stageFolder(call, path.join(top, 'repos/tag/1'), () =>
        fs.writeFile(path.join(top, 'repos/tag/1/repo.json'), '{}'),
      );
      if (outcome === 'fails') {
        for (const action of undo.reverse()) await action('rolled-back');
        throw new Error('asked to fail');
      }
      await syncChanges(db);
      countdown();
    });
  countdown();
  for (const action of after) await action();
} catch (error) {
  if (error.message !== 'asked to fail') throw error;
}
await own?.close();
await database.close();
console.log(changes);
