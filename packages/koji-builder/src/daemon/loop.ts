import { setTimeout as sleep } from 'node:timers/promises';
import { AuthError, GenericError, RetryError, TASK_STATES, messageOf, type Logger } from '@koji/core';
import type { KojidOptions } from '@koji/core/config';
import { encodeFault } from '@koji/core/wire';
import { RequestError, type ClientSession, type Multicall } from '@koji/client';
import type { AssignedTask, HostInfo, HostTask, SessionKey } from '@koji/core/api';
import type { TaskEnd } from './activity.js';
import { Announcements } from './announcements.js';
import { findHindrance } from './hindrance.js';
import type { End, TaskData } from './protocol.js';
import type { Runner } from './runner.js';
import type { Ending, TaskProcess } from './task-process.js';
import { removeFolder, taskFolder, taskFolders } from './task-run.js';

/** The hub's answer at the start of a round. */
interface Found {
  readonly open: readonly HostTask[];
  readonly host: HostInfo;
  /** Null if this builder's state must be sent to the hub first. */
  readonly assigned: AssignedTask[] | null;
}

interface RunningTask {
  readonly process: TaskProcess;
  /** Resolves when the process and everything that it started have ended. */
  readonly gone: Promise<Ending>;
  readonly sessionId: number;
  readonly method: string;
  /** Milliseconds of `performance.now()`. */
  readonly started: number;
  /** The process is being killed, and its end needs no report to the hub. */
  dropped: boolean;
}

/** Dependencies of the loop. */
export interface LoopParts {
  readonly session: ClientSession;
  readonly runner: Runner;
  readonly options: KojidOptions;
  /** Task methods that this builder can run now. */
  readonly methods: () => ReadonlySet<string>;
  readonly log: Logger;
  /** Logs in again after the hub has closed the session; AuthLockError if another builder has taken it over. */
  readonly login: () => Promise<void>;
  /** Removes what ended tasks left on this host. */
  readonly cleanUp: (isRunning: (taskId: number) => boolean) => Promise<void>;
  /** Called for every task that ended and was not taken from this builder. */
  readonly onEnd: (end: Omit<TaskEnd, 'plugin'>) => void;
}

/** Milliseconds between tries after an error. */
const errorPause = 5_000;
/** Milliseconds that a task's process may take to exit after its report to the hub. */
const refusalTime = 200;
/** How long the final calls to the hub may take, in milliseconds. */
const farewellTime = 5_000;
/** Milliseconds between the starts of two cleanups. */
const cleaningPause = 60_000;
/** Methods of tasks that ask the daemon to end. */
const endsDaemon = new Set(['restart', 'shutdown']);
/** Milliseconds after which an idle builder synchronises with the hub anyway. */
const longestQuiet = 3_600_000;

/**
 * The daemon's main loop: compares the running tasks with the hub's list, checks in, takes assigned tasks, waits for news.
 *
 * A task is taken (`host.openTask`) → runs in a {@link TaskProcess} → its process tells the hub the result → the process
 * ends. When the hub has it cancelled or given to another host, its process is killed; when the process dies without a
 * word, the loop fails the task; an open task without a process (the daemon was killed) is freed.
 */
export class Loop {
  private readonly running = new Map<number, RunningTask>();
  private load = 0;
  /** The last message about each repeated check, by topic. */
  private readonly said = new Map<string, { readonly text: string; readonly at: number }>();
  /** The last state sent to the hub; null if it must be sent again. */
  private told: { readonly load: number; /** By `performance.now()`. */ readonly at: number } | null = null;
  /** Ids of sessions of tasks that have ended, to be closed with the next request. */
  private readonly left: number[] = [];
  private cleaning = false;
  private hasTidied = false;
  private nextCleaning = 0;
  private readonly announcements: Announcements;
  /** Whether the hub knows this builder as ready for tasks. */
  private isKnownReady = false;
  /** How often in a row the hub answered at once that there is work. */
  private calls = 0;
  private stopping = false;
  /** The action that a task requested once all tasks have ended. */
  private pending: End['how'] | null = null;
  private rest = new AbortController();
  private endGrace: () => void = () => undefined;
  private readonly graceOver = new Promise<void>((resolve) => (this.endGrace = resolve));

