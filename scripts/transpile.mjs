// Compiles the packages' TypeScript to JavaScript without checking types, which takes a second: for users who only run it.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { root } from './setup.mjs';

/** Writes what `tsc -b` writes, without declarations. */
export async function transpile() {
  const { references } = JSON.parse(readFileSync(path.join(root, 'tsconfig.json'), 'utf8'));
  await Promise.all(references.map(({ path: place }) => transpilePackage(path.join(root, place))));
}

function transpilePackage(folder) {
  const sources = readdirSync(path.join(folder, 'src'), { recursive: true })
    .filter((file) => /(?<!\.d)\.tsx?$/.test(file))
    .map((file) => path.join('src', file));
  return build({
    absWorkingDir: folder,
    entryPoints: sources,
    outbase: 'src',
    outdir: 'dist',
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    sourcemap: 'linked',
    sourcesContent: false,
    logLevel: 'warning',
  });
}
