import type { KojidOptions } from '@koji/core/config';
import type { SessionKey } from '@koji/core/api';

/** A task as `host.openTask` gave it; its request is XML-RPC text. */
export interface TaskData {
  readonly id: number;
  readonly method: string;
  readonly [field: string]: unknown;
}

/** Daemon to child, once, when it starts: what any task needs. The child answers {@link Loaded}. */
export interface Setup {
  readonly type: 'setup';
  readonly options: KojidOptions;
  /** The folder of kojid.conf: plugins are looked for from there upward. */
  readonly folder: string;
}

/** Daemon to child, once: the task to run, with a session of its own. The child answers {@link Done} and exits. */
export interface Run {
  readonly type: 'run';
  readonly task: TaskData;
  readonly session: SessionKey;
}

/** Daemon to child, any number of times: tasks that it waits for may have ended. */
export interface Awake {
  readonly type: 'awake';
}

/** Child to daemon: ready for its task. */
export interface Loaded {
  readonly type: 'loaded';
}

/** Child to daemon: it can't run any task. */
export interface Broken {
  readonly type: 'broken';
  readonly message: string;
}

/** Child to daemon: what became of the task; the hub has been told already. */
export interface Done {
  readonly type: 'done';
  readonly outcome: 'closed' | 'failed' | 'refused' | 'freed';
  /** Why it failed. */
  readonly failure?: string;
}

/** Child to daemon, any number of times: the task waits for its subtasks, and is no load meanwhile. */
export interface Waits {
  readonly type: 'waits';
}

export type ToChild = Setup | Run | Awake;
export type ToDaemon = Loaded | Broken | Waits | Done;
