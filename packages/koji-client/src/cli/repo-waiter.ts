import { isDeepStrictEqual } from 'node:util';
import { GenericError, TASK_STATES, nameOf, parseNVR } from '@koji/core';
import type { Nvr } from '@koji/core';
import type { RepoInfo } from '@koji/core/api';
import { named } from '@koji/core/wire';
import type { SteadySession } from '../steady.js';
import { News } from '../watching.js';
import type { NewsCall } from '../watching.js';
import { pythonRepr, pythonStr } from '@koji/core/text';

/** The fields of a repo needed for waiting. */
export type Repo = Pick<RepoInfo, 'id' | 'tag_id' | 'create_event' | 'opts'>;

/** A request for a repo, as reported by the hub. */
export interface RepoRequest {
  readonly id: number;
  readonly tag_id: number;
  readonly min_event: number | null;
  readonly task_id: number | null;
  readonly task_state: number | null;
  readonly repo_id: number | null;
  readonly active: boolean | null;
  readonly tries: number;
}

/** The hub's answer to a request: the repo, or the pending request. */
export interface RepoCheck {
  readonly repo: Repo | null;
  readonly request: RepoRequest;
}

/** The repo to wait for. */
export interface WantedRepo {
  /** Builds that it must contain. */
  readonly nvrs?: readonly string[];
  /** The earliest event that it may be from; `last` is the tag's last change. */
  readonly minEvent?: number | 'last' | undefined;
  /** The event that it must be from. */
  readonly atEvent?: number | undefined;
  readonly opts?: Readonly<Record<string, boolean>> | undefined;
}

/** How to wait. */
export interface RepoWaiting {
  /** Minutes. */
  readonly timeout: number;
  /** Seconds between checks. */
  readonly pollInterval: number;
  /** Called for each step. */
  readonly info: (line: string) => void;
  /** Called for each problem on the way. */
  readonly error: (line: string) => void;
}

const requestNews = ({ id }: RepoRequest): NewsCall[] => [['repo.waitForRequest', [id], {}]];

const watched = ['task_id', 'task_state', 'repo_id', 'active', 'tries'] as const;

/** Waits for a repo of a tag that meets conditions. */
export class RepoWaiter {
  private start: number | null = null;
  private readonly news: News;
  private readonly builds: readonly Nvr[];

  private constructor(
    private readonly session: SteadySession,
    private readonly tag: { id: number; name: string },
    private readonly wanted: Omit<WantedRepo, 'minEvent'> & { readonly minEvent: number | null },
    private readonly how: RepoWaiting,
  ) {
    this.news = new News(session);
    this.builds = (wanted.nvrs ?? []).map((nvr) => parseNVR(nvr));
  }

  /** Looks up the tag, and its last change if the repo must be from it. */
  static async open(
    session: SteadySession,
    tagId: number,
    wanted: WantedRepo,
    how: RepoWaiting,
  ): Promise<RepoWaiter> {
    const tag = await session.getTag(tagId, named({ strict: true }));
    const { minEvent: given = null } = wanted;
    const minEvent = given === 'last' ? await session.tagLastChangeEvent(tag.id) : given;
    return new RepoWaiter(session, tag, { ...wanted, minEvent }, how);
  }

  /** Requests a repo from the hub. */
  request(minEvent: number | null = this.wanted.minEvent): Promise<RepoCheck> {
    this.how.info('Requesting a repo');
    const { atEvent = null, opts = null } = this.wanted;
    return this.session.call<RepoCheck>('repo.request', [this.tag.id], {
      min_event: minEvent,
      at_event: atEvent,
      opts,
    });
  }

  /**
   * Waits until a repo meets the conditions; without a login (`anonymous`), for one that others requested.
   *
   * @throws GenericError on timeout, or if the hub gave up
   */
  async wait({ anonymous }: { anonymous: boolean }): Promise<Repo> {
    this.how.info(`Waiting on repo for ${this.tag.name}`);
    this.start ??= Date.now();
    let { minEvent } = this.wanted;
    let request: RepoRequest | null = null;
    for (;;) {
      const found: Repo | null = request
        ? await this.waitForRequest(request)
        : anonymous
          ? await this.current(minEvent)
          : null;
      if (found && (await this.isRight(found))) return found;
      if (request) {
        if (this.wanted.atEvent !== undefined) throw new GenericError('Failed at_event request');
        minEvent = await this.lastChange();
        this.how.error('Repo request did not satisfy conditions');
      }
      if (this.builds.length > 0) {
        // A repo created before the builds are tagged is useless.
        await this.waitForBuilds(anonymous);
        minEvent = await this.lastChange();
      }
      if (!anonymous) {
        const check: RepoCheck = await this.request(minEvent ?? undefined);
        if (check.repo) {
          if (await this.isRight(check.repo)) return check.repo;
        } else {
          request = check.request;
          this.how.info(`Got request: ${request.id}`);
          if (minEvent === null) {
            minEvent = request.min_event;
            this.how.info(`Updated min_event from hub: ${pythonStr(minEvent)}`);
          }
        }
      }
      if (anonymous) this.checkTime('a new');
      await this.pause(request ? requestNews(request) : []);
    }
  }

