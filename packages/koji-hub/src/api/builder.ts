import { isDeepStrictEqual } from 'node:util';
import { AuthError, GenericError, ParameterError, TASK_STATES, writeJson } from '@koji/core';
import { encodeArgs } from '@koji/core/wire';
import type { AssignedTask, BuilderMethods, Float } from '@koji/core/api';
import type { Call, Handlers } from '../call.js';
import { epoch, now, sql } from '../db/sql.js';
import { findBuild } from '../domain/builds/builds.js';
import { toFloat, truthy } from '../domain/values/convert.js';
import { readJson } from '../domain/values/json.js';
import { getHost, listChannels } from '../domain/task-records/hosts.js';
import { checkText } from '../domain/values/names.js';
import { tagNotification } from '../domain/tasks/notifications.js';
import { refuse } from '../domain/tasks/refusals.js';
import { tell } from '../domain/task-records/news.js';
import { assertSubtasks, assertTagsOrBuilds } from '../domain/tasks/ownership.js';
import { getTask } from '../domain/task-records/task-records.js';
import { makeTask } from '../domain/tasks/make-task.js';
import { assertHostHasTask, assertNotOtherHosts, hostHasTask } from '../domain/task-records/open-tasks.js';
import { closeTask, failTask, freeTask, openTask, setTaskWeight } from '../domain/tasks/tasks.js';
import {
  checkIds,
  hostHasWork,
  hostTasks,
  setWaiting,
  takeFinished,
  takeResults,
} from '../domain/task-records/waiting.js';
import { runScheduler } from '../scheduler/run.js';
import { untilNews } from './long-polls.js';
import { taskOptions } from './tasks.js';

/** Seconds that a builder may wait for tasks: long, since each of thousands that asks again costs a call. */
const longestWait = 600;

