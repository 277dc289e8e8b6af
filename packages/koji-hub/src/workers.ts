import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerMetrics } from './metrics/cluster.js';

/** A worker's report once it answers. */
interface Answering {
  readonly url: string;
}

/** A hub of several processes. */
export interface Workers {
  readonly url: string;
  /** Sends a signal to every process, to one that is still starting once it answers. */
  signal(name: NodeJS.Signals): void;
  /** Lets every process finish what it has in flight. */
  stop(): Promise<void>;
}

/** Milliseconds before another process takes the place of one that ended soon after its start. */
const restartPause = 1000;
/** Milliseconds that are soon. */
const soon = 5000;

/** Whether this is one of the processes that {@link startWorkers} started; it is to start a hub and {@link reportUrl}. */
export const isWorker = cluster.isWorker;

/** Tells the process that started this one that it answers. */
export function reportUrl(url: string): void {
  process.send?.({ url } satisfies Answering);
}

/**
 * Starts the same program in several processes that share one address; the system hands each connection to one of them. One
 * that dies is started again.
 *
 * @throws Error when the first of them does not start; it has said why on standard error
 */
export async function startWorkers(count: number): Promise<Workers> {
  // Every process accepts for itself: handed out by this one, a connection for a process that has just died would hang.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  let stopping = false;
  const answering = new WeakSet<Worker>();
  const late = new WeakMap<Worker, NodeJS.Signals>();
  const keep = (worker: Worker): void => {
    answerMetrics(worker);
    worker.on('message', (message: Partial<Answering>) => {
      if (message.url === undefined) return;
      answering.add(worker);
      const signal = late.get(worker);
      if (signal) worker.process.kill(signal);
    });
    const started = Date.now();
    worker.once('exit', (code, signal) => {
      if (stopping) return;
      process.stderr.write(
        `koji-hub: process ${worker.process.pid} ended (${signal || code}), starting another\n`,
      );
      const pause = Date.now() - started < soon ? restartPause : 0;
      void sleep(pause).then(() => stopping || keep(cluster.fork()));
    });
  };
  const first = cluster.fork();
  const url = await Promise.race([
    once(first, 'message').then(([message]) => (message as Answering).url),
    once(first, 'exit').then(() => {
      throw new Error('the first process of the hub did not start');
    }),
  ]);
  answering.add(first);
  keep(first);
  for (let i = 1; i < count; i++) keep(cluster.fork());
  const workers = (): Worker[] =>
    Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
  return {
    url,
    signal(name) {
      for (const worker of workers())
        if (answering.has(worker)) worker.process.kill(name);
        else late.set(worker, name);
    },
    async stop() {
      stopping = true;
      const running = workers();
      await Promise.all(
        running.map(async (worker) => {
          if (worker.isDead()) return;
          const ended = once(worker, 'exit');
          worker.process.kill('SIGTERM');
          await ended;
        }),
      );
    },
  };
}
