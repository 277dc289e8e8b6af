// Bundles big packages from outside, each into one script with the code that V8 compiles, for scripts/jest/outside-preload.cjs.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { root, runAlong } from '../setup.mjs';
import preload from './outside-preload.cjs';

/** A package of ours that has each of them. */
const packages = { typeorm: 'koji-hub', undici: 'koji-client', winston: 'koji-core' };

const script = fileURLToPath(import.meta.url);
const cache = path.join(root, 'node_modules/.cache/koji-outside');
export const preloaded = path.join(root, 'scripts/jest/outside-preload.cjs');

/** Returns the folder with the bundles of the installed packages, and makes it if it is missing. */
export async function bundleOutside() {
  const entries = Object.fromEntries(
    Object.entries(packages).map(([name, ours]) => [
      createRequire(path.join(root, 'packages', ours, 'package.json')).resolve(name),
      name,
    ]),
  );
  const sources = [
    'package-lock.json',
    'scripts/jest/outside-bundles.mjs',
    'scripts/jest/outside-preload.cjs',
  ];
  const key = createHash('sha256').update(`${process.version} ${process.arch} ${root}`);
  for (const file of sources) key.update(readFileSync(path.join(root, file)));
  const folder = path.join(cache, key.digest('hex').slice(0, 16));
  if (existsSync(folder)) return folder;
  const { build } = await import('esbuild');
  const made = `${folder}.${process.pid}`;
  mkdirSync(made, { recursive: true });
  await build({
    entryPoints: Object.fromEntries(Object.entries(entries).map(([file, name]) => [name, file])),
    outdir: made,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20.19',
    keepNames: true,
    logLevel: 'error',
    // What these packages load only if somebody has it, and what our packages load, too.
    external: [...Object.keys(packages), '@opentelemetry/api', 'better-sqlite3', 'pg', 'pg-native'],
  });
  writeFileSync(path.join(made, 'names.json'), JSON.stringify(entries));
  for (const file of Object.keys(entries))
    await runAlong(process.execPath, [script, file, path.join(made, entries[file])]);
  try {
    renameSync(made, folder);
  } catch (error) {
    // Another run of the tests was faster.
    if (!existsSync(folder)) throw error;
    rmSync(made, { recursive: true });
  }
  return folder;
}

// In a process of its own: writes the code of one bundle once it has run, with all functions that V8 compiled for that.
if (process.argv[1] === script) {
  const [, , file, bundle] = process.argv;
  writeFileSync(`${bundle}.code`, preload.run({ exports: {} }, file, bundle).createCachedData());
}
