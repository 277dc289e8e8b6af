/** Everything that watches a hub at work: figures, slow statements, spans. */
import cluster from 'node:cluster';
import type { Logger } from '@koji/core';
import type { HubOptions } from '@koji/core/config';
import type { Database, StatementWatch } from '../db/connection.js';
import { noMetrics, openMetrics } from './metrics.js';
import type { Metrics } from './metrics.js';
import { SlowStatements } from './slow-statements.js';
import { readFigures } from './stored.js';
import { noTracer, openTracer } from './tracing.js';
import type { Tracer } from './tracing.js';

/** The observers. */
export interface Observers {
  readonly metrics: Metrics;
  readonly tracer: Tracer;
}

/** Watches nothing, as commands want it. */
export const noObservers: Observers = { metrics: noMetrics, tracer: noTracer };

/** Watchers of statements, which are added once the database is open. */
export class StatementWatches {
  private readonly watches: StatementWatch[] = [];

  readonly told: StatementWatch = (query, milliseconds) => {
    for (const watch of this.watches) watch(query, milliseconds);
  };

  add(watch: StatementWatch): void {
    this.watches.push(watch);
  }
}

/** Begins to watch, as the options say. */
export async function openObservers(
  options: HubOptions,
  {
    database,
    watches,
    log,
  }: { readonly database: Database; readonly watches: StatementWatches; readonly log: Logger },
): Promise<Observers> {
  const { MetricsFrom, SlowStatement, Tracing, Workers } = options;
  const metrics =
    MetricsFrom.length === 0
      ? noMetrics
      : await openMetrics({
          stored: () => database.read(readFigures, { long: true }),
          database: () => database.use(),
          shared: cluster.isWorker && Workers > 1,
          log,
        });
  if (MetricsFrom.length > 0) watches.add((_query, milliseconds) => metrics.statement(milliseconds / 1000));
  if (SlowStatement > 0) watches.add(new SlowStatements(SlowStatement, log, database).watch);
  const tracer = Tracing ? await openTracer() : noTracer;
  if (Tracing) watches.add(tracer.statement(database.dialect));
  return { metrics, tracer };
}
