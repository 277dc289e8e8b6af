import { named } from '@koji/core/wire';
import { BUILD_STATES, GenericError, nameOf, sortTexts } from '@koji/core';
import type { ArchiveInfo, BuildInfo } from '@koji/core/api';
import { command } from '../command.js';
import type { Run } from '../command.js';
import { flag } from '../options.js';
import { formatChangelog, longTime, pythonRepr, pythonStr, taskLabel } from '@koji/core/text';
import type { ChangelogEntry } from '@koji/core/text';

const buildinfo = command({
  name: 'buildinfo',
  category: 'info',
  arguments: ['build...'],
  examples: ['buildinfo bash-5.2-1'],
  summary: 'Print basic information about a build',
  usage: 'buildinfo [options] <n-v-r> [<n-v-r> ...]',
  anonymous: true,
  data: {
    of: 'getBuild',
    adds: {
      tags: 'the names of its tags',
      task: 'its task, as returned by getTaskInfo, or null',
      maven: 'what getMavenBuild answers',
      win: 'what getWinBuild answers',
      archives: 'its archives, as returned by listArchives',
      rpms: 'its rpms, as returned by listRPMs, each with the list sigkeys',
      changelog: 'with --changelog, what getChangelogEntries answers',
    },
  },
  options: { changelog: flag('--changelog', 'Show the changelog for the build') },
  async run(run) {
    const { args, options, session, warn, print, data, connect, usageError } = run;
    if (args.length === 0) return usageError('Please specify a build');
    await connect();
    let missing = false;
    for (const arg of args) {
      const build = /^\d+$/.test(arg) ? Number(arg) : arg;
      const info = await session.getBuild(build);
      if (info === null) {
        warn(`No such build: ${arg}\n`);
        missing = true;
        continue;
      }
      const about = await printBuild(run, info, build);
      const archives = await printArchives(run, info);
      const rpms = await printRpms(run, info);
      const changelog = options.changelog ? await changelogOf(run, info.id) : null;
      if (changelog) print(changelog.length > 0 ? `Changelog:\n${formatChangelog(changelog)}` : '');
      data({ ...info, ...about, archives, rpms, ...(changelog ? { changelog } : {}) });
    }
    return missing ? 1 : 0;
  },
});

async function printBuild(run: Run, info: BuildInfo, asked: number | string): Promise<object> {
  const { session, print } = run;
  const state = nameOf(BUILD_STATES, info.state) ?? 'None';
  const taskId = info.task_id ?? (info.extra?.['container_koji_task_id'] as number | undefined);
  const task = taskId ? await session.getTaskInfo(taskId, true) : null;
  const tags = await session.listTags(asked);
  print(`BUILD: ${info.name}-${info.version}-${info.release} [${info.id}]`);
  if (info.draft) print('Draft: YES');
  print(`State: ${state}`);
  if (state === 'BUILDING') print(`Reserved by: ${pythonStr(info.cg_name)}`);
  print(`Built by: ${info.owner_name}`);
  if (info.source !== null) print(`Source: ${info.source}`);
  print(`Volume: ${info.volume_name}`);
  print(task ? `Task: ${task.id} ${taskLabel(task)}` : 'Task: none');
  print(`Finished: ${longTime(numberOrNull(info.completion_ts))}`);
  if (info.promotion_ts) {
    print(`Promoted by: ${pythonStr(info.promoter_name)}`);
    print(`Promoted at: ${longTime(numberOrNull(info.promotion_ts))}`);
  }
  const maven = await session.getMavenBuild(info.id);
  if (maven) {
    print(`Maven groupId: ${maven.group_id}`);
    print(`Maven artifactId: ${maven.artifact_id}`);
    print(`Maven version: ${maven.version}`);
  }
  const win = await session.getWinBuild(info.id);
  if (win) print(`Windows build platform: ${win.platform}`);
  print(`Tags: ${tags.map((tag) => tag.name).join(' ')}`);
  if (info.extra && Object.keys(info.extra).length > 0) print(`Extra: ${pythonRepr(info.extra)}`);
  return { tags: tags.map(({ name }) => name), task, maven, win };
}

const numberOrNull = (value: unknown): number | null => (value === null ? null : Number(value));

async function printArchives(
  { session, paths, print }: Run,
  info: BuildInfo,
): Promise<readonly ArchiveInfo[]> {
  const buildID = info.id;
  const seen = new Set<number>();
  const show = <A extends ArchiveInfo>(
    heading: string,
    archives: readonly A[],
    path: (archive: A) => string,
  ): void => {
    if (archives.length > 0) print(heading);
    for (const archive of archives) {
      seen.add(archive.id);
      print(path(archive));
    }
  };
  show(
    'Maven archives:',
    await session.listArchives(named({ buildID, type: 'maven' as const })),
    (a) => `${paths.mavenbuild(info)}/${paths.mavenfile(a)}`,
  );
  show(
    'Windows archives:',
    await session.listArchives(named({ buildID, type: 'win' as const })),
    (a) => `${paths.winbuild(info)}/${paths.winfile(a)}`,
  );
  show(
    'Image archives:',
    await session.listArchives(named({ buildID, type: 'image' })),
    (a) => `${paths.imagebuild(info)}/${a.filename}`,
  );
  const all = await session.listArchives(named({ buildID }));
  const others = all.filter((archive) => !seen.has(archive.id));
  for (const btype of new Set(others.map((archive) => archive.btype))) {
    const heading = `${btype.charAt(0).toUpperCase()}${btype.slice(1).toLowerCase()} Archives:`;
    const ofType = others.filter((archive) => archive.btype === btype);
    show(heading, ofType, (archive) => `${paths.typedir(info, btype)}/${archive.filename}`);
  }
  return all;
}

async function printRpms({ session, paths, print }: Run, info: BuildInfo): Promise<readonly object[]> {
  const rpms = await session.listRPMs(named({ buildID: info.id }));
  if (rpms.length === 0) return [];
  const calls = session.multicall();
  const signatures = rpms.map((rpm) => calls.queryRPMSigs(rpm.id));
  await calls.run();
  print('RPMs:');
  return rpms.map((rpm, i) => {
    const keys = (signatures[i]?.result ?? []).map((signature) => signature.sigkey).filter(Boolean);
    const sigkeys = sortTexts(keys);
    const signed = keys.length > 0 ? `\tSignatures: ${sigkeys.join(', ')}` : '';
    print(`${paths.build(info)}/${paths.rpm(rpm)}${signed}`);
    return { ...rpm, sigkeys };
  });
}

async function changelogOf({ session }: Run, buildId: number): Promise<ChangelogEntry[]> {
  const entries = await session.getChangelogEntries(buildId);
  if (!Array.isArray(entries)) throw new GenericError('the hub answered no changelog');
  return entries;
}

export const builds = [buildinfo];
