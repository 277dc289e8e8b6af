/**
 * TypeScript's `b?: string` is gone from a function's source once it runs. It is still in the source file, or in the
 * declarations (`.d.ts`) next to the compiled one, which are read here for functions that have parameters without a default.
 */
import fs from 'node:fs';
import path from 'node:path';
import { listAt, splitAt } from './parameters.js';
import type { Parameter } from './parameters.js';
import { isTypeScript } from './typescript.js';

/** The most that is read of one plugin. */
const mostFiles = 100;
const mostCharacters = 1 << 20;

/** Information about parameters from a plugin's TypeScript. */
export interface OptionalParameters {
  /**
   * Names of parameters that may be left out.
   *
   * @param owner the function's name, or that of the class for a task's handler
   * @returns null when it can't be told: two functions of these parameters differ, or none has them
   */
  of(owner: string, parameters: readonly Parameter[]): ReadonlySet<string> | null;
}

/** Reads what there is of a plugin's TypeScript; null if there is none, so that nothing is optional but by a default. */
export function optionalParameters(file: string): OptionalParameters | null {
  const first = path.isAbsolute(file) ? typesOf(file) : null;
  if (first === null) return null;
  let texts: readonly string[] | null = null;
  return { of: (owner, parameters) => find((texts ??= readTexts(first)), owner, parameters) };
}

/** The file that has a module's types: itself, or its declarations. */
function typesOf(file: string): string | null {
  if (isTypeScript(file)) return file;
  const declarations = file.replace(/\.([cm]?)js$/, '.d.$1ts');
  return declarations !== file && fs.existsSync(declarations) ? declarations : null;
}

/** A file and those that it leads to by relative imports. */
function readTexts(first: string): string[] {
  const texts: string[] = [];
  const files = new Set([first]);
  let length = 0;
  for (const file of files) {
    if (files.size > mostFiles || length > mostCharacters) break;
    const text = textOf(file);
    texts.push(text);
    length += text.length;
    for (const [, place = ''] of text.matchAll(/(?:from|import)\s*\(?\s*['"](\.\.?\/[^'"]+)['"]/g)) {
      const next = importedFile(path.resolve(path.dirname(file), place));
      if (next !== null) files.add(next);
    }
  }
  return texts;
}

function importedFile(file: string): string | null {
  if (isTypeScript(file)) return fs.existsSync(file) ? file : null;
  const source = file.replace(/\.([cm]?)js$/, '.$1ts');
  return source !== file && fs.existsSync(source) ? source : typesOf(file);
}

interface Candidate {
  readonly owned: boolean;
  readonly optional: ReadonlySet<string>;
}

function find(
  texts: readonly string[],
  owner: string,
  parameters: readonly Parameter[],
): ReadonlySet<string> | null {
  const all = texts.flatMap((text) => candidates(text, owner, parameters));
  return agreed(all) ?? agreed(all.filter(({ owned }) => owned));
}

/** The value of all candidates, if they agree. */
function agreed(all: readonly Candidate[]): ReadonlySet<string> | null {
  const said = new Set(all.map(({ optional }) => [...optional].join()));
  return said.size === 1 ? (all[0]?.optional ?? null) : null;
}

/** Every list of parameters with these names. */
function candidates(text: string, owner: string, parameters: readonly Parameter[]): Candidate[] {
  const [first] = parameters;
  if (!first) return [];
  const found: Candidate[] = [];
  const start = new RegExp(`\\(\\s*(?:this\\s*:[^,)]*,\\s*)?${startOf(first)}`, 'gu');
  for (const { index } of text.matchAll(start)) {
    const optional = optionalIn(listAt(text, index), parameters);
    if (optional) found.push({ owned: isOwned(text.slice(0, index), owner), optional });
  }
  return found;
}

/** How a parameter begins in TypeScript: it has a type or a default, which an argument of a call has not. */
function startOf(parameter: Parameter): string {
  if (parameter.kind === 'name') return `${literal(parameter.name)}\\s*(?:\\??\\s*:|=(?![=>]))`;
  return parameter.kind === 'rest' ? `\\.\\.\\.\\s*${literal(parameter.name)}\\b` : '[{[]';
}

const literal = (name: string): string => name.replaceAll('$', '\\$');

/** Whether the text before a list names the function, or the class that its method belongs to. */
function isOwned(before: string, owner: string): boolean {
  const lastClass = [...before.matchAll(/\bclass\s+([\p{ID_Continue}$]+)/gu)].at(-1)?.[1];
  return (
    lastClass === owner ||
    new RegExp(`(?<![\\w$])${literal(owner)}(?![\\w$])[^;]*$`, 'u').test(before.slice(-200))
  );
}

/** The optional names of a list, if it is that of these parameters. */
function optionalIn(list: string, parameters: readonly Parameter[]): ReadonlySet<string> | null {
  const parts = typedParts(list).filter((part) => !/^this\s*:/u.test(part));
  if (parts.length !== parameters.length) return null;
  const optional = new Set<string>();
  for (const [i, parameter] of parameters.entries()) {
    const part = parts[i] ?? '';
    if (!new RegExp(`^(?:${startOf(parameter)})`, 'u').test(part)) return null;
    if (parameter.kind === 'name' && /^[^?:=]+\?\s*:/u.test(part)) optional.add(parameter.name);
  }
  return optional;
}

/** A list's parameters; commas between `<` and `>` are within a type. */
function typedParts(list: string): string[] {
  const parts: string[] = [];
  let open = 0;
  for (const part of splitAt(list, ',')) {
    if (open > 0) parts.push(`${parts.pop() ?? ''},${part}`);
    else parts.push(part);
    open += (part.match(/</g) ?? []).length - (part.match(/(?<!=)>/g) ?? []).length;
  }
  return parts;
}

/** Whether a module was compiled from TypeScript whose declarations are not beside it. */
export function lacksDeclarations(file: string): boolean {
  if (!path.isAbsolute(file) || typesOf(file) !== null) return false;
  const map = `${file}.map`;
  return fs.existsSync(map) && /\.[cm]?tsx?"/.test(textOf(map).slice(0, 100_000));
}

/** Whether a module is minified, so that its parameters have names that nobody chose. */
export function isMinified(file: string): boolean {
  if (!path.isAbsolute(file) || isTypeScript(file)) return false;
  const text = textOf(file).slice(0, 100_000);
  return text.length / text.split('\n').length > 150;
}

/** The text of a file; nothing for one that was removed since the plugin was loaded from it. */
function textOf(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
