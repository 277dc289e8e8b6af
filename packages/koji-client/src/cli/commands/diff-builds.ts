import { DEP_TYPES, RPMSENSE, isDebuginfo, nameOf, sortTexts } from '@koji/core';
import type { BuildInfo, ChangelogEntry, RpmDependency, RpmFile, RpmListItem } from '@koji/core/api';
import { named } from '@koji/core/wire';
import type { Multicall } from '../../multicall.js';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { differenceFields, differencesOf, linesOf } from '../differences.js';
import type { Difference } from '../differences.js';
import { flag, text } from '../options.js';
import { formatChangelog } from '@koji/core/text';

type Rpm = Pick<RpmListItem, 'id' | 'name' | 'version' | 'release' | 'arch' | 'buildroot_id'>;

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
  data: {
    adds: {
      part: "'rpms', 'files', 'deps', 'buildroot' or 'changelog'",
      rpm: 'with files and deps: name and architecture of the rpm',
      ...differenceFields,
    },
  },
  options: {
    arch: text('--arch', 'The architecture of the rpms; the first that both builds have'),
    debuginfo: flag('--debuginfo', 'Also compare the rpms with debug information'),
    only: text('--only', 'Only these parts, separated by commas: rpms, files, deps, buildroot, changelog'),
  },
  async run(run) {
    const { args, options, session, print, data, connect, usageError, fail } = run;
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
      const sections = ((await parts[part]?.(run, before, after)) ?? []).filter(
        ({ differences }) => differences.length > 0,
      );
      const lines = sections.flatMap(({ title, differences, text }) =>
        text === undefined ? linesOf(title, differences) : [`${title}:`, text],
      );
      if (lines.length > 0) print(`\n${lines.join('\n')}`);
      for (const { rpm = null, differences } of sections)
        data(differences.map((difference) => ({ part, rpm, ...difference })));
      found ||= lines.length > 0;
    }
    if (!found) data([]);
    if (!found) print('No differences');
    return undefined;
  },
});

/** Differences with a title. */
interface Section {
  readonly title: string;
  readonly differences: readonly Difference[];
  /** The rpm that differs. */
  readonly rpm?: string;
  /** Printed instead of a line for each difference. */
  readonly text?: string;
}

type Part = (run: Run, before: Side, after: Side) => Promise<Section[]> | Section[];

const parts: Readonly<Record<string, Part>> = {
  rpms: (_, before, after) => [
    { title: 'Rpms', differences: differencesOf(rpmNames(before), rpmNames(after)) },
  ],
  files: (run, before, after) =>
    eachRpm(before, after, 'Files of', (rpms) =>
      fetchFor(run, rpms, (calls, id) => calls.listRPMFiles(id), fileMap),
    ),
  deps: (run, before, after) =>
    eachRpm(before, after, 'Dependencies of', (rpms, { build }) =>
      fetchFor(
        run,
        rpms,
        (calls, id) => calls.getRPMDeps(id),
        (deps) => dependencyMap(deps, build),
      ),
    ),
  buildroot: diffBuildroots,
  changelog: newEntries,
};

async function sidesOf(
  { session, print, fail }: Pick<Run, 'session' | 'print' | 'fail'>,
  builds: readonly BuildInfo[],
  { arch, debuginfo }: { readonly arch: string | undefined; readonly debuginfo: boolean | undefined },
): Promise<Side[]> {
  const calls = session.multicall({ strict: true });
  const lists = builds.map(({ id }) => calls.listRPMs(named({ buildID: id })));
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

/** Compares the rpms that exist in both builds. */
async function eachRpm(
  before: Side,
  after: Side,
  title: string,
  read: (rpms: readonly Rpm[], side: Side) => Promise<ReadonlyMap<string, ReadonlyMap<string, string>>>,
): Promise<Section[]> {
  const [old, now] = [rpmNames(before), rpmNames(after)];
  const common = (side: Side): Rpm[] => side.rpms.filter((rpm) => old.has(keyOf(rpm)) && now.has(keyOf(rpm)));
  const [left, right] = [await read(common(before), before), await read(common(after), after)];
  return sortTexts([...left.keys()]).map((rpm) => ({
    title: `${title} ${rpm}`,
    rpm,
    differences: differencesOf(left.get(rpm) ?? new Map(), right.get(rpm) ?? new Map()),
  }));
}

/** Makes a call for many rpms, a hundred per request. */
async function fetchFor<T>(
  { session }: Run,
  rpms: readonly Rpm[],
  ask: (calls: Multicall, id: number) => { readonly result: readonly T[] },
  read: (answer: readonly T[]) => Map<string, string>,
): Promise<Map<string, Map<string, string>>> {
  const calls = session.multicall({ strict: true, batch: 100 });
  const asked = rpms.map((rpm) => ({ rpm, entry: ask(calls, rpm.id) }));
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

/** Versions of dependencies. The build's own version is replaced by a placeholder, because it always differs. */
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
async function diffBuildroots({ session }: Run, before: Side, after: Side): Promise<Section[]> {
  const ids = [before, after].map(({ rpms }) => rpms.find((rpm) => rpm.buildroot_id !== null)?.buildroot_id);
  if (ids.some((id) => id === undefined || id === null)) return [];
  const calls = session.multicall({ strict: true });
  const lists = ids.map((id) => calls.listRPMs(named({ componentBuildrootID: id ?? null })));
  await calls.run();
  const [old, now] = lists.map(
    ({ result }) => new Map(result.map((rpm) => [keyOf(rpm), `${rpm.version}-${rpm.release}`])),
  );
  return [
    {
      title: `Buildroots ${ids.join(' and ')}`,
      differences: differencesOf(old ?? new Map(), now ?? new Map()),
    },
  ];
}

async function newEntries({ session }: Run, before: Side, after: Side): Promise<Section[]> {
  const calls = session.multicall({ strict: true });
  const lists = [before, after].map(({ build }) => calls.getChangelogEntries(named({ buildID: build.id })));
  await calls.run();
  const keyOfEntry = (entry: ChangelogEntry): string => `${entry.date_ts} ${entry.author} ${entry.text}`;
  const known = new Set(lists[0]?.result.map(keyOfEntry));
  const added = lists[1]?.result.filter((entry) => !known.has(keyOfEntry(entry))) ?? [];
  const differences = added.map((entry): Difference => ({
    change: 'added',
    name: `${entry.date} ${entry.author}`,
    before: null,
    after: entry.text,
  }));
  return [{ title: 'Changelog', differences, text: formatChangelog(added).trimEnd() }];
}

export const diffingBuilds = [diffBuilds];
