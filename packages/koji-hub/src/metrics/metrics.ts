/**
 * Counts events of a hub process and exports them at /metrics in Prometheus' format. The counters belong to this process; the
 * figures for queue, hosts and repositories are read from the database on request.
 */
import type { Logger } from '@koji/core';
import type prometheus from 'prom-client';
import type { Registry } from 'prom-client';
import type { DatabaseUse } from '../db/connection.js';
import { shareMetrics } from './cluster.js';
import type { StoredFigures } from './stored.js';

/** How a call ended: with its result, with a fault of Koji's, with an error of the hub's own, or without anybody to answer. */
export type CallEnd = 'ok' | 'fault' | 'error' | 'gone';

/** Takes what happens, and tells it. */
export interface Metrics {
  /** Notes a call that ended; `method` is one that the hub has, so that nobody can make up names. */
  call(method: string, end: CallEnd, seconds: number): void;
  /** Notes a statement that ended. */
  statement(seconds: number): void;
  /** Everything in Prometheus' text format; null where nothing is counted. */
  text(): Promise<string | null>;
}

/** Counts nothing. */
export const noMetrics: Metrics = {
  call: () => undefined,
  statement: () => undefined,
  text: () => Promise.resolve(null),
};

/** Where the figures come from that are read when somebody asks. */
export interface MetricsSources {
  readonly stored: () => Promise<StoredFigures>;
  readonly database: () => DatabaseUse;
  /** Whether the figures of all processes of the hub are told together. */
  readonly shared: boolean;
  readonly log: Logger;
}

const callBuckets = [0.005, 0.02, 0.1, 0.5, 2, 10, 60];
const statementBuckets = [0.0005, 0.002, 0.01, 0.05, 0.25, 1, 5];

type Client = typeof prometheus;

/** Begins to count; the counters of Node.js itself (memory, processor time, event loop) are in it. */
export async function openMetrics(sources: MetricsSources): Promise<Metrics> {
  // With what it needs it takes as long to load as all of a small command.
  const client = (await import('prom-client')).default;
  const registry = new client.Registry();
  client.collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const calls = new client.Histogram({
    name: 'koji_hub_call_seconds',
    help: 'How long calls took, by method and by how they ended; waiting for something to happen counts',
    labelNames: ['method', 'end'],
    buckets: callBuckets,
    registers,
  });
  const statements = new client.Histogram({
    name: 'koji_hub_statement_seconds',
    help: 'How long statements of the database took',
    buckets: statementBuckets,
    registers,
  });
  addUse(client, registry, sources.database);
  addStored(client, registry, sources);
  const ofAll = sources.shared ? await shareMetrics(registry) : () => registry.metrics();
  return {
    call: (method, end, seconds) => calls.observe({ method, end }, seconds),
    statement: (seconds) => statements.observe(seconds),
    text: ofAll,
  };
}

function addUse(client: Client, registry: Registry, use: () => DatabaseUse): void {
  new client.Gauge({
    name: 'koji_hub_database_connections',
    help: 'Connections to the database that this process has, and transactions that wait for one',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const { used, idle, waiting } = use();
      this.set({ state: 'used' }, used);
      this.set({ state: 'idle' }, idle);
      this.set({ state: 'waiting' }, waiting);
    },
  });
}

interface StoredGauge {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly values: (
    figures: StoredFigures,
  ) => readonly { readonly labels: Record<string, string>; readonly value: number }[];
}

const storedGauges: readonly StoredGauge[] = [
  {
    name: 'koji_tasks',
    help: 'Tasks that are not over, by channel and state',
    labels: ['channel', 'state'],
    values: ({ tasks }) =>
      tasks.map(({ channel, state, count }) => ({ labels: { channel, state }, value: count })),
  },
  {
    name: 'koji_queue_oldest_seconds',
    help: 'How long the oldest free task of a channel waits',
    labels: ['channel'],
    values: ({ tasks }) =>
      tasks
        .filter(({ state }) => state === 'FREE')
        .map(({ channel, oldest }) => ({ labels: { channel }, value: oldest })),
  },
  {
    name: 'koji_hosts',
    help: 'Builders: enabled and ready to take tasks, enabled and not ready, disabled',
    labels: ['state'],
    values: ({ hosts }) =>
      Object.entries(hosts.counts).map(([state, value]) => ({ labels: { state }, value })),
  },
  {
    name: 'koji_hosts_capacity',
    help: 'Capacity of all enabled builders',
    labels: [],
    values: ({ hosts }) => [{ labels: {}, value: hosts.capacity }],
  },
  {
    name: 'koji_hosts_load',
    help: 'Task load of all enabled builders',
    labels: [],
    values: ({ hosts }) => [{ labels: {}, value: hosts.load }],
  },
  {
    name: 'koji_repos',
    help: 'Repositories that are not deleted, by state',
    labels: ['state'],
    values: ({ repos }) => Object.entries(repos).map(([state, value]) => ({ labels: { state }, value })),
  },
  {
    name: 'koji_repo_requests',
    help: 'Requests for repositories that are not fulfilled',
    labels: [],
    values: ({ repoRequests }) => [{ labels: {}, value: repoRequests }],
  },
  {
    name: 'koji_outbox_messages',
    help: 'Messages of plugins that are not delivered: waiting, or dead after too many tries',
    labels: ['queue', 'state'],
    values: ({ outbox }) =>
      outbox.flatMap(({ queue, waiting, dead }) => [
        { labels: { queue, state: 'waiting' }, value: waiting },
        { labels: { queue, state: 'dead' }, value: dead },
      ]),
  },
];

/** Milliseconds for which a reading of the database holds, however many ask. */
const holds = 2000;

function addStored(client: Client, registry: Registry, { stored, log }: MetricsSources): void {
  let until = -Infinity;
  let reading: Promise<StoredFigures | null> = Promise.resolve(null);
  const read = (): Promise<StoredFigures | null> => {
    if (performance.now() < until) return reading;
    until = Infinity;
    reading = stored()
      .catch((error: unknown) => {
        log.warn('the database could not be read for /metrics', error);
        return null;
      })
      .finally(() => (until = performance.now() + holds));
    return reading;
  };
  new client.Gauge({
    name: 'koji_hub_database_up',
    help: 'Whether the database could be read',
    registers: [registry],
    aggregator: 'min',
    async collect() {
      this.set((await read()) ? 1 : 0);
    },
  });
  for (const { name, help, labels, values } of storedGauges)
    new client.Gauge({
      name,
      help,
      labelNames: [...labels],
      registers: [registry],
      // Every process reads the same.
      aggregator: 'first',
      async collect() {
        const figures = await read();
        this.reset();
        if (figures) for (const value of values(figures)) this.set(value.labels, value.value);
        else this.remove();
      },
    });
}
