import {
  AuthExpired,
  ConfigError,
  ConfigurationError,
  PathInfo,
  PluginError,
  UnknownFault,
  makeLogger,
  messageOf,
} from '@koji/core';
import { ClientSession, retryText } from '../session.js';
import type { Retry } from '../session.js';
import { sessionOptions } from '../profiles.js';
import { HubUnreachable } from '../errors.js';
import { Exit, listed } from './command.js';
import type { Command, ListedCommand, Run } from './command.js';
import { helpCommand } from './commands/help.js';
import { DataPrinter } from './data.js';
import { builtInCommands } from './commands/index.js';
import { globalParser, withProfile } from './global-options.js';
import type { GlobalOptions } from './global-options.js';
import { aliases, greetings } from './names.js';
import { exitCodes } from './exit-codes.js';
import { listCommands, parserOf } from './help.js';
import { checkHub, keptRefusal, login, loginWay } from './login.js';
import { HelpAsked, UsageError } from './options.js';
import type { OptionParser, OptionTable } from './options.js';
import { hasScreen, processOutput } from './output.js';
import type { Output } from './output.js';
import type { PagedOutput } from './pager.js';
import { nearestNames, suggestNames, suggestionLine } from './suggestions.js';
import { mayHavePlugins } from './plugin-folders.js';
import { logTime, pythonRepr } from '@koji/core/text';

const out = processOutput;

/** Runs the `koji` command under a program name and returns its exit code. */
export async function runKoji(program: string, argv: readonly string[]): Promise<number> {
  if (argv[0] === '__complete')
    return (await import('./completion/complete.js')).printCompletions(program, argv, allCommands);
  const parser = globalParser(program);
  const parsed = parseOr(program, parser, argv);
  if (typeof parsed === 'number') return parsed;
  try {
    const global = withProfile(program, parsed.options, (line) => out.warn(line));
    const commands = await allCommands(global);
    const [name, ...args] = parsed.args;
    if (global.help_commands || name === undefined) {
      listCommands(out, commands, program);
      return 0;
    }
    const command = findCommand(commands, name);
    if (!command) {
      listCommands(out, commands, program);
      logError(`Unknown command: ${name}`);
      suggest(
        nearestNames(name.replaceAll('_', '-'), [
          ...commands.map((known) => known.name),
          ...Object.keys(aliases),
        ]),
      );
      return 1;
    }
    return await runCommand(await command.load(), args, global);
  } catch (error) {
    if (error instanceof PluginError) {
      logError(error.message);
      return 1;
    }
    if (!(error instanceof ConfigurationError || error instanceof ConfigError)) throw error;
    return usageFailure(program, parser.usageText, error.message);
  }
}

/** Returns the commands of `koji` and those of the profile's plugins. */
async function allCommands(global: GlobalOptions): Promise<readonly ListedCommand[]> {
  const plugins = mayHavePlugins(global)
    ? await (await import('./plugins.js')).loadPluginCommands(global)
    : [];
  const added = new Set(plugins.map((command) => command.name));
  const commands: ListedCommand[] = [...builtInCommands, listed(helpCommand(() => commands))].filter(
    (command) => !added.has(command.name),
  );
  commands.push(...plugins.map(listed));
  return commands;
}

function findCommand(commands: readonly ListedCommand[], given: string): ListedCommand | undefined {
  const alias = aliases[given] ?? given;
  const name = greetings.includes(alias.toLowerCase()) ? 'moshimoshi' : alias;
  return commands.find((command) => command.name === name.replaceAll('_', '-'));
}

async function runCommand(command: Command, argv: readonly string[], given: GlobalOptions): Promise<number> {
  const { program } = given;
  const parser = parserOf(command, program);
  const asIs = command.ownArguments === true && !argv.some((arg) => arg === '-h' || arg === '--help');
  const parsed = asIs ? { options: {}, args: [...argv] } : parseOr(program, parser, argv);
  if (typeof parsed === 'number') return parsed;
  // Reading needs no login, unless it is about the caller's own data.
  const anonymous = command.anonymous === true && !given.force_auth && !argv.includes('--mine');
  const global = anonymous ? { ...given, noauth: true } : given;
  const session = newSession(global);
  const interrupt = onInterrupt();
  const paged = await openPager(command, parsed.options, global);
  try {
    const data = command.data ? DataPrinter.from(command.data, parsed.options) : null;
    const teller = { data, out: paged ?? out };
    const running = tell(command, runOf(session, global, parsed, { interrupt, ...teller }), teller);
    return await Promise.race([running, interrupt.happened, ...(paged ? [paged.left.then(() => 0)] : [])]);
  } catch (error) {
    await paged?.end();
    // The interrupted work fails, whatever the user is asked next.
    if (interrupt.seen) return await interrupt.happened;
    const code =
      error instanceof UsageError
        ? usageFailure(program, parser.usageText, error.message)
        : failure(error, global);
    if (error instanceof AuthExpired) warnOfExpiry(global, error);
    if (process.stderr.isTTY) suggest(await suggestNames(session, messageOf(error)));
    return code;
  } finally {
    await paged?.end();
    if (!interrupt.seen) await session.logout().catch(() => null);
    await session.close();
  }
}

