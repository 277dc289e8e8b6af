/**
 * What Koji tells the outside of an event: one form for every way to tell it. Addresses, properties and bodies are those of
 * Koji's own messages.
 */
import { BUILD_STATES, nameOf, writeJson } from '@koji/core';
import { Double } from '@koji/core/wire';
import { context } from './context.js';
import type { CallbackName, CallbackPayloads } from './callbacks.js';
import { messageText } from './outbox.js';

/** What a message is about, for those who filter: text, numbers and nulls. */
export type MessageProperties = Readonly<Record<string, string | number | boolean | null>>;

/** A message about an event. */
export interface EventMessage {
  /** What happened, with dots: `build.tag`, `task.closed`. */
  readonly address: string;
  readonly properties: MessageProperties;
  /** The payload as JSON. */
  readonly body: string;
}

/** How messages are made. */
export interface MessageOptions {
  /** Characters of JSON that `extra` of a build may have, or it is left out; 0 has no limit. Default 0. */
  readonly extraLimit?: number;
}

/** The events that there are messages about. */
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
] as const satisfies readonly CallbackName[];

/** The name of an event that there are messages about. */
export type MessageEvent = (typeof messageEvents)[number];

interface Subject {
  readonly address: string;
  readonly properties: Readonly<Record<string, unknown>>;
  /** What the body has beside the payload. */
  readonly more?: object;
}

type Describe = {
  readonly [E in MessageEvent]: (payload: CallbackPayloads[E]) => Subject | null | Promise<Subject | null>;
};

interface Release {
  readonly name: string;
  readonly version: string;
  readonly release: string;
}

const nvrOf = ({ name, version, release }: Release): Release => ({ name, version, release });
const ownName = (named: { readonly name: string } | null): string | null => named?.name ?? null;
const stateName = (state: unknown): string | null => nameOf(BUILD_STATES, Number(state));

const describe: Describe = {
  postPackageListChange: ({ action, tag, package: pkg, user }) => ({
    address: `package.${action}`,
    properties: { tag: tag.name, package: pkg.name, action, user: ownName(user) },
  }),

  postTaskStateChange({ attribute, old, new: state, info }) {
    if (attribute !== 'state') return null;
    const { id, parent, method } = info as Readonly<Record<string, unknown>>;
    return {
      address: `task.${state.toLowerCase()}`,
      properties: { id, parent, method, attribute, old, new: state },
    };
  },

  async postBuildStateChange({ attribute, old, new: state, info }) {
    if (attribute !== 'state') return null;
    const build = info as Release & { readonly id: number };
    const name = stateName(state);
    const types = (await context.call('getBuildType', [build.id])) as object | null;
    return {
      address: `build.${(name ?? '').toLowerCase()}`,
      properties: { ...nvrOf(build), attribute, old: old === null ? null : stateName(old), new: name },
      more: { btypes: Object.keys(types ?? {}) },
    };
  },

  postImport(payload) {
    const { type, build } = payload;
    return { address: `import.${type}`, properties: { importType: type, ...nvrOf(build) } };
  },

  postRPMSign({ sigkey, build, rpm }) {
    if (sigkey === '') return null;
    const { name, version, release } = build ?? { name: null, version: null, release: null };
    return {
      address: 'sign.rpm',
      properties: {
        sigkey,
        name,
        version,
        release,
        rpm_name: rpm.name,
        rpm_version: rpm.version,
        rpm_release: rpm.release,
        rpm_arch: rpm.arch,
      },
    };
  },

  postTag: ({ tag, build, user }) => ({
    address: 'build.tag',
    properties: { tag: tag.name, ...nvrOf(build), user: ownName(user) },
  }),

  postUntag: ({ tag, build, user }) => ({
    address: 'build.untag',
    properties: { tag: tag.name, ...nvrOf(build), user: ownName(user) },
  }),

  postRepoInit: ({ tag, repo_id: repo, task_id: task = null }: RepoStart) => ({
    address: 'repo.init',
    properties: { tag: tag.name, repo_id: repo, task_id: task },
  }),

  postRepoDone({ repo, expire }) {
    const { tag_name: tag, id, task_id: task } = repo as Readonly<Record<string, unknown>>;
    return { address: 'repo.done', properties: { tag, repo_id: id, task_id: task, expire } };
  },

  postBuildPromote: ({ build, draft_release: draft, target_release: target, user }) => ({
    address: 'build.promote',
    properties: {
      build_id: build.id,
      ...nvrOf(build),
      draft_release: draft,
      target_release: target,
      user: ownName(user),
    },
  }),
};

interface RepoStart {
  readonly tag: { readonly name: string };
  readonly repo_id: number | null;
  readonly task_id?: number | null;
}

/**
 * The message about an event; null when there is none, as for other changes of a task than that of its state. Needs the
 * context of the call, so that it works in callbacks only.
 */
export async function eventMessage<E extends MessageEvent>(
  event: E,
  payload: CallbackPayloads[E],
  { extraLimit = 0 }: MessageOptions = {},
): Promise<EventMessage | null> {
  const subject = await describe[event](payload);
  if (!subject) return null;
  const properties = Object.entries({ type: event.replace(/^post/, ''), ...subject.properties });
  return {
    address: subject.address,
    properties: Object.fromEntries(properties.map(([name, value]) => [name, scalar(value)])),
    body: messageText(withoutLongExtra({ ...payload, ...subject.more }, extraLimit)),
  };
}

function scalar(value: unknown): string | number | boolean | null {
  if (value instanceof Double) return value.value;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return value === null || value === undefined ? null : writeJson(value);
}

/** A build's `extra` may be as large as its content generator liked, and nobody's broker wants that. */
function withoutLongExtra(payload: object, limit: number): object {
  if (limit === 0) return payload;
  const short = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || !('extra' in value)) return value;
    const { extra, ...others } = value;
    return messageText(extra).length > limit ? others : value;
  };
  return Object.fromEntries(
    Object.entries(payload).map(([name, value]) => [
      name,
      name === 'build' || name === 'info' ? short(value) : (value as unknown),
    ]),
  );
}
