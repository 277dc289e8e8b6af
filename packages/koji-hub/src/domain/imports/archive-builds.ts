/** Completes builds whose files are not rpms: Maven, Windows and image builds. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { BuildError, GenericError, readPom, sortTexts } from '@koji/core';
import type { ArchiveInfo, BuildInfo, TaskInfo } from '@koji/core/api';
import type { Call } from '../../call.js';
import { anyOf, sql } from '../../db/sql.js';
import { importArchive } from './archive-imports.js';
import { findTypeOfFile } from '../archives/types.js';
import { beginCompletion, finishBuild, takeLog, takeWrapperRpms } from './completion.js';
import { mavenBuild, winBuild } from '../builds/types.js';
import { linkFromDefault } from './volumes.js';
import { idsOfRpms } from '../rpms/buildroot-contents.js';
import { lockBuild } from '../builds/builds.js';
import { placeFile } from '../files/files.js';
import { addMavenSums } from '../archives/maven.js';
import { idIn, logsIn, structIn, textIn, textsIn, wrapperRpmsIn } from './results.js';
import { assertTaskBuild, assertTasksBelow, assertWrapperBelow } from '../tasks/ownership.js';
import { taskFile } from '../files/uploaded.js';

/** A builder's results for the build of its task. */
export interface Completion {
  readonly task: TaskInfo;
  readonly buildId: number;
  readonly results: unknown;
  /** The result of a wrapperRPM task for it, if there was one. */
  readonly wrapped?: unknown;
}

/** Imports what a Maven build made, which is complete then. */
export async function completeMavenBuild(call: Call, done: Completion): Promise<void> {
  const locked = await lockBuild(call, done.buildId);
  const maven = await mavenBuild(call, locked.id);
  if (!maven) throw new GenericError(`no such maven build: ${done.buildId}`);
  assertTaskBuild(done.task.id, locked);
  const build = await beginCompletion(call, locked, { taskId: done.task.id, type: 'maven' });
  const made = structIn(done.results, 'maven_results');
  const taskId = idIn(made, 'task_id');
  await assertTasksBelow(call, done.task.id, [taskId]);
  for (const [folder, files] of Object.entries(logsIn(made.files))) {
    const [pom, ...others] = files.filter((name) => name.endsWith('.pom'));
    if (others.length > 0)
      throw new BuildError(`multiple .pom files in ${folder}: ${[pom, ...others].join(', ')}`);
    // A folder with a .pom file is that artifact's; others are the build's own.
    const typeInfo =
      pom === undefined ? maven : await readPom(await existing(taskFile(call, taskId, folder, pom)));
    for (const name of files) await takeMavenFile(call, { taskId, folder, name }, { build, typeInfo });
  }
  for (const log of textsIn(made, 'logs'))
    await takeLog(call, taskFile(call, taskId, log), { build, subdir: 'maven' });
  await finish(call, build, done);
}

async function existing(file: string): Promise<string> {
  if (await stat(file).catch(() => null)) return file;
  throw new GenericError(`No such file: ${file}`);
}

async function takeMavenFile(
  call: Call,
  { taskId, folder, name }: { taskId: number; folder: string; name: string },
  { build, typeInfo }: { build: BuildInfo; typeInfo: unknown },
): Promise<void> {
  // These are created again.
  if (/\.(md5|sha1)$/.test(name)) return;
  const file = taskFile(call, taskId, folder, name);
  if (name === 'maven-metadata.xml') {
    // Every repo has its own, so it is not an archive.
    const place = path.posix.join(call.hub.paths.mavenbuild(build), folder);
    await placeFile(call, await existing(file), place);
    await addMavenSums(call, place);
    return;
  }
  if (!(await findTypeOfFile(call, name))) throw new BuildError(`unsupported file type: ${name}`);
  await importArchive(call, { file, build, type: 'maven', typeInfo });
}

/** Imports what a Windows build made, which is complete then. */
export async function completeWinBuild(call: Call, done: Completion): Promise<void> {
  const locked = await lockBuild(call, done.buildId);
  if (!(await winBuild(call, locked.id))) throw new GenericError(`no such Windows build: ${done.buildId}`);
  assertTaskBuild(done.task.id, locked);
  const build = await beginCompletion(call, locked, { taskId: done.task.id, type: 'win' });
  const made = structIn(done.results, 'results');
  const taskId = idIn(made, 'task_id');
  await assertTasksBelow(call, done.task.id, [taskId]);
  for (const [relative, metadata] of Object.entries(structIn(made.output, 'output'))) {
    if (!(await findTypeOfFile(call, relative))) throw new BuildError(`unsupported file type: ${relative}`);
    const typeInfo = { ...structIn(metadata, 'output'), relpath: folderOf(relative) };
    await importArchive(call, { file: taskFile(call, taskId, relative), build, type: 'win', typeInfo });
  }
  for (const log of textsIn(made, 'logs'))
    await takeLog(call, taskFile(call, taskId, log), {
      build,
      subdir: path.posix.join('win', folderOf(log)),
    });
  await finish(call, build, done);
}