  constructor(private readonly parts: LoopParts) {
    this.announcements = new Announcements(parts);
  }

  /**
   * Runs until {@link stop} or {@link endWhenIdle}; resolves when no task runs here any more.
   *
   * @returns whether the daemon should start again
   * @throws AuthError if the hub no longer accepts this builder; AuthLockError if another builder has taken its place
   */
  async run(): Promise<boolean> {
    try {
      // A call may wait for a hub that is down; stopping waits for such a call no longer than for tasks.
      await Promise.race([this.goRound(), this.graceOver]);
      await Promise.race([this.allEnded(), this.graceOver]);
      const left = [...this.running.keys()];
      await this.dropAll();
      await Promise.race([this.sayGoodbye(left), sleep(farewellTime, undefined, { ref: false })]);
      return this.pending === 'restart';
    } finally {
      await this.dropAll();
    }
  }

  /** Takes no more tasks, gives running tasks `grace` milliseconds to end, then kills and frees the others. */
  stop(grace: number): void {
    this.stopping = true;
    this.rest.abort();
    if (grace > 0) setTimeout(this.endGrace, grace).unref();
    else this.endGrace();
  }

  /** Takes no more tasks, and stops after the running tasks have ended, however long they take. */
  endWhenIdle(how: End['how']): void {
    this.parts.log.info(`to ${how} when no task runs here`);
    this.pending = how;
    this.rest.abort();
  }

  /** Checks in at once, because this builder's abilities have changed. */
  checkIn(): void {
    this.told = null;
    this.rest.abort();
  }

  private async goRound(): Promise<void> {
    while (!this.stopping) {
      try {
        if (this.pending !== null && this.running.size === 0) {
          this.stop(0);
          return;
        }
        const found = await this.look();
        await this.synchronise(found.open);
        this.cleanUp();
        await this.wait(await this.takeTasks(found));
      } catch (error) {
        await this.recover(error);
      }
    }
  }

  /** Runs in parallel, because removing a buildroot may take longer than a task should wait. */
  private cleanUp(): void {
    if (this.cleaning || performance.now() < this.nextCleaning) return;
    this.cleaning = true;
    this.nextCleaning = performance.now() + cleaningPause;
    this.parts
      .cleanUp((id) => this.running.has(id))
      .then(() => this.said.delete('cleaning'))
      .catch((error: unknown) => this.sayOnce('cleaning', `could not clean up: ${messageOf(error)}`, 'warn'))
      .finally(() => (this.cleaning = false));
  }

  /** Logs a line unless the topic's last line within an hour was the same except for its numbers. */
  private sayOnce(topic: string, line: string, level: 'info' | 'warn'): void {
    const text = line.replace(/[\d.]+/g, '#');
    const last = this.said.get(topic);
    if (last?.text === text && performance.now() - last.at < 3_600_000) return;
    this.said.set(topic, { text, at: performance.now() });
    this.parts.log[level](line);
  }

  private async allEnded(): Promise<void> {
    while (this.running.size > 0) {
      await Promise.all([...this.running.values()].map((task) => task.gone));
      await sleep(20); // the hub is being told of their ends
    }
  }

  private async sayGoodbye(tasks: number[]): Promise<void> {
    const { session, log } = this.parts;
    try {
      if (tasks.length > 0) {
        log.info(`freeing tasks ${tasks.join(', ')}`);
        await session.host.freeTasks(tasks);
      }
      const asked = this.ask();
      asked.host.updateHost(0, false);
      await asked.run({ strict: true });
      await session.logout();
    } catch (error) {
      log.warn(`could not report the stop to the hub: ${messageOf(error)}`);
    }
  }

  /** Kills every task without reporting to the hub. */
  private async dropAll(): Promise<void> {
    await Promise.all([...this.running].map(([id, task]) => this.drop(id, task)));
  }

  private async drop(id: number, task: RunningTask): Promise<void> {
    task.dropped = true;
    await task.process.kill();
    await task.gone;
    this.parts.log.info(`task ${id} is killed`);
  }

