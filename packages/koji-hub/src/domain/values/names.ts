import { GenericError, ParameterError, nameProblem } from '@koji/core';
import type { Call } from '../../call.js';
import { plain, repr, typeName } from './repr.js';

/**
 * Checks a name of a thing (tag, package, channel …) against MaxNameLengthInternal and RegexNameInternal.
 *
 * @throws GenericError
 */
export function checkName(call: Call, name: unknown): asserts name is string {
  if (typeof name !== 'string') throw new GenericError('Name should be string');
  checkLength(call, name, 'Name');
  const pattern = patternOf(call.hub.options.RegexNameInternal);
  if (pattern && !pattern.test(name))
    throw new GenericError(`Name ${name} does not match RegexNameInternal value`);
  checkFolderName(name);
}

/**
 * Checks that a name can be a folder's, whatever the options say: names of packages, tags, users and others become
 * folders of the file store. A name such as `a/b` may stay.
 *
 * @throws GenericError
 */
export function checkFolderName(name: string): void {
  const problem = nameProblem(name);
  if (problem !== null) throw new GenericError(`Invalid name ${repr(cut(name))}: ${problem}`);
}

/** Leaves room for a draft's suffix in what file systems take as one name. */
const longestPart = 200;

/**
 * Checks a text that is one part of a path and need not be a name, such as a version.
 *
 * @param what the text is, for the fault
 * @throws GenericError for one that would lead elsewhere or be too long
 */
export function checkPathPart(text: string, what: string): void {
  const isLong = Buffer.byteLength(text) > longestPart;
  if (isLong || /^\.{0,2}$|[/\u0000-\u001f\u007f]/.test(text))
    throw new GenericError(`Invalid ${what}: ${repr(cut(text))}`);
}

const cut = (text: string): string => (text.length > 300 ? `${text.slice(0, 300)}…` : text);

/** Checks a user's name against MaxNameLengthInternal and RegexUserName; an empty one, or null, passes. */
export function checkUserName(call: Call, name: unknown): asserts name is string | null {
  checkUserText(call, name, 'Name');
  // The results of scratch builds are in a folder with the name of their owner. Like Koji, this accepts a line end after a
  // name; no folder is created for such a user.
  if (name) checkFolderName(name.replace(/\n$/, ''));
}

/** Checks a Kerberos principal as a user's name; null passes. */
export function checkPrincipal(call: Call, principal: unknown): asserts principal is string | null {
  checkUserText(call, principal, 'Kerberos principal');
}

function checkUserText(call: Call, text: unknown, what: string): asserts text is string | null {
  if (text === null) return;
  if (typeof text !== 'string') throw new GenericError(`${what} should be string`);
  if (text) checkLength(call, text, what);
  const pattern = patternOf(call.hub.options.RegexUserName);
  if (pattern && !pattern.test(text))
    throw new GenericError(`${what} ${text} does not match RegexUserName value`);
}

/** Checks the name of a builder, which is one of a user too. */
export function checkHostName(call: Call, name: unknown): asserts name is string {
  checkName(call, name);
  checkUserName(call, name);
}

/** Checks that an argument is text, or null where that will do, in Koji's words. */
export function checkText(
  value: unknown,
  options: { readonly nullable: true },
): asserts value is string | null;
export function checkText(value: unknown): asserts value is string;
export function checkText(value: unknown, { nullable = false } = {}): asserts value is string | null {
  if (value === null || value === undefined) {
    if (nullable) return;
    throw new ParameterError("Invalid type, expected type <class 'str'>");
  }
  if (typeof value !== 'string')
    throw new ParameterError(
      `Invalid type for value '${plain(value)}': ${typeName(value)}, expected type <class 'str'>`,
    );
}

function checkLength(call: Call, text: string, what: string): void {
  const most = call.hub.options.MaxNameLengthInternal;
  if (most !== 0 && Array.from(text).length > most)
    throw new GenericError(`${what} ${text} is too long. Max length is ${most} characters`);
}

const patterns = new Map<string, RegExp>();

// Koji matches from the start of the name only; the option's own pattern says where it ends. Its `$` lets a line end pass.
function patternOf(source: string | null | undefined): RegExp | null {
  if (!source) return null;
  let pattern = patterns.get(source);
  if (!pattern) {
    pattern = new RegExp(`^(?:${source.replace(/(?<!\\)\$$/, '\\n?$')})`, 'u');
    patterns.set(source, pattern);
  }
  return pattern;
}
