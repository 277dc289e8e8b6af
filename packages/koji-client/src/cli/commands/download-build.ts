import { named } from '@koji/core/wire';
import { GenericError, isDebuginfo, parseNVRA } from '@koji/core';
import type { ArchiveInfo, BuildInfo } from '@koji/core/api';
import { RequestError } from '../../errors.js';
import { buildLabel } from '@koji/core/text';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { downloadArchive, downloadRpm } from '../downloading.js';
import type { DownloadedArchive, DownloadedRpm } from '../downloading.js';
import { inOrder } from '../in-order.js';
import { flag, text, texts } from '../options.js';
import { TransferTotals } from '../progress.js';

interface Rpm extends DownloadedRpm {
  readonly id: number;
}

/** The fields of a build that its files depend on. */
type WantedBuild = Pick<BuildInfo, 'id' | 'name' | 'version' | 'release' | 'epoch' | 'volume_name'>;

interface BuildOptions {
  readonly arches: readonly string[];
  readonly type: string | undefined;
  readonly latestfrom: string | undefined;
  readonly debuginfo: boolean | undefined;
  readonly task_id: boolean | undefined;
  readonly rpm: boolean | undefined;
  readonly key: string | undefined;
  readonly fallback_unsigned: boolean | undefined;
}

const downloadBuild = command({
  name: 'download-build',
  category: 'download',
  arguments: ['build'],
  examples: ['download-build --arch=x86_64 bash-5.2-1'],
  summary: 'Download a completed build',
  usage: `download-build [options] <n-v-r|build_id>

Downloads files from the specified build entry
Note: scratch builds do not have build entries. Use download-task for those`,
  anonymous: true,
  options: {
    arches: texts(['-a', '--arch'], 'Only download packages for this arch (may be used multiple times)', {
      metavar: 'ARCH',
    }),
    type: text(
      '--type',
      'Download archives of the given type, rather than rpms (maven, win, image, remote-sources)',
    ),
    latestfrom: text('--latestfrom', 'Download the latest build from this tag'),
    debuginfo: flag('--debuginfo', 'Also download -debuginfo rpms'),
    task_id: flag('--task-id', 'Interperet id as a task id'),
    rpm: flag('--rpm', 'Download the given rpm'),
    key: text('--key', 'Download rpms signed with the given key'),
    fallback_unsigned: flag(
      '--fallback-unsigned',
      'When used with --key: download unsigned if signed packages not found',
    ),
    topurl: text('--topurl', 'URL under which Koji files are accessible', {
      metavar: 'URL',
    }) /* default "<global topurl>" */,
    noprogress: flag('--noprogress', 'Do not display progress meter'),
    quiet: flag(['-q', '--quiet'], 'Suppress output'),
  },
  async run(run) {
    const { args, options, global, connect, usageError, fail } = run;
    const [given] = args;
    if (given === undefined) return usageError('Please specify a package N-V-R or build ID');
    if (args.length > 1) return usageError('Only a single package N-V-R or build ID may be specified');
    await connect();
    const { build, rpm } = await wantedBuild(run, given, options);
    const topurl = options.topurl ?? global.topurl ?? fail('You must specify --topurl to download files');
    const archives = options.type ? await archivesOf(run, build, options.type) : [];
    const found = options.type ? [] : rpm ? [rpm] : await rpmsOf(run, build, options.arches);
    const rpms = found.filter(({ name }) => options.debuginfo || !isDebuginfo(name));
    const { signed, unsigned } = await bySignature(run, rpms, options);
    const total = signed.length + unsigned.length + archives.length;
    const all = new TransferTotals(total);
    let number = 0;
    const shown = () => ({
      quiet: options.quiet ?? global.quiet,
      noprogress: options.noprogress,
      place: { number: ++number, total, ...(total > 1 ? { all } : {}) },
    });
    const downloadSigned = async (to: Run, one: Rpm, how: ReturnType<typeof shown>): Promise<void> => {
      try {
        await downloadRpm(to, { build, rpm: one, topurl, key: options.key }, how);
      } catch (error) {
        // The hub may still list a signature whose copy was deleted.
        const isGone = error instanceof RequestError && error.status === 404;
        if (!options.key || !options.fallback_unsigned || !isGone) throw error;
        to.warn('Signed copy not present, will download unsigned copy');
        await downloadRpm(to, { build, rpm: one, topurl }, how);
      }
    };
    const jobs: ((to: Run, how: ReturnType<typeof shown>) => Promise<void>)[] = [
      ...signed.map((one) => (to: Run, how: ReturnType<typeof shown>) => downloadSigned(to, one, how)),
      ...unsigned.map(
        (rpm) => (to: Run, how: ReturnType<typeof shown>) => downloadRpm(to, { build, rpm, topurl }, how),
      ),
      ...archives.map(
        (archive) => (to: Run, how: ReturnType<typeof shown>) =>
          downloadArchive(to, { build, archive, topurl }, how),
      ),
    ];
    await inOrder(run, jobs, (to, download) => download(to, shown()));
  },
});