  private async giveUp(id: number, task: RunningTask, why: string): Promise<void> {
    task.dropped = true;
    // A process that has refused its task is about to exit.
    if (await Promise.race([task.gone, sleep(refusalTime)])) return;
    this.parts.log.info(`killing task ${id}: it was ${why}`);
    await this.drop(id, task);
  }

  /** Reads everything that a round needs from the hub, in one request. */
  private async look(): Promise<Found> {
    const asked = this.ask();
    const open = asked.host.getHostTasks();
    const host = asked.host.getHost();
    // Tasks that the hub assigns because of the new state come after the check-in.
    const assigned = this.isCheckInDue ? null : asked.host.getTasks();
    await asked.run({ strict: true });
    return { open: open.result, host: host.result, assigned: assigned?.result ?? null };
  }

  /** Starts a request of several calls, which also closes the sessions of ended tasks. */
  private ask(): Multicall {
    const asked = this.parts.session.multicall();
    for (const id of this.left.splice(0)) asked.logoutChild(id);
    return asked;
  }

  private get isCheckInDue(): boolean {
    const { told, parts } = this;
    if (told === null || performance.now() - told.at > parts.options.sleeptime * 1000) return true;
    return this.running.size === 0 && told.load > 0;
  }

  /** Reconciles the hub's list of open tasks with the processes. */
  private async synchronise(open: readonly HostTask[]): Promise<void> {
    const { session, log } = this.parts;
    const ids = new Set(open.map((task) => task.id));
    for (const task of open) if (task.alert) this.running.get(task.id)?.process.awake();
    this.load = open
      .filter((task) => !task.waiting && this.running.has(task.id))
      .reduce((sum, task) => sum + Number(task.weight), 0);
    const stale = [...ids].filter((id) => !this.running.has(id));
    if (stale.length > 0) {
      log.info(`freeing tasks without a process: ${stale.join(', ')}`);
      await session.host.freeTasks(stale);
      for (const id of stale) await this.removeFolder(id);
    }
    const gone = [...this.running].filter(([id, { process }]) => !ids.has(id) && !process.isEnding);
    if (gone.length > 0) await this.dropTaken(gone.map(([id]) => id));
    if (!this.hasTidied) await this.removeLeft();
    this.hasTidied = true;
  }

  /** Kills tasks that the hub assigned elsewhere or cancelled, except those that have just ended and are about to exit. */
  private async dropTaken(ids: number[]): Promise<void> {
    const { session } = this.parts;
    const host = await session.host.getID();
    const infos = await session.call<({ id: number; host_id: number | null; state: number } | null)[]>(
      'getTaskInfo',
      [ids],
    );
    for (const info of infos) {
      if (info === null) continue;
      const task = this.running.get(info.id);
      const ours = info.host_id === host && info.state !== TASK_STATES.CANCELED;
      if (!task || task.dropped || ours) continue;
      const why = info.state === TASK_STATES.CANCELED ? 'canceled' : 'taken away';
      void this.giveUp(info.id, task, why);
    }
  }

  /** Checks in and starts tasks assigned to this host. Returns whether there was anything to do. */
  private async takeTasks({ host, assigned }: Found): Promise<boolean> {
    const ready = await this.isReady(host);
    const isNews = this.isCheckInDue || ready !== this.isKnownReady;
    const tasks = isNews ? await this.tellState(ready) : assigned;
    if (!ready || tasks === null) return false;
    return this.openTasks(await this.chooseTasks(tasks));
  }

  /** Checks in. Returns the tasks assigned to this host, if it may take any. */
  private async tellState(ready: boolean): Promise<AssignedTask[]> {
    const { options, methods } = this.parts;
    const { load } = this;
    const asked = this.ask();
    asked.host.updateHost(load, ready, { methods: [...methods()], maxjobs: options.maxjobs });
    const assigned = ready ? asked.host.getTasks() : null;
    await asked.run({ strict: true });
    this.told = { load, at: performance.now() };
    this.isKnownReady = ready;
    return assigned?.result ?? [];
  }

