import { named } from '@koji/core/wire';
import { BR_TYPES } from '@koji/core';
import type { BuildrootInfo, RpmInfo } from '@koji/core/api';
import { longTime, pythonRepr, pythonStr } from '@koji/core/text';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { flag } from '../options.js';

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
      build: 'its build, as returned by getBuild',
      external_repo: 'the external repo that it is from, as returned by getExternalRepo',
      source: 'its source rpm, as returned by listRPMs, or null',
      license: 'its license, if the hub has its headers',
      buildroot: 'the buildroot it was built in, as returned by getBuildroot, or null',
      buildroots: 'with --buildroots, those it was used in, as returned by listBuildroots',
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
      const rpm = await session.getRPM(arg);
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

function evr({ name, version, release, epoch }: RpmInfo): string {
  return `${epoch === null ? '' : `${epoch}:`}${name}-${version}-${release}`;
}

/** Prints an rpm and returns its data. */
async function printRpm({ session, paths, print, fail }: Run, rpm: RpmInfo): Promise<object> {
  const title = `RPM: ${evr(rpm)}.${rpm.arch} [${rpm.id}]`;
  const draft = rpm.draft ? ['Draft: YES'] : [];
  if (rpm.external_repo_id) {
    for (const line of [title, ...draft]) print(line);
    const repo = await session.getExternalRepo(rpm.external_repo_id, named({ strict: true }));
    print(`External Repository: ${repo.name} [${repo.id}]`);
    print(`External Repository url: ${repo.url}`);
    print(`SIGMD5: ${rpm.payloadhash}`);
    print(`Size: ${pythonStr(rpm.size)}`);
    return { external_repo: repo };
  }
  const buildId = rpm.build_id ?? fail(`The hub names no build of ${evr(rpm)}.${rpm.arch}`);
  const sources =
    rpm.arch === 'src' ? [] : await session.listRPMs(named({ buildID: buildId, arches: 'src' }));
  const source = rpm.arch === 'src' ? rpm : (sources[0] ?? null);
  const build = await session.getBuild(buildId, named({ strict: true }));
  for (const line of [title, ...draft]) print(line);
  print(`Build: ${build.nvr} [${build.id}]`);
  print(`RPM Path: ${paths.build(build)}/${paths.rpm(rpm)}`);
  print(`SRPM: ${source ? `${evr(source)} [${source.id}]` : '(none)'}`);
  print(`SRPM Path: ${source ? `${paths.build(build)}/${paths.rpm(source)}` : '(none)'}`);
  print(`Built: ${longTime(rpm.buildtime)}`);
  print(`SIGMD5: ${rpm.payloadhash}`);
  print(`Size: ${pythonStr(rpm.size)}`);
  const headers = await session.getRPMHeaders(named({ rpmID: rpm.id, headers: ['license'] }));
  if ('license' in headers) print(`License: ${pythonStr(headers['license'])}`);
  print(`Build ID: ${rpm.build_id}`);
  return { build, source, ...headers };
}

async function printBuildroot({ session, print }: Run, rpm: RpmInfo): Promise<BuildrootInfo | null> {
  if (rpm.buildroot_id === null) {
    print('No buildroot data available');
    return null;
  }
  const root = await session.getBuildroot(rpm.buildroot_id, named({ strict: true }));
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

async function printUses({ session, print }: Run, rpmId: number): Promise<readonly BuildrootInfo[]> {
  const roots = await session.listBuildroots(named({ rpmID: rpmId, queryOpts: { order: 'buildroot.id' } }));
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
