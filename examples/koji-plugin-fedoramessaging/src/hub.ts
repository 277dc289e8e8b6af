import { randomUUID } from 'node:crypto';
import { callback, context, ignoreError, outbox } from '@koji/plugin-sdk';
import type { CallbackFunction, CallbackPayloads, Outbox } from '@koji/plugin-sdk';
import { TASK_STATES } from '@koji/plugin-sdk/koji';
import { bus, config, publish } from './publish.js';
import type { Message } from './publish.js';

type Fields = Readonly<Record<string, unknown>>;
type Body<E extends Sent> = (payload: CallbackPayloads[E]) => Promise<Fields | null> | Fields | null;
type Task = Fields & { readonly id: number; readonly host_id: number | null; readonly parent: number | null };

/** The schema of each message, and its severity: 10 for debugging, 20 to inform. */
const kinds = {
  postPackageListChange: ['koji_fedoramessaging.package.ListChangeV1', 10],
  postTaskStateChange: ['koji_fedoramessaging.task.TaskStateChangeV1', 20],
  postBuildStateChange: ['koji_fedoramessaging.build.BuildStateChangeV1', 20],
  postRPMSign: ['koji_fedoramessaging.rpm.SignV1', 10],
  postTag: ['koji_fedoramessaging.tag.TagV1', 10],
  postUntag: ['koji_fedoramessaging.tag.UntagV1', 10],
  postRepoInit: ['koji_fedoramessaging.repo.InitV1', 10],
  postRepoDone: ['koji_fedoramessaging.repo.DoneV1', 10],
} as const;
type Sent = keyof typeof kinds;

/** Unsent messages; all are in one lane, which keeps the order of events. */
export const messages: Outbox<Message> = outbox('fedoramessaging', publish, { close: () => bus.close() });

const page = (path: string): string => `${config.fedoramessaging.base_url}/koji/${path}`;
const isoTime = (time: string | null): string | null => time?.replace(' ', 'T') ?? null;
const nameOf = async (user: number): Promise<string> =>
  (await context.call('getUser', [user], { strict: true })).name;

/** A task with all below it, at one call for each level. */
async function fullTask(id: number) {
  const task = await context.call('getTaskInfo', [id, true], { strict: true });
  const hosts = new Map((await context.call('listHosts')).map((host) => [host.id, host.name]));
  const below = await tasksBelow([id]);
  const complete = (one: Task): Fields => ({
    ...{ ...one, host_name: hosts.get(one.host_id ?? 0) ?? null, url: page(`taskinfo?taskID=${one.id}`) },
    children: below.filter(({ parent }) => parent === one.id).map(complete),
  });
  const result = task.state === TASK_STATES.CLOSED ? await context.call('getTaskResult', [id]) : null;
  const owner = await nameOf(task.owner);
  return { request: task.request ?? [], owner, info: complete({ ...task, owner, result }) };
}

async function tasksBelow(parent: readonly number[]): Promise<Task[]> {
  const tasks = await context.call('listTasks', [{ parent, decode: true }], { queryOpts: { order: 'id' } });
  const result = (task: (typeof tasks)[number]) => (task.state === TASK_STATES.CLOSED ? task.result : null);
  const found = tasks.map((task) => ({ ...task, owner: task.owner_name, result: result(task) }));
  return found.length === 0 ? [] : [...found, ...(await tasksBelow(found.map(({ id }) => id)))];
}

const tagged = ({ tag, user, build }: CallbackPayloads['postTag']): Fields => ({
  ...{ tag: tag.name, tag_id: tag.id, user: user?.name, owner: build.owner_name, build_id: build.id },
  ...{ name: build.name, version: build.version, release: build.release },
});

/** The message for an event; null if there is none. */
const bodies: { readonly [E in Sent]: Body<E> } = {
  async postPackageListChange({ tag, package: { name }, action, ...more }) {
    const owner = 'owner' in more ? await nameOf(more.owner) : null;
    const absent = { block: null, extra_arches: null, force: null, update: null };
    return { tag: tag.name, package: name, action, ...absent, ...more, user: undefined, owner };
  },
  async postTaskStateChange({ info: { id, parent, method, request }, ...change }) {
    const [options, source]: unknown[] = Array.isArray(request) ? [request.at(-1), request[0]] : [];
    const isScratch = typeof options === 'object' && options && 'scratch' in options && options.scratch;
    if (change.attribute !== 'state' || parent !== null || !isScratch) return null;
    const { info, owner } = await fullTask(Number(id));
    return { info, id, method, owner, srpm: String(source).split('/').at(-1), ...change };
  },
  async postBuildStateChange({ info: build, ...change }) {
    if (change.attribute === 'volume_id') return null;
    const { id: build_id, name, version, release, epoch, owner_name: owner, task_id } = build;
    const { info, request } = task_id === null ? { info: null, request: [] } : await fullTask(task_id);
    return {
      ...{ name, version, release, epoch, ...change, build_id, owner, task_id },
      ...{ task: info, request, url: page(`buildinfo?buildID=${build_id}`) },
      ...{ creation_time: isoTime(build.creation_time), completion_time: isoTime(build.completion_time) },
    };
  },
  postRPMSign: (payload) => (payload.sigkey === '' ? null : { ...payload }),
  postTag: tagged,
  postUntag: tagged,
  postRepoInit: ({ tag, repo_id }) => ({ tag: tag.name, tag_id: tag.id, repo_id }),
  postRepoDone: ({ repo }) => ({ tag: repo.tag_name, tag_id: repo.tag_id, repo_id: repo.id }),
};

async function send<E extends Sent>(event: E, payload: CallbackPayloads[E]): Promise<void> {
  const describe: Body<E> = bodies[event];
  const said = await describe(payload);
  if (!said) return;
  const { base_url, instance, files_base_url: files } = config.fedoramessaging;
  const places = { base_url, files_base_url: `${files ?? `${base_url}/kojifiles`}/work` };
  const body = { instance, ...('url' in said || 'info' in said ? places : { base_url }), ...said };
  const words = event.slice('post'.length).match(/[A-Z]+(?![a-z])|[A-Z][a-z]+/g) ?? [];
  const address = `buildsys.${words.join('.').toLowerCase()}`;
  const [fedora_messaging_schema, fedora_messaging_severity] = kinds[event];
  const properties = { fedora_messaging_schema, fedora_messaging_severity };
  await messages.put('buildsys', { id: randomUUID(), address, properties, body });
}

/** Writes the message of an event, which goes out once the call has committed. */
export const sendMessage: CallbackFunction<Sent> = ignoreError(
  callback(
    ...(['postPackageListChange', 'postTaskStateChange', 'postBuildStateChange', 'postRPMSign'] as const),
    ...(['postTag', 'postUntag', 'postRepoInit', 'postRepoDone'] as const),
  )(send),
);
