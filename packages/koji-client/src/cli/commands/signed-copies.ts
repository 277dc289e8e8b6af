import { existsSync, lstatSync, readFileSync, rmdirSync, unlinkSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { dirname } from 'node:path';
import { BUILD_STATES, GenericError, byText, messageOf, parseInteger } from '@koji/core';
import type { RpmPath } from '@koji/core';
import type { HistoryRow, RpmSignature } from '@koji/core/api';
import { globToRegExp } from '@koji/core/policy';
import { named } from '@koji/core/wire';
import { asctime, pythonRepr } from '@koji/core/text';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { flag, int, text, texts } from '../options.js';

/** The fields of a build needed for its files and its history. */
interface StoredBuild {
  readonly id: number;
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly volume_name: string;
}

interface StoredRpm extends RpmPath {
  readonly id: number;
  readonly build_id: number | null;
}

const idOrName = (given: string): number | string => {
  const id = parseInteger(given);
  return id === null ? given : Number(id);
};

const listSigned = command({
  name: 'list-signed',
  category: 'admin',
  examples: ['list-signed --tag=f44 --key=0123abcd'],
  summary: 'List signed copies of rpms',
  usage: 'list-signed [options]',
  description: "You must have local access to Koji's topdir filesystem.",
  data: { of: 'listRPMs', adds: { sigkey: 'the key of the signature', path: 'the path of the signed copy' } },
  options: {
    debug: flag('--debug'),
    key: text('--key', 'Only list RPMs signed with this key'),
    build: text('--build', 'Only list RPMs from this build'),
    rpm: text('--rpm', 'Only list signed copies for this RPM'),
    tag: text('--tag', 'Only list RPMs within this tag'),
  },
  async run(run) {
    const { options, global, session, paths, print, login, usageError } = run;
    if (!options.build && !options.tag && !options.rpm)
      return usageError('At least one from --build, --rpm, --tag needs to be specified.');
    await login();
    const builds = new Map<number, StoredBuild>();
    const rpms = await chosenRpms(run, options, builds);
    const signatures = await signaturesOf(run, rpms, options.key);
    const found: object[] = [];
    for (const { rpm, sigkey } of signatures) {
      if (rpm.build_id === null) continue;
      let build = builds.get(rpm.build_id);
      if (!build) builds.set(rpm.build_id, (build = await session.getBuild(rpm.build_id, true)));
      const copy = `${paths.build(build)}/${paths.signed(rpm, sigkey)}`;
      if (existsSync(copy)) {
        found.push({ ...rpm, sigkey, path: copy });
        print(copy);
      } else if (options.debug ?? global.debug) print(`No copy: ${copy}`);
    }
    run.data(found);
  },
});

/** Returns the rpms selected by the options; with a tag only those in it. Records the builds that it finds. */
async function chosenRpms(
  { session, usageError }: Run,
  options: {
    readonly rpm: string | undefined;
    readonly build: string | undefined;
    readonly tag: string | undefined;
  },
  builds: Map<number, StoredBuild>,
): Promise<readonly StoredRpm[]> {
  const chosen: StoredRpm[] = [];
  if (options.rpm) {
    const rpm = await session.getRPM(idOrName(options.rpm), true);
    if (Array.isArray(rpm)) throw new GenericError(`No such rpm: ${options.rpm}`);
    if (rpm.external_repo_id)
      return usageError(
        `External rpm: ${rpm.name}-${rpm.version}-${rpm.release}.${rpm.arch}@${rpm.external_repo_name}`,
      );
    chosen.push(rpm);
  }
  if (options.build) {
    const build = await session.getBuild(idOrName(options.build), true);
    builds.set(build.id, build);
    chosen.push(...(await session.listRPMs(build.id)));
  }
  if (!options.tag) return chosen;
  const [rpms = [], tagged = []] = await session.listTaggedRPMS(
    idOrName(options.tag),
    named({ inherit: false, latest: false }),
  );
  for (const build of tagged) builds.set(build.id, build);
  const ids = new Set(rpms.map(({ id }) => id));
  return [...chosen.filter(({ id }) => ids.has(id)), ...rpms];
}

/** Returns the signatures of rpms, in the same order. */
async function signaturesOf<R extends StoredRpm>(
  { session }: Run,
  rpms: readonly R[],
  key?: string,
): Promise<{ rpm: R; sigkey: string }[]> {
  const calls = session.multicall({ strict: true, batch: 5000 });
  const found = rpms.map(({ id }) =>
    calls.queryRPMSigs(named({ rpm_id: id, ...(key ? { sigkey: key } : {}) })),
  );
  if (calls.size > 0) await calls.run();
  return rpms.flatMap((rpm, i) =>
    (found[i]?.result ?? []).map(({ sigkey }: RpmSignature) => ({ rpm, sigkey })),
  );
}

const pruneSignedCopies = command({
  name: 'prune-signed-copies',
  category: 'admin',
  examples: ['prune-signed-copies --test'],
  summary: 'Prune signed copies',
  usage: 'prune-signed-copies [options]',
  options: {
    test: flag(['-n', '--test'], 'Test mode'),
    verbose: flag(['-v', '--verbose'], 'Be more verbose'),
    days: { ...int('--days', 'Timeout before clearing'), initial: 5 },
    package: text(['-p', '--package', '--pkg'], 'Limit to a single package'),
    build: text(['-b', '--build'], 'Limit to a single build'),
    ignore_tag: texts(
      ['-i', '--ignore-tag'],
      'Ignore these tags when considering whether a build is/was latest',
    ),
    ignore_tag_file: text('--ignore-tag-file', 'File to read tag ignore patterns from'),
    protect_tag: texts(['-r', '--protect-tag'], 'Do not prune signed copies from matching tags'),
    protect_tag_file: text('--protect-tag-file', 'File to read tag protect patterns from'),
    trashcan_tag: { ...text('--trashcan-tag', 'Specify trashcan tag'), initial: 'trashcan' },
    debug: flag('--debug'),
  },
  async run(run) {
    const { options, global, print, login } = run;
    const debug = options.debug ?? global.debug;
    const pruning: Pruning = {
      test: options.test === true,
      verbose: options.verbose === true || debug,
      debug: debug ? print : () => undefined,
      cutoff: Date.now() / 1000 - options.days * 86_400,
      ignored: matcher(options.ignore_tag, options.ignore_tag_file),
      guarded: matcher(options.protect_tag, options.protect_tag_file),
      trashcan: options.trashcan_tag,
    };
    pruning.debug(`Cutoff date: ${asctime(pruning.cutoff)}`);
    await login();
    const total = { files: 0, bytes: 0 };
    for (const build of await buildsToPrune(run, pruning, options)) {
      const nvr = nvrOf(build);
      pruning.debug(`DEBUG: ${nvr}`);
      if (await isKept(run, pruning, build)) continue;
      const pruned = await pruneBuild(run, pruning, build);
      total.files += pruned.files;
      total.bytes += pruned.bytes;
      if (pruned.files > 0 && pruning.verbose)
        print(
          `Build: ${nvr}, Removed ${pruned.files} signed copies (${pruned.bytes} bytes). ` +
            `Total: ${total.files}/${total.bytes}`,
        );
    }
    print('--- Grand Totals ---');
    print(`Files: ${total.files}`);
    print(`Bytes: ${total.bytes}`);
  },
});

/** Scope and verbosity of a run. */
interface Pruning {
  readonly test: boolean;
  readonly verbose: boolean;
  readonly debug: (line: string) => void;
  /** Builds that were the latest after this time, in epoch seconds, are kept. */
  readonly cutoff: number;
  readonly ignored: (tag: string) => boolean;
  readonly guarded: (tag: string) => boolean;
  readonly trashcan: string;
}

const nvrOf = ({
  name,
  version,
  release,
}: Readonly<Record<'name' | 'version' | 'release', unknown>>): string =>
  `${String(name)}-${String(version)}-${String(release)}`;

/** Returns a test of names by the patterns from the command line and from the lines of a file. */
function matcher(patterns: readonly string[], file: string | undefined): (name: string) => boolean {
  const lines = file ? readFileSync(file, 'utf8').replace(/\n$/, '').split('\n') : [];
  const all = [...patterns, ...lines.map((line) => line.trim())].map(globToRegExp);
  return (name) => all.some((pattern) => pattern.test(name));
}

const chunk = 50_000;

async function buildsToPrune(
  { session, print, usageError, fail }: Run,
  { verbose }: Pruning,
  options: { readonly build: string | undefined; readonly package: string | undefined },
): Promise<StoredBuild[]> {
  if (options.build)
    return [(await session.getBuild(options.build)) ?? usageError(`No such build: ${options.build}`)];
  if (verbose) print('Getting builds...');
  const packageID = options.package
    ? ((await session.getPackage(options.package)) ?? fail(`No such package: ${options.package}`)).id
    : null;
  const builds: (StoredBuild & { readonly nvr: string })[] = [];
  for (let offset = 0; ; offset += chunk) {
    const found = await session.listBuilds(
      named({
        state: BUILD_STATES.COMPLETE,
        ...(packageID === null ? {} : { packageID }),
        queryOpts: { limit: chunk, offset, order: 'build_id' },
      }),
    );
    if (found.length === 0) break;
    builds.push(...found.map((build) => ({ ...build, id: build.build_id, name: build.package_name })));
  }
  if (verbose) print(`...got ${builds.length} builds`);
  return builds.sort(byText(({ nvr }) => nvr));
}

/** Returns whether a build is, or was since the cutoff, the latest one of a tag or in a protected tag. */
async function isKept({ session }: Run, pruning: Pruning, build: StoredBuild): Promise<boolean> {
  const { debug, ignored, trashcan } = pruning;
  // History also has the tags that the build was removed from.
  const own = await session.queryHistory(named({ build: build.id }));
  const tags = new Set((own['tag_listing'] ?? []).map((row) => String(row['tag.name'])));
  debug(`Tags: ${pythonRepr([...tags])}`);
  for (const tag of tags) {
    if (tag === trashcan) {
      debug(`Ignoring trashcan tag for build ${nvrOf(build)}`);
    } else if (ignored(tag)) {
      debug(`Ignoring tag ${tag} for build ${nvrOf(build)}`);
    } else {
      const found = await session.queryHistory(named({ tag, package: build.name }));
      if (isKeptIn(tag, { build, pruning, rows: found['tag_listing'] ?? [] })) return true;
    }
  }
  return false;
}

interface Tagging {
  readonly event: number;
  readonly isNew: boolean;
  readonly row: HistoryRow;
}

interface TagHistory {
  readonly build: StoredBuild;
  readonly pruning: Pruning;
  /** Times at which builds of the package were tagged. */
  readonly rows: readonly HistoryRow[];
}

function isKeptIn(tag: string, { build, pruning, rows }: TagHistory): boolean {
  const { debug, cutoff, guarded } = pruning;
  const nvr = nvrOf(build);
  const timeline = taggings(rows);
  const start = timeline.findLastIndex(({ isNew, row }) => isNew && row['build_id'] === build.id);
  const own = timeline[start];
  if (!own) throw new GenericError(`No creation event found for ${nvr} in ${tag}`);
  debug(taggingLine(own));
  const since = timeline.slice(start + 1);
  if (since.length === 0) {
    debug(`${nvr} is latest in tag ${tag}`);
    return true;
  }
  if (guarded(tag)) {
    const until = own.row.revoke_event === null ? null : Number(own.row.revoke_ts);
    if (until === null) debug(`Build ${nvr} has protected tag ${tag}`);
    else if (until > cutoff) debug(`Build ${nvr} had protected tag ${tag} until ${asctime(until)}`);
    if (until === null || until > cutoff) return true;
  }
  const end = endOfReign(build.id, since, debug);
  if (end === null) {
    debug(`${nvr} is latest (again) in tag ${tag}`);
    return true;
  }
  debug(`tag ${tag}: ${nvr} not latest (${end.why})`);
  if (end.at <= cutoff) return false;
  debug(`${nvr} was latest past the cutoff`);
  return true;
}

/** Returns the taggings and untaggings of rows in order; at the same event, untagging comes first. */
function taggings(rows: readonly HistoryRow[]): Tagging[] {
  return rows
    .flatMap((row) => [
      { event: row.create_event, isNew: true, row },
      ...(row.revoke_event === null ? [] : [{ event: row.revoke_event, isNew: false, row }]),
    ])
    .sort((a, b) => a.event - b.event || Number(a.isNew) - Number(b.isNew));
}

function taggingLine({ isNew, row }: Tagging): string {
  const when = asctime(Number(isNew ? row.create_ts : row.revoke_ts));
  const build = nvrOf(row as HistoryRow & Record<'name' | 'version' | 'release', unknown>);
  const active = isNew && row.active ? ' [still active]' : '';
  return `${when}: ${isNew ? 'Tagged' : 'Untagged'} ${build} ${isNew ? 'with' : 'from'} ${String(row['tag.name'])}${active}`;
}

/**
 * Returns when a build stopped being the latest of its tag, in epoch seconds, and why, or null if it still is. This happens
 * when the build is untagged, or when another one is tagged, unless all later ones were untagged before.
 */
function endOfReign(
  buildId: number,
  since: readonly Tagging[],
  debug: Pruning['debug'],
): { at: number; why: string } | null {
  let replaced: number | null = null;
  const others = new Set<unknown>();
  for (const tagging of since) {
    const { isNew, row } = tagging;
    debug(taggingLine(tagging));
    if (row['build_id'] === buildId) {
      const revoked = Number(row.revoke_ts);
      if (replaced === null) return { at: revoked, why: `revoked ${asctime(revoked)}` };
      const why = `revoked ${asctime(revoked)}, replaced ${asctime(replaced)}`;
      return { at: Math.min(revoked, replaced), why };
    }
    if (isNew) {
      replaced = Number(row.create_ts);
      if (row.active) break;
      others.add(row['build_id']);
    } else {
      others.delete(row['build_id']);
      if (others.size === 0) replaced = null;
    }
  }
  return replaced === null ? null : { at: replaced, why: `replaced ${asctime(replaced)}` };
}

interface Pruned {
  files: number;
  bytes: number;
}

async function pruneBuild(run: Run, pruning: Pruning, build: StoredBuild): Promise<Pruned> {
  const rpms = await run.session.listRPMs(build.id);
  const byKey = new Map<string, StoredRpm[]>();
  for (const { rpm, sigkey } of await signaturesOf(run, rpms))
    byKey.set(sigkey, [...(byKey.get(sigkey) ?? []), rpm]);
  if (byKey.size === 0) pruning.debug('(build has no signatures)');
  const pruned = { files: 0, bytes: 0 };
  for (const [key, signed] of byKey) pruneKey(run, pruning, { build, key, rpms: signed, pruned });
  if (pruned.files === 0 && byKey.size > 0) pruning.debug('(build has no signed copies)');
  return pruned;
}

function pruneKey(
  run: Run,
  pruning: Pruning,
  {
    build,
    key,
    rpms,
    pruned,
  }: { build: StoredBuild; key: string; rpms: readonly StoredRpm[]; pruned: Pruned },
): void {
  const folder = run.paths.build(build);
  const copies = rpms.map((rpm) => `${folder}/${run.paths.signed(rpm, key)}`);
  const removed = copies.filter((copy) => {
    const size = removeCopy(run, pruning, copy);
    if (size === null) return false;
    pruned.files += 1;
    pruned.bytes += size;
    return true;
  });
  const archFolders = new Set(removed.map((copy) => dirname(copy)));
  for (const archFolder of archFolders) removeFolder(run, pruning, archFolder);
  const keyFolders = new Set([...archFolders].map((archFolder) => dirname(archFolder)));
  for (const keyFolder of keyFolders) removeFolder(run, pruning, keyFolder);
}

/** Removes a copy and returns its size, or null if it does not exist or must stay. */
function removeCopy({ print, paths }: Run, { test, verbose, cutoff }: Pruning, copy: string): number | null {
  let stats: Stats;
  try {
    stats = lstatSync(copy);
  } catch {
    return null;
  }
  if (!stats.isFile()) {
    print(`Skipping ${copy}. Not a regular file`);
    return null;
  }
  if (stats.mtimeMs / 1000 > cutoff) {
    print(`Skipping ${copy}. File newer than cutoff`);
    return null;
  }
  if (test) {
    print(`Would have unlinked: ${copy}`);
    return stats.size;
  }
  if (verbose) print(`Unlinking: ${copy}`);
  try {
    unlinkSync(copy);
    return stats.size;
  } catch (error) {
    print(`Error removing ${copy}: ${messageOf(error)}`);
    print(`This script needs write access to ${paths.topdir}`);
    return null;
  }
}

function removeFolder({ print }: Run, { test, verbose }: Pruning, folder: string): void {
  if (test) {
    print(`Would have removed dir: ${folder}`);
    return;
  }
  if (verbose) print(`Removing dir: ${folder}`);
  try {
    rmdirSync(folder);
  } catch (error) {
    print(`Error removing ${folder}: ${messageOf(error)}`);
  }
}

export const signedCopies = [listSigned, pruneSignedCopies];
