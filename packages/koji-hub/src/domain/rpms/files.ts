import { isUtf8 } from 'node:buffer';
import { stat } from 'node:fs/promises';
import { BUILD_STATES, GenericError, joinSafe } from '@koji/core';
import { RPMTAG, RpmError, RpmHeader, isListTag } from '@koji/core/rpm';
import type { RpmTagName } from '@koji/core/rpm';
import type { Call } from '../../call.js';
import { getBuild } from '../builds/builds.js';
import { findRpm, getRpm } from './rpms.js';
import { isHidden } from '../files/uploaded.js';

/** Reads an rpm's headers; what is wrong with the file becomes a fault. */
export async function readHeader(file: string): Promise<RpmHeader> {
  try {
    return await RpmHeader.read(file);
  } catch (cause) {
    if (!(cause instanceof RpmError)) throw cause;
    throw new GenericError(`cannot read ${file}: ${cause.message}`, { cause });
  }
}

/** Header fields and file to read. */
export interface HeaderRequest {
  readonly rpmID: unknown;
  readonly taskID: number | null;
  readonly filepath: string | null;
  /** Names of fields in any case; null for all that there are. */
  readonly headers: readonly string[] | null;
  /** Faults for a file that is missing; else the answer is empty. */
  readonly strict: boolean;
}

/** Header fields of an rpm, or of an rpm in a task's output, by the names that were asked for. */
export async function readHeaderFields(call: Call, request: HeaderRequest): Promise<Record<string, unknown>> {
  const file = await headerFile(call, request);
  if (file === null) return {};
  const header = await readHeader(file);
  const values: Record<string, unknown> = {};
  for (const name of request.headers ?? header.tagNames()) values[name] = readField(header, name);
  return values;
}

async function headerFile(call: Call, request: HeaderRequest): Promise<string | null> {
  if (request.rpmID) return builtFile(call, request.rpmID, request.strict);
  if (!request.taskID) throw new GenericError('either rpmID or taskID and filepath must be specified');
  const { filepath } = request;
  if (!filepath) throw new GenericError('filepath must be specified with taskID');
  if (filepath.startsWith('/') || filepath.includes('../') || filepath === '..' || isHidden(filepath))
    throw new GenericError(`Invalid filepath: ${filepath}`);
  return existing(joinSafe(call.hub.paths.task(request.taskID), filepath), request.strict);
}

async function builtFile(call: Call, rpmId: unknown, strict: boolean): Promise<string | null> {
  const refuse = (text: string): null => {
    if (strict) throw new GenericError(text);
    return null;
  };
  const rpm = await (strict ? getRpm : findRpm)(call, rpmId);
  if (!rpm) return null;
  if (rpm.external_repo_id !== 0) return refuse(`External rpm: ${rpm.id}`);
  const build = await getBuild(call, rpm.build_id);
  if (build.state === BUILD_STATES.DELETED) return refuse(`Build ${build.nvr} is deleted`);
  const file = `${call.hub.paths.build(build)}/${call.hub.paths.rpm(rpm)}`;
  const found = await existing(file, strict);
  if (found === null) call.log.error(`Missing rpm file: ${file}`);
  return found;
}

async function existing(file: string, strict: boolean): Promise<string | null> {
  if (await stat(file).catch(() => null)) return file;
  if (strict) throw new GenericError(`Missing rpm file: ${file}`);
  return null;
}

const sizes = new Set(['SIZE', 'ARCHIVESIZE', 'FILESIZES', 'SIGSIZE']);

/** Returns one field in Koji's form: null or an empty list if it is missing, bytes for signatures. */
export function readField(header: RpmHeader, name: string): unknown {
  const tag = name.toUpperCase();
  if (!Object.hasOwn(RPMTAG, tag)) throw new GenericError(`No such rpm header field: ${tag}`);
  const value = header.get(tag as RpmTagName);
  const absent = value === null || (Array.isArray(value) && value.length === 0);
  if (absent && sizes.has(tag)) {
    const long = header.get(`LONG${tag}` as RpmTagName);
    if (long !== null) return long;
  }
  if (value === null) return isListTag(RPMTAG[tag as RpmTagName]) ? [] : null;
  return printable(Buffer.isBuffer(value) ? binary(tag, value) : value);
}

// Koji makes a text of every binary value that could be one, except for signatures.
function binary(tag: string, value: Buffer): string | Buffer {
  return tag.startsWith('SIG') || tag.endsWith('HEADER') || !isUtf8(value) ? value : value.toString();
}
function printable(value: unknown): unknown {
  if (typeof value === 'string')
    return value.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, '');
  return Array.isArray(value) ? value.map(printable) : value;
}
