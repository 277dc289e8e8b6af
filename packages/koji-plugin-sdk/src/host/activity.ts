import { messageOf } from '@koji/core';

/** The running part of a plugin. */
export type ActivityKind =
  'callback' | 'method' | 'task' | 'delivery' | 'schedule' | 'route' | 'page' | 'panel';

/** The plugin, and its part: an event, a method's name, a queue. */
export interface Actor {
  readonly plugin: string;
  readonly kind: ActivityKind;
  readonly name: string;
}

/** Activity of a plugin's code, with results. */
export interface Activity extends Actor {
  runs: number;
  /** Failures that failed the call or task. */
  failures: number;
  /** Failures that were only logged. */
  ignored: number;
  /** Of both kinds, those where the time limit ran out. */
  timeouts: number;
  /** How often it did not run since it was switched off. */
  skipped: number;
  milliseconds: number;
  /** The last failure of either kind. */
  lastFailure: { readonly at: Date; readonly message: string } | null;
  /** Until when it is switched off; null when it runs. */
  offUntil: Date | null;
}

/** Counts what plugins do. */
export class ActivityLog {
  private readonly entries = new Map<string, Activity>();

  /** The counters of one part of a plugin, to add to. */
  of({ plugin, kind, name }: Actor): Activity {
    const key = `${plugin} ${kind} ${name}`;
    let entry = this.entries.get(key);
    if (!entry) {
      const none = { runs: 0, failures: 0, ignored: 0, timeouts: 0, skipped: 0, milliseconds: 0 };
      entry = { plugin, kind, name, ...none, lastFailure: null, offUntil: null };
      this.entries.set(key, entry);
    }
    return entry;
  }

  /** Activity since the last {@link drain}. */
  list(): readonly Readonly<Activity>[] {
    return [...this.entries.values()];
  }

  /** Like {@link list}, but resets the counters. */
  drain(): readonly Readonly<Activity>[] {
    const drained = this.list();
    this.entries.clear();
    return drained;
  }

  /** Runs a part of a plugin and counts it; its errors are thrown to the caller. */
  async measure<T>(actor: Actor, run: () => Promise<T>): Promise<T> {
    const started = performance.now();
    let failure: Activity['lastFailure'] = null;
    try {
      return await run();
    } catch (error) {
      failure = { at: new Date(), message: messageOf(error) };
      throw error;
    } finally {
      // Taken only now: the log may have been drained in between.
      const entry = this.of(actor);
      entry.runs += 1;
      entry.milliseconds += performance.now() - started;
      if (failure !== null) {
        entry.failures += 1;
        entry.lastFailure = failure;
      }
    }
  }
}