/** Handlers of what builders call. */
export const builder: Handlers<BuilderMethods> = {
  'host.getID': (_, call) => call.session.assertHost(),

  'host.getHost': (_, call) => getHost(call, call.session.assertHost()),

  async 'host.isEnabled'(_, call) {
    return (await getHost(call, call.session.assertHost())).enabled;
  },

  async 'host.updateHost'({ task_load: load, ready, data }, call) {
    const hostId = call.session.assertHost();
    const weight = toFloat(load);
    if (!(weight >= 0)) throw new ParameterError(`task_load must be a number from 0 on, not ${weight}`);
    const before = await checkedIn(call, hostId);
    await call.db.run(
      sql`UPDATE host SET task_load = ${weight}, ready = ${truthy(ready)}, update_time = ${now} WHERE id = ${hostId}`,
    );
    if (data !== null) await setHostData(call, hostId, data);
    // Of a thousand builders that say the same again, none may start a run that reads them all.
    const is = { load: weight, ready: truthy(ready), data: data === null ? before.data : asStored(data) };
    if (is.ready && !isDeepStrictEqual(is, before)) tell(call, { plan: true });
    return null;
  },

  async 'host.setHostData'({ hostdata }, call) {
    await setHostData(
      call,
      call.session.assertHost(),
      typeof hostdata === 'string' ? parse(hostdata) : hostdata,
    );
    return null;
  },

  'host.getTasks': (_, call) => assignedTasks(call, call.session.assertHost()),

  async 'host.getLoadData'(_, call) {
    const hostId = call.session.assertHost();
    const host = await getHost(call, hostId);
    const channels = (await listChannels(call, { host: hostId })).map(({ id }) => id);
    return [[{ ...host, channels }], await assignedTasks(call, hostId)];
  },

  'host.getHostTasks': (_, call) => hostTasks(call, call.session.assertHost()),

  async 'host.waitForTasks'({ timeout, tasks: held }, call) {
    const hostId = call.session.assertHost();
    checkIds(held ?? []);
    let looks = 0;
    const look = (): Promise<boolean> =>
      call.read(async (reading) => {
        // It was open when the call came.
        if ((looks += 1) > 1) await assertOpenSession(reading);
        return hostHasWork(reading, hostId, held);
      });
    const isNews = (hasWork: boolean): boolean => hasWork;
    return call.hub.waitingBuilders.during(hostId, call.session.id, () =>
      untilNews(call, { channel: `host:${hostId}`, timeout, longest: longestWait, look, isNews }),
    );
  },

  'host.openTask': ({ task_id: taskId }, call) => openTask(call, taskId, call.session.assertHost()),

  async 'host.closeTask'({ task_id: taskId, response }, call) {
    await assertHostHasTask(call, taskId, call.session.assertHost());
    await closeTask(call, taskId, documentText(response));
    return null;
  },

  async 'host.failTask'({ task_id: taskId, response }, call) {
    await assertHostHasTask(call, taskId, call.session.assertHost());
    await failTask(call, taskId, documentText(response));
    return null;
  },

  async 'host.freeTasks'({ tasks }, call) {
    const hostId = call.session.assertHost();
    // A task that was freed or given to another host since the builder's last check is not an error.
    for (const taskId of tasks) if (await hostHasTask(call, taskId, hostId)) await freeTask(call, taskId);
    return null;
  },

  async 'host.refuseTask'({ task_id: taskId, soft, msg }, call) {
    const hostId = call.session.assertHost();
    const task = await getTask(call, taskId);
    if (task.host_id !== hostId) {
      call.log.warn(`host ${hostId} refused task ${taskId}, which it does not have`);
      return null;
    }
    checkText(msg);
    await refuse(call, { hostId, taskId, soft: truthy(soft), byHost: true, message: msg });
    await freeTask(call, taskId);
    return null;
  },

  async 'host.setTaskWeight'({ task_id: taskId, weight }, call) {
    await assertHostHasTask(call, taskId, call.session.assertHost());
    await setTaskWeight(call, taskId, toFloat(weight));
    return null;
  },

  'host.subtask': ({ method, arglist, parent, keywords }, call) =>
    subtask(call, { method, params: arglist, parent, options: keywords }),

  'host.subtask2'({ parent, taskopts, method, rest, keywords }, call) {
    return subtask(call, { method, params: encodeArgs(rest, keywords), parent, options: { ...taskopts } });
  },

  async 'host.taskSetWait'({ parent, tasks }, call) {
    await assertNotOtherHosts(call, parent, call.session.assertHost());
    checkIds([parent, ...(tasks ?? [])]);
    await assertSubtasks(call, parent, tasks ?? []);
    await setWaiting(call, parent, tasks);
    return null;
  },

  async 'host.taskWait'({ parent }, call) {
    await assertNotOtherHosts(call, parent, call.session.assertHost());
    checkIds([parent]);
    return takeFinished(call, parent);
  },

  async 'host.taskWaitResults'({ parent, tasks, canfail }, call) {
    await assertNotOtherHosts(call, parent, call.session.assertHost());
    checkIds([parent, ...(tasks ?? [])]);
    await assertSubtasks(call, parent, tasks ?? []);
    return takeResults(call, parent, tasks, canfail ?? []);
  },

  async 'host.tagNotification'(about, call) {
    const hostId = call.session.assertHost();
    checkText(about.failure_msg);
    // No notification is sent about a build that does not exist.
    const build = await findBuild(call, about.build_id);
    if (build) await assertTagsOrBuilds(call, hostId, build);
    await tagNotification(call, {
      successful: truthy(about.is_successful),
      tag: about.tag_id,
      fromTag: about.from_id,
      build: about.build_id,
      userId: about.user_id,
      ignoreSuccess: truthy(about.ignore_success),
      failure: about.failure_msg,
    });
    return null;
  },
};

