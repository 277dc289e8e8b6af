import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { makeLogger } from '@koji/core';
import { encodeArgs } from '@koji/core/wire';
import { ActivityLog } from '@koji/plugin-sdk/host';
import type { Delivery } from '@koji/plugin-sdk';
import type { Database } from '../src/db/connection.js';
import type { Opened } from '../src/db/database.js';
import { startDeliveries } from '../src/outbox/deliver.js';
import type { DeliveryParts } from '../src/outbox/deliver.js';
import {
  claimLanes,
  deadLetters,
  drop,
  nextDue,
  putMessage,
  queueStates,
  replay,
} from '../src/outbox/messages.js';
import { readActivity } from '../src/plugin-activity.js';
import { databases } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';
import { post, startRawHub, valueOf } from './support/raw-hub.js';
import type { RawHub } from './support/raw-hub.js';

const sdk = pathToFileURL(createRequire(import.meta.url).resolve('@koji/plugin-sdk')).href;

/** Resolves once something is so; the test's own time limit ends it otherwise. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5));
}

const hook = globalThis as { delivered?: (message: unknown, delivery: Delivery) => unknown };

describe.each(databases)('messages of plugins on $name', (kind) => {
  let made: TestDatabase;
  let database: Opened;

  beforeEach(async () => {
    made = await kind.create();
    database = await made.open();
  });
  afterEach(() => made.drop());

  const lines: string[] = [];
  const log = makeLogger((_level, text) => lines.push(text()));

  function deliveries(
    deliver: (message: string, delivery: Delivery) => unknown,
    {
      on = database,
      attempts = 3,
      firstPause = 0.001,
    }: Partial<DeliveryParts> & {
      readonly on?: Database;
      readonly attempts?: number;
    } = {},
  ): { stop(): Promise<void> } {
    const outbox = {
      name: 'bus',
      attempts,
      timeLimit: 30_000,
      deliver: async (text: string, delivery: Delivery) => {
        await deliver(text, delivery);
      },
      close: async () => undefined,
    };
    const outboxes = [{ plugin: 'tester', outbox }];
    return startDeliveries({ database: on, log, activity: new ActivityLog(), outboxes, firstPause });
  }

  const put = async (...messages: (readonly [topic: string, body: string])[]): Promise<void> => {
    await database.write(async (db) => {
      for (const [topic, body] of messages) await putMessage(db, 'bus', topic, body);
    });
    await database.notify('outbox');
  };

  const isEmpty = async (): Promise<boolean> =>
    (await database.read((db) => nextDue(db, ['bus', 'other']))) === null;

  test('are delivered in the order of their topic, one at a time, other topics beside them', async () => {
    const seen: string[] = [];
    const busy = new Set<string>();
    let bBegan: () => void = () => undefined;
    const b = new Promise<void>((resolve) => (bBegan = resolve));
    const running = deliveries(async (text, { topic }) => {
      expect(busy).not.toContain(topic);
      busy.add(topic);
      // Were they not side by side, this would never end.
      if (topic === 'a') await b;
      else bBegan();
      seen.push(`${topic} ${text}`);
      busy.delete(topic);
    });
    await put(...['a', 'b'].flatMap((topic) => [0, 1, 2, 3].map((n) => [topic, String(n)] as const)));
    await until(isEmpty);
    await running.stop();
    expect(seen.filter((one) => one.startsWith('a'))).toEqual(['a 0', 'a 1', 'a 2', 'a 3']);
    expect(seen.filter((one) => one.startsWith('b'))).toEqual(['b 0', 'b 1', 'b 2', 'b 3']);
  });

  test('that several processes could deliver are delivered by one of them, and in order', async () => {
    const seen = new Map<string, number[]>();
    const deliver = async (text: string, { topic }: Delivery): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      seen.set(topic, [...(seen.get(topic) ?? []), Number(text)]);
    };
    const others = await Promise.all([made.open(), made.open()]);
    const running = others.map((on) => deliveries(deliver, { on }));
    for (let round = 0; round < 10; round += 1)
      await put(...['a', 'b', 'c'].map((topic) => [topic, String(round)] as const));
    for (const other of others) await other.notify('outbox');
    await until(isEmpty);
    await Promise.all(running.map((one) => one.stop()));
    const all = Array.from({ length: 10 }, (_, i) => i);
    expect(Object.fromEntries(seen)).toEqual({ a: all, b: all, c: all });
  });

  test('that fail hold up their topic, are tried again, and at last are dead letters', async () => {
    const tries: string[] = [];
    const running = deliveries((text, { topic, attempt }) => {
      tries.push(`${topic} ${text} ${attempt}`);
      if (text === 'bad') throw new Error('nobody there');
    });
    await put(['a', 'bad'], ['a', 'good'], ['b', 'good']);
    await until(isEmpty);
    expect(tries.filter((one) => one.startsWith('a'))).toEqual(['a bad 1', 'a bad 2', 'a bad 3', 'a good 1']);
    expect(tries).toContain('b good 1');
    const [letter] = await database.read((db) => deadLetters(db, {}));
    expect(letter).toMatchObject({
      queue: 'bus',
      topic: 'a',
      body: 'bad',
      attempts: 3,
      last_error: 'nobody there',
    });
    expect(await database.read(queueStates)).toEqual([{ queue: 'bus', waiting: 0, dead: 1, oldest: null }]);
    expect(lines.at(-1)).toContain(
      `message ${letter?.id} of bus, a: try 3 failed: nobody there; it is a dead letter now`,
    );
    await running.stop();
  });

  test('that are dead letters can be delivered again, or thrown away', async () => {
    let works = false;
    const seen: string[] = [];
    const running = deliveries(
      (text) => {
        if (!works) throw new Error('no');
        seen.push(text);
      },
      { attempts: 1 },
    );
    await put(['a', 'one'], ['a', 'two'], ['b', 'three']);
    await until(isEmpty);
    const letters = await database.read((db) => deadLetters(db, { queue: 'bus' }));
    expect(letters.map(({ body }) => body)).toEqual(['one', 'two', 'three']);
    works = true;
    const [one] = letters;
    expect(await database.write((db) => drop(db, { id: one!.id }))).toBe(1);
    expect(await database.write((db) => replay(db, { queue: 'other' }))).toBe(0);
    expect(await database.write((db) => replay(db, { queue: 'bus' }))).toBe(2);
    await database.notify('outbox');
    await until(isEmpty);
    await running.stop();
    expect(seen.sort()).toEqual(['three', 'two']);
    expect(await database.read((db) => deadLetters(db, {}))).toEqual([]);
  });

  test('whose process died in the middle are delivered by another once its lease is over', async () => {
    await put(['a', 'left behind']);
    const now = Date.now() / 1000;
    const claimed = await database.write((db) => claimLanes(db, ['bus'], { now, until: now + 0.3, most: 8 }));
    expect(claimed).toMatchObject([{ queue: 'bus', topic: 'a' }]);
    const seen: number[] = [];
    const running = deliveries(() => seen.push(Date.now() / 1000));
    await until(isEmpty);
    await running.stop();
    expect(seen).toHaveLength(1);
    expect(seen[0]).toBeGreaterThanOrEqual(now + 0.3);
  });

  test('of a plugin that was removed wait', async () => {
    const running = deliveries(() => undefined);
    await database.write((db) => putMessage(db, 'other', 'a', 'wait'));
    await put(['a', 'go']);
    await until(async () => (await database.read((db) => nextDue(db, ['bus']))) === null);
    await running.stop();
    expect(await database.read(queueStates)).toMatchObject([{ queue: 'other', waiting: 1, dead: 0 }]);
  });

  test('need a topic', async () => {
    const empty = database.write((db) => putMessage(db, 'bus', '', 'x'));
    await expect(empty).rejects.toThrow('outbox bus: the topic "" is no text of 1 to 255 characters');
  });
});

const sender = `import { context, exported, outbox } from ${JSON.stringify(sdk)};
export const letters = outbox('letters', (message, delivery) => globalThis.delivered(message, delivery));
export const send = exported(async (topic, message, fails = false) => {
  await letters.put(topic, message);
  if (fails) throw new Error('changed my mind');
  return message;
});
export const sendTime = exported(async () => letters.put('t', { at: new Date(0), set: new Set([1]), big: 2n ** 60n }));
export const sendLoop = exported(async () => { const a = []; a.push(a); await letters.put('t', a); });
`;

describe.each(databases)('a hub on $name', (kind) => {
  let hub: RawHub;
  let seen: { message: unknown; delivery: Delivery }[];

  beforeAll(async () => {
    hook.delivered = (message, delivery) => seen.push({ message, delivery });
    hub = await startRawHub(kind, {
      options: { Plugins: 'sender', PluginPath: 'plugins' },
      prepare: async (folder) => {
        await mkdir(path.join(folder, 'plugins'));
        await writeFile(path.join(folder, 'plugins', 'sender.mjs'), sender);
      },
    });
  });
  afterAll(async () => {
    await hub.drop();
    delete hook.delivered;
  });
  beforeEach(() => {
    seen = [];
  });

  const messages = (): unknown[] => seen.map(({ message }) => message);

  test('delivers what a call has put once it has committed', async () => {
    expect(valueOf(await post(hub.api, 'send', ['topic', { nvr: 'a-1-1' }]))).toEqual({ nvr: 'a-1-1' });
    await until(() => seen.length > 0);
    expect(seen).toEqual([
      {
        message: { nvr: 'a-1-1' },
        delivery: {
          id: expect.any(Number) as number,
          topic: 'topic',
          text: '{"nvr": "a-1-1"}',
          attempt: 1,
          created: expect.any(Date) as Date,
        },
      },
    ]);
  });

  test('delivers nothing of a call that was undone, nor of a part of a multicall', async () => {
    await post(hub.api, 'send', ['topic', 'undone', true]);
    const call = (...params: unknown[]): unknown => ({ methodName: 'send', params: encodeArgs(params) });
    await post(hub.api, 'multiCall', [[call('topic', 1), call('topic', 2, true), call('topic', 3)]]);
    await post(hub.api, 'send', ['topic', 'last']);
    await until(() => messages().includes('last'));
    expect(messages()).toEqual([1, 3, 'last']);
  });

  test('writes times, sets and large numbers as JSON, and refuses what can be none', async () => {
    await post(hub.api, 'sendTime');
    await until(() => seen.length > 0);
    expect(seen[0]?.delivery.text).toBe(
      '{"at": "1970-01-01 00:00:00.000000+00:00", "set": [1], "big": 1152921504606846976}',
    );
    expect(await post(hub.api, 'sendLoop')).toEqual({ fault: [1000, "a message can't have itself in it"] });
  });

  test('counts deliveries with what else its plugins did', async () => {
    await post(hub.api, 'send', ['topic', 'counted']);
    await until(() => messages().includes('counted'));
    await hub.stop();
    const rows = await hub.database.read((db) => readActivity(db));
    expect(rows).toMatchObject([
      { plugin: 'sender', kind: 'delivery', name: 'letters', failures: 0 },
      { plugin: 'sender', kind: 'method', name: 'send', failures: 2 },
      { plugin: 'sender', kind: 'method', name: 'sendLoop', runs: 1, failures: 1 },
      { plugin: 'sender', kind: 'method', name: 'sendTime', runs: 1, failures: 0 },
    ]);
  });
});
