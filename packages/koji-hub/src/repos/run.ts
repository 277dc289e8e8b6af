/**
 * Manages repos, like kojira in Koji. Changed tags, requests and finished tasks are noticed at once. Every RepoInterval seconds
 * it checks what changes with time: lifetimes, external repos, requests to try again, tags whose repos lag too far behind. Only
 * one of several hub processes runs at a time. A kojira can run in addition, because both use the same calls under the same
 * lock.
 */
import { messageOf } from '@koji/core';
import type { Call, Hub } from '../call.js';
import { dueRequests, fileDueRequest } from '../domain/repos/auto-requests.js';
import { fullDescent } from '../domain/tags/inheritance.js';
import { hasWork, serveRequests } from '../domain/repos/queue.js';
import { noteEndEvents, outdatedRepos } from '../domain/repos/repos.js';
import { tagsOf } from '../tag-news.js';
import { repoChannel } from '../domain/task-records/news.js';
import type { OwnCalls } from '../own-calls.js';
import { checkExternalRepos } from './external.js';
import { findUnneeded, removeFolder } from './folders.js';
import { Job } from './job.js';
import { carryOut, removeRepo } from './lifetimes.js';

/** How long the work on all tags rests after it, as a multiple of the time that it took. */
const restFactor = 20;

/** Starts to look after repos; `stop` waits for work in progress. */
export function startRepos(hub: Hub, own: OwnCalls): { stop(): Promise<void> } {
  const care = new RepoCare(hub, own);
  care.start();
  return { stop: () => care.stop() };
}

/** Changed tags that were not processed yet. */
class ChangedTags {
  private ids = new Set<number>();
  private any = false;

  add(tags: 'any' | readonly number[]): void {
    if (tags === 'any') this.any = true;
    else for (const id of tags) this.ids.add(id);
    if (this.ids.size > most) this.any = true;
  }

  /** Returns what there is, and forgets it; null is all tags. */
  take(): readonly number[] | null {
    const taken = this.any ? null : [...this.ids];
    this.any = false;
    this.ids = new Set();
    return taken;
  }
}

/** More tags than these are looked at as all tags are. */
const most = 100;

/** Work on changed tags, which takes the longer the more tags there are. */
class TagWork {
  readonly changed = new ChangedTags();
  /** When all tags may be looked at again, on the clock of `performance`. */
  private rested = 0;

  /** Runs work on the tags that changed, or on all of them; null is all. */
  async run(work: (tags: readonly number[] | null) => Promise<void>): Promise<void> {
    const tags = this.changed.take();
    const start = performance.now();
    if (tags !== null) return tags.length > 0 ? work(tags) : undefined;
    // They are looked at by the clock anyway.
    if (start < this.rested) return;
    await work(null);
    const end = performance.now();
    this.rested = end + restFactor * (end - start);
  }
}

class RepoCare {
  private readonly log;
  private readonly stopping = new AbortController();
  private clock: NodeJS.Timeout | null = null;
  private unlisten: () => void = () => undefined;
  private readonly automatic = new TagWork();
  private readonly currency = new TagWork();
  /** Whether the clock asked for the round of the queue that comes next. */
  private ticked = false;
  /** When something was found to refer to an expired repo, in epoch milliseconds by the repo's id. */
  private readonly referred = new Map<number, number>();
  /** When folders were looked through last, in epoch milliseconds. */
  private lookedThrough = 0;
  private readonly jobs;

  constructor(
    private readonly hub: Hub,
    private readonly own: OwnCalls,
  ) {
    this.log = hub.logger('koji.repo');
    const job = (name: string, run: () => Promise<void>): Job =>
      new Job({ name: `repos: ${name}`, database: hub.database, log: this.log, run });
    this.jobs = {
      requests: job('requests', () => this.serveRequests()),
      currency: job('currency', () => this.currency.run((tags) => this.noteChanges(tags))),
      lifetimes: job('lifetimes', () => this.endLives()),
      externals: job('external repos', () => this.askExternals()),
    };
  }

  start(): void {
    this.unlisten = this.hub.database.listen((channel) => this.hear(channel));
    this.clock = setInterval(() => this.tick(), this.hub.options.RepoInterval * 1000);
    this.tick();
  }

