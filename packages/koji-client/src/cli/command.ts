import type { PathInfo } from '@koji/core';
import type { ClientSession } from '../session.js';
import type { ArgumentKind } from './arguments.js';
import type { Category } from './categories.js';
import type { DataShape, Told } from './data.js';
import type { GlobalOptions } from './global-options.js';
import type { LoginWay } from './kept-sessions.js';
import type { OptionTable, OptionValues } from './options.js';
import type { Output } from './output.js';

/** What a command runs with. */
export interface Run<O extends OptionTable = OptionTable> extends Output {
  readonly args: readonly string[];
  readonly options: OptionValues<O>;
  readonly global: GlobalOptions;
  /** Not logged in yet: see `login` and `connect`. */
  readonly session: ClientSession;
  readonly paths: PathInfo;
  /** Logs in as the options say, unless they say not to; then checks that the hub answers. */
  readonly login: () => Promise<LoginWay>;
  /** Logs in, also in a command that runs without a login. */
  readonly loginAlways: () => Promise<LoginWay>;
  /** Checks that the hub answers; logs in only with `--force-auth`. */
  readonly connect: () => Promise<void>;
  /**
   * Sets what is done when the user next interrupts the command. At the first interrupt the command ends when that is done,
   * with the number it returned as exit code, or 1. Without anything set, a later interrupt ends the command at once.
   */
  readonly atInterrupt: (act: () => unknown) => void;
  /**
   * Tells what the command found, for `--json` and `--format`, which print it in place of the text that the command
   * prints as well. A list adds each of its entries; a function is called only with one of these options.
   */
  readonly data: (found: Told | (() => Told)) => void;
  /** Whether one of these options is given, so that text is no use. */
  readonly wantsData: boolean;
  /** Ends with the usage, a message and exit code 2. */
  readonly usageError: (message: string) => never;
  /** Ends with a line on standard error, if any, and an exit code. */
  readonly fail: (message?: string, code?: number) => never;
}

/** A command: everything that its help, the list of commands and running it are made from. */
export interface Command<O extends OptionTable = OptionTable> {
  readonly name: string;
  readonly category: Category;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What follows the program's name in the usage; `%prog` stands for that name again. */
  readonly usage: string;
  readonly options: O;
  /** What each argument names, for completion; the last one may be repeated. None if absent. */
  readonly arguments?: readonly (ArgumentKind | `${ArgumentKind}...`)[];
  /** Command lines without the program's name, which the help shows on a terminal. */
  readonly examples?: readonly string[];
  /** Stands in the help before the options. */
  readonly description?: string;
  /** Stands in the usage in place of the hint at the global options. */
  readonly hint?: string;
  /** Not in Koji: the list of commands has it on a terminal only, under a heading of its own. */
  readonly extra?: true;
  /** Given by a command that reads: what `--json` prints; the command tells it by `run.data`. */
  readonly data?: DataShape;
  /** Prints much without being a command that reads: a pager shows it on a terminal. */
  readonly long?: true;
  /** Runs without a login unless `--force-auth` or `--mine` is given. */
  readonly anonymous?: boolean;
  /** False: what begins with a dash is an option only before the first argument. */
  readonly interspersed?: boolean;
  /** Gets its arguments as they are and reads options itself, as commands of plugins do. */
  readonly ownArguments?: boolean;
  /** Answers the exit code, nothing for 0. */
  run(run: Run<O>): Promise<number | undefined> | Promise<void>;
}

/** A command as lists of commands know it. The rest of its declaration, and its code, is loaded when it is needed. */
export interface ListedCommand extends Pick<Command, 'name' | 'category' | 'summary' | 'extra'> {
  readonly load: () => Promise<Command>;
}

/** Lists a command that is loaded already. */
export function listed(command: Command): ListedCommand {
  return { ...command, load: () => Promise.resolve(command) };
}

/** Declares a command; the identity at run time, the types of its options at compile time. */
export function command<const O extends OptionTable>(declaration: Command<O>): Command {
  return declaration;
}

/** Ends the command with an exit code. The message, if any, has been printed. */
export class Exit extends Error {
  override name = 'Exit';

  constructor(
    readonly code: number,
    message = `exit ${code}`,
  ) {
    super(message);
  }
}
