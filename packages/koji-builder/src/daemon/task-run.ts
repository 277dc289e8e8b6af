import { mkdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { joinSafe, type Logger } from '@koji/core';
import type { KojidOptions } from '@koji/core/config';
import { RequestError, downloadFile, type ClientSession } from '@koji/client';
import type { CallbackName, CallbackPayloads, TaskRuntime } from '@koji/plugin-sdk';
import type { CallbackRegistry, UploadTarget } from '@koji/plugin-sdk/host';
import type { TaskData } from './protocol.js';

/** What a {@link TaskRun} is made of. */
export interface TaskRunParts {
  readonly task: TaskData;
  readonly session: ClientSession;
  readonly options: KojidOptions;
  readonly logger: Logger;
  readonly callbacks: CallbackRegistry;
  /** Called when the daemon says that a subtask may have ended. */
  readonly waiters: Set<() => void>;
  /** Tells the daemon that the task waits for its subtasks now. */
  readonly waits: () => void;
}

/** The folder of one task. */
export function taskFolder({ workdir }: KojidOptions, id: number): string {
  return path.join(workdir, 'tasks', String(id % 10000), String(id));
}

/** What the builder lends to the handler of one task: a folder, files of the hub, a log. */
export class TaskRun implements TaskRuntime {
  readonly id: number;
  readonly method: string;
  readonly session: TaskRuntime['session'];
  readonly options: TaskRuntime['options'];
  readonly workdir: string;
  readonly logger: Logger;

  constructor(private readonly parts: TaskRunParts) {
    const { task, session, options, logger } = parts;
    this.id = task.id;
    this.method = task.method;
    this.session = session;
    this.options = { ...options, topurl: options.topurl };
    this.workdir = taskFolder(options, task.id);
    this.logger = logger;
  }

  /** Makes the task's folder, empty. */
  async open(): Promise<void> {
    await rm(this.workdir, { recursive: true, force: true });
    await mkdir(this.workdir, { recursive: true });
  }

  /** Removes the task's folder. */
  async close(): Promise<void> {
    await rm(this.workdir, { recursive: true, force: true });
  }

  async upload(file: string, { directory, name, volume }: UploadTarget): Promise<void> {
    await this.parts.session.upload(file, directory, {
      name,
      overwrite: true,
      ...(volume === null ? {} : { volume }),
    });
  }

  async uploadPart(piece: Buffer, offset: number, { directory, name, volume }: UploadTarget): Promise<void> {
    const at = { offset, overwrite: true, ...(volume === null ? {} : { volume }) };
    await this.parts.session.uploadPiece(piece, directory, { name, ...at });
  }

  async download(relativePath: string): Promise<string> {
    const { topdir, topurl } = this.parts.options;
    const mounted = joinSafe(topdir, relativePath);
    if (await stat(mounted).catch(() => null)) return mounted;
    if (!topurl) throw missing(`${mounted} does not exist, and kojid.conf names no topurl to fetch it from`);
    const local = joinSafe(path.join(this.workdir, '.fetched'), relativePath);
    await mkdir(path.dirname(local), { recursive: true });
    const [first = ''] = topurl.split(/\s+/);
    const url = `${first.replace(/\/$/, '')}/${relativePath.split('/').map(encodeURIComponent).join('/')}`;
    await downloadFile(url, local).catch((cause: unknown) => {
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

  runCallbacks<E extends CallbackName>(event: E, payload: CallbackPayloads[E]): Promise<void> {
    return this.parts.callbacks.run(event, payload);
  }
}

function missing(message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code: 'ENOENT' });
}
