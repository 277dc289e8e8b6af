import { readFile, writeFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { createRequire } from 'node:module';
import { sql } from '../src/db/sql.js';
import { databases } from './support/databases.js';
import { headersOf, loginAs, post, startRawHub, valueOf } from './support/raw-hub.js';
import type { RawHub } from './support/raw-hub.js';

const sdk = pathToFileURL(createRequire(import.meta.url).resolve('@koji/plugin-sdk')).href;

/** A plugin that records its events, and fails for calls with a certain tag. */
const witness = (log: string) => `
import { appendFileSync } from 'node:fs';
import { afterCommit, callback, context, exported } from ${JSON.stringify(sdk)};
const note = (text) => appendFileSync(${JSON.stringify(log)}, text + '\\n');
export const makeTag = exported({ args: ['name', 'fail?'] })(async (name, fail = false) => {
  context.onRollback(() => note('undone ' + name));
  context.afterCommit(() => note('durable ' + name));
  const id = await context.call('createTag', [name]);
  if (fail) throw new Error('the plugin failed on ' + name);
  return id;
});
export const never = exported(() => new Promise(() => {}));
export const neverAfterWriting = exported(async () => {
  await context.call('createTag', ['never-ended']);
  await new Promise(() => {});
});
export const nothing = exported(() => undefined);
export const late = exported(() => { setTimeout(async () => { try { await context.call('createTag', ['too-late']); } catch (error) { note(error.message); } }, 50); return 1; });
export const preCommit = callback('preCommit')(() => { note('preCommit ' + context.method); if (context.method === 'editTag2') throw new Error('vetoed'); });
export const postCommit = callback('postCommit')(() => { note('postCommit'); throw new Error('postCommit fails'); });
`;

describe.each(databases)('the way of a call on $name', (kind) => {
  let hub: RawHub;
  let root: Record<string, string>;

  beforeAll(async () => {
    hub = await startRawHub(kind, {
      options: { Plugins: 'witness', PluginPath: 'plugins', CallbackTimeout: '1' },
      prepare: async (folder) => {
        await mkdir(path.join(folder, 'plugins'));
        await writeFile(path.join(folder, 'plugins/witness.mjs'), witness(path.join(folder, 'notes')));
      },
    });
    root = headersOf(await loginAs(hub, 'root'));
  });

  afterAll(() => hub.drop());

  beforeEach(() => writeFile(path.join(hub.folder, 'notes'), ''));

  const notes = async () =>
    (await readFile(path.join(hub.folder, 'notes'), 'utf8')).split('\n').filter(Boolean);
  const tags = async (pattern: string) =>
    (valueOf(await post(hub.api, 'listTags', [null, null, true, null, pattern])) as { name: string }[]).map(
      ({ name }) => name,
    );
  const part = (methodName: string, ...params: unknown[]) => ({ methodName, params });

  test('a call that fails leaves nothing behind and has its undos run', async () => {
    expect(await post(hub.api, 'makeTag', ['undone', true], root)).toMatchObject({
      fault: [1, 'Error: the plugin failed on undone'],
    });
    expect(await tags('undone')).toEqual([]);
    expect(await notes()).toEqual(['undone undone']);
  });

  test('what waits for the commit runs after it and before postCommit, whose failure fails nothing', async () => {
    expect(valueOf(await post(hub.api, 'makeTag', ['kept'], root))).toEqual(expect.any(Number));
    expect(await notes()).toEqual(['preCommit makeTag', 'durable kept', 'postCommit']);
  });

  test('a failing preCommit takes the whole call back', async () => {
    valueOf(await post(hub.api, 'createTag', ['vetoed'], root));
    expect(
      await post(hub.api, 'editTag2', ['vetoed', { __starstar: true, locked: true }], root),
    ).toMatchObject({
      fault: [1017, expect.stringContaining('vetoed')],
    });
    expect(valueOf(await post(hub.api, 'getTag', ['vetoed']))).toMatchObject({ locked: false });
  });

  test('who calls is asked before the types of the arguments, and after their number', async () => {
    const required = [1004, expect.stringContaining('permission required (user not logged in)')];
    expect(await post(hub.api, 'createTag', [])).toMatchObject({ fault: [1019, expect.anything()] });
    expect(await post(hub.api, 'createTag', ['t', null, [], null, 'no flag'])).toMatchObject({
      fault: required,
    });
    const parts = [part('createTag', 't', null, [], null, 'no flag')];
    expect(valueOf(await post(hub.api, 'multiCall', [parts]))).toMatchObject([{ faultCode: 1004 }]);
  });

  test('a call that only reads runs no commit callbacks', async () => {
    valueOf(await post(hub.api, 'nothing', [], root));
    valueOf(await post(hub.api, 'listTags'));
    expect(await notes()).toEqual([]);
  });

  test('a part of a multicall that fails takes its own effects with it, the others stand', async () => {
    const calls = [part('makeTag', 'multi-a'), part('makeTag', 'multi-b', true), part('makeTag', 'multi-c')];
    const results = valueOf(await post(hub.api, 'multiCall', [calls], root));
    expect(results).toEqual([
      [expect.any(Number)],
      { faultCode: 1, faultString: 'the plugin failed on multi-b', traceback: [expect.any(String)] },
      [expect.any(Number)],
    ]);
    expect(await tags('multi-*')).toEqual(['multi-a', 'multi-c']);
    expect((await notes()).filter((line) => /multi-/.test(line))).toEqual([
      'undone multi-b',
      'durable multi-a',
      'durable multi-c',
    ]);
  });

  test('a multicall within one is undone with it when its part fails', async () => {
    const inner = part('multiCall', [part('makeTag', 'nested-a'), part('makeTag', 'nested-b', true)]);
    const results = valueOf(await post(hub.api, 'multiCall', [[inner, part('error')]], root));
    expect(results).toMatchObject([
      [[[expect.any(Number)], { faultCode: 1 }]],
      { faultCode: 1000, faultString: 'test error' },
    ]);
    expect(await tags('nested-*')).toEqual(['nested-a']);
  });

  test('every part of a multicall has an event of its own', async () => {
    valueOf(
      await post(hub.api, 'multiCall', [[part('createTag', 'event-a'), part('createTag', 'event-b')]], root),
    );
    const rows = await hub.database.read((db) =>
      db.all<{ create_event: number }>(
        sql`SELECT create_event FROM tag_config JOIN tag ON tag.id = tag_id WHERE tag.name IN ('event-a', 'event-b')`,
      ),
    );
    expect(new Set(rows.map((row) => row.create_event)).size).toBe(2);
  });

  test('each part of a multicall needs its own permission', async () => {
    const results = valueOf(
      await post(hub.api, 'multiCall', [[part('createTag', 'by-nobody'), part('hello')]]),
    );
    expect(results).toMatchObject([
      { faultCode: 1004, faultString: 'tag permission required (user not logged in)' },
      ['Hello World'],
    ]);
  });

  test('a login and a wait within a multicall hold nobody up', async () => {
    const task = valueOf(await post(hub.api, 'makeTask', ['sleep', [1]], root)) as number;
    const started = performance.now();
    const calls = [
      part('login', 'root', 'root'),
      part('login', 'root', 'wrong'),
      part('waitTask', task, 0, 30),
    ];
    const results = valueOf(await post(hub.api, 'multiCall', [calls], root)) as unknown[];
    expect(results).toMatchObject([
      { faultString: 'Already logged in' },
      { faultCode: 1002 },
      [{ id: task }],
    ]);
    const anonymous = valueOf(await post(hub.api, 'multiCall', [calls.slice(0, 2)])) as unknown[];
    expect(anonymous).toMatchObject([[{ 'session-id': expect.any(Number) as unknown }], { faultCode: 1002 }]);
    expect(performance.now() - started).toBeLessThan(25_000);
  });

  test("a plugin's method that never returns is given up, undone, and holds up nobody for good", async () => {
    const started = performance.now();
    const stuck = post(hub.api, 'neverAfterWriting', [], root);
    const other = post(hub.api, 'createTag', ['behind-never'], headersOf(await loginAs(hub, 'root')));
    expect(await stuck).toMatchObject({ fault: [1000, expect.stringContaining('did not end within 1 s')] });
    expect(valueOf(await other)).toEqual(expect.any(Number));
    expect(await post(hub.api, 'never')).toMatchObject({ fault: [1000, expect.any(String)] });
    expect(await tags('never-ended')).toEqual([]);
    expect(performance.now() - started).toBeLessThan(60_000);
  });

  test('what a plugin does behind its call is refused, with words that say why', async () => {
    expect(valueOf(await post(hub.api, 'late', [], root))).toBe(1);
    for (let i = 0; (await notes()).length === 0; i++) {
      if (i === 600) throw new Error('no word from the plugin');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect((await notes())[0]).toMatch(/had ended|has ended/);
    expect(await tags('too-late')).toEqual([]);
  });

  test("a plugin's method is listed and described beside the hub's own", async () => {
    const names = valueOf(await post(hub.api, 'system.listMethods')) as string[];
    expect(names).toEqual(expect.arrayContaining(['makeTag', 'createTag']));
    expect(names).not.toContain('multiCall');
    expect(valueOf(await post(hub.api, 'system.methodHelp', ['makeTag']))).toMatch(/^makeTag\(name, fail=/);
    const api = valueOf(await post(hub.api, '_listapi')) as { name: string; argdesc: string }[];
    expect(api.find(({ name }) => name === 'makeTag')?.argdesc).toMatch(/^\(name, fail=/);
  });

  test.each([
    ['getTag', [], 'missing 1 required positional argument'],
    ['getTag', [1, 2, 3, 4, 5, 6], 'positional argument'],
    ['getTag', [{ __starstar: true, nonsense: 1 }], "unexpected keyword argument 'nonsense'"],
    ['makeTag', [], 'name'],
    ['multiCall', [5], 'calls must be a list'],
  ])('%s with arguments that do not fit is a ParameterError', async (method, args, text) => {
    expect(await post(hub.api, method, args, root)).toMatchObject({
      fault: [1019, expect.stringContaining(text)],
    });
  });

  test('showOpts shows admins the options, but no secret', async () => {
    expect(await post(hub.api, 'showOpts')).toMatchObject({ fault: [1004, expect.any(String)] });
    const options = valueOf(await post(hub.api, 'showOpts', [false], root)) as Record<string, unknown>;
    expect(options).toMatchObject({ CallbackTimeout: 1, Database: '***' });
  });
});

test('KojiDebug and KojiTraceback put traces into faults', async () => {
  const [sqlite] = databases;
  const hub = await startRawHub(sqlite!, { options: { KojiDebug: 'yes', KojiTraceback: 'normal' } });
  try {
    expect(await post(hub.api, 'error')).toMatchObject({
      fault: [1000, expect.stringMatching(/test error\n\s+at /)],
    });
    expect(await post(hub.api, 'fault')).toMatchObject({
      fault: [1, expect.stringMatching(/test exception\n\s+at /)],
    });
  } finally {
    await hub.drop();
  }
});