  /** Chooses which assigned tasks to run, and refuses those that this builder can't run. */
  private async chooseTasks(assigned: readonly AssignedTask[]): Promise<AssignedTask[]> {
    const { session, options, methods, log } = this.parts;
    const chosen: AssignedTask[] = [];
    for (const task of assigned) {
      if (this.stopping || this.pending !== null) return [];
      if (this.running.size + chosen.length >= options.maxjobs) break;
      if (this.running.has(task.id)) continue; // it was ours before, and its old process is still ending
      if (!methods().has(task.method)) {
        log.warn(`refusing task ${task.id}: no handler for ${task.method}`);
        await session.host.refuseTask(task.id, false, 'no handler for method');
        continue;
      }
      chosen.push(task);
      // The next task may be meant for this daemon's successor.
      if (endsDaemon.has(task.method)) break;
    }
    return chosen;
  }

  /** Opens tasks, all in one request, and runs them. Returns whether there were any. */
  private async openTasks(tasks: readonly AssignedTask[]): Promise<boolean> {
    if (tasks.length === 0) return false;
    const asked = this.ask();
    const entries = tasks.map((task) => ({
      task,
      opened: asked.host.openTask(task.id),
      key: asked.subsession(),
    }));
    await asked.run();
    const runs: Promise<Ending>[] = [];
    const failures: unknown[] = [];
    for (const { task, opened, key } of entries) {
      try {
        const data = opened.result as TaskData | null;
        if (data === null) this.left.push(key.result['session-id']);
        else runs.push(this.runTask(task, data, key.result));
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    if (tasks.some((task) => endsDaemon.has(task.method))) await Promise.all(runs);
    return runs.length > 0;
  }

  /** Starts an open task. Resolves when its process has ended. */
  private runTask(task: AssignedTask, data: TaskData, key: SessionKey): Promise<Ending> {
    const { runner, log } = this.parts;
    log.info(`running task ${task.id} (${task.method})`);
    const process = runner.take();
    // A waiting task is not load, so there may be room for another one.
    process.onWait = () => this.rest.abort();
    process.onEnd = (how) => this.endWhenIdle(how);
    const gone = process.ended.then(async (ending) => {
      await process.sweep();
      if (!ending.told) await this.removeFolder(task.id);
      return ending;
    });
    const running: RunningTask = {
      process,
      gone,
      sessionId: key['session-id'],
      method: task.method,
      started: performance.now(),
      dropped: false,
    };
    this.running.set(task.id, running);
    process.run(data, key);
    void this.follow(task.id, running);
    return gone;
  }

  /** Waits for a task's process to end, and handles how it ended. */
  private async follow(id: number, task: RunningTask): Promise<void> {
    const { session, log, onEnd } = this.parts;
    try {
      const ending = await task.gone;
      if (!task.dropped) {
        const failure = ending.told ? ending.failure : ending.why;
        onEnd({ method: task.method, milliseconds: performance.now() - task.started, failure });
      }
      if (!ending.told && !task.dropped) {
        log.error(`task ${id}: ${ending.why}`);
        // Stopping this daemon may have ended its tasks too, which is not a failure of these.
        if (this.stopping) await session.host.freeTasks([id]);
        else await session.host.failTask(id, encodeFault(GenericError.faultCode, ending.why));
      }
    } catch (error) {
      log.warn(`task ${id} could not be closed: ${messageOf(error)}`);
    }
    this.left.push(task.sessionId);
    this.running.delete(id);
    // The hub announces the end of a task that reported its end itself.
    if (!task.process.hasTold || !this.isKnownReady || this.running.size === 0) this.rest.abort();
  }

  /** Removes folders that tasks left when this daemon was killed, if the hub has finished the tasks. */
  private async removeLeft(): Promise<void> {
    for (const id of await taskFolders(this.parts.options))
      if (!this.running.has(id)) await this.removeFolder(id);
  }

  /** A process that was killed has left its folder. */
  private async removeFolder(id: number): Promise<void> {
    const { options, log } = this.parts;
    await removeFolder(taskFolder(options, id)).catch((error: unknown) =>
      log.warn(`could not remove the folder of task ${id}: ${messageOf(error)}`),
    );
  }

  /** Checks whether this host can take more work, as Koji does. */
  private async isReady(host: HostInfo): Promise<boolean> {
    const { options } = this.parts;
    if (this.pending !== null) return false;
    const no = (why: string): boolean => {
      this.sayOnce('ready', `not ready for tasks: ${why}`, 'info');
      return false;
    };
    if (!host.enabled) return no('the host is disabled');
    if (this.load > Number(host.capacity))
      return no(`load ${this.load} exceeds capacity ${Number(host.capacity)}`);
    if (this.running.size >= options.maxjobs) return no(`maxjobs = ${options.maxjobs} tasks are running`);
    const here = await findHindrance(options);
    if (here !== null) return no(here);
    this.said.delete('ready');
    return true;
  }

  /** Sleeps until the hub announces work, a process ends here, or `sleeptime` is over. */
  private async wait(took: boolean): Promise<void> {
    if (took) this.calls = 0;
    // There may be more work, which a hub that announces tasks reports at once.
    if ((took && !this.announcements.areMade) || this.stopping) return;
    // A hub that keeps announcing work that can't be done now must not be called in a tight loop.
    if (this.calls > 1) await this.pause(Math.min(50 * 2 ** this.calls, errorPause));
    const started = Date.now();
    const called = await this.pollOrSleep(Math.max(1, this.parts.options.sleeptime));
    this.calls = called && Date.now() - started < 1000 ? this.calls + 1 : 0;
    this.rest = new AbortController();
  }

  private async pollOrSleep(seconds: number): Promise<boolean> {
    if (!this.announcements.areMade) {
      await this.pause(seconds * 1000);
      return false;
    }
    const end = performance.now() + longestQuiet;
    // Checks for awaited events here. With tasks, or without permission to take any, there is more to compare.
    const looking = setInterval(() => void this.lookHere(), seconds * 1000);
    try {
      for (;;) {
        const isIdle = this.isKnownReady && this.running.size === 0;
        const { held, rest } = this;
        const heard = await this.announcements.next({ held, isIdle, signal: rest.signal });
        if (heard === 'news') {
          // The end of a task alone needs no action; the hub announces anything else again.
          const hasEnded = held.some((id) => this.running.get(id)?.process.isEnding ?? true);
          if (!hasEnded || rest.signal.aborted) return true;
        } else if (heard === 'nothing' || rest.signal.aborted || performance.now() >= end) return false;
      }
    } finally {
      clearInterval(looking);
    }
  }

  /** The tasks that should be open at the hub. */
  private get held(): number[] {
    const isHeld = ({ dropped, process }: RunningTask): boolean => !dropped && !process.isEnding;
    return [...this.running].filter(([, task]) => isHeld(task)).map(([id]) => id);
  }

  /** Does due work during a waiting call, and ends the call if this machine can no longer take tasks. */
  private async lookHere(): Promise<void> {
    this.cleanUp();
    const { rest } = this;
    if (this.isKnownReady && (await findHindrance(this.parts.options).catch(messageOf)) !== null)
      rest.abort();
  }

  private async pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.rest.signal }).catch(() => undefined);
  }

  private async recover(error: unknown): Promise<void> {
    const { log } = this.parts;
    if (this.stopping) return;
    if (error instanceof AuthError && !(error instanceof RetryError)) await this.logInAgain(error);
    else if (error instanceof RequestError) log.warn(`${error.message}, retrying`);
    else log.error('the main loop failed, continuing', error);
    await this.pause(errorPause);
    this.rest = new AbortController();
  }

  /** Kills the running tasks: the hub has closed the builder's session and theirs, so that they can't report any more. */
  private async logInAgain(error: AuthError): Promise<void> {
    const { log, login } = this.parts;
    log.error(`the hub refuses this session; killing its tasks: ${error.message}`);
    await this.dropAll();
    try {
      await login();
    } catch (cause) {
      if (cause instanceof AuthError) throw cause;
      log.warn(`could not log in: ${messageOf(cause)}`);
    }
  }
}
