import { stat } from 'node:fs/promises';
import { ConfigError } from '@koji/core';
import { RefuseTask, type BaseTaskHandler } from '@koji/plugin-sdk';
import type { KojidOptions } from '@koji/core/config';
import type { Backend, BackendName, RootParts } from './backend.js';
import { HostBackend } from './host/backend.js';
import { MockBackend } from './mock/backend.js';
import { settingsOf } from '../settings.js';
import { problemOf } from './needs.js';
import { SandboxBackend } from './sandbox/backend.js';

/** A back end that works on this builder, or why none does. */
export type UsableBackend =
  | { readonly name: BackendName; readonly problem?: undefined }
  | { readonly name?: undefined; readonly problem: string };

/**
 * Finds out which back end this builder makes buildroots with: the one that `buildroot_backend` in kojid.conf names, else mock
 * where it is installed, else the sandbox where it works. `host` is only used if configured. If none works, `problem` has the
 * missing parts and the remedy.
 */
export async function usableBackend(options: KojidOptions): Promise<UsableBackend> {
  const { buildroot_backend: asked, mockpath } = options;
  if (asked === 'mock' || (asked === 'auto' && (await isProgram(mockpath)))) {
    // The account of mock is checked where mock is run: its message belongs to the task.
    if (await isProgram(mockpath)) return { name: 'mock' };
    return { problem: `could not run ${mockpath}: no such program` };
  }
  const name = asked === 'auto' ? 'sandbox' : asked;
  const problem = await problemOf(name, options);
  if (problem === null) return { name };
  return asked === 'auto'
    ? {
        problem:
          `no back end for buildroots works here. mock: could not run ${mockpath}: no such program; sandbox: ${problem}. ` +
          '`kojid doctor` reports all of it',
      }
    : { problem: `buildroot_backend = ${name}: ${problem}` };
}

async function isProgram(file: string): Promise<boolean> {
  return (await stat(file).catch(() => null))?.isFile() ?? false;
}

/**
 * The back end to make a buildroot with.
 *
 * @throws ConfigError saying what is missing
 */
export async function chosenBackend(options: KojidOptions): Promise<BackendName> {
  const usable = await usableBackend(options);
  if (usable.name === undefined) throw new ConfigError(usable.problem);
  return usable.name;
}

/**
 * For `checkHost` of tasks that make buildroots.
 *
 * @throws RefuseTask saying what is missing when this builder can't make any
 */
export async function requireBackend(task: BaseTaskHandler): Promise<void> {
  const usable = await usableBackend(settingsOf(task));
  if (usable.name === undefined) throw new RefuseTask(usable.problem);
}

/** The part of a buildroot that is a back end's; nothing is made on the disk. */
export function openBackend(kind: BackendName, parts: RootParts): Backend {
  if (kind === 'mock') return new MockBackend(parts);
  return kind === 'sandbox' ? new SandboxBackend(parts) : new HostBackend(parts);
}