  /**
   * Waits until a request is served.
   *
   * @throws GenericError on timeout, or if the hub gave up
   */
  async waitForRequest(request: RepoRequest): Promise<Repo> {
    this.start ??= Date.now();
    for (let last = request; ;) {
      const check = await this.session.call<RepoCheck>('repo.checkRequest', [request.id]);
      if (check.repo) return check.repo;
      this.tellChanges(last, check.request);
      last = check.request;
      this.checkTime('a new');
      if (!last.active) {
        if (last.task_id)
          this.how.error(`Task ${last.task_id} state is ${nameOf(TASK_STATES, Number(last.task_state))}`);
        throw new GenericError('Repo request no longer active');
      }
      await this.pause(requestNews(last));
    }
  }

  private tellChanges(before: RepoRequest, after: RepoRequest): void {
    for (const field of watched) {
      const [from, to] = [before, after].map((request) => {
        const value = request[field];
        return field === 'task_state' && value !== null ? nameOf(TASK_STATES, Number(value)) : value;
      });
      if (from !== to)
        this.how.info(`Request updated: ${field}: ${pythonStr(from ?? null)} -> ${pythonStr(to ?? null)}`);
    }
  }

  private current(minEvent: number | null): Promise<Repo | null> {
    const { atEvent = null, opts = null } = this.wanted;
    return this.session.repo.get(
      this.tag.id,
      named({ min_event: minEvent, at_event: atEvent, opts: opts && { ...opts } }),
    );
  }

  private lastChange(): Promise<number | null> {
    return this.session.tagLastChangeEvent(this.tag.id);
  }

  private async waitForBuilds(anonymous: boolean): Promise<void> {
    this.start ??= Date.now();
    const { nvrs = [] } = this.wanted;
    this.how.info(`Waiting for nvrs ${pythonRepr(nvrs)} in tag ${this.tag.name}`);
    for (;;) {
      // Read first, so that a change during the search for the builds is not missed. Change notifications need a login.
      const event = anonymous ? null : await this.lastChange();
      if (await hasBuilds(this.session, { tagId: this.tag.id, builds: this.builds, event: null })) return;
      this.checkTime(enumerate(nvrs));
      await this.pause(anonymous ? [] : [['waitTagChange', [this.tag.id, event], {}]]);
    }
  }

  private async isRight(repo: Repo): Promise<boolean> {
    const { atEvent, minEvent, opts } = this.wanted;
    const { info, error } = this.how;
    if (repo.tag_id !== this.tag.id) {
      error(`Got repo for wrong tag, expected ${this.tag.id}, got ${repo.tag_id}`);
      return false;
    }
    if (atEvent !== undefined && repo.create_event !== atEvent) {
      info(`Got repo with wrong event. ${repo.create_event} != ${atEvent}`);
      return false;
    }
    if (atEvent === undefined && minEvent !== null && repo.create_event < minEvent) {
      info(`Got repo before min event. ${repo.create_event} < ${minEvent}`);
      return false;
    }
    if (opts !== undefined && !isDeepStrictEqual({ ...repo.opts }, { ...opts })) {
      info(`Got repo with wrong opts. ${pythonRepr(repo.opts)} != ${pythonRepr(opts)}`);
      return false;
    }
    const { builds, tag, session } = this;
    if (await hasBuilds(session, { tagId: tag.id, builds, event: repo.create_event })) return true;
    info('Got repo without needed builds');
    return false;
  }

  /** Pauses until the hub reports a change, or for the time between checks if it can't. */
  private pause(news: readonly NewsCall[]): Promise<void> {
    return this.news.pause(news, { seconds: this.how.pollInterval });
  }

  private checkTime(what: string): void {
    const { start, how, tag } = this;
    if (start === null || Date.now() - start <= how.timeout * 60_000) return;
    const until =
      what === 'a new' ? `for a new ${tag.name} repo` : `for ${what} to appear in the ${tag.name} repo`;
    throw new GenericError(`Unsuccessfully waited ${minutesSince(start)} ${until}`);
  }
}

/** Returns whether builds are in a tag, or above it, at an event; with `latest`, whether each is its package's latest. */
export async function hasBuilds(
  session: SteadySession,
  {
    tagId,
    builds,
    event,
    latest = false,
  }: { tagId: number; builds: readonly Nvr[]; event: number | null; latest?: boolean },
): Promise<boolean> {
  for (const { name, version, release } of builds) {
    const filter = { event, package: name };
    const tagged = latest
      ? await session.getLatestBuilds(tagId, named(filter))
      : await session.listTagged(tagId, named({ ...filter, inherit: true }));
    if (!tagged.some((build) => build.version === version && build.release === release)) return false;
  }
  return true;
}

/** Formats the time since a start as `M:SS`. */
export function minutesSince(start: number): string {
  const seconds = Math.trunc((Date.now() - start) / 1000);
  return `${Math.trunc(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** Formats a list for a sentence: `a, b, and c`. */
export function enumerate(things: readonly string[]): string {
  if (things.length <= 2) return things.join(' and ');
  return `${things.slice(0, -1).join(', ')}, and ${things.at(-1)}`;
}
