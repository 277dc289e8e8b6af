import { randomBytes } from 'node:crypto';
import util from 'node:util';
import {
  GenericError,
  LockError,
  ServerOffline,
  UnknownFault,
  faultToWire,
  withoutSecrets,
} from '@koji/core';
import { EncodeError, WireError } from '@koji/core/wire';
import type { HubOptions } from '@koji/core/config';
import {
  ConstraintViolation,
  DatabaseError,
  DatabaseUnavailable,
  TransactionConflict,
} from '../db/errors.js';

/** The most characters of a fault's text: far more than any traceback, far less than a caller can make it quote. */
const longestText = 1 << 18;

/** A text that XML can carry, of bounded length: a fault often quotes what the caller sent. */
function sendable(text: string): string {
  const shown = withoutSecrets(text);
  const kept = shown.length > longestText ? `${shown.slice(0, longestText)}…` : shown;
  return kept.replace(/[^\P{Cc}\t\n\r\u007f-\u009f]|[\p{Cs}\ufffe\uffff]/gu, '\ufffd');
}

/** Texts for file system errors, whose own texts contain paths of the server. */
const fileErrors: Readonly<Record<string, string>> = {
  ENOSPC: 'No space left on the hub: try again once its administrator has made room',
  EDQUOT: 'No space left on the hub: try again once its administrator has made room',
  ENAMETOOLONG: 'A file name or path is too long',
  ELOOP: 'A file cannot be reached: too many links',
  EROFS: 'The file store of the hub is read-only at the moment',
  EACCES: 'The hub may not read or write a file that it needs',
  EPERM: 'The hub may not read or write a file that it needs',
  ENOENT: 'A file that the hub needs is missing',
  EMFILE: 'The hub has too many files open: try again later',
  ENFILE: 'The hub has too many files open: try again later',
};

/** Errors of any class that plugins threw for their callers. */
const thrownByPlugins = new WeakSet<object>();
/** Errors of the hub's own methods that passed through a plugin that called one. */
const thrownByHub = new WeakSet<object>();

/** Marks what a method threw, unless it came out of another method. */
export function noteThrower(error: unknown, thrower: 'plugin' | 'hub'): void {
  if (typeof error !== 'object' || error === null) return;
  if (thrownByPlugins.has(error) || thrownByHub.has(error)) return;
  (thrower === 'plugin' ? thrownByPlugins : thrownByHub).add(error);
}

/** An error that its caller is told nothing of but where the log has it. */
class InternalError extends Error {
  override name = 'InternalError';

  constructor() {
    super(`the hub failed: ${seeLog()}`);
  }
}

/** The end of a text whose id is also in the log. */
function seeLog(): string {
  return `its log has the reason under ${randomBytes(4).toString('hex')}`;
}

const told = new WeakMap<object, unknown>();

/** Returns the text of an error for callers, always the same: log and answer have one id. */
function outward(error: unknown): unknown {
  if (typeof error !== 'object' || error === null) return toldOf(error);
  if (!told.has(error)) told.set(error, toldOf(error));
  return told.get(error);
}

/**
 * Returns the error to send to a caller. Faults and errors thrown by plugins are not changed. Errors of the file system and the
 * database become faults without paths, addresses or statements of the server, and any other becomes a generic fault. The log
 * has the original error, with the text that the caller got.
 */
function toldOf(error: unknown): unknown {
  if (error instanceof GenericError || error instanceof UnknownFault) return error;
  if (error instanceof DatabaseUnavailable) return new ServerOffline('database outage');
  if (error instanceof TransactionConflict) return new LockError('The database is busy: try again');
  const cause = rootCause(error);
  if (isFull(cause)) return new GenericError(fileErrors.ENOSPC);
  // The violated rule of the schema helps the caller without revealing values.
  if (error instanceof ConstraintViolation) return error;
  if (error instanceof DatabaseError) return new GenericError(`The database failed: ${seeLog()}`);
  const { code, syscall } = (error ?? {}) as { code?: unknown; syscall?: unknown };
  if (typeof code === 'string' && typeof syscall === 'string')
    return new GenericError(fileErrors[code] ?? `The hub failed (${code}): ${seeLog()}`);
  if (error instanceof EncodeError || error instanceof WireError) return error;
  const isOfPlugin = typeof error === 'object' && error !== null && thrownByPlugins.has(error);
  return isOfPlugin ? error : new InternalError();
}

function rootCause(error: unknown): unknown {
  let root = error;
  for (let depth = 0; depth < 10 && util.types.isNativeError(root) && root.cause; depth++) root = root.cause;
  return root;
}

/** Whether a database refused to write because its disk is full, according to SQLite or PostgreSQL. */
function isFull(cause: unknown): boolean {
  const { code } = (cause ?? {}) as { code?: unknown };
  return (
    typeof code === 'string' &&
    (code === 'SQLITE_FULL' || code.startsWith('SQLITE_IOERR_WRITE') || code === '53100')
  );
}

/** A fault for a caller, and its text for the log. */
export interface BorderFault {
  readonly faultCode: number;
  readonly faultString: string;
  /** As `faultString` without a stack. */
  readonly summary: string;
}

/** The fault that an error becomes for its caller: Koji's own with their code and text, any other as code 1. */
export function borderFault(
  error: unknown,
  options: Pick<HubOptions, 'KojiDebug' | 'KojiTraceback'>,
): BorderFault {
  const fault = faultToWire(outward(error));
  const traced =
    error instanceof GenericError
      ? options.KojiDebug
      : options.KojiTraceback === 'normal' || options.KojiTraceback === 'extended';
  // With a stack the administrator wants everything to be shown.
  const stack = traced && util.types.isNativeError(error) ? error.stack : undefined;
  const { faultCode, faultString: summary } = fault;
  return { faultCode, faultString: sendable(stack ?? summary), summary: sendable(summary) };
}

/** The fault of a part of a multicall: as Koji, the bare message, and what Python would print in `traceback`. */
export function partFault(error: unknown): { faultCode: number; faultString: string; traceback: string[] } {
  const shown = outward(error);
  const { faultCode, faultString } = faultToWire(shown);
  const name = util.types.isNativeError(shown) ? shown.name : 'Error';
  const message = sendable(util.types.isNativeError(shown) ? shown.message : faultString);
  return { faultCode, faultString: message, traceback: [`${name}: ${message}\n`] };
}
