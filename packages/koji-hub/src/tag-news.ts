import type { Logger } from '@koji/core';
import type { Database } from './db/connection.js';

/** The channel of changes of tags, whichever they are. */
export const anyTag = 'tags';
/** Begins the names of channels that tell which tags changed: ids with commas between them, or `*` for any. */
const tagChannel = `${anyTag}:`;

/** Milliseconds in which changes of further tags join a message. */
const gathering = 5;
/** PostgreSQL takes 8000 bytes in a message. */
const most = 500;

/** Notifies the repo manager and waiting calls of changed tags; one for each hub process. */
export class TagNews {
  /** Changed tags that were not announced yet; null is any. */
  private waiting: Set<number | null> | null = null;

  constructor(
    private readonly database: Pick<Database, 'notify'>,
    private readonly log: Logger,
  ) {}

  /** To be called once the change is durable, null for any tag. A call may change thousands, one after the other. */
  tell(tagIds: readonly (number | null)[]): void {
    const known = this.waiting;
    const tags = (this.waiting ??= new Set());
    for (const id of tagIds) tags.add(id);
    if (!known) setTimeout(() => this.send(tags), gathering).unref();
  }

  private send(tags: ReadonlySet<number | null>): void {
    this.waiting = null;
    const isAny = tags.has(null) || tags.size > most;
    this.database
      .notify(`${tagChannel}${isAny ? '*' : [...tags].join(',')}`)
      .catch((error: unknown) =>
        this.log.warn('changed tags could not be announced; they will be noticed a little later', error),
      );
  }
}

/** Returns the tags in a channel's name: `any`, ids, or null for another channel. */
export function tagsOf(channel: string): 'any' | readonly number[] | null {
  if (!channel.startsWith(tagChannel)) return null;
  const ids = channel.slice(tagChannel.length).split(',').map(Number);
  return ids.every((id) => Number.isSafeInteger(id)) ? ids : 'any';
}
