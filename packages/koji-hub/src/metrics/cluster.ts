/** The figures of a hub of several processes together, whichever of them is asked. */
import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import type { Registry } from 'prom-client';

interface Message {
  /** Tells it from all else that processes send each other. */
  readonly about: 'koji metrics';
  readonly number: number;
}

interface Told extends Message {
  /** Null when they could not be had. */
  readonly text: string | null;
}

/** Milliseconds to wait for all processes; one that just started may not answer yet. */
const patience = 10_000;

function isMessage(value: unknown): value is Message {
  return (value as Partial<Message> | null)?.about === 'koji metrics';
}

/** In a worker: makes its figures part of those of all, and returns what asks for these. */
export async function shareMetrics(registry: Registry): Promise<() => Promise<string>> {
  const { AggregatorRegistry } = (await import('prom-client')).default;
  AggregatorRegistry.setRegistries([registry]);
  // Listens for the question by itself.
  new AggregatorRegistry();
  const waiting = new Map<number, (told: Told) => void>();
  let last = 0;
  process.on('message', (value) => {
    if (!isMessage(value)) return;
    waiting.get(value.number)?.(value as Told);
    waiting.delete(value.number);
  });
  return () =>
    new Promise((resolve, reject) => {
      const number = ++last;
      const late = setTimeout(() => {
        waiting.delete(number);
        reject(new Error('the processes of the hub did not tell their figures in time'));
      }, patience);
      waiting.set(number, ({ text }) => {
        clearTimeout(late);
        if (text === null) reject(new Error('the figures of all processes cannot be had'));
        else resolve(text);
      });
      process.send?.({ about: 'koji metrics', number } satisfies Message);
    });
}

/** In the process that started the workers: answers one that asks for the figures of all. */
export function answerMetrics(worker: Worker): void {
  worker.on('message', (value: unknown) => {
    if (isMessage(value)) void tell(worker, value);
  });
}

async function tell(worker: Worker, { about, number }: Message): Promise<void> {
  const text = await readAll().catch(() => null);
  if (worker.isConnected()) worker.send({ about, number, text } satisfies Told);
}

let aggregator: { clusterMetrics(): Promise<string> } | null = null;

async function readAll(): Promise<string | null> {
  if (!cluster.isPrimary) return null;
  const { AggregatorRegistry } = (await import('prom-client')).default;
  aggregator ??= new AggregatorRegistry();
  return aggregator.clusterMetrics();
}
