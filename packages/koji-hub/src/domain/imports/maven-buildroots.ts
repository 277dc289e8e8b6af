import { BuildrootError } from '@koji/core';
import type { MavenPath } from '@koji/core';
import type { BuildrootInfo, OutputStat } from '@koji/core/api';
import type { Call } from '../../call.js';
import { anyOf, sql } from '../../db/sql.js';
import { updateBuildrootArchives } from '../rpms/buildroot-contents.js';
import { getBuild } from '../builds/builds.js';
import { checkList } from '../values/convert.js';
import { isId } from '../values/ids.js';
import { mavenLabel } from '../archives/maven.js';
import { plain } from '../values/repr.js';
import { getRepo } from '../repos/repos.js';
import { structIn, textIn } from './results.js';
import { latestMavenArchives } from '../tagging/tagged-archives.js';
import { listOutput } from '../task-records/output.js';

/** A builder's list of the local Maven repository in a buildroot. */
export interface MavenContents {
  readonly list: unknown;
  /** Files that the build itself brought. */
  readonly ignore: unknown;
  readonly isProject: boolean;
  /** Passes over files that nobody knows, without a word. */
  readonly ignoreUnknown: boolean;
  /** Other permitted sources of the build: builds, and tasks (by id) through their output. */
  readonly extraDeps: unknown;
}

interface Entry {
  readonly label: string;
  readonly files: readonly { readonly path: string; readonly filename: string; readonly size: unknown }[];
}

/** Files by artifact, then by name. */
type Files<T> = Map<string, Map<string, T>>;

/**
 * Notes the archives that a Maven build used: those of the tag of its repo, as it was then.
 *
 * @throws BuildrootError for a file that is neither there nor to be ignored
 */
export async function updateMavenBuildroot(
  call: Call,
  buildroot: BuildrootInfo,
  contents: MavenContents,
): Promise<void> {
  const entries = entriesIn(contents.list, 'mavenlist');
  const deps = contents.extraDeps ?? [];
  checkList(deps);
  const ignored = ignoredFiles([
    ...entriesIn(contents.ignore ?? [], 'ignore'),
    ...(await taskEntries(call, deps.filter(isId))),
  ]);
  const builds = await buildsOf(call, buildroot, new Set(entries.map(({ label }) => label)));
  await overrideBuilds(
    call,
    builds,
    deps.filter((dep) => !isId(dep)),
  );
  const known = await archivesOf(call, builds);
  const ids = entries.flatMap(({ label, files }) =>
    files.flatMap((file) => {
      const archive = known.get(label)?.get(file.filename);
      if (archive && isSize(archive.size, file.size)) return [archive.id];
      const size = ignored.get(label)?.get(file.filename);
      if (contents.ignoreUnknown || (size !== undefined && isSize(size, file.size))) return [];
      throw new BuildrootError(
        `No such file in build environment: ${file.path}/${file.filename}, size: ${plain(file.size)}`,
      );
    }),
  );
  await updateBuildrootArchives(call, buildroot, { ids: [...new Set(ids)], isProject: contents.isProject });
}

const isSize = (known: unknown, found: unknown): boolean => Number(known) === Number(found);

function entriesIn(list: unknown, name: string): Entry[] {
  checkList(list);
  return list.map((item) => {
    const entry = structIn(item, name);
    const given = structIn(entry.maven_info, 'maven_info');
    const info = {
      group_id: textIn(given, 'group_id'),
      artifact_id: textIn(given, 'artifact_id'),
      version: textIn(given, 'version'),
    };
    const { files } = entry;
    checkList(files);
    return { label: mavenLabel(info), files: files.map(fileIn) };
  });
}

function fileIn(item: unknown): Entry['files'][number] {
  const file = structIn(item, 'files');
  const path = file.path === undefined ? '' : textIn(file, 'path');
  return { path, filename: textIn(file, 'filename'), size: file.size };
}

/** Results of tasks in the form that they would report: a Maven repository in their output. */
async function taskEntries(call: Call, taskIds: readonly number[]): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const taskId of taskIds) {
    const output = (await listOutput(call, taskId, { stat: true })) as Record<string, OutputStat>;
    for (const [name, { st_size: size }] of Object.entries(output)) {
      const parts = name.split('/');
      if (/\.(log|md5|sha1)$/.test(name) || parts.length < 4) continue;
      const [artifact_id = '', version = '', filename = ''] = parts.slice(-3);
      const info = { group_id: parts.slice(0, -3).join('.'), artifact_id, version };
      entries.push({ label: mavenLabel(info), files: [{ path: '', filename, size }] });
    }
  }
  return entries;
}

const timestamp = /-\d{8}\.\d{6}-\d+/;

function ignoredFiles(entries: readonly Entry[]): Files<unknown> {
  const ignored: Files<unknown> = new Map();
  for (const { label, files } of entries) {
    const sizes = ignored.get(label) ?? new Map<string, unknown>();
    ignored.set(label, sizes);
    for (const { filename, size } of files) {
      sizes.set(filename, size);
      // A snapshot exists under both of its names.
      if (timestamp.test(filename)) sizes.set(filename.replace(timestamp, '-SNAPSHOT'), size);
    }
  }
  return ignored;
}

/** The builds that artifacts of the buildroot's tag are of; one for each artifact. */
async function buildsOf(
  call: Call,
  buildroot: BuildrootInfo,
  wanted: ReadonlySet<string>,
): Promise<Map<string, number>> {
  const repo = await getRepo(call, buildroot.repo_id);
  const builds = new Map<string, number>();
  const archives = await latestMavenArchives(call, repo.tag_id, { event: repo.create_event, inherit: true });
  for await (const archive of archives) {
    const label = mavenLabel(archive);
    if (wanted.has(label) && !builds.has(label)) builds.set(label, archive.build_id);
  }
  return builds;
}

/** Artifacts of builds that were named come from these, whatever the tag has. */
async function overrideBuilds(call: Call, builds: Map<string, number>, named: unknown[]): Promise<void> {
  for (const one of named) {
    const { id } = await getBuild(call, one);
    const rows = await call.db.all<MavenPath>(
      sql`SELECT DISTINCT maven_archives.group_id, maven_archives.artifact_id, maven_archives.version
          FROM archiveinfo JOIN maven_archives ON maven_archives.archive_id = archiveinfo.id
          WHERE archiveinfo.build_id = ${id}`,
    );
    for (const row of rows) builds.set(mavenLabel(row), id);
  }
}

/** The archives of each artifact's build. */
async function archivesOf(
  call: Call,
  builds: ReadonlyMap<string, number>,
): Promise<Files<{ id: number; size: number }>> {
  const rows = await call.db.all<
    MavenPath & { id: number; build_id: number; filename: string; size: number }
  >(
    sql`SELECT archiveinfo.id, archiveinfo.build_id, archiveinfo.filename, archiveinfo.size,
          maven_archives.group_id, maven_archives.artifact_id, maven_archives.version
        FROM archiveinfo JOIN maven_archives ON maven_archives.archive_id = archiveinfo.id
        WHERE ${anyOf(sql`archiveinfo.build_id`, [...new Set(builds.values())])} ORDER BY archiveinfo.id`,
  );
  const files: Files<{ id: number; size: number }> = new Map();
  for (const row of rows) {
    const label = mavenLabel(row);
    if (builds.get(label) !== row.build_id) continue;
    const names = files.get(label) ?? new Map<string, { id: number; size: number }>();
    files.set(label, names.set(row.filename, row));
  }
  return files;
}
