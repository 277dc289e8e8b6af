// node scripts/freeze-plugins.mjs: keeps the example plugins as they are packed now, with what they bring, in
// test/fixtures/released/VERSION.json; part of a release of a new minor version. test/released-plugins.test.ts runs them.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadPlugins } from '@koji/plugin-sdk/host';
import { root } from './setup.mjs';

const names = ['mymethod', 'mycallback', 'mytask', 'rpmcheck', 'comparetags'];
const { version } = JSON.parse(readFileSync(path.join(root, 'lerna.json'), 'utf8'));
const minor = version.split('.').slice(0, 2).join('.');
const place = mkdtempSync(path.join(tmpdir(), 'koji-frozen-'));

/** The files of a package that others get, but for what only people read. */
function packed(name) {
  const folder = path.join(root, 'examples', `koji-plugin-${name}`);
  const [{ files }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--dry-run', '--ignore-scripts'], { cwd: folder, stdio: 'pipe' }),
  );
  const code = files.map((file) => file.path).filter((file) => !/^(LICENSE|README\.md)$|\.d\.ts$/.test(file));
  cpSync(folder, path.join(place, name), { recursive: true });
  return Object.fromEntries(code.map((file) => [file, readFileSync(path.join(folder, file), 'utf8')]));
}

async function brings(name, manifest) {
  const found = {};
  for (const part of Object.keys(manifest.koji)) {
    const { plugins, problems } = await loadPlugins({ part, names: [name], folders: [place], from: place });
    if (problems.length > 0) throw new Error(`${name}: ${problems[0].problem}`);
    found[part] = plugins.flatMap((plugin) => [
      ...plugin.methods.map((one) => one.name),
      ...plugin.callbacks.flatMap((one) => one.events),
      ...plugin.tasks.flatMap((one) => one.methods),
      ...plugin.commands.map((one) => one.name),
      ...plugin.policyTests.map((one) => one.name),
      ...plugin.webPages.map((one) => one.name),
      ...plugin.webPanels.map((one) => one.title),
    ]);
  }
  return found;
}

try {
  symlinkSync(path.join(root, 'node_modules'), path.join(place, 'node_modules'));
  const frozen = {};
  for (const name of names) {
    const files = packed(name);
    frozen[name] = { brings: await brings(name, JSON.parse(files['package.json'])), files };
  }
  const folder = path.join(root, 'test/fixtures/released');
  writeFileSync(path.join(folder, `${minor}.json`), `${JSON.stringify(frozen, null, 1)}\n`);
  console.log(`kept ${names.length} plugins of ${minor}; there are ${readdirSync(folder).join(', ')}`);
} finally {
  rmSync(place, { recursive: true, force: true });
}
