import type { KojidOptions } from '@koji/core/config';
import type { SessionKey } from '@koji/core/api';
import type { PluginEntry } from '@koji/plugin-sdk/host';

/** A task as `host.openTask` gave it; its request is XML-RPC text. */
export interface TaskData {
  readonly id: number;
  readonly method: string;
  readonly [field: string]: unknown;
}

/** Daemon to child, once at the start: what every task needs. The child answers {@link Loaded}. */
export interface Setup {
  readonly type: 'setup';
  readonly options: KojidOptions;
  /** The folder of kojid.conf, where the search for plugins starts. */
  readonly folder: string;
  /** When the daemon's login at the hub began, in seconds since 1970 by the hub's clock; 0 while it has none. */
  readonly started: number;
  /** Prefix of the child's command, for a namespace of its mounts; absent if it needs none. */
  readonly wrapper?: readonly string[];
  /** The descriptor of the memory of a process that has loaded everything; absent when each process loads it. */
  readonly preloaded?: number;
  /** Copies of the plugins' files from one moment; absent if the files themselves are run. */
  readonly snapshot?: Snapshot;
}

/** Copies of the plugins' folders. */
export interface Snapshot {
  /** A file's copy has the file's own path below this folder. */
  readonly top: string;
  /** Files found when the copy was first used; absent then. */
  readonly plugins?: readonly PluginEntry[];
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
  /** The task methods that the child can run, each with the plugin that provides it. */
  readonly methods: readonly (readonly [method: string, plugin: string])[];
  readonly plugins: readonly PluginEntry[];
}

/** Child to daemon: it can't run any task. */
export interface Broken {
  readonly type: 'broken';
  readonly message: string;
}

/** Child to daemon: the task has ended and is about to be reported to the hub. */
export interface Tells {
  readonly type: 'tells';
}

/** Child to daemon: the outcome of the task, which was already reported to the hub. */
export interface Done {
  readonly type: 'done';
  readonly outcome: 'closed' | 'failed' | 'refused' | 'freed';
  /** Why it failed. */
  readonly failure?: string;
  /** Whether the process never had a child that it could leave behind. */
  readonly alone: boolean;
}

/** Child to daemon, any number of times: the task waits for its subtasks and is not load during this time. */
export interface Waits {
  readonly type: 'waits';
}

/** Child to daemon: the task asks the daemon to exit after all tasks, and optionally to start again. */
export interface End {
  readonly type: 'end';
  readonly how: 'restart' | 'stop';
}

export type ToChild = Setup | Run | Awake;
export type ToDaemon = Loaded | Broken | Waits | End | Tells | Done;
