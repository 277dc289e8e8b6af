import { mkdir, open, symlink, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import {
  GenericError,
  PathInfo,
  REPO_STATES,
  canonArch,
  compsXml,
  isDebuginfo,
  writeIndentedJson,
  writeJson,
} from '@koji/core';
import type { TagInfo } from '@koji/core/api';
import type { Call } from '../../call.js';
import { nextId } from '../../db/ids.js';
import { sql } from '../../db/sql.js';
import { assertMavenEnabled } from '../builds/types.js';
import { readTagGroups } from '../tags/comps.js';
import { truthy } from '../values/convert.js';
import { findEvent } from '../history/events.js';
import { stageFolder } from '../files/files.js';
import { readPackageList } from '../tags/package-lists.js';
import { archFolder } from './done.js';
import { repoOptionsFor } from './options.js';
import type { RepoOptions, SomeRepoOptions } from './options.js';
import { writeMavenLinks } from './maven.js';
import { firstChange, lastChange } from '../tags/changes.js';
import { readTaggedRpms } from '../tagging/tagging.js';
import { assertHostHasTask } from '../task-records/open-tasks.js';
import { getTag } from '../tags/tags.js';

/** A repo that begins. */
export interface NewRepo {
  readonly taskId: number | null;
  /** The event whose content it gets; null for now. */
  readonly event: number | null;
  /** As it came off the wire. */
  readonly opts: unknown;
}

/** Data for the files of a new repo. */
interface Plan {
  readonly id: number;
  readonly event: number;
  readonly taskId: number | null;
  readonly tag: TagInfo;
  readonly arches: readonly string[];
  readonly opts: RepoOptions;
  readonly custom: SomeRepoOptions;
}

/**
 * Begins a repo of a tag for the calling builder: its record in state INIT, and its folder with what createrepo needs. For each arch `pkglist`
 * (paths of rpms below `toplink`), `rpmlist.jsonl` (the same rpms, a struct in each line), `blocklist` and `toplink`;
 * once `groups/comps.xml` and `repo.json`; with maven the artifacts as links.
 *
 * @returns its id and its event
 * @throws ActionNotAllowed for a task that the builder does not have, GenericError for an unknown tag, task or event, or
 *   maven that is not enabled
 */
export async function beginRepo(
  call: Call,
  tagInfo: unknown,
  { taskId, event, opts: wanted }: NewRepo,
): Promise<[number, number]> {
  const hostId = call.session.assertHost();
  const tag = await getTag(call, tagInfo, { event });
  if (taskId !== null) await assertHostHasTask(call, taskId, hostId);
  const { opts, custom } = repoOptionsFor(call, tag, wanted);
  const payload = { tag, event, task_id: taskId, opts };
  await call.runCallbacks('preRepoInit', { ...payload, repo_id: null });
  const id = await nextId(call.db, 'repo');
  if (event !== null && !(await findEvent(call, event))) throw new GenericError('query returned no rows');
  const at = event ?? (await call.event());
  const begin = (await lastChange(call, tag.id, { before: at, inherit: true })) ?? at;
  const end = await firstChange(call, tag.id, { after: at, inherit: true });
  await call.db.run(
    sql`INSERT INTO repo (id, create_event, begin_event, end_event, tag_id, state, task_id, host_id, opts, custom_opts)
        VALUES (${id}, ${at}, ${begin}, ${end}, ${tag.id}, ${REPO_STATES.INIT}, ${taskId}, ${hostId},
          ${JSON.stringify(opts)}, ${JSON.stringify(custom)})`,
  );
  const plan = { id, event: at, taskId, tag, arches: archesOf(tag, opts), opts, custom };
  const folder = call.hub.paths.repo(id, tag.name);
  await stageFolder(call, folder, () => fill(call, folder, plan));
  await call.runCallbacks('postRepoInit', { ...payload, repo_id: id });
  return [id, at];
}

function archesOf(tag: TagInfo, opts: RepoOptions): string[] {
  const own = (tag.arches ?? '').split(/\s+/).filter(Boolean).map(archFolder);
  const binary = own.filter((arch) => arch !== 'src' && arch !== 'noarch');
  return [...new Set(opts.separate_src ? ['src', ...binary] : binary)];
}

async function fill(call: Call, folder: string, plan: Plan): Promise<void> {
  const { tag, event, arches } = plan;
  const groups = await readTagGroups(call, tag.id, { event, inherit: true });
  await mkdir(path.join(folder, 'groups'));
  await writeFile(path.join(folder, 'groups', 'comps.xml'), compsXml(groups, { expandGroups: true }));
  await writeFile(path.join(folder, 'repo.json'), describe(plan));
  const entries = await readPackageList(call, { tagId: tag.id, event, inherit: true, withOwners: false });
  const blocked = entries.filter((entry) => entry.blocked).map((entry) => `${entry.package_name}\n`);
  for (const arch of arches) {
    const own = path.join(folder, arch);
    await mkdir(own);
    await symlink(path.relative(own, call.hub.paths.topdir), path.join(own, 'toplink'));
    await writeFile(path.join(own, 'blocklist'), blocked.join(''));
  }
  await writeLists(call, folder, plan);
  if (!plan.opts.maven) return;
  assertMavenEnabled(call);
  await writeMavenLinks(call, path.join(folder, 'maven'), { tagId: tag.id, event });
}

function describe({ id, tag, taskId, event, opts, custom }: Plan): string {
  return writeIndentedJson({
    id,
    tag: tag.name,
    tag_id: tag.id,
    task_id: taskId,
    event_id: event,
    opts,
    custom_opts: custom,
    // By the names that they had before there were options.
    with_src: opts.src,
    with_separate_src: opts.separate_src,
    with_debuginfo: opts.debuginfo,
  });
}

async function writeLists(call: Call, folder: string, plan: Plan): Promise<void> {
  const { tag, event, arches, opts } = plan;
  const latest = !truthy(tag.extra.repo_include_all ?? false);
  const [rpms, builds] = await readTaggedRpms(call, tag.id, { event, inherit: true, latest });
  const paths = new PathInfo('toplink');
  const folders = new Map<number, string>();
  for await (const build of builds) folders.set(build.id, paths.build(build));
  const lists = new Map<string, ArchLists>();
  try {
    for (const arch of arches) lists.set(arch, await ArchLists.create(path.join(folder, arch)));
    for await (const rpm of rpms) {
      if (!opts.debuginfo && isDebuginfo(rpm.name)) continue;
      const file = `${folders.get(rpm.build_id) ?? ''}/${paths.rpm(rpm)}`;
      for (const arch of listsFor(rpm.arch, arches, opts)) await lists.get(arch)?.add(file, rpm);
    }
  } finally {
    for (const list of lists.values()) await list.close();
  }
}

/** The arches whose repos contain an rpm of an arch. */
function listsFor(
  arch: string,
  arches: readonly string[],
  { src, separate_src: separate }: RepoOptions,
): string[] {
  if (arch === 'noarch') return arches.filter((one) => one !== 'src');
  if (arch !== 'src') return [canonArch(arch)];
  return [...(src ? arches : []), ...(separate ? ['src'] : [])];
}

/** The two lists of rpms in an arch's folder. */
class ArchLists {
  private constructor(
    private readonly paths: LineFile,
    private readonly rpms: LineFile,
  ) {}

  static async create(folder: string): Promise<ArchLists> {
    const paths = new LineFile(await open(path.join(folder, 'pkglist'), 'wx'));
    return new ArchLists(paths, new LineFile(await open(path.join(folder, 'rpmlist.jsonl'), 'wx')));
  }

  async add(file: string, rpm: object): Promise<void> {
    await this.paths.add(file);
    await this.rpms.add(writeJson(rpm));
  }

  async close(): Promise<void> {
    await this.paths.close();
    await this.rpms.close();
  }
}

const blockSize = 64 * 1024;

/** Writes lines in blocks. */
class LineFile {
  private waiting = '';

  constructor(private readonly file: FileHandle) {}

  async add(line: string): Promise<void> {
    this.waiting += `${line}\n`;
    if (this.waiting.length >= blockSize) await this.flush();
  }

  async close(): Promise<void> {
    await this.flush();
    await this.file.close();
  }

  private async flush(): Promise<void> {
    await this.file.appendFile(this.waiting);
    this.waiting = '';
  }
}
