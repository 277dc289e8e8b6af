import { DEP_TYPES, RPMSENSE, isDebuginfo, nameOf, sortTexts } from '@koji/core';
import type { BuildInfo, ChangelogEntry, RpmDependency, RpmFile } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { flag, text } from '../options.js';
import { formatChangelog } from '@koji/core/text';
import { differences } from './diff-tags.js';

interface Rpm {
  readonly id: number;
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly arch: string;
  readonly buildroot_id: number | null;
}

/** One of the two builds, with its rpms of the compared architectures. */
interface Side {
  readonly build: BuildInfo;
  readonly rpms: readonly Rpm[];
}

const diffBuilds = command({
  name: 'diff-builds',
  category: 'info',
  extra: true,
  arguments: ['build', 'build'],
  examples: ['diff-builds bash-5.2-1 bash-5.2-2'],
  summary: 'Show how two builds differ',
  usage: `diff-builds [options] <n-v-r> <n-v-r>

Compares the rpms of one architecture and noarch, their files and dependencies, the packages of
the buildroots, and shows the changelog entries that only the second build has.
A line begins with - for what only the first has, with + for what only the second has,
and with ~ for what both have but differs.`,
  anonymous: true,
  options: {
    arch: text('--arch', 'The architecture of the rpms; the first that both builds have'),
    debuginfo: flag('--debuginfo', 'Also compare the rpms with debug information'),
    only: text('--only', 'Only these parts, separated by commas: rpms, files, deps, buildroot, changelog'),
  },
  async run(run) {
    const { args, options, session, print, connect, usageError, fail } = run;
    if (args.length !== 2) return usageError('Please specify two builds');
    const chosen = options.only?.split(',').map((part) => part.trim()) ?? Object.keys(parts);
    const wrong = chosen.find((part) => !Object.hasOwn(parts, part));
    if (wrong !== undefined)
      return usageError(`No such part: ${wrong}. Parts: ${Object.keys(parts).join(', ')}`);
    await connect();
    const calls = session.multicall({ strict: true });
    const asked = args.map((nvr) => calls.getBuild(/^\d+$/.test(nvr) ? Number(nvr) : nvr));
    await calls.run();
    const builds = asked.map(({ result }, i) => result ?? fail(`No such build: ${args[i]}`));
    const [before, after] = await sidesOf(run, builds, options);
    if (!before || !after) return fail('The hub does not answer for both builds');
    print(`--- ${before.build.nvr}\n+++ ${after.build.nvr}`);
    let found = false;
    for (const part of chosen) {
      const lines = (await parts[part]?.(run, before, after)) ?? [];
      if (lines.length > 0) print(`\n${lines.join('\n')}`);
      found ||= lines.length > 0;
    }
    if (!found) print('No differences');
    return undefined;
  },
});

type Part = (run: Run, before: Side, after: Side) => Promise<string[]> | string[];