function folderOf(relative: string): string {
  const folder = path.posix.dirname(relative);
  return folder === '.' ? '' : folder;
}

async function finish(call: Call, build: BuildInfo, { task, wrapped }: Completion): Promise<void> {
  await linkFromDefault(call, build);
  const wrapper = wrapperRpmsIn(wrapped);
  if (wrapper) {
    await assertWrapperBelow(call, task.id, wrapper);
    await takeWrapperRpms(call, build, wrapper);
  }
  await finishBuild(call, build, task.id);
}

/** Imports the images of an image build, which is complete then. */
export async function completeImageBuild(call: Call, done: Completion): Promise<void> {
  const locked = await lockBuild(call, done.buildId);
  assertTaskBuild(done.task.id, locked);
  const build = await beginCompletion(call, locked, { taskId: done.task.id, type: 'image' });
  await importImages(call, done.task, build, done.results);
  await linkFromDefault(call, build);
  await finishBuild(call, build, done.task.id);
}

/** Imports the images that subtasks made, each with its logs, the rpms in it, and the rpms that wrap it. */
export async function importImages(
  call: Call,
  task: TaskInfo,
  build: BuildInfo,
  results: unknown,
): Promise<void> {
  for (const one of Object.values(structIn(results, 'results'))) {
    const image = structIn(one, 'results');
    if (image.task_id === undefined) {
      call.log.warn(`a subtask of task ${task.id} failed, so that its image is missing`);
      continue;
    }
    const wrapper = wrapperRpmsIn(image.rpmresults);
    if (wrapper) await assertWrapperBelow(call, task.id, wrapper);
    await importImage(call, task, build, image);
    if (wrapper) await takeWrapperRpms(call, build, wrapper);
  }
}

async function importImage(
  call: Call,
  task: TaskInfo,
  build: BuildInfo,
  reported: Readonly<Record<string, unknown>>,
): Promise<void> {
  const taskId = idIn(reported, 'task_id');
  await assertTasksBelow(call, task.id, [taskId]);
  await call.runCallbacks('preImport', { type: 'image', image: reported });
  const image = { ...reported, relpath: call.hub.paths.taskrelpath(taskId) };
  const archives: ArchiveInfo[] = [];
  const files = textsIn(reported, 'files');
  for (const name of files) {
    if (!(await findTypeOfFile(call, name))) throw new BuildError(`Unsupported file type: ${name}`);
    const file = taskFile(call, taskId, name);
    archives.push(await importArchive(call, { file, build, type: 'image', typeInfo: image }));
  }
  await takeImageLogs(call, { taskId, method: task.method, arch: textIn(reported, 'arch') }, build);
  await noteComponents(call, archives, reported.rpmlist);
  const fullpath = taskFile(call, taskId, files.at(-1) ?? '');
  await call.runCallbacks('postImport', { type: 'image', image, build, fullpath });
}

const ownLogs: ReadonlySet<string> = new Set(['appliance', 'image', 'indirectionimage', 'livecd']);

/** Moves all logs that a subtask uploaded; those that could meet others of the same name go to a folder of their arch. */
async function takeImageLogs(
  call: Call,
  { taskId, method, arch }: { taskId: number; method: string; arch: string },
  build: BuildInfo,
): Promise<void> {
  const names = await readdir(call.hub.paths.task(taskId)).catch((): string[] => []);
  const folder = path.join(call.hub.paths.buildLogs(build), 'image');
  for (const name of sortTexts(names.filter((one) => one.endsWith('.log')))) {
    const isTaken = (await stat(path.join(folder, name)).catch(() => null)) !== null;
    const subdir = isTaken || !ownLogs.has(method) ? `image/${arch}` : 'image';
    await takeLog(call, taskFile(call, taskId, name), { build, subdir });
  }
}

/** Notes the rpms that an image was made of. */
async function noteComponents(call: Call, archives: readonly ArchiveInfo[], rpms: unknown): Promise<void> {
  const ids = await idsOfRpms(call, rpms);
  const draft = await call.db.get(
    sql`SELECT id FROM rpminfo WHERE draft IS TRUE AND ${anyOf(sql`id`, ids)} LIMIT 1`,
  );
  if (draft) throw new GenericError('Draft rpm not supported');
  // A description of the image has no rpms in it.
  const images = archives.filter(({ filename }) => !filename.endsWith('xml')).map(({ id }) => id);
  await call.db.run(
    sql`INSERT INTO archive_rpm_components (archive_id, rpm_id)
        SELECT archiveinfo.id, rpminfo.id FROM archiveinfo JOIN rpminfo ON ${anyOf(sql`rpminfo.id`, ids)}
        WHERE ${anyOf(sql`archiveinfo.id`, images)}`,
  );
}