/** Returns the requested build, and the requested rpm if any. */
async function wantedBuild(
  { session, usageError, fail }: Run,
  given: string,
  options: BuildOptions,
): Promise<{ build: WantedBuild; rpm?: Rpm }> {
  const isId = /^\d+$/.test(given);
  if (isId && options.latestfrom)
    return usageError('--latestfrom not compatible with build IDs, specify a package name.');
  let asked: string | number = isId ? Number(given) : given;
  if (isId && options.task_id) {
    const [first] = await session.listBuilds(named({ taskID: Number(asked) }));
    asked =
      first?.build_id ??
      fail(
        `No associated builds for task ${asked}\n` +
          'If this is a scratch build, try using download-task instead',
      );
  }
  if (options.latestfrom) return { build: await latestBuild({ session, fail }, given, options) };
  const noBuild = (): never => fail(`No such build: ${asked}`);
  if (options.rpm) {
    const rpm = (await session.getRPM(asked)) ?? fail(`No such rpm: ${asked}`);
    const { build_id: id } = rpm;
    return { build: (id === null ? null : await session.getBuild(id)) ?? noBuild(), rpm };
  }
  const ofRpm =
    typeof asked === 'string' && isNvra(asked) ? await session.getRPM(asked).catch(() => null) : null;
  return { build: (await session.getBuild(ofRpm?.build_id ?? asked)) ?? noBuild() };
}

function isNvra(name: string): boolean {
  try {
    parseNVRA(name);
    return true;
  } catch (error) {
    if (error instanceof GenericError) return false;
    throw error;
  }
}

async function latestBuild(
  { session, fail }: Pick<Run, 'session' | 'fail'>,
  name: string,
  { latestfrom = '', type = null }: { latestfrom?: string | undefined; type?: string | undefined | null },
): Promise<WantedBuild> {
  try {
    const [build] = await session.listTagged(latestfrom, named({ latest: true, package: name, type }));
    return build ?? fail(`${latestfrom} has no builds of ${name}`);
  } catch (error) {
    if (!(error instanceof GenericError)) throw error;
    return fail(`Error finding latest build: ${error.message}`);
  }
}

async function archivesOf(
  { session, fail }: Run,
  build: WantedBuild,
  type: string,
): Promise<readonly DownloadedArchive[]> {
  // Each has the fields of its type.
  const archives = (await session.listArchives(
    named({ buildID: build.id, type }),
  )) as readonly ArchiveInfo[] as readonly (ArchiveInfo & DownloadedArchive)[];
  return archives.length > 0 ? archives : fail(`No ${type} archives available for ${buildLabel(build)}`);
}

async function rpmsOf({ session, fail }: Run, build: WantedBuild, arches: readonly string[]): Promise<Rpm[]> {
  const rpms = await session.listRPMs(
    named({ buildID: build.id, arches: arches.length > 0 ? arches : null }),
  );
  if (rpms.length > 0) return rpms;
  const which = arches.length > 0 ? `${arches.join(' or ')} packages` : 'packages';
  return fail(`No ${which} available for ${buildLabel(build)}`);
}

/** Splits rpms into those with a copy signed by the key, and those to download unsigned instead. */
async function bySignature(
  { session, warn }: Run,
  rpms: readonly Rpm[],
  { key, fallback_unsigned: fallback }: BuildOptions,
): Promise<{ signed: readonly Rpm[]; unsigned: readonly Rpm[] }> {
  if (!key) return { signed: rpms, unsigned: [] };
  const calls = session.multicall();
  const found = rpms.map(({ id }) => calls.queryRPMSigs(named({ rpm_id: id, sigkey: key })));
  await calls.run();
  const signed = rpms.filter((_, i) => (found[i]?.result.length ?? 0) > 0);
  const others = rpms.filter((rpm) => !signed.includes(rpm));
  for (const { name, version, release, arch } of others)
    warn(`No such sigkey ${key} for rpm ${name}-${version}-${release}-${arch}.rpm`);
  return { signed, unsigned: fallback ? others : [] };
}

export const downloadingBuilds = [downloadBuild];