  async stop(): Promise<void> {
    this.unlisten();
    if (this.clock) clearInterval(this.clock);
    this.stopping.abort();
    await Promise.all(Object.values(this.jobs).map((job) => job.stop()));
  }

  private hear(channel: string): void {
    const tags = channel === '*' ? 'any' : tagsOf(channel);
    if (tags !== null) this.lookAt(tags);
    if (tags !== null || channel === repoChannel) this.jobs.requests.wake();
  }

  private tick(): void {
    this.ticked = true;
    this.lookAt('any');
    this.jobs.requests.wake();
    this.jobs.lifetimes.wake();
    if (this.hub.options.CheckExternalRepos) this.jobs.externals.wake();
  }

  private lookAt(tags: 'any' | readonly number[]): void {
    this.automatic.changed.add(tags);
    this.currency.changed.add(tags);
    this.jobs.currency.wake();
  }

  private async serveRequests(): Promise<void> {
    const retry = this.ticked;
    this.ticked = false;
    await this.automatic.run((tags) => this.requestAutomatically(tags));
    if (await this.own.read(hasWork))
      await this.own.write((call) => serveRequests(call, { wait: true, retry }));
  }

  private async requestAutomatically(tags: readonly number[] | null): Promise<void> {
    const due = await this.own.read(async (call) => dueRequests(call, await withHeirs(call, tags)));
    for (const one of due)
      try {
        await this.own.write((call) => fileDueRequest(call, one));
      } catch (error) {
        this.log.error(`no repo of tag ${one.tagId} could be requested: ${messageOf(error)}`, error);
      }
  }

  private async noteChanges(tags: readonly number[] | null): Promise<void> {
    const outdated = await this.own.read(async (call) => outdatedRepos(call, await withHeirs(call, tags)));
    if (outdated.length > 0) await this.own.write((call) => noteEndEvents(call, outdated));
  }

  private async endLives(): Promise<void> {
    const { hub, own, log } = this;
    const now = Date.now();
    const recheck = hub.options.RepoRecheckPeriod * 1000;
    for (const [id, since] of this.referred) if (now - since >= recheck) this.referred.delete(id);
    const deleted = await carryOut(own, hub.options, log);
    await this.removeAll(
      deleted.filter((id) => !this.referred.has(id)),
      (id) => this.remove(id),
    );
    if (now - this.lookedThrough < recheck || this.stopping.signal.aborted) return;
    this.lookedThrough = now;
    await this.removeAll(await findUnneeded(hub, own, log), (place) =>
      own.write((call) => removeFolder(call, place)),
    );
  }

  private async remove(repoId: number): Promise<void> {
    const references = await this.own.write((call) => removeRepo(call, repoId));
    if (references === 0) return;
    this.referred.set(repoId, Date.now());
    this.log.warn(`repo ${repoId} stays, ${references} buildroots refer to it`);
  }

  /** Removes things, some at the same time; one that can't be removed is logged and left for the next round. */
  private async removeAll<T extends number | string>(
    things: readonly T[],
    remove: (thing: T) => Promise<void>,
  ): Promise<void> {
    const left = [...things];
    const work = async (): Promise<void> => {
      for (let thing = left.shift(); thing !== undefined; thing = left.shift()) {
        if (this.stopping.signal.aborted) return;
        await remove(thing).catch((error: unknown) =>
          this.log.error(`${thing} could not be removed: ${messageOf(error)}`, error),
        );
      }
    };
    await Promise.all(Array.from({ length: this.hub.options.MaxRepoDeletes }, work));
  }

  private askExternals(): Promise<void> {
    const { hub, own, log } = this;
    return checkExternalRepos({ hub, own, log, signal: this.stopping.signal });
  }
}

/** Some tags with all that inherit from them; null stays null. */
async function withHeirs(call: Call, tags: readonly number[] | null): Promise<number[] | null> {
  if (tags === null) return null;
  const all = new Set(tags);
  for (const tag of tags)
    for (const { tag_id: heir } of await fullDescent(call, tag)) if (heir !== undefined) all.add(heir);
  return [...all];
}
