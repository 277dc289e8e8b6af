/** Parses builders' reports about finished work: structs of lists of paths. */
import { ParameterError } from '@koji/core';
import { isStruct, truthy } from '../values/convert.js';
import { isId } from '../values/ids.js';
import { repr } from '../values/repr.js';

type Struct = Readonly<Record<string, unknown>>;

/** A part of a report that must be a struct. */
export function structIn(value: unknown, name: string): Struct {
  if (!isStruct(value)) throw new ParameterError(`${name} must be a struct, not ${repr(value)}`);
  return value;
}

/** A list of texts of a report. */
export function textsIn(struct: Struct, name: string): string[] {
  return pathsIn(struct[name], name);
}

/** A list of paths. */
export function pathsIn(value: unknown, name: string): string[] {
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
    throw new ParameterError(`${name} must be a list of texts, not ${repr(value)}`);
  return value;
}

/** A text of a report. */
export function textIn(struct: Struct, name: string): string {
  const value = struct[name];
  if (typeof value !== 'string') throw new ParameterError(`${name} must be a text, not ${repr(value)}`);
  return value;
}

/** An id of a report. */
export function idIn(struct: Struct, name: string): number {
  const value = struct[name];
  if (!isId(value)) throw new ParameterError(`${name} must be an id, not ${repr(value)}`);
  return value;
}

/** An id of a report, or null. */
export function idOrNullIn(struct: Struct, name: string): number | null {
  return struct[name] === null ? null : idIn(struct, name);
}

/** Logs of a report: lists of paths by folder. */
export function logsIn(value: unknown): Record<string, string[]> {
  const struct = structIn(value, 'logs');
  return Object.fromEntries(Object.keys(struct).map((folder) => [folder, textsIn(struct, folder)]));
}

/** The buildroots of rpms, by path. */
export function brmapIn(value: unknown): Record<string, number | null> {
  const struct = structIn(value, 'brmap');
  return Object.fromEntries(Object.keys(struct).map((rpm) => [rpm, idOrNullIn(struct, rpm)]));
}

/** The results of a wrapperRPM task. */
export interface WrapperRpms {
  readonly taskId: number;
  readonly buildrootId: number | null;
  readonly srpm: string;
  readonly rpms: readonly string[];
  readonly logs: readonly string[];
}

/** The report of a wrapperRPM task; null if there was none. */
export function wrapperRpmsIn(value: unknown): WrapperRpms | null {
  if (!truthy(value)) return null;
  const struct = structIn(value, 'rpm_results');
  return { ...wrapperFiles(struct), taskId: idIn(struct, 'task_id') };
}

/** As {@link wrapperRpmsIn}, of a task that hands in its own. */
export function ownWrapperRpmsIn(value: unknown, taskId: number): WrapperRpms {
  return { ...wrapperFiles(structIn(value, 'rpm_results')), taskId };
}

function wrapperFiles(struct: Struct): Omit<WrapperRpms, 'taskId'> {
  return {
    // Scratch builds have no use for it and may leave it out.
    buildrootId: struct.buildroot_id === undefined ? null : idOrNullIn(struct, 'buildroot_id'),
    srpm: textIn(struct, 'srpm'),
    rpms: textsIn(struct, 'rpms'),
    logs: textsIn(struct, 'logs'),
  };
}
