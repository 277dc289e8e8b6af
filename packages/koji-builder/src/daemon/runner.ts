import { availableParallelism } from 'node:os';
import type { Logger } from '@koji/core';
import type { Loaded, Setup } from './protocol.js';
import { TaskProcess, loadTime } from './task-process.js';

/** A process that has no task yet. */
interface Spare {
  readonly process: TaskProcess;
  /** Milliseconds of `performance.now()`, like all times here. */
  readonly since: number;
}

/** Number of processes to keep, and the log of their output. */
export interface RunnerOptions {
  /** Maximum number of processes waiting for a task; 0 starts each process when its task arrives. */
  readonly most: number;
  readonly log: Logger;
}

/** Age up to which tasks count for the rate. */
const window = 5_000;
/** Older processes are replaced by new ones, which run the current files. */
const oldest = 3_600_000;
const lookPause = 10_000;

/**
 * Hands out processes; keeps some loaded and waiting, since loading takes longer than the hub takes to assign a task: one,
 * and as many more as tasks came lately in the time that one takes to load.
 */
export class Runner {
  private spares: readonly Spare[] = [];
  private taken: readonly number[] = [];
  /** Recent load times of processes, in milliseconds. */
  private loadTime = 500;
  private readonly clock: NodeJS.Timeout;

  constructor(
    private setup: Setup,
    private readonly options: RunnerOptions,
  ) {
    this.clock = setInterval(() => this.tidy(), lookPause).unref();
    this.fill();
  }

  /**
   * Starts all further processes in another way, after one process has loaded that way.
   *
   * @throws Error with the reason if the process does not load; nothing changes then
   */
  async renew(setup: Setup): Promise<Loaded> {
    const next = new TaskProcess(setup, this.options.log);
    const slow = setTimeout(() => void next.kill(), loadTime);
    const loaded = await Promise.race([next.ready, next.ended]);
    clearTimeout(slow);
    if ('told' in loaded) throw new Error(loaded.told ? 'the process ended' : loaded.why);
    const { plugins } = loaded;
    this.setup = setup.snapshot ? { ...setup, snapshot: { ...setup.snapshot, plugins } } : setup;
    const old = this.spares;
    this.spares = [];
    this.keep(next);
    await Promise.all(old.map(({ process }) => process.kill()));
    return loaded;
  }

  /** Returns a process for one task, loaded or still loading. */
  take(): TaskProcess {
    const now = performance.now();
    this.taken = [...this.taken.filter((time) => now - time < window), now];
    const spare = this.spares.find(({ process }) => process.isLoaded) ?? this.spares[0];
    this.spares = this.spares.filter((other) => other !== spare);
    const process = spare?.process ?? new TaskProcess(this.setup, this.options.log);
    this.fill();
    return process;
  }

  /** Ends the waiting processes. */
  async close(): Promise<void> {
    clearInterval(this.clock);
    const all = this.spares;
    this.spares = [];
    await Promise.all(all.map(({ process }) => process.kill().then(() => process.ended)));
  }

  private get wanted(): number {
    const since = performance.now() - window;
    const recent = this.taken.filter((time) => time > since).length;
    return Math.min(this.options.most, 1 + Math.ceil((recent / window) * this.loadTime));
  }

  private fill(): void {
    // More loads than processors would only delay all of them.
    const loading = this.spares.filter(({ process }) => !process.isLoaded).length;
    const missing = Math.min(this.wanted - this.spares.length, availableParallelism() - loading);
    for (let i = 0; i < missing; i++) this.keep(new TaskProcess(this.setup, this.options.log));
  }

  private keep(process: TaskProcess): void {
    const spare: Spare = { process, since: performance.now() };
    this.spares = [...this.spares, spare];
    void process.ready.then(() => {
      this.loadTime = (this.loadTime * 3 + performance.now() - spare.since) / 4;
      // Processes that were taken or removed are not handled here any more.
      if (this.spares.includes(spare)) this.fill();
    });
    void process.ended.then((ending) => {
      if (!this.spares.includes(spare)) return;
      // Not replaced, since a process that can't load would be restarted endlessly; the next task starts one.
      this.spares = this.spares.filter((other) => other !== spare);
      if (!ending.told) this.options.log.warn(`the spare process ended: ${ending.why}`);
    });
  }

  /** Ends processes that are not needed or have waited too long. */
  private tidy(): void {
    const { wanted } = this;
    const now = performance.now();
    const kept = this.spares.filter(({ since }) => now - since < oldest).slice(0, wanted);
    const ended = this.spares.filter((spare) => !kept.includes(spare));
    this.spares = kept;
    for (const { process } of ended) void process.kill();
    if (ended.length > 0) this.fill();
  }
}
