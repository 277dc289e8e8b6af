import { ActionNotAllowed, PRIO_DEFAULT, ParameterError, plain, typeName } from '@koji/core';
import { truthy } from '@koji/core/api';
import { Double } from '@koji/core/wire';
import { context, exported } from '@koji/plugin-sdk';
import type {} from './index.js';

/** The disk, and options of its build. */
interface DiskOptions {
  readonly target: string | number;
  /** Names or NVRs of what is put on it. */
  readonly pkg_list: readonly string[];
  /** Architectures that may fail. */
  readonly optional_arches?: unknown;
  readonly scratch?: unknown;
  /** With everything that the packages need. */
  readonly alldeps?: unknown;
  /** Where further content is. */
  readonly scmurl?: unknown;
  readonly priority?: unknown;
}

/** Makes a task that builds a driver update disk; for holders of `image`. */
export const dudBuild = exported({ doc: 'Build a driver update disk; for holders of `image`.' })(async (
  dud_name: string,
  dud_version: string,
  arches: readonly string[] | null,
  {
    target,
    pkg_list,
    optional_arches = null,
    scratch = false,
    alldeps = false,
    scmurl = null,
    priority = null,
  }: DiskOptions,
): Promise<number> => {
  context.session.assertPerm('image');
  const options = { scratch, alldeps, scmurl, optional_arches };
  return context.makeTask('dudBuild', [dud_name, dud_version, arches, target, pkg_list, options], {
    channel: 'image',
    ...(isUrgent(priority) ? { priority: PRIO_DEFAULT + Math.trunc(Number(priority)) } : {}),
  });
});

/** Koji forgets priorities above 0, and clients do not give them. */
function isUrgent(priority: unknown): boolean {
  if (!truthy(priority)) return false;
  if (typeof priority !== 'number' && typeof priority !== 'boolean' && !(priority instanceof Double))
    throw new ParameterError(
      `Invalid type for value '${plain(priority)}': ${typeName(priority)}, expected type <class 'int'>`,
    );
  if (!(Number(priority) < 0)) return false;
  if (!context.session.hasPerm('admin'))
    throw new ActionNotAllowed('only admins may create high-priority tasks');
  return true;
}
