import { ActionNotAllowed, CallbackError, GenericError } from '@koji/core';
import type { Logger } from '@koji/core';
import type { BuildInfo, TagInfo } from '@koji/core/api';
import { DateTime } from '@koji/core/wire';
import { context } from '../src/index.js';
import type { CallbackPayloads } from '../src/index.js';
import {
  ActivityLog,
  CallbackRegistry,
  callPluginMethod,
  callbackTable,
  signatureOf,
} from '../src/host/index.js';
import type { Ambient, PluginCallback, PluginMethod } from '../src/host/index.js';

const lines: string[] = [];
const logger = Object.fromEntries(
  ['debug', 'info', 'warn', 'error'].map((level) => [
    level,
    (text: string) => lines.push(`${level} ${text}`),
  ]),
) as unknown as Logger;

beforeEach(() => {
  lines.length = 0;
});

/** A call of a user without any permission. */
function ambientOf(later: (() => unknown)[] = []): Ambient {
  return {
    method: 'tagBuild',
    pluginLog: (plugin) => ({ ...logger, info: (text: string) => logger.info(`${plugin}: ${text}`) }),
    session: {
      loggedIn: true,
      userId: 7,
      user: { id: 7, name: 'kojiuser', status: 0, usertype: 0 },
      assertLogin: () => undefined,
      hasPerm: () => false,
      assertPerm: (name) => {
        throw new ActionNotAllowed(`${name} permission required`);
      },
    },
    event: () => Promise.resolve(12),
    invoke: (method, args, keywords) => Promise.resolve([method, args, keywords]),
    invokeUnchecked: (method, args, keywords) => Promise.resolve([method, args, keywords]),
    assertPolicy: () => Promise.resolve(),
    pluginDb: {} as Ambient['pluginDb'],
    paths: {} as Ambient['paths'],
    options: {},
    makeTask: (method, args, keywords, options) => Promise.resolve([method, args, keywords, options].length),
    afterCommit: (action) => later.push(action),
    enqueue: async () => undefined,
    onRollback: () => undefined,
  };
}

function listener(
  plugin: string,
  run: PluginCallback['run'],
  more: Partial<PluginCallback> = {},
): PluginCallback {
  const plain = { ignoreError: false, convertDatetime: false, afterCommit: false };
  return { plugin, events: ['postTag'], run, ...plain, ...more };
}

const payload = {
  tag: { id: 1, name: 'f44' } as TagInfo,
  build: { id: 2, nvr: 'mypkg-1.0-1' } as BuildInfo,
  user: null,
  force: false,
};

let activity: ActivityLog;
let clock: number;

beforeEach(() => {
  activity = new ActivityLog();
  clock = 1_000_000;
});

function registryOf(...callbacks: PluginCallback[]): CallbackRegistry {
  const registry = new CallbackRegistry({
    logger,
    timeLimit: 50,
    activity,
    circuit: { limit: 3, pause: 20_000, now: () => clock },
  });
  registry.add(callbacks);
  return registry;
}

