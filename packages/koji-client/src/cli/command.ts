import type { PathInfo } from '@koji/core';
import type { ClientSession } from '../session.js';
import type { ArgumentKind } from './arguments.js';
import type { Category } from './categories.js';
import type { DataShape, Told } from './data.js';
import type { GlobalOptions } from './global-options.js';
import type { LoginWay } from './kept-sessions.js';
import type { OptionTable, OptionValues } from './options.js';
import type { Output } from './output.js';

/** The environment of a running command. */
export interface Run<O extends OptionTable = OptionTable> extends Output {
  readonly args: readonly string[];
  readonly options: OptionValues<O>;
  readonly global: GlobalOptions;
  /** Not logged in yet: see `login` and `connect`. */
  readonly session: ClientSession;
  readonly paths: PathInfo;
  /** Logs in as configured by the options, unless they forbid it; then checks that the hub answers. */
  readonly login: () => Promise<LoginWay>;
  /** Logs in, also in a command that runs without a login. */
  readonly loginAlways: () => Promise<LoginWay>;
  /** Checks that the hub answers; logs in only with `--force-auth`. */
  readonly connect: () => Promise<void>;
  /**
   * Sets the action for the next interrupt by the user. At the first interrupt the command exits when the action is done, with
   * the number it returned as exit code, or 1. Without an action, a later interrupt exits at once.
   */
  readonly atInterrupt: (act: () => unknown) => void;
  /**
   * Passes the command's data to `--json` and `--format`, which print it instead of the text that the command prints as well. A
   * list adds each of its entries; a function is called only with one of these options.
   */
  readonly data: (found: Told | (() => Told)) => void;
  /** True with one of these options, so that text is not needed. */
  readonly wantsData: boolean;
  /** Exits with the usage, a message and exit code 2. */
  readonly usageError: (message: string) => never;
  /** Exits with a line on standard error, if any, and an exit code. */
  readonly fail: (message?: string, code?: number) => never;
}

/** A command: its help, its entry in the list of commands, and its code. */
export interface Command<O extends OptionTable = OptionTable> {
  readonly name: string;
  readonly category: Category;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The part of the usage after the program's name; `%prog` stands for that name again. */
  readonly usage: string;
  readonly options: O;
  /** The kind of name of each argument, for completion; the last one may be repeated. None if absent. */
  readonly arguments?: readonly (ArgumentKind | `${ArgumentKind}...`)[];
  /** Example command lines without the program's name, shown by the help on a terminal. */
  readonly examples?: readonly string[];
  /** Text in the help before the options. */
  readonly description?: string;
  /** Replaces the hint about the global options in the usage. */
  readonly hint?: string;
  /** Not in Koji: the list of commands shows it only on a terminal, under its own heading. */
  readonly extra?: true;
  /** For commands that read: the shape of the `--json` output, which the command passes to `run.data`. */
  readonly data?: DataShape;
  /** Prints a lot without being a command that reads: a pager shows it on a terminal. */
  readonly long?: true;
  /** Runs without a login unless `--force-auth` or `--mine` is given. */
  readonly anonymous?: boolean;
  /** If false, words that begin with a dash are options only before the first argument. */
  readonly interspersed?: boolean;
  /** Gets its arguments unparsed and reads options itself, like commands of plugins. */
  readonly ownArguments?: boolean;
  /** Returns the exit code, or nothing for 0. */
  run(run: Run<O>): Promise<number | undefined> | Promise<void>;
}

/** A command in the list of commands. The rest of its declaration, and its code, is loaded when needed. */
export interface ListedCommand extends Pick<Command, 'name' | 'category' | 'summary' | 'extra'> {
  readonly load: () => Promise<Command>;
}

/** Lists a command that is already loaded. */
export function listed(command: Command): ListedCommand {
  return { ...command, load: () => Promise.resolve(command) };
}

/** Declares a command. Returns its argument; only the types of the options matter. */
export function command<const O extends OptionTable>(declaration: Command<O>): Command {
  return declaration;
}

/** Exits the command with an exit code. The message, if any, has been printed. */
export class Exit extends Error {
  override name = 'Exit';

  constructor(
    readonly code: number,
    message = `exit ${code}`,
  ) {
    super(message);
  }
}
