// npm run test:create -- [--node 20,22,24] [--typescript 5,6,7] [--language ts,js] [--kinds all|single|every]: what
// `npm create @koji/plugin` makes, from packed packages: it builds, lints, packs, tests green and runs in koji-dev, in each
// combination. The package `node` of npm has the programs.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { createPlugin, parts } from '@koji/create-plugin';
import { programOf } from './node-releases.mjs';
import { root } from './setup.mjs';

const { values } = parseArgs({
  options: {
    node: { type: 'string', default: '20,22,24' },
    typescript: { type: 'string', default: '5,6,7' },
    language: { type: 'string', default: 'ts,js' },
    kinds: { type: 'string', default: 'single' },
  },
});
const listOf = (text) => text.split(',').filter(Boolean);
const quiet = ['--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline', '--ignore-scripts'];
const temp = mkdtempSync(path.join(tmpdir(), 'koji-create-'));
const failures = [];

/** All combinations of parts that are wanted, the whole first. */
function kinds() {
  if (values.kinds === 'all') return [parts];
  if (values.kinds === 'single') return [parts, ...parts.map((part) => [part])];
  const sets = Array.from({ length: 2 ** parts.length - 1 }, (_, i) =>
    parts.filter((_, bit) => (i + 1) & (1 << bit)),
  );
  return sets.toReversed();
}

const variants = listOf(values.language).flatMap((language) =>
  language === 'js'
    ? [{ name: 'javascript', language }]
    : listOf(values.typescript).map((version) => ({
        name: `typescript ${version}`,
        language,
        typescript: Number(version),
      })),
);

/** Packs what a plugin is developed with; answers the files by the names of the packages. */
function pack() {
  const names = ['core', 'plugin-sdk', 'client', 'web', 'hub', 'builder', 'dev', 'sqlite-node20'].map(
    (name) => `koji-${name}`,
  );
  const words = [
    'pack',
    '--json',
    '--pack-destination',
    temp,
    ...names.flatMap((name) => ['-w', `packages/${name}`]),
  ];
  const packed = JSON.parse(
    execFileSync('npm', words, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  return Object.fromEntries(packed.map(({ name, filename }) => [name, `file:${path.join(temp, filename)}`]));
}

/** Installs what a whole plugin of a variant wants, once for all its kinds, which are in folders below. */
async function install(folder, variant, { packed, node }) {
  await createPlugin({ ...variant, name: 'whole', parts, folder: path.join(folder, 'made') });
  const { devDependencies } = JSON.parse(readFileSync(path.join(folder, 'made/package.json'), 'utf8'));
  const manifest = { private: true, devDependencies: { ...devDependencies, ...packed }, overrides: packed };
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
  // With the newest Node.js: npm leaves the driver for newer releases out on older ones, and `packed` has the one for older ones.
  execFileSync('npm', ['install', ...quiet], { cwd: folder, stdio: 'inherit', env: environment(node) });
  rmSync(path.join(folder, 'made'), { recursive: true });
  // Compiling SQLite's driver takes a minute: the one that was compiled here is the same. That of newer releases needs none.
  const driver = 'node_modules/better-sqlite3-12/build';
  if (existsSync(path.join(root, driver)))
    cpSync(path.join(root, driver), path.join(folder, driver), { recursive: true });
}

const environment = (node) => ({
  ...process.env,
  NODE_OPTIONS: '',
  PATH: `${path.dirname(node)}:${process.env.PATH}`,
});

async function step(what, run) {
  const started = performance.now();
  try {
    await run();
    console.log(`ok   ${what} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failures.push(what);
    console.log(`FAIL ${what}\n${`${error.stdout ?? ''}${error.stderr ?? error.message}`.slice(0, 3000)}`);
  }
}

const run = (file, args, cwd, node) => promisify(execFile)(file, args, { cwd, env: environment(node) });

/** Runs the plugin in koji-dev until a method of it has answered and everything has stopped. */
async function develop(cwd, node) {
  const program = path.join(cwd, 'node_modules/@koji/dev/bin/koji-dev.js');
  const dev = spawn(node, [program, '--port', '0'], {
    cwd,
    env: environment(node),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let printed = '';
  dev.stdout.setEncoding('utf8').on('data', (text) => {
    if (!printed.includes('Ctrl-C') && (printed + text).includes('Ctrl-C'))
      dev.stdin.write('call whole world\nmake-task whole f44\n');
    printed += text;
    if (/says admin/.test(printed) && /1 builds are the latest/.test(printed)) dev.kill('SIGINT');
  });
  const late = setTimeout(() => dev.kill('SIGTERM'), 120_000);
  const never = setTimeout(() => dev.kill('SIGKILL'), 150_000);
  const [code] = await once(dev, 'exit');
  clearTimeout(late);
  clearTimeout(never);
  if (code !== 0 || !/says admin/.test(printed)) throw new Error(`koji-dev ended with ${code}:\n${printed}`);
}

async function tryVariant(variant, packed, nodes) {
  const folder = path.join(temp, variant.name.replace(' ', '-'));
  mkdirSync(folder);
  await install(folder, variant, { packed, node: nodes.at(-1)[1] });
  for (const kind of kinds()) {
    const place = path.join(folder, kind.join('-'));
    const what = `${variant.name}, ${kind.join(' ')}`;
    const { language, typescript } = variant;
    await createPlugin({
      name: 'whole',
      parts: kind,
      folder: place,
      language,
      ...(typescript ? { typescript } : {}),
    });
    symlinkSync('../node_modules', path.join(place, 'node_modules'));
    const [[, first]] = nodes;
    if (language === 'ts') await step(`${what}: builds`, () => run('npm', ['run', 'build'], place, first));
    await step(`${what}: lints`, () => run('npm', ['run', 'lint'], place, first));
    await step(`${what}: packs`, () => run('npm', ['pack', '--ignore-scripts'], place, first));
    for (const [version, node] of nodes) {
      await step(`${what}: tests green on Node.js ${version}`, () => run(node, ['--test'], place, node));
      if (kind.length === parts.length)
        await step(`${what}: runs on Node.js ${version}`, () => develop(place, node));
    }
  }
}

try {
  const packed = pack();
  const nodes = listOf(values.node).map((version) => [version, programOf(version)]);
  for (const variant of variants) await tryVariant(variant, packed, nodes);
} finally {
  rmSync(temp, { recursive: true, force: true });
}
console.log(failures.length === 0 ? 'every combination works' : `${failures.length} failed`);
process.exit(failures.length === 0 ? 0 : 1);
