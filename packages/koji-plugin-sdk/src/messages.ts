/// <reference types="node" preserve="true" />
/**
 * The messages that Koji's own bus plugin, protonmsg, makes of what happens on a hub: one form for all plugins that send
 * them on, so that receivers need not care which one did.
 */
import { BUILD_STATES } from '@koji/core';
import type { CallbackPayloads } from './callbacks.js';
import { context } from './context.js';
import type { Context } from './context.js';
import { messageText } from './outbox.js';

/** The events that messages are made of. */
export const messageEvents = [
  'postPackageListChange',
  'postTaskStateChange',
  'postBuildStateChange',
  'postImport',
  'postRPMSign',
  'postTag',
  'postUntag',
  'postRepoInit',
  'postRepoDone',
  'postBuildPromote',
] as const;

/** One of {@link messageEvents}. */
export type MessageEvent = (typeof messageEvents)[number];

/** What a receiver can choose messages by, without reading the body. */
export type MessageProperties = Readonly<Record<string, string | number | boolean | null>>;

/** A message as it goes to the outside. */
export interface EventMessage {
  /** What happened, in two words: `build.tag`, `task.closed`. */
  readonly address: string;
  /** Always with `type`, the event without its `post`. */
  readonly properties: MessageProperties;
  /** The event's payload as JSON, times as text. */
  readonly body: string;
}

/** How messages are made. */
export interface MessageOptions {
  /** Characters of JSON that a build's `extra` may have; it is left out when it has more. Default 0: as many as there are. */
  readonly extraLimit?: number;
  /** Whether messages of an address are wanted at all. Default: all are. */
  readonly wants?: (address: string) => boolean;
  /** What answers for what the payload does not have. Default: the call that is running. */
  readonly context?: Pick<Context, 'call'>;
}

/**
 * The message of an event; null when there is none to send, as for a change of a task that is none of its state.
 *
 * @example
 * export const letters = outbox('letters', async (message: EventMessage) => {
 *   await fetch('https://letters.example.org/', { method: 'POST', body: message.body });
 * });
 * export const onTag = callback('postTag', async (event, payload) => {
 *   const message = await eventMessage(event, payload);
 *   if (message) await letters.put(message.address, message);
 * });
 */
export async function eventMessage<E extends MessageEvent>(
  event: E,
  payload: CallbackPayloads[E],
  { extraLimit = 0, wants = () => true, context: asked = context }: MessageOptions = {},
): Promise<EventMessage | null> {
  const describe: Describe<E> = descriptions[event];
  const head = describe(payload);
  if (!head || !wants(head.address)) return null;
  const { address, properties } = head;
  const body: Record<string, unknown> = { ...payload };
  for (const field of ['build', 'info'] as const)
    if (isBuild(event, field)) body[field] = withoutLongExtra(body[field], Math.abs(extraLimit));
  // With the whole build, whose extra data say what it is.
  if (event === 'postBuildStateChange')
    body['btypes'] = await asked.call('getBuildType', [
      (payload as CallbackPayloads['postBuildStateChange']).info,
    ]);
  if (event === 'postRepoInit' || event === 'postRepoDone') body['task_id'] ??= null;
  return {
    address,
    properties: { type: event.slice('post'.length), ...properties },
    body: messageText(body),
  };
}

interface Head {
  readonly address: string;
  readonly properties: MessageProperties;
}

type Describe<E extends MessageEvent> = (payload: CallbackPayloads[E]) => Head | null;

interface Versioned {
  readonly name: string;
  readonly version: string;
  readonly release: string;
}

const nvrOf = (build: Versioned | null): MessageProperties => ({
  name: build?.name ?? null,
  version: build?.version ?? null,
  release: build?.release ?? null,
});

const stateNames = new Map<unknown, string>(
  Object.entries(BUILD_STATES).map(([name, state]) => [state, name]),
);

/** A state's name; numbers may come as floats. */
const stateName = (state: unknown): string => stateNames.get(Number(state)) ?? String(state);

const tagged =
  (address: string) =>
  ({ tag, build, user }: CallbackPayloads['postTag']): Head => ({
    address,
    properties: { tag: tag.name, ...nvrOf(build), user: user?.name ?? null },
  });

const descriptions: { readonly [E in MessageEvent]: Describe<E> } = {
  postPackageListChange: ({ action, tag, package: listed, user }) => ({
    address: `package.${action}`,
    properties: { tag: tag.name, package: listed.name, action, user: user?.name ?? null },
  }),

  postTaskStateChange(payload) {
    if (payload.attribute !== 'state') return null;
    const { attribute, old, new: state } = payload;
    const { id, parent, method } = payload.info as { id: number; parent: number | null; method: string };
    return {
      address: `task.${state.toLowerCase()}`,
      properties: { id, parent, method, attribute, old, new: state },
    };
  },

  postBuildStateChange({ attribute, old, new: state, info }) {
    if (attribute !== 'state') return null;
    const name = stateName(state);
    return {
      address: `build.${name.toLowerCase()}`,
      properties: {
        ...nvrOf(info),
        attribute,
        old: old === null ? null : stateName(old),
        new: name,
      },
    };
  },

  postImport: ({ type, build }) => ({
    address: `import.${type}`,
    properties: { importType: type, ...nvrOf(build) },
  }),

  postRPMSign({ sigkey, build, rpm }) {
    if (sigkey === '') return null;
    const { name: rpm_name, version: rpm_version, release: rpm_release, arch: rpm_arch } = rpm;
    return {
      address: 'sign.rpm',
      properties: { sigkey, ...nvrOf(build), rpm_name, rpm_version, rpm_release, rpm_arch },
    };
  },

  postTag: tagged('build.tag'),
  postUntag: tagged('build.untag'),

  postRepoInit: (payload) => ({
    address: 'repo.init',
    properties: {
      tag: payload.tag.name,
      repo_id: payload.repo_id,
      task_id: 'task_id' in payload ? payload.task_id : null,
    },
  }),

  postRepoDone({ repo, expire }) {
    const { id, tag_name: tag, task_id } = repo as { id: number; tag_name: string; task_id: number | null };
    return { address: 'repo.done', properties: { tag, repo_id: id, task_id, expire } };
  },

  postBuildPromote: ({ build, draft_release, target_release, user }) => ({
    address: 'build.promote',
    properties: {
      build_id: build.id,
      ...nvrOf(build),
      draft_release,
      target_release,
      user: user?.name ?? null,
    },
  }),
};

/** Whether a field of the payload is a build; `info` of other events is a task. */
const isBuild = (event: MessageEvent, field: 'build' | 'info'): boolean =>
  field === 'build' || event === 'postBuildStateChange';

function withoutLongExtra(build: unknown, limit: number): unknown {
  if (typeof build !== 'object' || build === null || limit === 0) return build;
  const { extra = {}, ...rest } = build as { extra?: unknown };
  return messageText(extra).length > limit ? rest : build;
}
