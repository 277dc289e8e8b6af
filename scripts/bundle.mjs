// Bundles the compiled packages that programs start from: a process reads a few files instead of hundreds, which halves the
// time until it does something. Each package is bundled by itself, all others stay outside.
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './setup.mjs';

/** Entry points besides the doors in `exports`, by the folder of the package. */
const programs = {
  'koji-core': [],
  'koji-plugin-sdk': ['host/module-hooks.js', 'host/isolation/plugin-thread.js'],
  'koji-client': ['cli/main.js'],
  'koji-builder': ['main.js', 'daemon/child.js'],
  'koji-web': ['standalone/main.js'],
  'koji-hub': ['main.js', 'db/sqlite-thread.js', 'watchdog/watchdog-thread.js'],
};

/** Bundles every package whose compiled files are newer than its bundle. */
export async function bundle() {
  await Promise.all(Object.keys(programs).map(bundlePackage));
  await bundleChild();
}

const builder = path.join(root, 'packages/koji-builder');
/** Packages of which a task's process without plugins has its own copy, by their folders. */
const ours = {
  'koji-core': '@koji/core',
  'koji-plugin-sdk': '@koji/plugin-sdk',
  'koji-client': '@koji/client',
};

/**
 * Bundles the process of a task together with our packages into one script, for builders without plugins: nobody else loads
 * a second copy there, and Node.js keeps the memory of one script (docs/decisions/0031-preloaded-tasks.md).
 */
async function bundleChild() {
  const output = path.join(builder, 'dist/bundle/lone-child.cjs');
  const inputs = [
    path.join(builder, 'dist'),
    ...Object.keys(ours).map((name) => path.join(root, 'packages', name, 'dist/bundle')),
  ];
  if (Math.max(...inputs.map((folder) => newestIn(folder)), changed) <= timeOf(output)) return;
  const { build } = await import('esbuild');
  await build({
    absWorkingDir: builder,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20.19',
    logLevel: 'error',
    // An import() in such a script finds nothing.
    supported: { 'dynamic-import': false },
    entryPoints: ['dist/daemon/child.js'],
    outfile: output,
    external: ['undici', 'nodemailer', 'winston', 'zod', '@swc/wasm-typescript'],
    keepNames: true,
    // Files that a package finds relative to its own location must be found relative to the bundle, too.
    define: { 'import.meta.url': '$ownPlace' },
    banner: {
      js: `require = require('node:module').createRequire(__filename);
const $placeOf = (file) => require('node:url').pathToFileURL(file).href;
const $ownPlace = $placeOf(__filename);`,
    },
    plugins: [
      { name: 'places', setup: ({ onLoad }) => onLoad({ filter: /dist.bundle.*\.js$/ }, keepPlace) },
      { name: 'late', setup: loadLate },
    ],
  });
}

/** Modules of Node.js that it can't keep loaded in a snapshot are loaded when they are used first. */
function loadLate({ onResolve, onLoad }) {
  onResolve({ filter: /^node:https?$/ }, ({ path: name, namespace }) =>
    namespace === 'late' ? { path: name, external: true } : { path: name, namespace: 'late' },
  );
  onLoad({ filter: /./, namespace: 'late' }, ({ path: name }) => ({
    contents: `module.exports = Object.create(new Proxy({}, { get: (_, key) => require('${name}')[key] }));`,
  }));
}

function keepPlace({ path: file }) {
  const name = ours[path.basename(path.resolve(path.dirname(file), '../..'))];
  const place = name ? `$placeOf(require.resolve('${name}'))` : 'import.meta.url';
  return { contents: readFileSync(file, 'utf8').replaceAll('import.meta.url', place) };
}

async function bundlePackage(name) {
  const folder = path.join(root, 'packages', name);
  const dist = path.join(folder, 'dist');
  const stamp = path.join(dist, 'bundle.stamp');
  const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const doors = Object.values(manifest.exports).map(({ types }) => types.replace('.d.ts', '.js'));
  const entries = [...doors, ...programs[name].map((file) => `dist/${file}`)];
  // Files for browsers, which are served as they are.
  const assets = path.join(folder, 'src/assets');
  const hasAssets = existsSync(assets);
  const newest = Math.max(
    newestIn(dist),
    statSync(path.join(folder, 'package.json')).mtimeMs,
    changed,
    hasAssets ? newestIn(assets, '') : 0,
  );
  if (newest <= timeOf(stamp)) return;
  const outdir = path.join(dist, 'bundle');
  rmSync(outdir, { recursive: true, force: true });
  const { build } = await import('esbuild');
  await build({
    absWorkingDir: folder,
    entryPoints: Object.fromEntries(entries.map((file) => [outputOf(file), file])),
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    packages: 'external',
    // Faults are told apart by the names of their classes.
    keepNames: true,
    sourcemap: 'linked',
    sourcesContent: false,
    logLevel: 'warning',
  });
  nameClassesOnly(outdir);
  if (hasAssets) cpSync(assets, path.join(outdir, 'assets'), { recursive: true });
  writeFileSync(stamp, '');
}

/** What esbuild's helper for `keepNames` runs. */
const naming = /(?<=var __name = \(target, value\) => )(?=__defProp\(target, "name")/g;

/**
 * Lets functions without a prototype, which are no classes, go without the names that esbuild gives back to them: the small
 * ones that each call makes get theirs every time, which took a twentieth of a short call.
 */
function nameClassesOnly(folder) {
  let found = 0;
  for (const name of readdirSync(folder).filter((one) => one.endsWith('.js'))) {
    const file = path.join(folder, name);
    const text = readFileSync(file, 'utf8');
    const changedText = text.replace(naming, () => (found++, '!target.prototype ? target : '));
    if (changedText !== text) writeFileSync(file, changedText);
  }
  if (found === 0) throw new Error(`esbuild's __name is not in ${folder}: has it changed?`);
}

/** All in one folder, so that `import.meta.url` is the same place whichever file a module ends up in. */
function outputOf(file) {
  const { dir, name } = path.parse(file);
  return name === 'index' && dir !== 'dist' && dir !== './dist' ? path.basename(dir) : name;
}

const changed = statSync(new URL(import.meta.url)).mtimeMs;

const timeOf = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function newestIn(folder, ending = '.js') {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== 'bundle') newest = Math.max(newest, newestIn(full, ending));
    } else if (entry.name.endsWith(ending)) newest = Math.max(newest, timeOf(full));
  }
  return newest;
}
