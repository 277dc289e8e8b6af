// Installs the packed hub into an empty folder, as a user would, and creates a database with it. On a release of Node.js whose
// SQLite driver needs no compiler, every download of binaries and compiler headers hangs meanwhile.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root, runAlong } from './setup.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'koji-packed-'));
const packages = ['core', 'plugin-sdk', 'client', 'web', 'hub', 'sqlite-node20'].map(
  (name) => `koji-${name}`,
);
const packed = JSON.parse(
  execFileSync(
    'npm',
    [
      'pack',
      '--json',
      '--pack-destination',
      folder,
      ...packages.flatMap((name) => ['-w', `packages/${name}`]),
    ],
    { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  ),
);
const files = Object.fromEntries(packed.map(({ name, filename }) => [name, `file:./${filename}`]));
const manifest = { private: true, dependencies: { '@koji/hub': files['@koji/hub'] }, overrides: files };
writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));

const silent = createServer(() => console.log('a download was started'));
await once(silent.listen(0, '127.0.0.1'), 'listening');
const env = { ...process.env, npm_config_ignore_scripts: 'false' };
if (process.versions.napi >= 10) {
  const url = `http://127.0.0.1:${silent.address().port}`;
  env.npm_config_disturl = url;
  env.npm_config_better_sqlite3_binary_host = url;
}
const run = async (...words) => {
  const ended = await runAlong(words[0], words.slice(1), { cwd: folder, env, timeout: 300_000 });
  if (!ended) throw new Error(`${words.join(' ')} failed`);
};
try {
  await run('npm', 'install', '--no-audit', '--no-fund', '--loglevel=error');
  const hub = path.join(folder, 'node_modules/.bin/koji-hub');
  await run(hub, 'init', 'koji');
  await run(hub, '--config', path.join(folder, 'koji/hub.conf'), 'migrate');
  console.log(`the packed hub works on Node.js ${process.version}`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  silent.close();
  silent.unref();
  rmSync(folder, { recursive: true, force: true });
}
