import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file that browsers load. */
interface Asset {
  readonly type: string;
  readonly text: string;
}

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

interface Assets {
  readonly files: ReadonlyMap<string, Asset>;
  /** Changes with the files, so that browsers may cache them for ever. */
  readonly version: string;
}

let loaded: Assets | null = null;

function load(): Assets {
  // Beside the bundle when the package is installed.
  const folder = fileURLToPath(new URL('assets/', import.meta.url));
  const hash = createHash('sha256');
  const files = new Map<string, Asset>();
  for (const name of readdirSync(folder).sort()) {
    const type = types[path.extname(name)];
    if (type === undefined) continue;
    const text = readFileSync(path.join(folder, name), 'utf8');
    hash.update(name).update(text);
    files.set(name, { type, text });
  }
  return { files, version: hash.digest('hex').slice(0, 10) };
}

/** Returns a file that browsers load; undefined if there is none of that name. */
export function findAsset(name: string): Asset | undefined {
  loaded ??= load();
  return loaded.files.get(name);
}

/** Returns the version of all files together. */
export function version(): string {
  loaded ??= load();
  return loaded.version;
}
