import type { TypedMarker } from './decorate.js';
import { marker } from './decorate.js';
import type { CliMark } from './marks.js';
import type { HubSession } from './session.js';

/** What the `koji` command lends to a plugin's command. */
export interface CliTools {
  /** Writes a line to standard output. */
  print(line: string): void;
  /** Writes text or bytes to standard output, as they are. */
  write(data: string | Uint8Array): void;
  /** Writes a line to standard error. */
  warn(line: string): void;
  /** Sends a local file to a folder below the hub's work folder; answers the path there. */
  upload(file: string, directory: string): Promise<string>;
  /** Gets a file of a task's output. */
  taskOutput(taskId: number, name: string): Promise<Uint8Array>;
  /** The values of the options that `exportCli({ options })` declares. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Ends the command with its usage, a message and exit code 2. */
  usageError(message: string): never;
  /** Logs in, for a command that does so only sometimes. */
  login(): Promise<void>;
  /** Sets what is said or done when the user interrupts the command; it ends with code 1 when that is done. */
  atInterrupt(act: () => unknown): void;
  /** Waits for tasks and prints their progress; answers the exit code, 0 when all went well. */
  watchTasks(taskIds: readonly number[], options?: { readonly quiet?: boolean }): Promise<number>;
}

/** Settings of the profile and global options of the `koji` command: `server`, `weburl`, `quiet`… */
export type CliOptions = Readonly<Record<string, unknown>>;

/**
 * Runs a command: the profile's options, a session (logged in unless the command is anonymous) and its arguments. Answers an exit code, or
 * nothing for 0.
 */
export type CliCommand = (
  options: CliOptions,
  session: HubSession,
  args: readonly string[],
  tools: CliTools,
) => unknown;

/**
 * Adds a command to the `koji` command. Answer an exit code, or nothing for 0.
 *
 * @example
 * export const anon_handle_echo = exportCli({ help: 'Print arguments', group: 'info', usage: '<message>' })(
 *   (options, session, args, { print }) => print(args.join(' ')),
 * );
 */
export function exportCli(options: CliMark = {}): TypedMarker<CliCommand> {
  return marker<CliCommand>('exportCli', { cli: options });
}