const parts: Readonly<Record<string, Part>> = {
  rpms: (_, before, after) => section('Rpms', differences(rpmNames(before), rpmNames(after))),
  files: (run, before, after) =>
    eachRpm(before, after, 'Files of', (rpms) => fetchFor(run, rpms, 'listRPMFiles', fileMap)),
  deps: (run, before, after) =>
    eachRpm(before, after, 'Dependencies of', (rpms, { build }) =>
      fetchFor(run, rpms, 'getRPMDeps', (deps: readonly RpmDependency[]) => dependencyMap(deps, build)),
    ),
  buildroot: diffBuildroots,
  changelog: newEntries,
};

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  ${line}`)];

async function sidesOf(
  { session, print, fail }: Pick<Run, 'session' | 'print' | 'fail'>,
  builds: readonly BuildInfo[],
  { arch, debuginfo }: { readonly arch: string | undefined; readonly debuginfo: boolean | undefined },
): Promise<Side[]> {
  const calls = session.multicall({ strict: true });
  const lists = builds.map(({ id }) => calls.call<Rpm[]>('listRPMs', [], { buildID: id }));
  await calls.run();
  const all = lists.map(({ result }) =>
    result.filter((rpm) => rpm.arch !== 'src' && (debuginfo || !isDebuginfo(rpm.name))),
  );
  const [first = [], second = []] = all.map((rpms) => sortTexts([...new Set(rpms.map((rpm) => rpm.arch))]));
  const common = first.filter((one) => second.includes(one) && one !== 'noarch');
  const chosen = arch ?? common.find((one) => one === 'x86_64') ?? common[0] ?? null;
  if (arch !== undefined && !first.includes(arch) && !second.includes(arch))
    fail(`Neither build has rpms for ${arch}`);
  if (arch === undefined && common.length > 1) print(`Architecture: ${chosen} (of ${common.join(', ')})`);
  return builds.map((build, i) => ({
    build,
    rpms: (all[i] ?? []).filter((rpm) => rpm.arch === 'noarch' || rpm.arch === chosen),
  }));
}

const keyOf = (rpm: Rpm): string => `${rpm.name}.${rpm.arch}`;
const rpmNames = ({ rpms }: Side): Map<string, string> => new Map(rpms.map((rpm) => [keyOf(rpm), '']));

/** Compares the rpms that both builds have. */
async function eachRpm(
  before: Side,
  after: Side,
  title: string,
  read: (rpms: readonly Rpm[], side: Side) => Promise<ReadonlyMap<string, ReadonlyMap<string, string>>>,
): Promise<string[]> {
  const [old, now] = [rpmNames(before), rpmNames(after)];
  const common = (side: Side): Rpm[] => side.rpms.filter((rpm) => old.has(keyOf(rpm)) && now.has(keyOf(rpm)));
  const [left, right] = [await read(common(before), before), await read(common(after), after)];
  return sortTexts([...left.keys()]).flatMap((key) =>
    section(`${title} ${key}`, differences(left.get(key) ?? new Map(), right.get(key) ?? new Map())),
  );
}

/** Asks for something of many rpms, a hundred in a request. */
async function fetchFor<T>(
  { session }: Run,
  rpms: readonly Rpm[],
  method: string,
  read: (answer: readonly T[]) => Map<string, string>,
): Promise<Map<string, Map<string, string>>> {
  const calls = session.multicall({ strict: true, batch: 100 });
  const asked = rpms.map((rpm) => ({ rpm, entry: calls.call<T[]>(method, [rpm.id]) }));
  await calls.run();
  return new Map(asked.map(({ rpm, entry }) => [keyOf(rpm), read(entry.result)]));
}

/** Files by name. Digests and sizes differ between any two builds, so they are left out. */
function fileMap(files: readonly RpmFile[]): Map<string, string> {
  return new Map(
    files.map(({ name, mode, user, group }) => [
      name,
      `(mode ${(mode & 0o7777).toString(8).padStart(4, '0')}, ${user}:${group})`,
    ]),
  );
}

/** Versions of dependencies. The build's own version stands for itself, since it always differs. */
function dependencyMap(deps: readonly RpmDependency[], build: BuildInfo): Map<string, string> {
  return new Map(
    deps.map(({ name, version, flags, type }) => {
      const kind = (nameOf(DEP_TYPES, type) ?? String(type)).toLowerCase();
      const less = flags & RPMSENSE.LESS ? '<' : '';
      const operator = `${less}${flags & RPMSENSE.GREATER ? '>' : ''}${flags & RPMSENSE.EQUAL ? '=' : ''}`;
      const [, own] = /^(?:\d+:)?(.*)$/.exec(version) ?? [];
      const isOwn = own === build.version || own === `${build.version}-${build.release}`;
      return [[kind, name, operator].filter(Boolean).join(' '), isOwn ? '(own version)' : version];
    }),
  );
}

/** Compares the packages that the first rpm of each build was built with. */
async function diffBuildroots({ session }: Run, before: Side, after: Side): Promise<string[]> {
  const ids = [before, after].map(({ rpms }) => rpms.find((rpm) => rpm.buildroot_id !== null)?.buildroot_id);
  if (ids.some((id) => id === undefined || id === null)) return [];
  const calls = session.multicall({ strict: true });
  const lists = ids.map((id) => calls.call<Rpm[]>('listRPMs', [], { componentBuildrootID: id }));
  await calls.run();
  const [old, now] = lists.map(
    ({ result }) => new Map(result.map((rpm) => [keyOf(rpm), `${rpm.version}-${rpm.release}`])),
  );
  return section(`Buildroots ${ids.join(' and ')}`, differences(old ?? new Map(), now ?? new Map()));
}

async function newEntries({ session }: Run, before: Side, after: Side): Promise<string[]> {
  const calls = session.multicall({ strict: true });
  const lists = [before, after].map(({ build }) => calls.getChangelogEntries(named({ buildID: build.id })));
  await calls.run();
  const keyOfEntry = (entry: ChangelogEntry): string => `${entry.date_ts} ${entry.author} ${entry.text}`;
  const known = new Set(lists[0]?.result.map(keyOfEntry));
  const added = lists[1]?.result.filter((entry) => !known.has(keyOfEntry(entry))) ?? [];
  if (added.length === 0) return [];
  return ['Changelog:', formatChangelog(added).trimEnd()];
}

export const diffingBuilds = [diffBuilds];
