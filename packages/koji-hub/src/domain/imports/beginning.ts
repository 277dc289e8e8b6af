import { BUILD_STATES, ParameterError } from '@koji/core';
import type { TaskInfo } from '@koji/core/api';
import type { Call } from '../../call.js';
import { forUpdate, sql } from '../../db/sql.js';
import { newBuild, newPackage } from '../builds/builds.js';
import type { NewBuild } from '../builds/builds.js';
import { checkStruct, truthy } from '../values/convert.js';
import { checkText } from '../values/names.js';
import { nextRelease } from '../history/releases.js';

type Struct = Record<string, unknown>;

/** A build that a task begins: what the builder said of it, and what the task adds. */
export function buildOfTask(task: TaskInfo, data: unknown): Struct {
  checkStruct(data);
  return {
    ...data,
    task_id: task.id,
    owner: task.owner,
    state: BUILD_STATES.BUILDING,
    completion_time: null,
  };
}

/** Adds the build of a task; what is not a build's own (`id`, `volume_id`, …) is not for a builder to say. */
export function beginBuild(call: Call, data: Struct): Promise<number> {
  const { source } = data;
  checkText(source, { nullable: true });
  const known = Object.entries(data).filter(([key]) => settable.has(key));
  const draft = data.draft === undefined ? {} : { draft: truthy(data.draft) };
  return newBuild(call, { ...(Object.fromEntries(known) as unknown as NewBuild), ...draft });
}

const settable: ReadonlySet<string> = new Set<keyof NewBuild>([
  'name',
  'version',
  'release',
  'epoch',
  'draft',
  'task_id',
  'source',
  'extra',
  'owner',
  'state',
  'completion_time',
]);

/** As {@link beginBuild}; a build without a release gets the one after the last, which is put into its data. */
export async function beginNextBuild(call: Call, data: Struct): Promise<number> {
  if (data.release === null || data.release === undefined) {
    for (const field of ['name', 'version'])
      if (data[field] === undefined) throw new ParameterError(`No ${field} value for build`);
    // Other calls that need the next release of the package wait here.
    const id = await newPackage(call, data.name);
    await call.db.get(sql`SELECT id FROM package WHERE id = ${id}${forUpdate}`);
    data.release = await nextRelease(call, data);
  }
  return beginBuild(call, data);
}
