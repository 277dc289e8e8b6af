import { compareTexts } from '@koji/core';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseIni } from '@koji/core/config';

/** The parameters of one package's build in the hub's format. */
export type MavenParams = Record<string, unknown>;

/** Parameters that cannot be sent: missing or malformed ones, circular dependencies. */
export class MavenConfigError extends Error {
  override name = 'MavenConfigError';
}

/** Purpose of the parameters. */
export interface MavenUse {
  /** For `maven-chain`: the packages depend on each other. */
  readonly chain?: boolean;
  readonly scratch?: boolean | undefined;
}

/** Build parameters from options or from a section of a file. */
export interface MavenValues {
  readonly scmurl?: string | undefined;
  readonly patches?: string | undefined;
  readonly specfile?: string | undefined;
  readonly goals?: readonly string[];
  readonly profiles?: readonly string[];
  readonly packages?: readonly string[];
  readonly jvm_options?: readonly string[];
  readonly maven_options?: readonly string[];
  /** `NAME=VALUE`; `NAME` alone has no value. */
  readonly properties?: readonly string[];
  /** `NAME=VALUE`. */
  readonly envs?: readonly string[];
  readonly buildrequires?: readonly string[];
}

const plainParams = [
  'scmurl',
  'patches',
  'specfile',
  'goals',
  'profiles',
  'packages',
  'jvm_options',
  'maven_options',
] as const;

/** Returns the parameters to send. Throws MavenConfigError for an environment variable without a value. */
export function mavenParams(values: MavenValues, { chain = false, scratch }: MavenUse): MavenParams {
  const params: MavenParams = {};
  for (const name of plainParams) if (values[name] && values[name].length > 0) params[name] = values[name];
  const properties = (values.properties ?? []).map(pairOf);
  if (properties.length > 0) params['properties'] = Object.fromEntries(properties);
  const envs = (values.envs ?? []).map((env) => {
    if (!env.includes('=')) throw new MavenConfigError('Environment variables must be in NAME=VALUE format');
    return pairOf(env);
  });
  if (envs.length > 0) params['envs'] = Object.fromEntries(envs);
  if (chain && values.buildrequires && values.buildrequires.length > 0)
    params['buildrequires'] = values.buildrequires;
  if (scratch && !chain) params['scratch'] = true;
  return params;
}

function pairOf(text: string): [string, string | null] {
  const equals = text.indexOf('=');
  return equals === -1 ? [text, null] : [text.slice(0, equals), text.slice(equals + 1)];
}

/** Returns the parameters of every section of the files, in order. Throws MavenConfigError, or ConfigError. */
export function readMavenFiles(files: readonly string[], use: MavenUse): Map<string, MavenParams> {
  const sections = parseIni(
    files.flatMap(filesOf).map((file) => ({ file, text: readFileSync(file, 'utf8') })),
    { interpolation: true },
  );
  const packages = new Map<string, MavenParams>();
  for (const name of sections.keys())
    packages.set(name, sectionParams(name, sections.get(name) ?? new Map<string, string>(), use));
  if (packages.size === 0) throw new MavenConfigError(`No sections found in: ${files.join(', ')}`);
  return packages;
}

/** The files of a folder in order; a missing file is treated as empty. */
function filesOf(path: string): string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return found?.isFile() ? [path] : [];
  return readdirSync(path)
    .filter((name) => name.endsWith('.conf'))
    .sort(compareTexts)
    .map((name) => join(path, name));
}

function sectionParams(name: string, section: ReadonlyMap<string, string>, use: MavenUse): MavenParams {
  const words = (key: string): readonly string[] => section.get(key)?.split(/\s+/).filter(Boolean) ?? [];
  const lines = (key: string): readonly string[] => section.get(key)?.split('\n').filter(Boolean) ?? [];
  const type = section.get('type') ?? 'maven';
  let params: MavenParams;
  if (type === 'maven') {
    params = mavenParams(
      {
        scmurl: section.get('scmurl'),
        patches: section.get('patches'),
        specfile: section.get('specfile'),
        goals: words('goals'),
        profiles: words('profiles'),
        packages: words('packages'),
        jvm_options: words('jvm_options'),
        maven_options: words('maven_options'),
        properties: lines('properties'),
        envs: lines('envs'),
        buildrequires: words('buildrequires'),
      },
      use,
    );
  } else if (type === 'wrapper') {
    params = {
      type,
      scmurl: section.get('scmurl') ?? null,
      buildrequires: words('buildrequires'),
      ...(use.scratch ? {} : { create_build: true }),
    };
    if (words('buildrequires').length !== 1)
      throw new MavenConfigError('A wrapper-rpm must depend on exactly one package');
  } else {
    throw new MavenConfigError(`Unsupported build type: ${type}`);
  }
  if (!('scmurl' in params)) throw new MavenConfigError(`${name} is missing the scmurl parameter`);
  return params;
}

/** Returns the parameters of one section: the named one, or the only one. Throws MavenConfigError, or ConfigError. */
export function readMavenSection(
  files: readonly string[],
  section: string | undefined,
  use: MavenUse,
): { name: string; params: MavenParams } {
  const packages = readMavenFiles(files, use);
  if (section) {
    const params = packages.get(section);
    if (!params) throw new MavenConfigError(`Section ${section} does not exist in: ${files.join(', ')}`);
    return { name: section, params };
  }
  if (packages.size > 1)
    throw new MavenConfigError(`Multiple sections in: ${files.join(', ')}, you must specify the section`);
  const [[name, params] = ['', {}]] = packages;
  return { name, params };
}

/** Returns the parameters of a chain. Throws MavenConfigError if no order builds every package after its dependencies. */
export function readMavenChain(
  files: readonly string[],
  scratch: boolean | undefined,
): Record<string, MavenParams> {
  const packages = readMavenFiles(files, { chain: true, scratch });
  let left = [...packages].map(([name, params]) => ({
    name,
    needs: (params['buildrequires'] ?? []) as readonly string[],
  }));
  const built = new Set<string>();
  while (left.length > 0) {
    const ready = left.filter(({ needs }) => needs.every((need) => built.has(need)));
    if (ready.length === 0)
      throw new MavenConfigError('No possible build order, missing/circular dependencies');
    for (const { name } of ready) built.add(name);
    left = left.filter(({ name }) => !built.has(name));
  }
  return Object.fromEntries(packages);
}
