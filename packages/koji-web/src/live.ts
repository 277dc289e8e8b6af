/** News for pages that are open: states, logs and the queue, by one connection a tab. */
import { networkOf } from '@koji/core';
import type { Logger } from '@koji/core';
import { named } from '@koji/core/wire';
import type { Calls } from './calls.js';
import { findSize, outputOf } from './logs/task-files.js';

/** Connections of everybody together; a page without one fetches itself now and then. */
const most = 500;
/** Connections of one address: so many tabs, or people behind a proxy that hides them. */
const mostOfAddress = 30;
/** Milliseconds between two looks at what a page shows. All pages that show the same share them. */
const interval = 2000;
/** Milliseconds after which a connection is told that it is alive, so that nobody on the way cuts it. */
const beat = 25_000;

/** Reads a text that is another one when what a page shows has changed. */
type Look = (calls: Calls) => Promise<string>;

/**
 * Returns how to look at what a page shows: `queue`, `task:5`, `build:5` or `log:5:VOLUME:NAME`; null for anything else.
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

/** A page that is open. */
interface Listener {
  /** Its subject is being watched, including changes between the creation of the page and this moment. */
  ready(): void;
  changed(): void;
}

/** Something that pages show, looked at while there are such pages. */
interface Watched {
  readonly listeners: Set<Listener>;
  seen: string | null;
  timer: NodeJS.Timeout;
}

/** How the news are read. */
export interface LiveOptions {
  readonly read: <T>(work: (calls: Calls) => Promise<T>) => Promise<T>;
  readonly log: Logger;
  /** Aborted when the server stops: then every connection ends. */
  readonly stopping: AbortSignal;
}

/** Tells open pages when what they show has changed. */
export class Live {
  private readonly watched = new Map<string, Watched>();
  private readonly byAddress = new Map<string, number>();
  private count = 0;

  constructor(private readonly options: LiveOptions) {}

  /**
   * Opens the news of a subject as an answer of type `text/event-stream`: an event `ready` once it is watched, then `change`
   * for each change.
   *
   * @returns the status if there are none: 400 for an unknown subject, 503 when there are too many connections
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
            // A reader that takes nothing is notified once, not each time.
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
      // The page itself shows the problem when it is fetched again.
      this.options.log.debug(`no news of ${JSON.stringify(subject)}`, error);
    }
    if (this.watched.get(subject) === watched)
      watched.timer = setTimeout(() => void this.look(subject, look), interval);
  }
}
