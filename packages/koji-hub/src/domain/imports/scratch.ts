import path from 'node:path';
import { joinSafe } from '@koji/core';
import type { TaskInfo } from '@koji/core/api';
import type { Call } from '../../call.js';
import { stageMove } from '../files/files.js';
import { withoutRepeatedNoarch } from '../rpms/noarch.js';
import type { WrapperRpms } from './results.js';
import { assertPathsBelow, assertTasksBelow } from '../tasks/ownership.js';
import { checkUploaded, fileIn, taskFile, uploadedFile } from '../files/uploaded.js';
import { getUser } from '../users/users.js';

/** Where the files of a scratch build go: a folder for each owner and task. */
export async function scratchFolder(call: Call, owner: number, taskId: number): Promise<string> {
  const { name } = await getUser(call, owner);
  return joinSafe(call.hub.paths.scratch(), name, `task_${taskId}`);
}

/** Moves the rpms and logs of a scratch build to their place; paths are relative to the upload folder. */
export async function moveRpmsToScratch(
  call: Call,
  task: TaskInfo,
  built: { srpm: string; rpms: readonly string[]; logs: Readonly<Record<string, readonly string[]>> },
): Promise<void> {
  await checkUploaded(call, [built.srpm, ...built.rpms]);
  await assertPathsBelow(call, task.id, [built.srpm, ...built.rpms, ...Object.values(built.logs).flat()]);
  const rpms = await withoutRepeatedNoarch(call, built.rpms);
  const folder = await scratchFolder(call, task.owner, task.id);
  const move = (relative: string, ...below: string[]): Promise<void> => {
    const file = uploadedFile(call, relative);
    return stageMove(call, file, path.join(fileIn(folder, ...below), path.basename(file)));
  };
  for (const relative of [built.srpm, ...rpms]) await move(relative);
  for (const [subdir, files] of Object.entries(built.logs))
    for (const relative of files) await move(relative, 'logs', subdir || '.');
}

/**
 * Moves files that a task uploaded to the same places below a folder of scratch builds.
 *
 * @throws ActionNotAllowed unless it is the builder's task `of` or one below it
 */
export async function moveTaskFiles(
  call: Call,
  taskId: number,
  { files, folder, of }: { files: readonly string[]; folder: string; of: TaskInfo },
): Promise<void> {
  await assertTasksBelow(call, of.id, [taskId]);
  for (const relative of files)
    await stageMove(call, taskFile(call, taskId, relative), fileIn(folder, relative));
}

/** Moves the rpms and logs of a wrapperRPM task, as {@link moveTaskFiles}, below a folder of scratch builds. */
export function moveWrapperRpms(
  call: Call,
  made: WrapperRpms,
  { folder, of }: { folder: string; of: TaskInfo },
): Promise<void> {
  const files = [made.srpm, ...made.rpms, ...made.logs];
  return moveTaskFiles(call, made.taskId, { files, folder: path.join(folder, 'rpms'), of });
}
