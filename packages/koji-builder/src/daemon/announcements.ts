import { GenericError, type Logger } from '@koji/core';
import type { KojidOptions } from '@koji/core/config';
import { RequestError, type ClientSession } from '@koji/client';

/** Longest wait of a call in seconds: of a builder with tasks, and how much later than that an answer may come. */
const shortPoll = 50;
const pollSlack = 30;
/** The same for one that waits for its next task and nothing else; probes keep its connection open meanwhile. */
const idlePoll = 600;
/** Seconds that no hub makes a call wait unless it counts the builder as checked in meanwhile. */
const silentHub = 90;
/** Milliseconds after which a waiting call that breaks was cut for being quiet. */
const shortestCut = 20_000;

/** A wait for the hub. */
export interface Wait {
  /** Ids of the tasks that should be open at the hub. */
  readonly held: readonly number[];
  /** Whether the hub knows this builder as ready, and no task runs here. */
  readonly isIdle: boolean;
  readonly signal: AbortSignal;
}

/** `quiet` if nothing happened, and the hub counts the builder as checked in for all that time. */
export type Heard = 'news' | 'quiet' | 'nothing';

/** Announcements of a hub to a builder: its answers to `host.waitForTasks`, which Koji's hub lacks. */
export class Announcements {
  private hubTells = true;
  /** Longest wait of an idle builder in seconds: less where something on the way cuts quiet connections. */
  private patience = idlePoll;
  /** How many such calls in a row were cut. */
  private cuts = 0;

  constructor(
    private readonly parts: {
      readonly session: ClientSession;
      readonly options: KojidOptions;
      readonly log: Logger;
    },
  ) {}

  /** Whether the hub announces tasks, as far as the builder knows. */
  get areMade(): boolean {
    return this.hubTells && this.parts.options.waitfortasks;
  }

  /**
   * Waits at the hub, for `sleeptime` seconds if the builder is not idle.
   *
   * @throws AuthError, RequestError when the hub does not answer
   */
  async next(wait: Wait): Promise<Heard> {
    const { sleeptime } = this.parts.options;
    const patience = wait.isIdle ? this.patience : Math.min(Math.max(1, sleeptime), shortPoll);
    const began = performance.now();
    if (await this.poll(patience, wait)) return 'news';
    const waited = performance.now() - began;
    if (waited > patience * 900) this.cuts = 0;
    return wait.isIdle && waited > silentHub * 1000 ? 'quiet' : 'nothing';
  }

  /** Returns false if the hub had nothing to announce. */
  private async poll(patience: number, { held, signal }: Wait): Promise<boolean> {
    const { session, log } = this.parts;
    const began = performance.now();
    try {
      return await session.call<boolean>(
        'host.waitForTasks',
        [patience, held],
        {},
        { aside: true, signal, timeout: patience + pollSlack, retry: false },
      );
    } catch (error) {
      if (signal.aborted) return false;
      if (error instanceof RequestError && patience > shortPoll && performance.now() - began > shortestCut) {
        // Once, the hub may have been stopped.
        if ((this.cuts += 1) > 1) {
          log.info(
            `waiting calls are cut off (${error.message}); from now on none waits longer than ${shortPoll} s`,
          );
          this.patience = shortPoll;
        }
        return false;
      }
      // A hub with KojiDebug wraps the fault's text in a traceback.
      if (!(error instanceof GenericError) || !error.message.includes('Invalid method')) throw error;
      log.info('the hub does not announce new tasks: polling every sleeptime seconds');
      this.hubTells = false;
      return false;
    }
  }
}