/** The data of a builder's last check-in; null if that is too long ago. */
async function checkedIn(
  call: Call,
  hostId: number,
): Promise<{ load: number | null; ready: boolean; data: unknown }> {
  const row = await call.db.get<{
    task_load: Float | null;
    ready: boolean;
    update_ts: Float | null;
    data: string | null;
  }>(
    sql`SELECT host.task_load, host.ready, ${epoch('host.update_time', 'update_ts')}, scheduler_host_data.data
        FROM host LEFT JOIN scheduler_host_data ON scheduler_host_data.host_id = host.id WHERE host.id = ${hostId}`,
  );
  const { ReadyTimeout, HostTimeout } = call.hub.options;
  const silence = Date.now() / 1000 - Number(row?.update_ts ?? 0);
  if (!row || silence > Math.min(ReadyTimeout, HostTimeout) / 2)
    return { load: null, ready: false, data: null };
  return { load: Number(row.task_load), ready: row.ready, data: readJson(row.data, 'data of a host') };
}

function asStored(data: unknown): unknown {
  return readJson(writeJson(data), 'data of a host');
}

/** Throws AuthError when the login that the caller waits by was closed meanwhile. */
async function assertOpenSession(call: Call): Promise<void> {
  const { id } = call.session;
  const open = await call.db.get(sql`SELECT id FROM sessions WHERE id = ${id} AND closed = FALSE`);
  if (!open) throw new AuthError('Invalid session or bad credentials');
}

async function setHostData(call: Call, hostId: number, data: unknown): Promise<void> {
  if (typeof data !== 'object' || data === null || Array.isArray(data) || data instanceof Uint8Array)
    throw new ParameterError('Host data should be a dictionary');
  await call.db.run(
    sql`INSERT INTO scheduler_host_data (host_id, data) VALUES (${hostId}, ${writeJson(data)})
        ON CONFLICT (host_id) DO UPDATE SET data = excluded.data`,
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ParameterError('Host data should be a dictionary, or JSON text of one', { cause });
  }
}

/** Returns the tasks assigned to a host; if there are none, the scheduler may run first. */
async function assignedTasks(call: Call, hostId: number): Promise<AssignedTask[]> {
  const found = await readAssigned(call, hostId);
  if (found.length > 0 || !(await runScheduler(call, 'gentle'))) return found;
  return readAssigned(call, hostId);
}

function readAssigned(call: Call, hostId: number): Promise<AssignedTask[]> {
  return call.db.all<AssignedTask>(
    sql`SELECT id, state, channel_id, host_id, arch, method, priority, ${epoch('create_time', 'create_ts')} FROM task
        WHERE host_id = ${hostId} AND state = ${TASK_STATES.ASSIGNED} ORDER BY priority, create_time, id`,
  );
}

/** A response as it is stored; builders with bytes for strings send it in base64. */
function documentText(response: unknown): string {
  const text = response instanceof Uint8Array ? Buffer.from(response).toString('utf8') : response;
  checkText(text);
  return text;
}

async function subtask(
  call: Call,
  wanted: { method: unknown; params: unknown[]; parent: number; options: Record<string, unknown> },
): Promise<number> {
  const { method, parent } = wanted;
  await assertHostHasTask(call, parent, call.session.assertHost());
  const { kwargs, ...options } = wanted.options;
  const { label } = options;
  if (typeof label === 'string') {
    // A builder that repeats a call whose answer it did not get must not make a second subtask.
    const made = await call.db.get<{ id: number }>(
      sql`SELECT id FROM task WHERE parent = ${parent} AND label = ${label}`,
    );
    if (made) return made.id;
  }
  if (kwargs !== undefined && (typeof kwargs !== 'object' || kwargs === null))
    throw new GenericError('kwargs of a subtask must be a struct');
  const params = kwargs ? encodeArgs(wanted.params, kwargs as Record<string, unknown>) : wanted.params;
  return makeTask(call, method, params, { ...taskOptions(options), parent });
}
