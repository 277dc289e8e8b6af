import { GenericError, TASK_STATES, nameOf, plain } from '@koji/core';
import type { RepoInfo, RepoRequestStatus, TagInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import { BaseTaskHandler } from '@koji/plugin-sdk';
import { hasBuilds } from './repo-request.js';

/** Milliseconds between two questions to a hub without methods that wait, and until the task gives up. */
const pause = 10_000;
const timeLimit = 120 * 60_000;

/** Waits for a repo of a tag: not older than an event, and with some builds, which may not be there yet. */
export class WaitrepoTask extends BaseTaskHandler {
  static override readonly Methods = ['waitrepo'];
  static override readonly _taskWeight = 0.2;

  private readonly started = Date.now();

  /** @returns the repo */
  async handler(
    tag: string | number,
    newer_than: unknown = null,
    nvrs: readonly string[] | null = null,
    min_event: number | 'last' | null = null,
  ): Promise<RepoInfo> {
    const info = await this.session.getTag(tag, named({ strict: true }));
    const oldest = await this.oldestEvent(info, newer_than, min_event);
    const wanted = nvrs ?? [];
    for (let since = oldest; ; since = await this.session.tagLastChangeEvent(info.id)) {
      if (wanted.length > 0) {
        await this.waitForBuilds(info, wanted);
        since = await this.session.tagLastChangeEvent(info.id);
      }
      const repo = await this.requestedRepo(info, since);
      const isNew = oldest === null || repo.create_event >= oldest;
      if (isNew && (await this.has(info, wanted, repo.create_event))) return repo;
      this.logger.warn(`repo ${repo.id} is not what was asked for: the tag has changed meanwhile`);
      await this.news(`a new ${info.name} repo`, ['waitTagChange', info.id, since]);
    }
  }

  /** The event of the oldest repo that will do; null for any that is current. */
  private async oldestEvent(
    { id }: TagInfo,
    newerThan: unknown,
    minEvent: number | 'last' | null,
  ): Promise<number | null> {
    if (newerThan !== null && minEvent !== null)
      throw new GenericError('newer_than and min_event args conflict');
    const isNow = typeof newerThan === 'string' && newerThan.toLowerCase() === 'now';
    if (minEvent === 'last' || isNow) return this.session.tagLastChangeEvent(id);
    if (newerThan === null) return minEvent;
    if (typeof newerThan !== 'number')
      throw new GenericError(`Invalid value for newer_than: ${plain(newerThan)}`);
    const base = await this.session.getLastEvent(newerThan, false);
    const first = await this.session.tagFirstChangeEvent(id, base?.id ?? null);
    return first ?? this.session.tagLastChangeEvent(id);
  }

  private async requestedRepo({ id, name }: TagInfo, since: number | null): Promise<RepoInfo> {
    const asked = await this.session.repo.request(id, since);
    if (asked.repo) return asked.repo;
    const request = asked.request as RepoRequestStatus['request'];
    this.logger.info(`waiting for request ${request.id} of a ${name} repo`);
    for (;;) {
      const now = await this.session.repo.checkRequest(request.id);
      if (now.repo) return now.repo;
      if (!now.request.active) {
        const { task_id: task, task_state: state } = now.request;
        if (task !== null && state !== null)
          this.logger.error(`task ${task} is ${nameOf(TASK_STATES, state) ?? state}`);
        throw new GenericError('Repo request no longer active');
      }
      await this.news(`a new ${name} repo`, ['repo.waitForRequest', request.id]);
    }
  }

  private async waitForBuilds(tag: TagInfo, nvrs: readonly string[]): Promise<void> {
    for (;;) {
      const event = await this.session.tagLastChangeEvent(tag.id);
      if (await this.has(tag, nvrs, null)) return;
      await this.news(`${nvrs.join(', ')} to appear in the ${tag.name} repo`, [
        'waitTagChange',
        tag.id,
        event,
      ]);
    }
  }

  private has({ id }: TagInfo, builds: readonly string[], event: number | null): Promise<boolean> {
    return hasBuilds(this.session, id, { builds, event });
  }

  /** Waits for what the hub may tell, by a method of its and the arguments. */
  private async news(what: string, [method, ...args]: readonly [string, ...unknown[]]): Promise<void> {
    const spent = Date.now() - this.started;
    if (spent > timeLimit)
      throw new GenericError(`Unsuccessfully waited ${Math.round(spent / 60_000)} minutes for ${what}`);
    await this.runtime.waitForNews(method, args, pause);
  }
}