describe('callbacks', () => {
  test('run in order, one after the other, with event and payload', async () => {
    const seen: unknown[] = [];
    const registry = registryOf(
      listener('slow', async (event, given) => {
        await new Promise((resolve) => setTimeout(resolve, 10));
        seen.push(['slow', event, given]);
      }),
      listener('quick', (event) => seen.push(['quick', event])),
    );
    await registry.run('postTag', payload);
    await registry.run('preTag', payload);
    expect(seen).toEqual([
      ['slow', 'postTag', payload],
      ['quick', 'postTag'],
    ]);
    expect([registry.has('postTag'), registry.has('preTag')]).toEqual([true, false]);
  });

  test('that fail, fail the call with the name of event and plugin, and those behind do not run', async () => {
    const cause = new GenericError('not on a Friday');
    let ran = false;
    const registry = registryOf(
      listener('guard', () => Promise.reject(cause)),
      listener('behind', () => (ran = true)),
    );
    const failure = await registry.run('postTag', payload).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CallbackError);
    expect(failure).toMatchObject({ faultCode: 1017, cause });
    expect((failure as Error).message).toBe(
      'Error running postTag callback from guard:\nGenericError: not on a Friday',
    );
    expect(lines).toEqual(['error Error running postTag callback from guard: GenericError: not on a Friday']);
    expect(ran).toBe(false);
  });

  test('that never return, fail like those that throw', async () => {
    const registry = registryOf(listener('sleeper', () => new Promise(() => undefined)));
    await expect(registry.run('postTag', payload)).rejects.toThrow(
      'Error running postTag callback from sleeper:\nTimeLimitError: did not end within 0.05 s',
    );
    expect(activity.list()).toMatchObject([{ plugin: 'sleeper', runs: 1, failures: 1, timeouts: 1 }]);
  });

  test('that may fail, are logged and counted, and the next one runs', async () => {
    let ran = false;
    const registry = registryOf(
      listener(
        'shaky',
        () => {
          throw new Error('no network');
        },
        { ignoreError: true },
      ),
      listener('behind', () => (ran = true)),
    );
    await registry.run('postTag', payload);
    expect(ran).toBe(true);
    expect(lines).toEqual(['warn Error running postTag callback from shaky: no network']);
    expect(activity.list()).toMatchObject([
      { plugin: 'shaky', kind: 'callback', name: 'postTag', runs: 1, failures: 0, ignored: 1, timeouts: 0 },
      { plugin: 'behind', name: 'postTag', runs: 1, failures: 0, ignored: 0 },
    ]);
  });

  test('that may fail and keep failing, are switched off for a while and come back when they work', async () => {
    let works = false;
    const registry = registryOf(
      listener('shaky', () => (works ? undefined : Promise.reject(new Error('no broker'))), {
        ignoreError: true,
      }),
    );
    for (let i = 0; i < 5; i += 1) await registry.run('postTag', payload);
    expect(activity.list()).toMatchObject([
      {
        runs: 3,
        ignored: 3,
        skipped: 2,
        lastFailure: { message: 'no broker' },
        offUntil: new Date(1_020_000),
      },
    ]);
    expect(lines.at(-1)).toBe(
      'error the postTag callback of shaky is switched off for 20 s: it failed 3 times in a row',
    );
    works = true;
    clock += 20_000;
    await registry.run('postTag', payload);
    expect(lines.at(-1)).toBe('warn the postTag callback of shaky works again and is switched on');
    await registry.run('postTag', payload);
    expect(activity.list()).toMatchObject([{ runs: 5, offUntil: null }]);
  });

  test('that guard something are never switched off', async () => {
    const registry = registryOf(listener('guard', () => Promise.reject(new Error('not today'))));
    for (let i = 0; i < 5; i += 1)
      await expect(registry.run('postTag', payload)).rejects.toThrow('not today');
    expect(activity.list()).toMatchObject([{ runs: 5, failures: 5, skipped: 0, offUntil: null }]);
  });

  test('that wait for the commit, run when it has happened and harm nobody', async () => {
    const later: (() => unknown)[] = [];
    const registry = registryOf(
      listener('bus', () => Promise.reject(new Error('broker')), { afterCommit: true }),
    );
    await registry.run('postTag', payload, ambientOf(later));
    expect(activity.list()).toEqual([]);
    for (const action of later) await action();
    expect(activity.list()).toMatchObject([{ plugin: 'bus', runs: 1, ignored: 1 }]);
  });

  test('get moments as text if they want, and the same text all of them', async () => {
    const given: object[] = [];
    const info = {
      at: new Date(Date.UTC(2024, 1, 29, 23, 59, 59, 5)),
      list: [new DateTime('20240229T23:59:59')],
      n: 1,
    };
    const wants = { convertDatetime: true, events: ['postTaskStateChange'] } as const;
    const registry = registryOf(
      listener('a', (_, it) => given.push(it), wants),
      listener('b', (_, it) => given.push(it), wants),
      listener('c', (_, it) => given.push(it), { events: ['postTaskStateChange'] }),
    );
    const change = { attribute: 'state', old: null, new: 'FREE', info } as const;
    await registry.run('postTaskStateChange', change as unknown as CallbackPayloads['postTaskStateChange']);
    expect(given[0]).toEqual({
      ...change,
      info: { at: '2024-02-29 23:59:59.005000+00:00', list: ['2024-02-29 23:59:59.000000+00:00'], n: 1 },
    });
    expect(given[1]).toBe(given[0]);
    expect(given[2]).toBe(change);
  });

  test('of an unknown event are refused', async () => {
    const registry = registryOf();
    expect(() => registry.add([listener('x', () => 1, { events: ['preTga' as 'preTag'] })])).toThrow(
      '"preTga" is not a valid callback type',
    );
    await expect(registry.run('preTga' as 'preTag', payload)).rejects.toThrow('is not a valid callback type');
  });

  test('can be removed again', async () => {
    const callback = listener('gone', () => Promise.reject(new Error('still here')));
    const registry = registryOf(callback);
    registry.remove([callback]);
    await registry.run('postTag', payload);
  });

  test('exist for 26 events', () => {
    expect(Object.keys(callbackTable)).toHaveLength(26);
  });
});

