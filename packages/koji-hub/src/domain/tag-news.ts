import type { Call, Hub } from '../call.js';

/** The channel of changes of tags, whichever they are. */
export const anyTag = 'tags';
/** Begins the names of channels that tell which tags changed: ids with commas between them, or `*` for any. */
export const tagChannel = `${anyTag}:`;

/** Milliseconds in which changes of further tags join a message. */
const gathering = 5;
/** PostgreSQL takes 8000 bytes in a message. */
const most = 500;

/** Tags that changed and nobody was told of yet; null is any. */
const waiting = new WeakMap<Hub, Set<number | null>>();

/** Tells whoever looks after repos or waits which tags changed, null for any, once the change is durable. */
export function tellTags(call: Pick<Call, 'hub' | 'afterCommit'>, tagIds: readonly (number | null)[]): void {
  const { hub } = call;
  if (tagIds.length === 0) return;
  call.afterCommit(() => gather(hub, tagIds));
}

/** A call may change thousands of tags, one after the other. */
function gather(hub: Hub, tagIds: readonly (number | null)[]): void {
  const known = waiting.get(hub);
  const tags = known ?? new Set();
  for (const id of tagIds) tags.add(id);
  if (known) return;
  waiting.set(hub, tags);
  setTimeout(() => {
    waiting.delete(hub);
    const isAny = tags.has(null) || tags.size > most;
    hub.database
      .notify(`${tagChannel}${isAny ? '*' : [...tags].join(',')}`)
      .catch((error: unknown) =>
        hub
          .logger('koji.repo')
          .warn('nobody could be told of changed tags; they are seen a little later', error),
      );
  }, gathering).unref();
}

/** Returns the tags that a channel tells of: `any`, ids, or null when it tells of something else. */
export function tagsOf(channel: string): 'any' | readonly number[] | null {
  if (!channel.startsWith(tagChannel)) return null;
  const ids = channel.slice(tagChannel.length).split(',').map(Number);
  return ids.every((id) => Number.isSafeInteger(id)) ? ids : 'any';
}
