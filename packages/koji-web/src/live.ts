/** Updates for open pages (states, logs, the queue), with one connection for each tab. */
import { networkOf } from '@koji/core';
import type { Logger } from '@koji/core';
import { named } from '@koji/core/wire';
import type { Calls } from './calls.js';
import { findSize, outputOf } from './logs/task-files.js';

/** Most connections in total; a page without a connection reloads itself periodically. */
const most = 500;
/** Most connections of one address: one person's tabs, or people behind a proxy that hides them. */
const mostOfAddress = 30;
/** Milliseconds between two checks of a page's subject. Pages with the same subject share the checks. */
const interval = 2000;
/** Milliseconds between keep-alive messages, so that nothing on the way closes an idle connection. */
const beat = 25_000;

/** Reads a text that is another one when what a page shows has changed. */
type Look = (calls: Calls) => Promise<string>;

/**
 * Returns how to check a page's subject: `queue`, `task:5`, `build:5` or `log:5:VOLUME:NAME`; null for anything else.
 */
function lookAt(subject: string): Look | null {
  if (subject === 'queue') return lookAtQueue;
  const [, kind = '', digits = '', rest = ''] =
    /^(task|build|log):(\d{1,9})(?::(.{1,300}))?$/s.exec(subject) ?? [];
  const id = Number(digits);
  if (kind === 'task' && rest === '') return (calls) => lookAtTask(calls, id);
  if (kind === 'build' && rest === '') return (calls) => lookAtBuild(calls, id);
  const [, volume = '', name = ''] = /^([^:]+):(.+)$/s.exec(rest) ?? [];
  return kind === 'log' && name !== '' ? (calls) => lookAtLog(calls, { task: id, name, volume }) : null;
}

async function lookAtQueue(calls: Calls): Promise<string> {
  const [tasks, builds] = await Promise.all([
    calls.listTasks({ state: [0, 1, 4] }, { order: '-id', limit: 200 }),
    calls.listBuilds(named({ queryOpts: { order: '-build_id', limit: 1 } })),
  ]);
  const states = tasks.map(({ id, state, host_id: host }) => `${id} ${state} ${host ?? ''}`);
  return JSON.stringify([states, builds.map(({ build_id: id, state }) => [id, state])]);
}

async function lookAtTask(calls: Calls, id: number): Promise<string> {
  const [task, below, output] = await Promise.all([
    calls.getTaskInfo(id),
    calls.getTaskDescendents(id),
    outputOf(calls, id),
  ]);
  const states = Object.values(below).flatMap((all) =>
    all.map((one) => `${one.id} ${one.state} ${one.host_id ?? ''}`),
  );
  return JSON.stringify([task?.state, task?.host_id, states, Object.keys(output)]);
}

async function lookAtBuild(calls: Calls, id: number): Promise<string> {
  const build = await calls.getBuild(id);
  return JSON.stringify([build?.state, build?.task_id]);
}

async function lookAtLog(
  calls: Calls,
  file: { readonly task: number; readonly name: string; readonly volume: string },
): Promise<string> {
  const [task, size] = await Promise.all([calls.getTaskInfo(file.task), findSize(calls, file)]);
  return JSON.stringify([task?.state, size]);
}

/** An open page. */
interface Listener {
  /** Its subject is being watched, including changes between the creation of the page and this moment. */
  ready(): void;
  changed(): void;
}

/** Subject of pages, checked while such pages are open. */
interface Watched {
  readonly listeners: Set<Listener>;
  seen: string | null;
  timer: NodeJS.Timeout;
}

/** Access to the hub for updates. */
export interface LiveOptions {
  readonly read: <T>(work: (calls: Calls) => Promise<T>) => Promise<T>;
  readonly log: Logger;
  /** Aborted when the server stops, which ends every connection. */
  readonly stopping: AbortSignal;
}

/** Notifies open pages when their subject has changed. */
export class Live {
  private readonly watched = new Map<string, Watched>();
  private readonly byAddress = new Map<string, number>();
  private count = 0;

  constructor(private readonly options: LiveOptions) {}

  /**
   * Sends updates of a subject as `text/event-stream`: an event `ready` once the subject is watched, then `change`
   * for each change.
   *
   * @returns the status on failure: 400 for an unknown subject, 503 for too many connections
   */
  open(subject: string, address: string): ReadableStream<Uint8Array> | 400 | 503 {
    const look = lookAt(subject);
    if (!look) return 400;
    const network = networkOf(address);
    const own = this.byAddress.get(network) ?? 0;
    if (this.count >= most || own >= mostOfAddress || this.options.stopping.aborted) return 503;
    this.count++;
    this.byAddress.set(network, own + 1);
    let close = (): void => undefined;
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          const send = (text: string): void => {
            // A client that does not read is notified only once.
            if ((controller.desiredSize ?? 0) > 0) controller.enqueue(Buffer.from(text));
          };
          const beats = setInterval(send, beat, ': alive\n\n');
          const leave = this.watch(subject, look, {
            ready: () => send('event: ready\ndata: ready\n\n'),
            changed: () => send('event: change\ndata: change\n\n'),
          });
          const onStop = (): void => {
            close();
            controller.close();
          };
          close = () => {
            close = () => undefined;
            clearInterval(beats);
            this.options.stopping.removeEventListener('abort', onStop);
            leave();
            this.count--;
            const left = (this.byAddress.get(network) ?? 1) - 1;
            if (left > 0) this.byAddress.set(network, left);
            else this.byAddress.delete(network);
          };
          this.options.stopping.addEventListener('abort', onStop, { once: true });
          send('retry: 5000\n\n');
        },
        cancel: () => close(),
      },
      { highWaterMark: 8 },
    );
  }

  private watch(subject: string, look: Look, listener: Listener): () => void {
    const known = this.watched.get(subject);
    const watched = known ?? {
      listeners: new Set(),
      seen: null,
      timer: setTimeout(() => void this.look(subject, look), 0),
    };
    watched.listeners.add(listener);
    this.watched.set(subject, watched);
    if (watched.seen !== null) listener.ready();
    return () => {
      watched.listeners.delete(listener);
      if (watched.listeners.size > 0) return;
      clearTimeout(watched.timer);
      if (this.watched.get(subject) === watched) this.watched.delete(subject);
    };
  }

  private async look(subject: string, look: Look): Promise<void> {
    const watched = this.watched.get(subject);
    if (!watched) return;
    try {
      const seen = await this.options.read(look);
      const { seen: before } = watched;
      watched.seen = seen;
      for (const listener of [...watched.listeners])
        if (before === null) listener.ready();
        else if (before !== seen) listener.changed();
    } catch (error) {
      // The page itself shows the problem when it is reloaded.
      this.options.log.debug(`no news of ${JSON.stringify(subject)}`, error);
    }
    if (this.watched.get(subject) === watched)
      watched.timer = setTimeout(() => void this.look(subject, look), interval);
  }
}
