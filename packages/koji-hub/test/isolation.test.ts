import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { databases } from './support/databases.js';
import { headersOf, loginAs, post, startRawHub, valueOf } from './support/raw-hub.js';
import type { Outcome, RawHub } from './support/raw-hub.js';

const sdk = pathToFileURL(createRequire(import.meta.url).resolve('@koji/plugin-sdk')).href;

const code = `
import { callback, context, exported } from ${JSON.stringify(sdk)};
const state = { announced: [] };
export const who = exported((tag, { strict = false } = {}) => {
  context.session.assertPerm('admin');
  return context.call('getTag', [tag, strict]).then((found) => [context.session.user.name, found?.name ?? null, 1.5]);
});
export const closed = callback('preTag', (event, { tag }) => { throw new Error(event + ': ' + tag.name + ' is closed'); });
export const make = exported(async (name) => {
  context.afterCommit(() => state.announced.push(name));
  await context.call('createTag', [name]);
  if (name.startsWith('bad')) throw new TypeError('undone');
  return context.event();
});
export const announced = exported(() => state.announced);
export const database = exported(() => context.db);
export const spin = exported(() => { for (;;); });
export const leave = exported(() => process.exit(3));
`;

describe('a plugin in a thread of its own', () => {
  let hub: RawHub;
  let headers: Record<string, string>;
  const call = (method: string, ...args: unknown[]): Promise<Outcome> => post(hub.api, method, args, headers);
  const faultOf = async (method: string, ...args: unknown[]): Promise<unknown> => {
    const outcome = await call(method, ...args);
    return 'fault' in outcome ? outcome.fault : outcome;
  };

  beforeAll(async () => {
    hub = await startRawHub(databases[0]!, {
      options: { Plugins: 'walled', PluginPath: 'plugins', BlockLimit: '1' },
      prepare: async (folder) => {
        const place = path.join(folder, 'plugins/walled');
        await mkdir(place, { recursive: true });
        await writeFile(path.join(place, 'hub.mjs'), code);
        const koji = { hub: 'hub.mjs', isolation: 'worker' };
        await writeFile(path.join(place, 'package.json'), JSON.stringify({ name: 'walled', koji }));
      },
    });
    headers = headersOf(await loginAs(hub, 'root'));
    valueOf(await call('createTag', 'f44'));
  });
  afterAll(() => hub.drop());

  test('has the context of its call: who calls, other methods, the transaction', async () => {
    expect(valueOf(await call('who', 'f44'))).toEqual(['root', 'f44', 1.5]);
    expect(valueOf(await call('who', 'f45'))).toEqual(['root', null, 1.5]);
    expect(await faultOf('who', 'f45', { __starstar: true, strict: true })).toEqual([
      1000,
      expect.stringContaining('f45') as unknown,
    ]);
    expect(await faultOf('who')).toEqual([1019, "who() missing 1 required positional argument: 'tag'"]);
    expect(valueOf(await call('make', 'good'))).toEqual(expect.any(Number));
    expect(await faultOf('make', 'bad')).toEqual([1000, 'TypeError: undone']);
    expect(valueOf(await call('getTag', 'bad'))).toBeNull();
    expect(valueOf(await call('announced'))).toEqual(['good']);
    expect(await faultOf('database')).toEqual([
      1000,
      'context.db is not there for a plugin in a thread of its own: call methods instead',
    ]);
  });

  test('can veto by a callback', async () => {
    valueOf(await call('packageListAdd', 'f44', 'pkg', 'root'));
    valueOf(await call('createEmptyBuild', 'pkg', '1', '1', null));
    expect(await faultOf('tagBuildBypass', 'f44', 'pkg-1-1')).toEqual([
      1017,
      expect.stringMatching(
        /^Error running preTag callback from walled:\n.*preTag: f44 is closed/,
      ) as unknown,
    ]);
  });

  test.each([
    ['spin', 'it let nothing else run for 1 s'],
    ['leave', 'it ended'],
  ])('that goes wrong fails its own call, while others are answered: %s', async (method, why) => {
    const state = { isOver: false };
    const failing = faultOf(method).finally(() => (state.isOver = true));
    let answered = 0;
    while (!state.isOver) {
      valueOf(await call('getTag', 'f44'));
      answered += 1;
    }
    expect(await failing).toEqual([1000, `method ${method} of plugin walled: its thread ended: ${why}`]);
    if (method !== 'leave') expect(answered).toBeGreaterThan(1);
    expect(valueOf(await call('who', 'f44'))).toEqual(['root', 'f44', 1.5]);
  });
});
