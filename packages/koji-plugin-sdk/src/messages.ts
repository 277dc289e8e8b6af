/// <reference types="node" preserve="true" />
/**
 * The messages that Koji's own bus plugin, protonmsg, makes from events of a hub. All plugins that send messages use this
 * form, so receivers do not depend on the sending plugin.
 */
import { BUILD_STATES } from '@koji/core';
import type { CallbackPayloads } from './callbacks.js';
import { context } from './context.js';
import type { Context } from './context.js';
import { messageText } from './outbox.js';

/** The events for which messages exist. */
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

/** Properties by which a receiver can select messages without reading the body. */
export type MessageProperties = Readonly<Record<string, string | number | boolean | null>>;

/** A message for other systems. */
export interface EventMessage {
  /** The event in two words: `build.tag`, `task.closed`. */
  readonly address: string;
  /** Properties, always with `type`, the name of the event without `post`. */
  readonly properties: MessageProperties;
  /** The event's payload as JSON, with times as text. */
  readonly body: string;
}

/** Options for making messages. */
export interface MessageOptions {
  /** Maximum length of a build's `extra` as JSON. A longer one is left out. Default 0: no limit. */
  readonly extraLimit?: number;
  /** Returns whether messages of an address are wanted. Default: all are. */
  readonly wants?: (address: string) => boolean;
  /** Calls methods for data that the payload lacks. Default: the running call. */
  readonly context?: Pick<Context, 'call'>;
}

/**
 * Returns the message of an event; null if there is none, as for a change of a task that does not change its state.
 *
 * @example export const letters = outbox('letters', async (message: EventMessage) => {
 *   await fetch('https://letters.example.org/', { method: 'POST', body: message.body }); }); export const onTag =
 * callback('postTag', async (event, payload) => {
 *   const message = await eventMessage(event, payload);
 *   if (message) await letters.put(message.address, message); });
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
  // The message has the whole build, whose extra data show its kind.
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

/** Returns the name of a state. Numbers may arrive as floats. */
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

/** Returns whether a field of the payload is a build. `info` of other events is a task. */
const isBuild = (event: MessageEvent, field: 'build' | 'info'): boolean =>
  field === 'build' || event === 'postBuildStateChange';

function withoutLongExtra(build: unknown, limit: number): unknown {
  if (typeof build !== 'object' || build === null || limit === 0) return build;
  const { extra = {}, ...rest } = build as { extra?: unknown };
  return messageText(extra).length > limit ? rest : build;
}
