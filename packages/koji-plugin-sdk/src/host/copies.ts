import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPlugin } from './find.js';
import type { PluginPlaces } from './find.js';
import { sdkName } from './package.js';

/** The packages of which a program and its plugins are to have one copy together. */
const shared = ['@koji/core', sdkName];
const require = createRequire(import.meta.url);

interface Copy {
  readonly name: string;
  readonly folder: string;
}

/**
 * Describes every copy of the SDK and of `@koji/core` in the trees of plugins that is not the one of this program. Plugins work
 * with it, but data in memory that is shared with Koji exists twice, and starting takes longer.
 */
export function describeCopies(names: Iterable<string>, places: PluginPlaces): string[] {
  return [...new Set(names)].flatMap((plugin) => {
    const found = findPlugin(plugin, places);
    if ('problem' in found || !found.isPackage) return [];
    const folder = fs.realpathSync(found.path);
    return copiesFor(folder).map(
      ({ name, folder: copy }) =>
        `plugin ${plugin} has a copy of ${name} of its own (${versionOf(copy)} in ${copy}): have ${name} under "peerDependencies" of what brings it, and npm install again`,
    );
  });
}

/** The copies that a plugin, or what it has installed, would use instead of those of this program. */
function copiesFor(folder: string): Copy[] {
  const own = new Set(shared.map(ownCopy));
  const above = shared.flatMap((name) => {
    const copy = nearest(folder, name);
    return copy === null ? [] : [{ name, folder: copy }];
  });
  const all = new Map([...above, ...below(folder)].map((copy) => [copy.folder, copy]));
  return [...all.values()].filter((copy) => !own.has(copy.folder));
}

function ownCopy(name: string): string | null {
  const file = name === sdkName ? fileURLToPath(import.meta.url) : require.resolve(name);
  for (let at = file; at !== path.dirname(at); at = path.dirname(at))
    if (nameOf(at) === name) return fs.realpathSync(at);
  return null;
}

/** The target of an import in a folder. */
function nearest(folder: string, name: string): string | null {
  for (let at = folder; ; at = path.dirname(at)) {
    const found = path.join(at, 'node_modules', name);
    if (fs.existsSync(path.join(found, 'package.json'))) return fs.realpathSync(found);
    if (at === path.dirname(at)) return null;
  }
}

/** The copies in the tree below a package; links lead to other trees. */
function below(folder: string): Copy[] {
  const modules = path.join(folder, 'node_modules');
  if (!fs.existsSync(modules)) return [];
  return packagesIn(modules).flatMap(({ name, folder: found }) => [
    ...(shared.includes(name) ? [{ name, folder: found }] : []),
    ...below(found),
  ]);
}

function packagesIn(modules: string, scope = ''): Copy[] {
  return fs.readdirSync(modules, { withFileTypes: true }).flatMap((entry) => {
    if (!entry.isDirectory() || entry.name.startsWith('.')) return [];
    const folder = path.join(modules, entry.name);
    if (entry.name.startsWith('@') && scope === '') return packagesIn(folder, `${entry.name}/`);
    return [{ name: scope + entry.name, folder }];
  });
}

const manifestOf = (folder: string): { readonly name?: string; readonly version?: string } => {
  try {
    return JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')) as object;
  } catch {
    return {};
  }
};
const nameOf = (folder: string): string | undefined => manifestOf(folder).name;
const versionOf = (folder: string): string => manifestOf(folder).version ?? 'without a version';
