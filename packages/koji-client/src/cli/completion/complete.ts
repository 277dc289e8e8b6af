import { listProfiles } from '@koji/core/config';
import { categories } from '../categories.js';
import { kindOfOption } from '../arguments.js';
import type { ArgumentKind } from '../arguments.js';
import type { Command, ListedCommand } from '../command.js';
import { openKinds } from '../commands/open.js';
import { searchTypes } from '../commands/search.js';
import { globalParser, withProfile } from '../global-options.js';
import type { GlobalOptions } from '../global-options.js';
import { parserOf } from '../help.js';
import { aliases } from '../names.js';
import { takesValue } from '../options.js';
import type { OptionDef, OptionTable } from '../options.js';
import { processOutput } from '../output.js';
import { hubNames } from './hub-names.js';
import type { TypedName } from './hub-names.js';
import { bashReplaces, shells, wordsOfLine } from './shells.js';

/** A completion with its description. */
export interface Candidate {
  readonly word: string;
  readonly about?: string;
}

/** Returns the commands of a profile, including those of plugins. */
type ListCommands = (global: GlobalOptions) => Promise<readonly ListedCommand[]>;

/** Printed instead of words if the shell should complete file names. */
export const filesMark = ':files';

/**
 * Runs `koji __complete SHELL WORD...`, which the scripts of `koji completion` call: prints the completions of the last word,
 * each with its description after a tab. `bash` passes the command line up to the cursor instead of words. Completion never
 * fails; names that can't be determined are omitted.
 */
export async function printCompletions(
  program: string,
  argv: readonly string[],
  allCommands: ListCommands,
): Promise<number> {
  const [, shell, ...given] = argv;
  const words = shell === 'bash' ? wordsOfLine(given[0] ?? '').slice(1) : given;
  const found = await complete(program, words, allCommands).catch(() => []);
  const current = words.at(-1) ?? '';
  for (const { word, about } of found) {
    const shown = shell === 'bash' ? bashReplaces(current, word) : word;
    processOutput.print(about && shell !== 'bash' ? `${shown}\t${about.replace(/\s+/g, ' ')}` : shown);
  }
  return 0;
}

async function complete(
  program: string,
  words: readonly string[],
  allCommands: ListCommands,
): Promise<Candidate[]> {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const { options } = globalParser(program);
  const at = commandIndex(before, options);
  if (at === null) {
    const value = valueAsked(before, current, options);
    if (value?.kind === 'profile') return profilesOf(value, before);
    if (value) return valuesOf(value, () => globalOf(program, []));
    if (current.startsWith('-')) return flagsOf(options, current);
    return commandNames(await allCommands(globalOf(program, before)), current);
  }
  const global = (): GlobalOptions => globalOf(program, before.slice(0, at));
  const name = before[at] ?? '';
  const all = await allCommands(global());
  const found = all.find((known) => known.name === (aliases[name] ?? name).replaceAll('_', '-'));
  if (!found) return [];
  const command = await found.load();
  const whole = { ...command, options: parserOf(command, program).options };
  return completeArguments(whole, before.slice(at + 1), current, global);
}

function globalOf(program: string, words: readonly string[]): GlobalOptions {
  return withProfile(program, globalParser(program).parse(words).options, () => undefined);
}

/** Returns the position of the command's name, or null if it is being typed. */
function commandIndex(words: readonly string[], options: OptionTable): number | null {
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (!word.startsWith('-') || word === '-') return i;
    const def = optionOf(word, options);
    if (def && takesValue(def) && !word.includes('=')) i += valuesTaken(def);
  }
  return null;
}

function commandNames(commands: readonly ListedCommand[], current: string): Candidate[] {
  return commands
    .filter(({ name }) => name.startsWith(current))
    .map(({ name, summary }) => ({ word: name, about: summary }))
    .sort((a, b) => (a.word < b.word ? -1 : 1));
}

