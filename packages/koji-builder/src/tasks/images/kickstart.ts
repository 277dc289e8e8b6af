import { open, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BuildError, messageOf } from '@koji/core';
import type { BaseTaskHandler } from '@koji/plugin-sdk';
import { outputOf } from '@koji/plugin-sdk/host';
import { withoutRights } from '../../buildroot/account.js';
import { programFile } from '../../programs/index.js';
import { settingsOf } from '../../settings.js';
import type { Fetched } from './fetch.js';

/** Changes of a kickstart file. */
export interface KickstartChanges {
  /** The version of the syntax, such as `F40`; null for the newest. */
  readonly version: string | null;
  /** The source of packages, which replaces the repos in the file; null to keep them. */
  readonly repos: readonly KickstartRepo[] | null;
  /** The install tree; null to leave it. */
  readonly url: string | null;
  /** Whether repos and install tree are used without a check of their certificates. */
  readonly noverifyssl: boolean;
}

/** A repo as kickstart files name it. */
export interface KickstartRepo {
  readonly name: string;
  readonly baseurl: string;
}

/** A kickstart file as it was read and changed. */
export interface Kickstart {
  readonly text: string;
  /** Additions of the boot loader to the kernel's command line; null for none. */
  readonly append: string | null;
  /** The device of the file system for `/`; null for none. */
  readonly root: string | null;
}

type Answer = Kickstart | { readonly failed: 'read' | 'parse'; readonly message: string };

/** Seconds that pykickstart may take, and bytes that a file may come to. */
const timeout = 120;
const most = 1 << 24;

/**
 * Reads a kickstart file, with the files that it includes, and changes it. It is read by pykickstart without rights: a file may
 * include whatever there is on the builder.
 *
 * @param Failure the error for a file that can't be read
 */
export async function readKickstart(
  task: BaseTaskHandler,
  { folder, name }: Fetched,
  changes: KickstartChanges,
  Failure: new (text: string) => Error = BuildError,
): Promise<Kickstart> {
  const kspath = path.join(folder, name);
  // Relative, so that the account without rights needs no way to the folder.
  const answer = await pykickstart(task, path.dirname(kspath), { file: path.basename(kspath), ...changes });
  if (!('failed' in answer)) return answer;
  throw new Failure(`Failed to ${answer.failed} kickstart file '${kspath}' : ${answer.message}`);
}

async function pykickstart(task: BaseTaskHandler, cwd: string, request: object): Promise<Answer> {
  const { image_python: python } = settingsOf(task);
  const file = path.join(task.workdir, 'kickstart.json');
  await writeFile(file, JSON.stringify(request));
  const input = await open(file);
  try {
    const command = [
      ...withoutRights(),
      python,
      '-IB',
      '-c',
      await readFile(programFile('kickstart'), 'utf8'),
    ];
    const { status, stdout, stderr } = await outputOf(command, { input: input.fd, timeout, most, cwd });
    if (!status.success) throw new Error(stderr.trim().split('\n').slice(-3).join('\n'));
    return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Answer;
  } catch (cause) {
    throw new BuildError(`pykickstart failed: ${messageOf(cause)}`, { cause });
  } finally {
    await input.close();
  }
}
