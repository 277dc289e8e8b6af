import net from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { encodeCall } from '@koji/core/wire';
import { databases } from './support/databases.js';
import { headersOf, loginAs, post, startRawHub, valueOf } from './support/raw-hub.js';
import type { RawHub } from './support/raw-hub.js';

const [sqlite] = databases;
if (!sqlite) throw new Error('no database to test on');

describe('the bounds of a hub', () => {
  let hub: RawHub;

  beforeAll(async () => {
    hub = await startRawHub(sqlite, {
      options: {
        MaxMultiCalls: '100',
        MaxAnswerLength: '300000',
        MaxConnections: '20',
        RequestTimeout: '1',
        HeaderTimeout: '1',
        LogLevel: 'ERROR',
      },
    });
  });

  afterAll(() => hub.drop());

  /** A connection that sends one byte every few milliseconds for ever; resolves with what it got when it is closed. */
  function drip(head: string): Promise<string> {
    const { hostname, port } = new URL(hub.url);
    return new Promise((resolve) => {
      let got = '';
      const socket = net.connect(Number(port), hostname, () => socket.write(head));
      const more = setInterval(() => socket.write(' '), 20);
      socket.setEncoding('utf8').on('data', (data: string) => (got += data));
      socket
        .on('error', () => undefined)
        .once('close', () => {
          clearInterval(more);
          resolve(got);
        });
      socket.once('end', () => socket.destroy());
    });
  }

  const entry = (methodName: string, ...params: unknown[]) => ({ methodName, params });

  test('a multicall may have MaxMultiCalls calls, nested ones counted, or none of them runs', async () => {
    const hellos = (count: number) => Array.from({ length: count }, () => entry('hello'));
    expect(valueOf(await post(hub.api, 'multiCall', [hellos(100)]))).toHaveLength(100);
    const refused = { fault: [1000, expect.stringMatching(/more than 100 .*MaxMultiCalls/)] };
    expect(await post(hub.api, 'multiCall', [hellos(101)])).toEqual(refused);
    const nested = Array.from({ length: 5 }, () => entry('multiCall', hellos(30)));
    expect(await post(hub.api, 'multiCall', [nested])).toEqual(refused);
    expect(await post(hub.api, 'multiCall', ['x'.repeat(100_000)])).toEqual(refused);
    const session = headersOf(await loginAs(hub, 'root'));
    const calls = [entry('createTag', 'never'), ...hellos(10), entry('multiCall', hellos(100))];
    expect(await post(hub.api, 'multiCall', [calls], session)).toEqual(refused);
    expect(valueOf(await post(hub.api, 'getTag', ['never']))).toBeNull();
  });

  test('an answer may have MaxAnswerLength bytes, in a multicall all together', async () => {
    const refused = { fault: [1000, expect.stringMatching(/more than 300000 bytes .*MaxAnswerLength/)] };
    expect(valueOf(await post(hub.api, 'echo', ['x'.repeat(290_000)]))).toEqual(['x'.repeat(290_000)]);
    expect(await post(hub.api, 'echo', ['x'.repeat(310_000)])).toEqual(refused);
    const part = entry('echo', 'x'.repeat(50_000));
    expect(valueOf(await post(hub.api, 'multiCall', [[part, part]]))).toHaveLength(2);
    expect(await post(hub.api, 'multiCall', [Array(10).fill(part)])).toEqual(refused);
  });

  test('a part that fails late leaves its fault alone in the answer', async () => {
    const nested = entry('multiCall', [entry('hello'), entry('echo', 'ä'.repeat(60_000))]);
    const bad = entry('multiCall', 'a', 'too many arguments');
    const read = valueOf(await post(hub.api, 'multiCall', [[nested, bad, entry('error'), entry('hello')]]));
    expect(read).toEqual([
      [[['Hello World'], [['ä'.repeat(60_000)]]]],
      expect.objectContaining({ faultCode: 1019 }),
      expect.objectContaining({ faultCode: 1000, faultString: 'test error' }),
      ['Hello World'],
    ]);
  });

  test('order has a bounded number of fields', async () => {
    const order = (count: number) => ({ order: Array(count).fill('id').join() });
    const ask = (count: number) =>
      post(hub.api, 'search', ['*', 'tag', 'glob', { __starstar: true, queryOpts: order(count) }]);
    expect(valueOf(await ask(64))).toEqual(expect.any(Array));
    expect(await ask(65)).toEqual({ fault: [1019, expect.stringContaining('more than 64 fields')] });
    expect(await ask(1_000_000)).toEqual({ fault: [1019, expect.stringContaining('more than 64 fields')] });
  });

  test('a body or head that comes byte by byte has an end', async () => {
    const [body, head] = await Promise.all([
      drip('POST /kojihub HTTP/1.1\r\nHost: hub\r\nContent-Length: 100000\r\n\r\n<methodCall>'),
      drip('POST /kojihub HTTP/1.1\r\nX-Long:'),
    ]);
    expect(body).toMatch(/^HTTP\/1\.1 400 [^]*more than 1 s/);
    expect(head).toMatch(/^HTTP\/1\.1 4|^$/);
  });

  test('connections beyond MaxConnections are closed, and serve again once others are', async () => {
    const { hostname, port } = new URL(hub.url);
    const sockets = Array.from({ length: 60 }, () => net.connect(Number(port), hostname));
    const closed = sockets.map(
      (s) => new Promise<void>((r) => s.on('error', () => r()).once('close', () => r())),
    );
    await Promise.any(closed);
    for (const socket of sockets) socket.destroy();
    await Promise.all(closed);
    for (;;) {
      const answer = await post(hub.api, 'hello').catch(() => null);
      if (answer) break;
    }
  });
});

test('a long multicall, a long body and a long answer let other calls in between', async () => {
  const hub = await startRawHub(sqlite, { options: { LogLevel: 'ERROR' } });
  try {
    const calls = Array.from({ length: 6000 }, () => ({ methodName: 'hello', params: [] }));
    const body = encodeCall('multiCall', [calls]);
    const send = () => fetch(hub.api, { method: 'POST', body }).then((answer) => answer.arrayBuffer());
    await post(hub.api, 'getAPIVersion');
    const state = { done: false };
    let others = 0;
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const long = send().finally(() => (state.done = true));
    while (!state.done) {
      await post(hub.api, 'getAPIVersion');
      others++;
    }
    await long;
    delay.disable();
    // Without breaks there are one or two: those before the body has arrived.
    expect(others).toBeGreaterThan(10);
    expect(delay.percentile(50) / 1e6).toBeLessThan(100);
  } finally {
    await hub.drop();
  }
});
