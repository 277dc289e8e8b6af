import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { messageOf } from '@koji/core';
import type { PluginProblem } from './problems.js';
import { readLimits } from './limits.js';
import type { PluginLimits } from './limits.js';
import { inRange } from './version-range.js';

/** A plugin's file or package folder. */
export interface FoundPlugin {
  readonly name: string;
  readonly path: string;
  readonly isPackage: boolean;
}

/** The programs that load plugins. */
export type PluginPart = 'hub' | 'builder' | 'cli' | 'web';

const parts: readonly PluginPart[] = ['hub', 'builder', 'cli', 'web'];
/** The package that plugins name as their peer. */
export const sdkName = '@koji/plugin-sdk';
const sdkManifest = createRequire(import.meta.url)('../../package.json') as { version: string };

/** The version of this package, which plugins name in their `peerDependencies`. */
export const sdkVersion: string = sdkManifest.version;

/** A plugin that is ready to be imported. */
export interface PluginEntry {
  readonly name: string;
  /** From the package.json; null for a loose file. */
  readonly version: string | null;
  /** The versions of this SDK that it wants; null when it does not say. */
  readonly sdkRange: string | null;
  /** How long its code may run, as its package.json asks. */
  readonly limits: PluginLimits;
  /** Whether the hub runs it in a thread of its own. */
  readonly isolated: boolean;
  /** The module to import. */
  readonly file: string;
}

/** The `koji` section of a plugin's package.json, without its modules. */
export interface PluginManifest {
  /** How long its code may run. */
  readonly limits?: PluginLimits;
  /** Modules by program. */
  readonly [part: string]: unknown;
}

interface PackageJson {
  readonly name?: string;
  readonly version?: string;
  readonly main?: unknown;
  readonly exports?: unknown;
  readonly koji?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, unknown>>;
  readonly peerDependencies?: Readonly<Record<string, unknown>>;
}

/** Reads a plugin's package.json and checks it against this SDK; a loose file has none. */
export function readPackage(found: FoundPlugin, part: PluginPart): PluginEntry | PluginProblem {
  if (!found.isPackage)
    return { name: found.name, version: null, sdkRange: null, limits: {}, isolated: false, file: found.path };
  const file = path.join(found.path, 'package.json');
  let manifest: PackageJson;
  try {
    manifest = JSON.parse(fs.readFileSync(file, 'utf8')) as PackageJson;
  } catch (cause) {
    return {
      plugin: found.name,
      file,
      problem: `can't be read: ${messageOf(cause)}`,
      remedy: 'correct it, or install the package again',
      topic: 'bad-package',
      cause,
    };
  }
  const entry = entryOf(found, manifest, part);
  return checkSdk(found, manifest) ?? entry;
}

/** A module that was loaded otherwise, by a test. */
export function givenEntry(name: string, manifest: PluginManifest = {}): PluginEntry | PluginProblem {
  const file = `the module given as ${name}`;
  const limits = readLimits(manifest.limits);
  if (typeof limits !== 'string')
    return { name, version: null, sdkRange: null, limits, isolated: false, file };
  return {
    ...{ plugin: name, file, topic: 'bad-package', problem: `limits ${limits}` },
    remedy: 'write seconds, such as limits: { methods: 120 }',
  };
}

function checkSdk(found: FoundPlugin, manifest: PackageJson): PluginProblem | null {
  const file = path.join(found.path, 'package.json');
  if (manifest.dependencies && sdkName in manifest.dependencies)
    return {
      plugin: found.name,
      file,
      problem: `has ${sdkName} under "dependencies", which gives it a copy of its own`,
      remedy: `move ${sdkName} to "peerDependencies", and to "devDependencies" for its tests`,
      topic: 'sdk-under-dependencies',
    };
  const wanted = manifest.peerDependencies?.[sdkName];
  if (wanted === undefined) return null;
  const range = typeof wanted === 'string' ? wanted : JSON.stringify(wanted);
  const fits = inRange(sdkVersion, range);
  if (fits === true) return null;
  return {
    plugin: found.name,
    file,
    problem:
      fits === null
        ? `wants ${sdkName} '${range}', which is not a range of versions`
        : `wants ${sdkName} ${range}, and this is ${sdkVersion}`,
    remedy: `install a version of ${manifest.name ?? found.name} made for ${sdkName} ${sdkVersion}, or another Koji`,
    topic: 'wrong-sdk-version',
  };
}

function entryOf(found: FoundPlugin, manifest: PackageJson, part: PluginPart): PluginEntry | PluginProblem {
  const problem = (text: string, remedy: string, topic: PluginProblem['topic']): PluginProblem => ({
    plugin: found.name,
    file: path.join(found.path, 'package.json'),
    problem: text,
    remedy,
    topic,
  });
  const { koji } = manifest;
  const entry = koji === undefined ? mainOf(manifest, found.path) : koji[part];
  if (entry === undefined) {
    const has = parts.filter((other) => koji?.[other] !== undefined);
    return problem(
      `has no ${part} part; it has ${has.length > 0 ? has.join(' and ') : 'none'}`,
      `take it out of the ${part}'s configuration, or name the module under "koji": {"${part}": …}`,
      'no-such-part',
    );
  }
  if (typeof entry !== 'string')
    return problem(`"koji": {"${part}"} is not a path`, 'name a file of the package', 'bad-package');
  const file = path.resolve(found.path, entry);
  if (!file.startsWith(found.path + path.sep))
    return problem(`"${entry}" is outside of the package`, 'name a file of the package', 'bad-package');
  if (!fs.existsSync(file))
    return problem(
      `names ${entry}, and there is no such file`,
      'build the package (npm run build)',
      'bad-package',
    );
  const limits = readLimits(koji?.['limits']);
  if (typeof limits === 'string')
    return problem(
      `"koji": {"limits"} ${limits}`,
      'write seconds, such as "limits": { "methods": 120 }',
      'bad-package',
    );
  const isolation = koji?.['isolation'];
  if (isolation !== undefined && isolation !== 'worker' && isolation !== 'none')
    return problem(
      `"koji": {"isolation"} is neither "worker" nor "none"`,
      'write "isolation": "worker"',
      'bad-package',
    );
  const sdkRange = manifest.peerDependencies?.[sdkName];
  return {
    name: found.name,
    version: manifest.version ?? null,
    sdkRange: typeof sdkRange === 'string' ? sdkRange : null,
    limits,
    isolated: isolation === 'worker',
    file,
  };
}

/** The main module of a package that says nothing of Koji. */
function mainOf({ exports, main }: PackageJson, folder: string): unknown {
  const root = typeof exports === 'object' && exports !== null && '.' in exports ? exports['.'] : exports;
  const chosen =
    typeof root === 'object' && root !== null
      ? ((root as Record<string, unknown>)['import'] ?? (root as Record<string, unknown>)['default'])
      : root;
  const indexes = ['index.js', 'index.ts'];
  return chosen ?? main ?? indexes.find((file) => fs.existsSync(path.join(folder, file))) ?? indexes[0];
}
