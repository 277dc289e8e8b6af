import type { KojidOptions } from '@koji/core/config';
import type { SessionKey } from '@koji/core/api';
import type { PluginEntry } from '@koji/plugin-sdk/host';

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
  /** When the daemon's login at the hub began, in seconds since 1970 by the hub's clock; 0 while it has none. */
  readonly started: number;
  /** Words before the command that starts the child: namespaces for its mounts; absent when it needs none. */
  readonly wrapper?: readonly string[];
  /** The descriptor of the memory of a process that has loaded everything; absent when each process loads it. */
  readonly preloaded?: number;
  /** Where the plugins' files are as they were at one moment; absent when they are run from where they are. */
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
  /** The task methods that it can run, each with the plugin that brings it. */
  readonly methods: readonly (readonly [method: string, plugin: string])[];
  readonly plugins: readonly PluginEntry[];
}

/** Child to daemon: it can't run any task. */
export interface Broken {
  readonly type: 'broken';
  readonly message: string;
}

/** Child to daemon: the task has ended, and the hub is about to be told. */
export interface Tells {
  readonly type: 'tells';
}

/** Child to daemon: what became of the task; the hub has been told already. */
export interface Done {
  readonly type: 'done';
  readonly outcome: 'closed' | 'failed' | 'refused' | 'freed';
  /** Why it failed. */
  readonly failure?: string;
  /** Whether the process never had a child, so that it leaves none behind. */
  readonly alone: boolean;
}

/** Child to daemon, any number of times: the task waits for its subtasks and is not load during this time. */
export interface Waits {
  readonly type: 'waits';
}

/** Child to daemon: the task asks the daemon to end once its tasks have ended, and maybe to start again. */
export interface End {
  readonly type: 'end';
  readonly how: 'restart' | 'stop';
}

export type ToChild = Setup | Run | Awake;
export type ToDaemon = Loaded | Broken | Waits | End | Tells | Done;
