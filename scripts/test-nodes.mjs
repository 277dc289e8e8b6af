// npm run test:nodes -- 22 24 26: tests the checked-out commit on other releases of Node.js, which come from the npm package
// `node`. The quickstart installs and starts a clone. The clone is then built, its packed hub is installed, and the suites of
// hub, SDK, client and builder run on SQLite, or only the named suites: npm run test:nodes -- 24 hub. The clone is kept if a
// step fails.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { programOf } from './node-releases.mjs';
import { root, runAlong } from './setup.mjs';
import { installForTests } from './test-packages.mjs';

const allSuites = ['plugin-sdk', 'builder', 'client', 'hub'];
const words = process.argv.slice(2);
const wanted = words.filter((word) => /^\d+(\.\d+){0,2}$/.test(word));
const named = words.filter((word) => !wanted.includes(word));
if (wanted.length === 0 || named.some((name) => !allSuites.includes(name))) {
  console.error(`usage: npm run test:nodes -- 22 24 26 [${allSuites.join(' ')}]`);
  process.exit(2);
}
const suites = named.length > 0 ? named : allSuites;
const install = `const setup = await import('./scripts/setup.mjs');
await setup.installPackages();
await Promise.all([setup.installDriver(), setup.build()]);`;

await installForTests();
const results = [];
for (const version of wanted) results.push(await tryOn(version));
for (const { release, lines, failed, folder } of results) {
  console.log(`\nNode.js ${release}: ${failed ? `failed; the clone is kept in ${folder}` : 'all passed'}`);
  for (const line of lines) console.log(`  ${line}`);
}
process.exit(results.some(({ failed }) => failed) ? 1 : 0);

/**
 * Runs all steps on a release. The other suites run even if one fails.
 *
 * @returns a line of figures for each step, and the folder of the clone, which is removed if no step failed
 */
async function tryOn(version) {
  const node = programOf(version);
  const release = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  const folder = mkdtempSync(path.join(tmpdir(), `koji-node-${version}-`));
  // Tests run programs of the clone under accounts without rights.
  chmodSync(folder, 0o755);
  execFileSync('git', ['clone', '--quiet', '--no-hardlinks', root, folder], { stdio: 'inherit' });
  const env = { ...process.env, PATH: `${path.dirname(node)}:${process.env.PATH}` };
  delete env.NODE_OPTIONS;
  const lines = [];
  const step = async (name, args, figures = () => '') => {
    console.log(`\n== ${release}: ${name}`);
    const started = performance.now();
    const passed = await runAlong(node, args, { cwd: folder, env });
    const seconds = Math.round((performance.now() - started) / 1000);
    lines.push(`${name}: ${passed ? 'passed' : 'failed'} in ${seconds} s${figures()}`);
    return passed;
  };
  const quickstart = ['--once', '--folder', path.join(folder, 'quickstart'), '--port', '0'];
  const isInstalled =
    (await step('quickstart', ['scripts/quickstart.mjs', ...quickstart])) &&
    (await step('installation', ['--input-type=module', '-e', install])) &&
    (await step('packages', ['scripts/install-packed.mjs']));
  let failed = !isInstalled;
  for (const suite of isInstalled ? suites : []) {
    const report = path.join(folder, `${suite}.json`);
    const args = ['--sqlite', '--json', '--outputFile', report, `packages/koji-${suite}/`];
    const passed = await step(suite, ['scripts/jest.mjs', ...args], () => figuresOf(report));
    failed ||= !passed;
  }
  if (!failed) rmSync(folder, { recursive: true, force: true });
  return { release, lines, failed, folder };
}

/** Returns the numbers of tests in a report of jest, which is missing if jest did not start. */
function figuresOf(report) {
  if (!existsSync(report)) return '';
  const { numTotalTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8'));
  return `: ${numTotalTests} tests, ${numFailedTests} failed, ${numPendingTests} skipped`;
}