async function completeArguments(
  command: Command,
  before: readonly string[],
  current: string,
  global: () => GlobalOptions,
): Promise<Candidate[]> {
  const { options } = command;
  const ended = before.includes('--');
  const value = ended ? null : valueAsked(before, current, options);
  if (value) return valuesOf(value, global);
  if (!ended && current.startsWith('-')) return flagsOf(options, current);
  const declared = command.arguments ?? [];
  const index = positionals(before, options).length;
  const kind = declared[index] ?? (declared.at(-1)?.endsWith('...') ? declared.at(-1) : undefined);
  if (kind === undefined) return [];
  const plain = kind.replace('...', '') as ArgumentKind;
  const named =
    plain === 'name' ? ((before.find((word) => !word.startsWith('-')) ?? 'text') as ArgumentKind) : plain;
  const tag = positionals(before, options)[declared.indexOf('tag')];
  return valuesOf({ kind: named, typed: current, prefix: '', tag }, global);
}

/** Returns the arguments before the one being typed, without options. */
function positionals(words: readonly string[], options: OptionTable): string[] {
  const found: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (word === '--') return [...found, ...words.slice(i + 1)];
    if (!word.startsWith('-') || word === '-') {
      found.push(word);
      continue;
    }
    const def = optionOf(word, options);
    if (def && takesValue(def) && !word.includes('=')) i += valuesTaken(def);
  }
  return found;
}

const valuesTaken = (def: OptionDef<unknown>): number => (def.action === 'pairs' ? 2 : 1);

const definitions = (options: OptionTable): OptionDef<unknown>[] =>
  Object.values(options).flatMap((defs) => defs);

function optionOf(word: string, options: OptionTable): OptionDef<unknown> | undefined {
  const name = word.split('=')[0] ?? word;
  return definitions(options).find(({ flags }) => flags.includes(name));
}

/** A value that is being typed. */
interface Value extends TypedName {
  readonly choices?: readonly string[];
  /** The text before it in the same word: `--tag=`. */
  readonly prefix: string;
}

function valueAsked(before: readonly string[], current: string, options: OptionTable): Value | null {
  const equals = current.startsWith('--') ? current.indexOf('=') : -1;
  const word = equals === -1 ? (before.at(-1) ?? '') : current.slice(0, equals);
  if (!word.startsWith('-') || (equals === -1 && word.includes('='))) return null;
  const def = optionOf(word, options);
  if (!def || !takesValue(def)) return null;
  return {
    kind: kindOfOption(def.flags),
    ...(def.choices ? { choices: def.choices } : {}),
    typed: current.slice(equals + 1),
    prefix: equals === -1 ? '' : `${word}=`,
  };
}

function flagsOf(options: OptionTable, current: string): Candidate[] {
  const shown = definitions(options).flatMap(({ flags, help }) =>
    help === undefined ? [] : flags.map((word) => ({ word, about: help })),
  );
  return [...shown, { word: '--help', about: 'show this help message and exit' }].filter(({ word }) =>
    word.startsWith(current),
  );
}

/** Profiles come from the configuration files, including one from the command line. */
function profilesOf({ typed, prefix }: Value, before: readonly string[]): Candidate[] {
  const at = before.findIndex((word) => word === '-c' || word === '--config');
  const configFile =
    at === -1 ? before.find((word) => word.startsWith('--config='))?.slice(9) : before[at + 1];
  return listProfiles(configFile === undefined ? {} : { configFile })
    .filter((name) => name.startsWith(typed))
    .map((name) => ({ word: prefix + name }));
}

const fixedNames: Readonly<Partial<Record<ArgumentKind, readonly string[]>>> = {
  category: ['all', ...Object.keys(categories)],
  kind: openKinds,
  'search-type': searchTypes,
  shell: Object.keys(shells),
};

async function valuesOf(value: Value, global: () => GlobalOptions): Promise<Candidate[]> {
  const { kind, choices, typed, prefix } = value;
  if (kind === 'file') return [{ word: filesMark }];
  const fixed = choices ?? fixedNames[kind];
  const names = fixed ? fixed.filter((name) => name.startsWith(typed)) : await hubNames(global(), value);
  return names.map((name) => ({ word: prefix + name }));
}
