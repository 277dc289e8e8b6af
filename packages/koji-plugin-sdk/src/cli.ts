import type { TypedMarker } from './decorate.js';
import { marker } from './decorate.js';
import type { CliMark, CliOption, CliOptionTable } from './marks.js';
import type { HubSession } from './session.js';

/** The declared value of an option. */
type ValueOf<O> = O extends { readonly action: 'int' }
  ? number | undefined
  : O extends { readonly action: 'list' }
    ? readonly string[]
    : O extends { readonly action: 'true' }
      ? true | undefined
      : O extends { readonly action: 'false' }
        ? false | undefined
        : O extends { readonly action: unknown }
          ? O extends { readonly action: 'text' }
            ? string | undefined
            : CliOptionValue
          : CliOption extends O
            ? CliOptionValue
            : string | undefined;

/** The value of an option: undefined when it was not passed; for a `list` the empty list. */
export type CliOptionValue = string | number | boolean | readonly string[] | undefined;

/** The values of the options that a command declares. */
export type CliOptionValues<O extends CliOptionTable> = {
  readonly [K in keyof O]: O[K] extends CliOption
    ? ValueOf<O[K]>
    : O[K] extends readonly CliOption[]
      ? ValueOf<O[K][number]>
      : CliOptionValue;
};

/** Tools of the `koji` command for a plugin's command. A function that receives them has the type `CliTools<typeof options>`. */
export interface CliTools<O extends CliOptionTable = CliOptionTable> {
  /** Writes a line to standard output. */
  print(line: string): void;
  /** Writes text or bytes to standard output, unchanged. */
  write(data: string | Uint8Array): void;
  /** Writes a line to standard error. */
  warn(line: string): void;
  /** Sends a local file to a folder below the hub's work folder. Returns the path there. */
  upload(file: string, directory: string): Promise<string>;
  /** Returns a file of a task's output. */
  taskOutput(taskId: number, name: string): Promise<Uint8Array>;
  /** The values of the options that `exportCli({ options })` declares. */
  readonly options: CliOptionValues<O>;
  /** Exits with the usage, a message and status 2. */
  usageError(message: string): never;
  /** Logs in, for a command that needs a login only sometimes. */
  login(): Promise<void>;
  /** Sets a function to run when the user interrupts the command, which exits with status 1 after it. */
  atInterrupt(act: () => unknown): void;
  /** Waits for tasks and prints their progress. Returns the exit code, 0 when all succeeded. */
  watchTasks(taskIds: readonly number[], options?: { readonly quiet?: boolean }): Promise<number>;
}

/** Settings of the profile and global options of the `koji` command. */
export interface CliOptions {
  /** The name of the profile. */
  readonly profile: string;
  /** The address of the hub. */
  readonly server: string;
  /** The address of the web pages. */
  readonly weburl: string;
  /** Whether to print only the requested output. */
  readonly quiet: boolean;
  /** Seconds between two polls of a task. */
  readonly poll_interval: number;
  /** Any other setting. */
  readonly [setting: string]: unknown;
}

/**
 * Runs a command: the profile's options, a session (logged in unless the command is anonymous) and its arguments. Returns an
 * exit code, or nothing for 0.
 */
export type CliCommand<O extends CliOptionTable = CliOptionTable> = (
  options: CliOptions,
  session: HubSession,
  args: readonly string[],
  tools: CliTools<O>,
) => unknown;

/** The type of a command without options. */
type NoOptions = Readonly<Record<string, never>>;

/**
 * Adds a command to the `koji` command. Return an exit code, or nothing for 0.
 *
 * @example
 * export const anon_handle_echo = exportCli({ help: 'Print arguments', group: 'info', usage: '<message>' })(
 *   (options, session, args, { print }) => print(args.join(' ')),
 * );
 */
export function exportCli<const O extends CliOptionTable = NoOptions>(
  options: CliMark<O> = {},
): TypedMarker<CliCommand<O>> {
  return marker<CliCommand<O>>('exportCli', { cli: options });
}