/** Returns output through a pager for a command that may print a lot, only on a terminal. */
async function openPager(
  { data, long }: Command,
  options: Readonly<Record<string, unknown>>,
  global: GlobalOptions,
): Promise<PagedOutput | null> {
  // The output of commands that run until an interrupt is read as it arrives.
  if (!(data ?? long) || global.no_pager || options['watch'] || !hasScreen()) return null;
  const { pagedOutput, pagerCommand } = await import('./pager.js');
  const pager = pagerCommand();
  return pager === null ? null : pagedOutput(pager);
}

/** Destination of a command's data and text. */
interface Teller {
  readonly data: DataPrinter | null;
  readonly out: Output;
}

/** Runs a command and prints its data, even if it exits with an error code. */
async function tell(command: Command, run: Run, { data, out }: Teller): Promise<number> {
  try {
    const code = (await command.run(run)) ?? 0;
    data?.print(out);
    return code;
  } catch (error) {
    if (error instanceof Exit) data?.print(out, true);
    throw error;
  }
}

interface Interrupt {
  /** Resolves with the exit code. */
  readonly happened: Promise<number>;
  seen: boolean;
  /** Action for the next interrupt; null to exit at once. */
  act: (() => unknown) | null;
}

function onInterrupt(): Interrupt {
  const interrupt: { -readonly [K in keyof Interrupt]: Interrupt[K] } = {
    happened: Promise.resolve(0),
    seen: false,
    act: () => undefined,
  };
  interrupt.happened = new Promise((resolve) => {
    const onSignal = (): void => {
      const { act, seen } = interrupt;
      interrupt.act = null;
      interrupt.seen = true;
      if (seen && !act) {
        process.off('SIGINT', onSignal);
        process.kill(process.pid, 'SIGINT');
        return;
      }
      const acted = (async () => act?.())().catch(() => null);
      // Whatever the result, the user wants to exit.
      if (!seen) void acted.then((code) => resolve(typeof code === 'number' ? code : exitCodes.failed));
    };
    process.on('SIGINT', onSignal);
  });
  return interrupt;
}

function newSession(global: GlobalOptions): ClientSession {
  const log = makeLogger((_level, text) => {
    if (global.debug) out.warn(`${logTime(new Date())} [DEBUG] koji: ${text()}`);
  });
  // Programs that read our standard error expect only the output of Koji's command.
  const tellsRetries = process.stderr.isTTY && !global.debug && !global.quiet;
  return new ClientSession(global.server, {
    ...sessionOptions(global),
    ...(global.cert ? { cert: global.cert } : {}),
    doubles: 'exact',
    ...(tellsRetries ? { onRetry: (retry: Retry) => out.warn(`${retryText(retry)} (Ctrl-C ends it)`) } : {}),
    log,
  });
}

function runOf(
  session: ClientSession,
  global: GlobalOptions,
  parsed: { options: Record<string, unknown>; args: string[] },
  { interrupt, data, out }: Teller & { readonly interrupt: Interrupt },
): Run {
  const silent = { print: () => undefined, write: () => undefined };
  return {
    ...out,
    ...(data ? silent : {}),
    data: (found) => data?.add(found),
    wantsData: data !== null,
    ...parsed,
    global,
    session,
    paths: new PathInfo(global.topdir),
    login: () => login(session, global, out),
    loginAlways: () => login(session, { ...global, noauth: false }, out),
    connect: async () => {
      await (global.force_auth ? login(session, global, out) : checkHub(session, global, out));
    },
    atInterrupt: (act) => (interrupt.act = act),
    usageError: (message) => {
      throw new UsageError(message);
    },
    fail: (message, code = 1) => {
      if (message) out.warn(message);
      throw new Exit(code, message);
    },
  };
}

function parseOr<O extends OptionTable>(
  program: string,
  parser: OptionParser<O>,
  argv: readonly string[],
): ReturnType<OptionParser<O>['parse']> | number {
  try {
    return parser.parse(argv);
  } catch (error) {
    if (error instanceof UsageError) return usageFailure(program, parser.usageText, error.message);
    if (!(error instanceof HelpAsked)) throw error;
    out.write(parser.help(Number(process.env['COLUMNS'] ?? 80) || 80, process.stdout.isTTY));
    return 0;
  }
}

/** Prints similar names. Programs that read our standard error expect only Koji's text. */
function suggest(names: readonly string[]): void {
  const line = suggestionLine(names);
  if (line !== null && process.stderr.isTTY) out.warn(line);
}

function usageFailure(program: string, usage: string, message: string): number {
  out.warn(`${usage}\n${program}: error: ${message}`);
  return 2;
}

function failure(error: unknown, global: GlobalOptions): number {
  if (error instanceof Exit) return error.code;
  const code = error instanceof HubUnreachable ? exitCodes.unreachable : exitCodes.failed;
  if (global.debug) out.warn((error as Error).stack ?? messageOf(error));
  if (error instanceof UnknownFault)
    logError(`Fault: <Fault ${error.faultCode}: ${pythonRepr(error.message)}>`);
  else logError(error instanceof Error ? `${error.name}: ${error.message}` : messageOf(error));
  return code;
}

/** Prints the remedy if the kept session expired while the command ran. */
function warnOfExpiry(global: GlobalOptions, error: AuthExpired): void {
  const way = loginWay(global);
  if (way.by === 'kept session') out.warn(keptRefusal(way.kept, global, error));
}

function logError(message: string): void {
  out.warn(`${logTime(new Date())} [ERROR] koji: ${message}`);
}