describe('the context', () => {
  test('is that of the call while a callback runs', async () => {
    const seen: unknown[] = [];
    const registry = registryOf(
      listener('asker', async () => {
        await Promise.resolve();
        context.log.info('asks');
        seen.push(context.method, context.session.user?.['name'], await context.event());
        seen.push(await context.call('getTag', ['f44'], { strict: true }));
        context.session.assertPerm('admin');
      }),
    );
    await expect(registry.run('postTag', payload, ambientOf())).rejects.toThrow('admin permission required');
    expect(seen).toEqual(['tagBuild', 'kojiuser', 12, ['getTag', ['f44'], { strict: true }]]);
    expect(lines[0]).toBe('info asker: asks');
  });

  test('is unavailable outside of a call, with an error', () => {
    expect(() => context.session).toThrow('context is only there while the hub runs a method or callback');
  });

  test('is closed when the call is over, for what nobody waited for', async () => {
    let late: Promise<unknown> | undefined;
    const registry = registryOf(
      listener('careless', () => {
        late = new Promise((resolve) => setTimeout(resolve, 5)).then(() => context.call('getAPIVersion'));
      }),
    );
    await registry.run('postTag', payload, ambientOf());
    await expect(late).rejects.toThrow('and not once the call has ended (await everything that');
  });
});

describe('a method of a plugin', () => {
  function methodOf(run: (...args: never[]) => unknown): PluginMethod {
    const signature = signatureOf(run);
    const { declaration } = signature;
    return { name: 'mymethod', plugin: 'mine', declaration, signature, run: run as PluginMethod['run'] };
  }
  const call = (run: (...args: never[]) => unknown, args: unknown[], keywords = {}): Promise<unknown> =>
    callPluginMethod(methodOf(run), args, keywords, ambientOf());

  const plain = (arg1: unknown, arg2: unknown, kwarg1: unknown = null): unknown => [arg1, arg2, kwarg1];
  const named = (arg1: unknown, { size = [0].length, deep = false } = {}): unknown => [arg1, size, deep];
  const open = (first: unknown, ...others: unknown[]): unknown => [first, others];
  const keywords = ({ a, ...others }: { a: unknown }): unknown => [a, others];

  test.each<[string, (...args: never[]) => unknown, [unknown[], object?], unknown]>([
    ['by position', plain, [[1, 2, 3], {}], [1, 2, 3]],
    ['with defaults', plain, [[1, 2], {}], [1, 2, null]],
    ['by name', plain, [[], { kwarg1: 3, arg2: 2, arg1: 1 }], [1, 2, 3]],
    ['by position and name', plain, [[1], { arg2: 2 }], [1, 2, null]],
    ['with null where a default is', plain, [[1, 2, null], {}], [1, 2, null]],
    ['with a default that is code', named, [['x'], {}], ['x', 1, false]],
    ['by the names of a destructured parameter', named, [['x'], { deep: true }], ['x', 1, true]],
    ['by position into a destructured parameter', named, [['x', 5, true], {}], ['x', 5, true]],
    ['with any number of arguments', open, [[1, 2, 3], {}], [1, [2, 3]]],
    ['with any names', keywords, [[], { a: 1, b: 2, c: 3 }], [1, { b: 2, c: 3 }]],
    ['and answer nothing', () => undefined, [[], {}], null],
  ])('can be called %s', async (_, run, [args, given], expected) => {
    expect(await call(run, args, given)).toEqual(expected);
  });

  test.each<[string, unknown[], object, string]>([
    ['too many', [1, 2, 3, 4], {}, 'mymethod() takes from 2 to 3 positional arguments but 4 were given'],
    ['too few', [1], {}, "mymethod() missing 1 required positional argument: 'arg2'"],
    ['an unknown', [1, 2], { arg9: 1 }, "mymethod() got an unexpected keyword argument 'arg9'"],
    ['a repeated', [1, 2], { arg1: 1 }, "mymethod() got multiple values for argument 'arg1'"],
  ])('refuses %s argument in the words of Python', async (_, args, named_, text) => {
    await expect(call(plain, args, named_)).rejects.toMatchObject({ faultCode: 1019, message: text });
  });

  test('that has no right to ask throws its own fault', async () => {
    await expect(call(() => context.session.assertPerm('admin'), [])).rejects.toMatchObject({
      faultCode: 1004,
    });
  });

  test('shows literal defaults to those who list the methods', () => {
    const { declaration } = signatureOf((a = null, b = 'x', c = -3, d = [1].length) => [a, b, c, d]);
    expect(declaration.args.map(({ name, optional, default: value }) => [name, optional, value])).toEqual([
      ['a', true, null],
      ['b', true, 'x'],
      ['c', true, -3],
      ['d', true, undefined],
    ]);
  });

  test('can declare its arguments', async () => {
    const signature = signatureOf((...all: never[]) => all, { args: ['a', 'b?', '*more', '**named'] });
    const { declaration } = signature;
    const run = (...all: unknown[]): unknown => all;
    const method: PluginMethod = { name: 'declared', plugin: 'mine', declaration, signature, run };
    expect(await callPluginMethod(method, [1, 2, 3], { z: 4 }, ambientOf())).toEqual([1, 2, 3, { z: 4 }]);
    expect(() => signatureOf(() => 1, { args: ['a b'] })).toThrow("its declared argument 'a b' is none");
    expect(() => signatureOf(() => 1, { args: ['keywords'] })).toThrow(
      "its argument 'keywords' needs another name",
    );
  });
});
