import { jest } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { context, propagation, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { sql } from '../src/db/sql.js';
import { Transaction } from '../src/db/transaction.js';
import type { Handle } from '../src/db/transaction.js';
import { SlowStatements } from '../src/metrics/slow-statements.js';
import { databases } from './support/databases.js';
import { headersOf, loginAs, post, startRawHub } from './support/raw-hub.js';
import type { RawHub } from './support/raw-hub.js';

const spans = new InMemorySpanExporter();

async function until(test: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await test()) return;
    await sleep(50);
  }
  throw new Error('not within 10 s');
}

beforeAll(() => {
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }),
  );
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
});
afterAll(() => {
  trace.disable();
  context.disable();
  propagation.disable();
});

describe.each(databases)('a hub that is watched on $name', (kind) => {
  let hub: RawHub;

  beforeAll(async () => {
    const options = {
      Tracing: 'yes',
      LogLevel: 'INFO',
      LogFormat: 'json',
      MetricsFrom: '127.0.0.1 192.0.2.7',
      TrustedProxies: '127.0.0.1',
    };
    hub = await startRawHub(kind, { options });
  });
  afterAll(() => hub.drop());

  const metrics = (headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
    fetch(`${hub.url}/metrics`, { headers });
  const figure = async (line: string): Promise<number | null> => {
    const text = await (await metrics()).text();
    const found = text.split('\n').find((each) => each.startsWith(`${line} `));
    return found === undefined ? null : Number(found.slice(line.length + 1));
  };
  const calls = (method: string, end: string): Promise<number | null> =>
    figure(`koji_hub_call_seconds_count{method="${method}",end="${end}"}`);

  it('counts calls by method and by how they ended, and names that somebody made up as one', async () => {
    await post(hub.api, 'getAPIVersion', []);
    await post(hub.api, 'getAPIVersion', []);
    await post(hub.api, 'getTag', ['nothing', true]);
    await post(hub.api, 'multiCall', [[{ methodName: 'getAPIVersion', params: [] }]]);
    for (const name of ['a"b', 'noSuchMethod']) await post(hub.api, name, []);
    expect(await calls('getAPIVersion', 'ok')).toBe(2);
    expect(await calls('getTag', 'fault')).toBe(1);
    expect(await calls('multiCall', 'ok')).toBe(1);
    expect(await calls('unknown', 'fault')).toBe(2);
    expect(await figure('koji_hub_statement_seconds_count')).toBeGreaterThan(0);
    expect(await figure('koji_hub_database_connections{state="waiting"}')).toBe(0);
    expect(await figure('process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(await figure('nodejs_eventloop_lag_p99_seconds')).not.toBeNull();
  });

  it('tells what waits, what builders there are, and which repositories stand', async () => {
    const root = headersOf(await loginAs(hub, 'root'));
    const did = async (method: string, args: readonly unknown[]): Promise<void> => {
      expect(await post(hub.api, method, args, root)).toHaveProperty('value');
    };
    await did('makeTask', ['sleep', [1]]);
    for (const name of ['one', 'two']) await did('addHost', [name, ['x86_64']]);
    await did('disableHost', ['two']);
    await did('createTag', ['t', null, 'x86_64']);
    await did('repo.request', ['t']);
    // A reading holds for a moment.
    await until(async () => (await figure('koji_tasks{channel="default",state="FREE"}')) === 1);
    await until(async () => (await figure('koji_repo_requests')) === 1);
    expect(await figure('koji_queue_oldest_seconds{channel="default"}')).toBeGreaterThanOrEqual(0);
    expect(await figure('koji_hosts{state="ready"}')).toBe(0);
    expect(await figure('koji_hosts{state="not ready"}')).toBe(1);
    expect(await figure('koji_hosts{state="disabled"}')).toBe(1);
    expect(await figure('koji_hosts_capacity')).toBe(2);
    expect(await figure('koji_repos{state="READY"}')).toBe(0);
    expect(await figure('koji_hub_database_up')).toBe(1);
  });

  it('shows what its page names, and nothing else of its own', async () => {
    const page = await readFile(new URL('../../../docs/operations/observe.md', import.meta.url), 'utf8');
    const named = [...page.matchAll(/^\| `(koji_\w+)`/gm)].map(([, name]) => name);
    const text = await (await metrics()).text();
    const shown = [...text.matchAll(/^# HELP (koji_\w+)/gm)].map(([, name]) => name);
    expect(shown.sort()).toEqual(named.sort());
  });

  it('answers those that may read its figures, and nobody who comes by a proxy that it does not know', async () => {
    expect((await metrics({ 'X-Forwarded-For': '192.0.2.7' })).status).toBe(200);
    const refused = await metrics({ 'X-Forwarded-For': '192.0.2.8' });
    expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining('MetricsFrom')]);
    expect((await fetch(`${hub.url}/metrics`, { method: 'POST' })).status).toBe(405);
  });

  it('names each request in its answer and in the log, by the id that the client sent if it is suitable', async () => {
    const idOf = async (given?: string): Promise<string | null> => {
      const headers = {
        'Content-Type': 'text/xml',
        ...(given === undefined ? {} : { 'X-Request-Id': given }),
      };
      const body =
        '<methodCall><methodName>getTag</methodName><params><param><value><int>1</int></value></param><param><value><boolean>7</boolean></value></param></params></methodCall>';
      return (await fetch(hub.api, { method: 'POST', headers, body })).headers.get('x-request-id');
    };
    expect(await idOf('mine-1.2')).toBe('mine-1.2');
    const made = await idOf('not "this"');
    expect(made).toMatch(/^[0-9a-f]{12}-\w+$/);
    expect(await idOf()).not.toBe(made);
    hub.log.info('outside of any call');
    const root = headersOf(await loginAs(hub, 'root'));
    await post(hub.api, 'makeTask', ['sleep', [1], { priority: -1 }], { ...root, 'X-Request-Id': 'logged' });
  });

  it('makes spans of calls and of their statements, below the span of the client', async () => {
    spans.reset();
    const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`;
    await post(hub.api, 'getTag', ['nothing', true], { traceparent });
    const done = spans.getFinishedSpans().filter((span) => span.spanContext().traceId === 'ab'.repeat(16));
    const call = done.find(({ name }) => name === 'getTag');
    expect(call?.parentSpanContext?.spanId).toBe('cd'.repeat(8));
    expect(call?.attributes).toMatchObject({ 'rpc.method': 'getTag' });
    expect(call?.status).toEqual({ code: 2, message: 'GenericError' });
    const statements = done.filter((span) => span.parentSpanContext?.spanId === call?.spanContext().spanId);
    expect(statements.map(({ name }) => name)).toContain('SELECT');
  });

  it('logs a slow statement with its plan once, and never with its values', async () => {
    const lines: string[] = [];
    const log = { ...hub.log, warn: (text: string) => void lines.push(text) };
    const slow = new SlowStatements(0, log, hub.database);
    const query = sql`SELECT id FROM tag WHERE name = ${'a secret'}`;
    slow.watch(query, 1234.5);
    slow.watch(query, 20);
    await until(() => lines.length === 3);
    expect(lines[0]).toMatch(
      /^a statement of the hub itself took 1\.234 s: SELECT id FROM tag WHERE name = (\?|\$1)$/,
    );
    expect(lines[1]).toMatch(/took 0\.020 s/);
    expect(lines[2]).toMatch(/^the plan of SELECT id FROM tag[^\n]*\n {2}\S/);
    expect(lines.join('\n')).not.toContain('a secret');
  });

  it('writes the log as objects of JSON', async () => {
    const text = await readFile(path.join(hub.folder, 'hub.log'), 'utf8');
    const entries = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(entries).toContainEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as unknown,
      level: 'INFO',
      process: process.pid,
      name: 'koji',
      message: 'outside of any call',
      remoteaddr: '?:?',
    });
  });
});

it('hears how long a statement took, without the time that the reader of its rows needs', async () => {
  let clock = 0;
  const now = jest.spyOn(performance, 'now').mockImplementation(() => clock);
  try {
    const handle: Handle = {
      dialect: 'sqlite',
      query: () => ({ rows: [], changed: 0, writes: false }),
      async *rows() {
        for (const id of [1, 2]) {
          clock += 3;
          yield [{ id }];
        }
        clock += 1;
      },
      command: () => undefined,
      explain: (error) => error,
    };
    const heard: number[] = [];
    const transaction = new Transaction(handle, undefined, (_query, milliseconds) =>
      heard.push(milliseconds),
    );
    for await (const row of transaction.iterate(sql`SELECT 1`)) {
      expect(row).toEqual({ id: expect.any(Number) as number });
      clock += 1000;
    }
    expect(heard).toEqual([7]);
  } finally {
    now.mockRestore();
  }
});
