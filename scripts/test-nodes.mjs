// npm run test:nodes -- 22 24 26: what is committed here, on other releases of Node.js. The quickstart installs
// and starts a clone. The clone is then built, its packed hub is installed, and the suites of hub, SDK, client and builder run on
// SQLite. The package `node` of npm has the programs.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { programOf } from './node-releases.mjs';
import { root, runAlong } from './setup.mjs';
import { installForTests } from './test-packages.mjs';

const wanted = process.argv.slice(2);
if (wanted.length === 0 || wanted.some((one) => !/^\d+(\.\d+){0,2}$/.test(one))) {
  console.error('usage: npm run test:nodes -- 22 24 26');
  process.exit(2);
}
const suites = ['hub', 'plugin-sdk', 'client', 'builder'].map((name) => `packages/koji-${name}/`);
const install = `const setup = await import('./scripts/setup.mjs');
await setup.installPackages();
await Promise.all([setup.installDriver(), setup.build()]);`;

await installForTests();
const results = [];
for (const version of wanted) results.push(await tryOn(version));
for (const { version, failed, folder } of results)
  console.log(
    failed === null ? `Node.js ${version}: all passed` : `Node.js ${version}: ${failed} failed, in ${folder}`,
  );
process.exit(results.every(({ failed }) => failed === null) ? 0 : 1);

/** Runs everything on a release; returns the step that failed, which keeps its folder, or null. */
async function tryOn(version) {
  const node = programOf(version);
  const folder = mkdtempSync(path.join(tmpdir(), `koji-node-${version}-`));
  // Tests run programs of the clone under accounts without rights.
  chmodSync(folder, 0o755);
  execFileSync('git', ['clone', '--quiet', '--no-hardlinks', root, folder], { stdio: 'inherit' });
  const env = { ...process.env, PATH: `${path.dirname(node)}:${process.env.PATH}` };
  delete env.NODE_OPTIONS;
  const steps = {
    quickstart: [
      'scripts/quickstart.mjs',
      '--once',
      '--folder',
      path.join(folder, 'quickstart'),
      '--port',
      '0',
    ],
    installation: ['--input-type=module', '-e', install],
    packages: ['scripts/install-packed.mjs'],
    tests: ['scripts/jest.mjs', '--sqlite', ...suites],
  };
  for (const [failed, words] of Object.entries(steps)) {
    console.log(`\n== ${execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()}: ${failed}`);
    if (!(await runAlong(node, words, { cwd: folder, env }))) return { version, failed, folder };
  }
  rmSync(folder, { recursive: true, force: true });
  return { version, failed: null, folder };
}
