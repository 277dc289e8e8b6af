import { BR_TYPES } from '@koji/core';
import type { BuildInfo } from '@koji/core/api';
import { longTime, pythonRepr, pythonStr } from '@koji/core/text';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { flag } from '../options.js';

interface Rpm {
  readonly id: number;
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly epoch: number | null;
  readonly arch: string;
  readonly draft?: boolean | null;
  readonly build_id: number;
  readonly buildtime: unknown;
  readonly buildroot_id: number | null;
  readonly external_repo_id?: number;
  readonly payloadhash: string;
  readonly size: unknown;
  readonly extra?: Readonly<Record<string, unknown>> | null;
}

const rpminfo = command({
  name: 'rpminfo',
  category: 'info',
  arguments: ['rpm...'],
  examples: ['rpminfo bash-5.2-1.x86_64'],
  summary: 'Print basic information about an RPM',
  usage: 'rpminfo [options] <n-v-r.a|id> [<n-v-r.a|id> ...]',
  anonymous: true,
  data: {
    of: 'getRPM',
    adds: {
      build: 'its build, as getBuild answers it',
      external_repo: 'the external repo that it is from, as getExternalRepo answers it',
      source: 'its source rpm, as listRPMs answers it, or null',
      license: 'its license, if the hub has its headers',
      buildroot: 'the buildroot it was built in, as getBuildroot answers it, or null',
      buildroots: 'with --buildroots, those it was used in, as listBuildroots answers them',
    },
  },
  options: {
    buildroots: flag('--buildroots', 'show buildroots the rpm was used in'),
  },
  async run(run) {
    const { args, options, session, print, warn, connect, usageError } = run;
    if (args.length === 0) return usageError('Please specify an RPM');
    await connect();
    let missing = false;
    for (const arg of args) {
      const rpm = await session.call<Rpm | null>('getRPM', [arg]);
      if (!rpm) {
        warn(`No such rpm: ${arg}\n`);
        missing = true;
        continue;
      }
      const about = await printRpm(run, rpm);
      const buildroot = await printBuildroot(run, rpm);
      if (rpm.extra && Object.keys(rpm.extra).length > 0) print(`Extra: ${pythonRepr(rpm.extra)}`);
      const uses = options.buildroots ? { buildroots: await printUses(run, rpm.id) } : {};
      run.data({ ...rpm, ...about, buildroot, ...uses });
    }
    return missing ? 1 : 0;
  },
});

function evr({ name, version, release, epoch }: Rpm): string {
  return `${epoch === null ? '' : `${epoch}:`}${name}-${version}-${release}`;
}

/** Prints an rpm and returns what belongs to it. */
async function printRpm({ session, paths, print }: Run, rpm: Rpm): Promise<object> {
  const title = `RPM: ${evr(rpm)}.${rpm.arch} [${rpm.id}]`;
  const draft = rpm.draft ? ['Draft: YES'] : [];
  if (rpm.external_repo_id) {
    for (const line of [title, ...draft]) print(line);
    const repo = await session.call<{ id: number; name: string; url: string }>('getExternalRepo', [
      rpm.external_repo_id,
    ]);
    print(`External Repository: ${repo.name} [${repo.id}]`);
    print(`External Repository url: ${repo.url}`);
    print(`SIGMD5: ${rpm.payloadhash}`);
    print(`Size: ${pythonStr(rpm.size)}`);
    return { external_repo: repo };
  }
  const [source] =
    rpm.arch === 'src'
      ? [rpm]
      : await session.call<Rpm[]>('listRPMs', [], { buildID: rpm.build_id, arches: 'src' });
  const build = await session.call<BuildInfo>('getBuild', [rpm.build_id]);
  for (const line of [title, ...draft]) print(line);
  print(`Build: ${build.nvr} [${build.id}]`);
  print(`RPM Path: ${paths.build(build)}/${paths.rpm(rpm)}`);
  print(`SRPM: ${source ? `${evr(source)} [${source.id}]` : '(none)'}`);
  print(`SRPM Path: ${source ? `${paths.build(build)}/${paths.rpm(source)}` : '(none)'}`);
  print(`Built: ${longTime(Number(rpm.buildtime))}`);
  print(`SIGMD5: ${rpm.payloadhash}`);
  print(`Size: ${pythonStr(rpm.size)}`);
  const headers = await session.call<Record<string, unknown>>('getRPMHeaders', [], {
    rpmID: rpm.id,
    headers: ['license'],
  });
  if ('license' in headers) print(`License: ${pythonStr(headers['license'])}`);
  print(`Build ID: ${rpm.build_id}`);
  return { build, source: source ?? null, ...headers };
}

interface Buildroot {
  readonly id: number;
  readonly br_type: number;
  readonly tag_name: string;
  readonly arch: string;
  readonly repo_id: number;
  readonly host_name: string;
  readonly task_id: number;
  readonly cg_name: string;
  readonly host_os: string;
  readonly host_arch: string;
}

async function printBuildroot({ session, print }: Run, rpm: Rpm): Promise<Buildroot | null> {
  if (rpm.buildroot_id === null) {
    print('No buildroot data available');
    return null;
  }
  const root = await session.call<Buildroot>('getBuildroot', [rpm.buildroot_id]);
  if (root.br_type === BR_TYPES.STANDARD) {
    print(`Buildroot: ${root.id} (tag ${root.tag_name}, arch ${root.arch}, repo ${root.repo_id})`);
    print(`Build Host: ${root.host_name}`);
    print(`Build Task: ${root.task_id}`);
  } else {
    print(`Content generator: ${root.cg_name}`);
    print(`Buildroot: ${root.id}`);
    print(`Build Host OS: ${root.host_os} (${root.host_arch})`);
  }
  return root;
}

async function printUses({ session, print }: Run, rpmId: number): Promise<readonly Buildroot[]> {
  const roots = await session.call<Buildroot[]>('listBuildroots', [], {
    rpmID: rpmId,
    queryOpts: { order: 'buildroot.id' },
  });
  print(`Used in ${roots.length} buildroots:`);
  const row = (id: string, tag: string, arch: string, host: string): string =>
    `  ${id.padStart(8)} ${tag.padEnd(28)} ${arch.padEnd(8)} ${host.padEnd(29)}`;
  if (roots.length === 0) return roots;
  print(row('id', 'build tag', 'arch', 'build host'));
  print(row('-'.repeat(8), '-'.repeat(28), '-'.repeat(8), '-'.repeat(29)));
  for (const root of roots)
    print(row(String(root.id), pythonStr(root.tag_name), pythonStr(root.arch), pythonStr(root.host_name)));
  return roots;
}

export const rpmInfo = [rpminfo];
