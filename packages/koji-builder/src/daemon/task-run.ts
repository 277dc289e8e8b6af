import { mkdir, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { joinSafe, listBelow, messageOf, type Logger } from '@koji/core';
import type { KojidOptions } from '@koji/core/config';
import { RequestError, downloadFile, type ClientSession } from '@koji/client';
import type { CallbackName, CallbackPayloads, TaskRuntime } from '@koji/plugin-sdk';
import { withUpload } from '@koji/plugin-sdk/host';
import type { CallbackRegistry, TaskDaemon, UploadTarget } from '@koji/plugin-sdk/host';
import { removeTrees } from '../buildroot/remove.js';
import type { TaskData } from './protocol.js';

/** Seconds until the hub must have answered a call that waits; it does so after 60. */
const longestAnswer = 90;

/** Milliseconds after which a task reports its weight. Most short tasks end before that, and report the weight with their end. */
const weightPause = 300;

/** Parts of a {@link TaskRun}. */
export interface TaskRunParts {
  readonly task: TaskData;
  readonly session: ClientSession;
  readonly options: KojidOptions;
  readonly logger: Logger;
  readonly callbacks: CallbackRegistry;
  /** Called when the daemon reports that a subtask may have ended. */
  readonly waiters: Set<() => void>;
  /** Tells the daemon that the task waits for its subtasks now. */
  readonly waits: () => void;
  readonly daemon: TaskDaemon;
}

/** The folder of one task. */
export function taskFolder({ workdir }: KojidOptions, id: number): string {
  return path.join(workdir, 'tasks', String(id % 10000), String(id));
}

/** Returns the ids of the tasks that have a folder here. */
export async function taskFolders({ workdir }: KojidOptions): Promise<number[]> {
  const ids: number[] = [];
  for (const group of await listBelow(workdir, 'tasks'))
    for (const { name } of await listBelow(workdir, `tasks/${group.name}`))
      if (/^\d{1,15}$/.test(name) && group.name === String(Number(name) % 10000)) ids.push(Number(name));
  return ids;
}

/** Removes a folder of a task with all that programs have put there. */
export async function removeFolder(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch {
    // Folders nested so deeply that their paths are too long.
    await removeTrees([folder]);
  }
}

/** Resources for the handler of one task: a folder, files of the hub, a log. */
export class TaskRun implements TaskRuntime {
  readonly id: number;
  readonly method: string;
  readonly session: TaskRuntime['session'];
  readonly options: TaskRuntime['options'];
  readonly workdir: string;
  readonly logger: Logger;
  readonly daemon: TaskDaemon;

  constructor(private readonly parts: TaskRunParts) {
    const { task, session, options, logger } = parts;
    this.id = task.id;
    this.method = task.method;
    this.session = session;
    this.options = { ...options, topurl: options.topurl };
    this.workdir = taskFolder(options, task.id);
    this.logger = logger;
    this.daemon = parts.daemon;
  }

  /** Makes the task's folder, empty. */
  async open(): Promise<void> {
    if ((await mkdir(this.workdir, { recursive: true })) !== undefined) return;
    await removeFolder(this.workdir);
    await mkdir(this.workdir, { recursive: true });
  }

  /** Removes the task's folder. */
  async close(): Promise<void> {
    // Empty after most short tasks.
    await rmdir(this.workdir).catch(() => removeFolder(this.workdir));
  }

  async setWeight(weight: number, isFirst = false): Promise<void> {
    await this.takeWeight();
    if (isFirst) this.firstWeight = { weight, timer: setTimeout(() => this.sendFirst(weight), weightPause) };
    else await this.parts.session.host.setTaskWeight(this.id, weight);
  }

  /** Returns the first weight if it was not sent yet. The caller sends it or a later weight. */
  async takeWeight(): Promise<number | null> {
    const first = this.firstWeight;
    this.firstWeight = null;
    clearTimeout(first?.timer);
    await this.sending;
    return first?.weight ?? null;
  }

  private firstWeight: { readonly weight: number; readonly timer: NodeJS.Timeout } | null = null;
  private sending: Promise<void> | null = null;

  private sendFirst(weight: number): void {
    const { session, logger } = this.parts;
    this.firstWeight = null;
    this.sending = session.host
      .setTaskWeight(this.id, weight)
      .then(() => undefined)
      .catch((error: unknown) => logger.warn(`could not report the weight: ${messageOf(error)}`));
  }

  async upload(file: string, { directory, name, volume }: UploadTarget, top = this.workdir): Promise<void> {
    const to = { name, overwrite: true, ...(volume === null ? {} : { volume }) };
    await withUpload(file, top, (opened) => this.parts.session.upload(opened, directory, to));
  }

  async uploadPart(piece: Buffer, offset: number, { directory, name, volume }: UploadTarget): Promise<void> {
    const at = { offset, overwrite: true, ...(volume === null ? {} : { volume }) };
    await this.parts.session.uploadPiece(piece, directory, { name, ...at });
  }

  async download(relativePath: string): Promise<string> {
    const { topdir, topurl, serverca, no_ssl_verify: noSslVerify } = this.parts.options;
    const mounted = joinSafe(topdir, relativePath);
    if (await stat(mounted).catch(() => null)) return mounted;
    if (!topurl) throw missing(`${mounted} does not exist, and kojid.conf names no topurl to fetch it from`);
    const local = joinSafe(path.join(this.workdir, '.fetched'), relativePath);
    await mkdir(path.dirname(local), { recursive: true });
    const [first = ''] = topurl.split(/\s+/);
    const url = `${first.replace(/\/$/, '')}/${relativePath.split('/').map(encodeURIComponent).join('/')}`;
    const tls = { ...(serverca === null ? {} : { serverCa: serverca }), noSslVerify };
    await downloadFile(url, local, tls).catch((cause: unknown) => {
      if (cause instanceof RequestError && cause.status === 404) throw missing(cause.message, cause);
      throw cause;
    });
    return local;
  }

  pause(milliseconds: number): Promise<void> {
    const { waiters, waits } = this.parts;
    waits();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      waiters.add(done);
    });
  }

  async waitForNews(method: string, args: readonly unknown[], otherwise: number): Promise<void> {
    const { session, logger } = this.parts;
    try {
      await session.call(method, args, {}, { aside: true, retry: false, timeout: longestAnswer });
    } catch (error) {
      logger.debug(`could not wait with ${method}: ${messageOf(error)}`);
      await this.pause(otherwise);
    }
  }

  runCallbacks<E extends CallbackName>(event: E, payload: CallbackPayloads[E]): Promise<void> {
    return this.parts.callbacks.run(event, payload);
  }
}

function missing(message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code: 'ENOENT' });
}
