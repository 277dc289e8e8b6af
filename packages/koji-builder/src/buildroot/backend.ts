import type { BuildConfig, RepoInfo } from '@koji/core/api';
import type { KojidOptions } from '@koji/core/config';
import type { BaseTaskHandler, ExitStatus, LogSource } from '@koji/plugin-sdk';
import type { BuildRootRequest } from './request.js';

/** The names of the back ends, as `buildroot_backend` in kojid.conf has them. */
export const backendNames = ['mock', 'sandbox', 'host'] as const;

/** A back end, which creates buildroots on a builder. */
export type BackendName = (typeof backendNames)[number];

/** How to run a command in a buildroot. */
export interface RunOptions {
  /** The user inside: `builder` is the unprivileged one that builds. Default: `root`. */
  readonly as?: 'root' | 'builder';
  /** The working folder, as programs inside see it. Default: the back end's choice. */
  readonly cwd?: string;
  /** Whether the command may use the network. Default: what the buildroot was made with (`setupDns`). */
  readonly network?: boolean;
  /** Variables of its environment, added to those that every command has. */
  readonly env?: Readonly<Record<string, string>>;
  /** Seconds after which it is ended, with everything that it started. Default: never. */
  readonly timeout?: number;
  /** The name of the task's log that gets its output. Default: the back end's log, such as `mock_output.log`. */
  readonly log?: string;
  /** The machine that `uname` reports inside. Default: that of the buildroot's arch. */
  readonly machine?: string;
  /**
   * With mock: true runs the command by systemd-nspawn, false by plain chroot, null as the tag says (extra data
   * `mock.new_chroot`). Other back ends have one way only. Default: null.
   */
  readonly newChroot?: boolean | null;
}

/** Where the sources of a source rpm are, as paths of the host in the buildroot's folder. */
export interface SrpmSources {
  /** The spec file. */
  readonly spec: string;
  /** The folder of its sources. */
  readonly sources: string;
}

/** Where a buildroot is on this host. */
export interface RootPlaces {
  /** Its own folder, which has the others. */
  readonly top: string;
  /** The folder that is `/` inside. */
  readonly root: string;
  /** Logs and what was built. */
  readonly result: string;
}

/** Everything that a back end needs to create a buildroot. */
export interface RootParts {
  readonly task: BaseTaskHandler;
  readonly options: KojidOptions;
  readonly id: number;
  readonly name: string;
  /** The arch of its repo, a canonical one. */
  readonly arch: string;
  readonly repo: RepoInfo;
  readonly config: BuildConfig;
  /** The task's request; null if another task created the buildroot. */
  readonly request: BuildRootRequest | null;
  /** The folder that its root is a layer on, when another task made it. */
  readonly base?: string | null;
}

/**
 * A buildroot of a back end. It does not communicate with the hub; {@link BuildRoot} does. A failed command is not an error but
 * has a status; a command that can't be started is an error.
 */
export interface Backend {
  readonly name: BackendName;
  readonly places: RootPlaces;
  /** The program whose status was returned last, for messages. */
  readonly program: string;
  /** The words before the names in the message of a failed {@link install}. */
  readonly installWords: string;
  /** Writes what the buildroot is made from; returns the file for the task's output, or null. */
  configure(): Promise<{ readonly file: string; readonly log: string } | null>;
  /** Makes the root with the packages of the group that the request names. */
  init(): Promise<ExitStatus>;
  install(names: readonly string[]): Promise<ExitStatus>;
  run(command: readonly string[], options: RunOptions): Promise<ExitStatus>;
  buildSrpm(from: SrpmSources): Promise<ExitStatus>;
  rebuildSrpm(srpm: string): Promise<ExitStatus>;
  build(srpm: string, options: { readonly arch: string }): Promise<ExitStatus>;
  /** Makes a folder of the host, in the buildroot, belong to the user that `run` has as `builder`. */
  giveToBuilder(folder: string): Promise<void>;
  /** Warning for users of the results; null for none. */
  readonly warning: string | null;
  /** The configuration that its program reads; null if there is none. */
  readonly configFile: string | null;
  /** The folder that the root is a layer on; null if there is none. */
  readonly base: string | null;
  /** Whether the installed packages come from the repo; if not, none are reported to the hub. */
  readonly hasOwnPackages: boolean;
  /** The logs that there are now. */
  logs(): Promise<(string | LogSource)[]>;
  /** The log to read after a status. */
  logOf(status: ExitStatus): string;
  /** Makes the files of a root that another task has made visible to this process. */
  attach(): Promise<void>;
  /** Ends everything that runs inside and takes its mounts away; the files stay. */
  kill(): Promise<void>;
}
