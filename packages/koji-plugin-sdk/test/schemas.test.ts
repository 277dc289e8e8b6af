import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import { ParameterError } from '@koji/core';
import { Double } from '@koji/core/wire';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { BaseTaskHandler, context, declareTask, exported } from '../src/index.js';
import type { ArgsOf } from '../src/index.js';
import { callPluginMethod, describeProblem, loadPlugins } from '../src/host/index.js';
import type { Ambient } from '../src/host/index.js';
import { runTask, startTestHub } from '../src/testing/index.js';
import type { TestHub } from '../src/testing/index.js';

const ambient = {} as Ambient;

async function load(module: object): ReturnType<typeof loadPlugins> {
  return loadPlugins({ part: 'hub', names: ['mine'], folders: [], from: '/', modules: { mine: module } });
}

/** Calls a method of a module by name, as the hub does. */
async function call(
  module: object,
  args: unknown[],
  keywords: Record<string, unknown> = {},
): Promise<unknown> {
  const { plugins, problems } = await load(module);
  expect(problems.map(describeProblem)).toEqual([]);
  return callPluginMethod(plugins[0]!.methods[0]!, args, keywords, ambient);
}

/** The same arguments in the words of three libraries. */
const libraries = {
  Zod: exported({
    args: [
      ['nvr', z.string().min(3).describe('The build to sign')],
      ['count', z.int().default(1)],
      [
        'keys',
        z
          .array(z.string())
          .transform((keys) => new Set(keys))
          .optional(),
      ],
    ],
  })((nvr, count, keys) => [nvr.toUpperCase(), count + 1, [...(keys ?? ['none'])]]),
  Valibot: exported({
    args: [
      ['nvr', v.pipe(v.string(), v.minLength(3))],
      ['count', v.optional(v.pipe(v.number(), v.integer()), 1)],
      [
        'keys',
        v.optional(
          v.pipe(
            v.array(v.string()),
            v.transform((keys) => new Set(keys)),
          ),
        ),
      ],
    ],
  })((nvr, count, keys) => [nvr.toUpperCase(), count + 1, [...(keys ?? ['none'])]]),
  ArkType: exported({
    args: [
      ['nvr', type('string >= 3')],
      ['count', type('number.integer | undefined').pipe((count) => count ?? 1)],
      ['keys', type('string[] | undefined').pipe((keys) => new Set(keys ?? ['none']))],
    ],
  })((nvr, count, keys) => [nvr.toUpperCase(), count + 1, [...keys]]),
};

describe.each(Object.entries(libraries))('schemas of %s', (library, sign) => {
  test('check arguments by position and by name, fill in and transform', async () => {
    expect(await call({ sign }, ['a-1-1'])).toEqual(['A-1-1', 2, ['none']]);
    expect(await call({ sign }, ['a-1-1', 4, ['x', 'x']])).toEqual(['A-1-1', 5, ['x']]);
    expect(await call({ sign }, [], { keys: ['k'], nvr: 'a-1-1' })).toEqual(['A-1-1', 2, ['k']]);
    // Values that Python clients send for 2.0, and for omitted arguments.
    expect(await call({ sign }, ['a-1-1', new Double(2), null])).toEqual(['A-1-1', 3, ['none']]);
  });

  test.each([
    [[], {}, /^sign\(\) missing 1 required positional argument: 'nvr'$/],
    [['a-1-1', 1, [], 2], {}, /^sign\(\) takes from 1 to 3 positional arguments but 4 were given$/],
    [['a-1-1'], { key: 1 }, /^sign\(\) got an unexpected keyword argument 'key'$/],
    [['a'], {}, /^sign\(\): nvr: .*3/],
    [[7], {}, /^sign\(\): nvr: .*string/],
    [[null], {}, /^sign\(\): nvr: .*string/],
    [['a-1-1', 'many'], {}, /^sign\(\): count: .*(number|int)/],
    [['a-1-1', 1, ['x', 7]], {}, /^sign\(\): keys.*1.*string/],
  ])('refuse what does not fit, as Koji does: %j %j', async (args, keywords, text) => {
    const failure = await call({ sign }, args, keywords).then(String, (error: unknown) => error);
    expect(failure).toBeInstanceOf(ParameterError);
    expect((failure as Error).message).toMatch(text);
  });

  test('are shown, as JSON Schema where the library makes one', async () => {
    const { plugins } = await load({ sign });
    const [nvr, count] = plugins[0]!.methods[0]!.declaration.args;
    expect(count).toMatchObject({ name: 'count', optional: true, shownDefault: 1 });
    expect(nvr).toMatchObject(
      {
        Zod: { about: 'str, The build to sign', schema: { type: 'string', minLength: 3 } },
        Valibot: { about: 'checked by valibot' },
        ArkType: { about: 'str', schema: { type: 'string', minLength: 3 } },
      }[library]!,
    );
  });
});

test('an async schema is awaited, and decides at the call whether its argument is optional', async () => {
  const known = z.string().refine(async (name) => Promise.resolve(name === 'f44'), 'there is no such tag');
  const slow = v.pipeAsync(
    v.optional(v.string(), 'f44'),
    v.checkAsync(async () => Promise.resolve(true)),
  );
  const look = exported({
    args: [
      ['tag', known],
      ['other', slow],
    ],
  })((tag, other) => [tag, other]);
  expect(await call({ look }, ['f44'])).toEqual(['f44', 'f44']);
  await expect(call({ look }, ['f45'])).rejects.toThrow('look(): tag: there is no such tag');
  await expect(call({ look }, [])).rejects.toThrow("look() missing 1 required positional argument: 'tag'");
});

/** A Standard Schema that does what none should. */
const schema = (validate: (value: unknown) => unknown): StandardSchemaV1 =>
  ({ '~standard': { version: 1, vendor: 'test', validate } }) as StandardSchemaV1;

/** One that wants a value, and fails with any. */
const failing = (failure: () => unknown): StandardSchemaV1 =>
  schema((value) => (value === undefined ? { issues: [{ message: 'needed' }] } : failure()));

describe('a bad schema', () => {
  const problemsOf = async (bad: unknown): Promise<string> => {
    const args = [['nvr', bad]] as never;
    const { problems } = await load({ sign: exported({ args })(() => 1) });
    return problems.map(describeProblem).join('\n');
  };
  test('is a problem at load where it shows', async () => {
    const boom = schema(() => {
      throw new Error('boom');
    });
    expect(await problemsOf(boom)).toContain("sign: the schema of its argument 'nvr' throws: boom");
    expect(await problemsOf(schema(() => 7))).toContain("'nvr' answers neither a value nor issues");
    expect(await problemsOf({ parse: () => 1 })).toContain("sign: its argument 'nvr' has no schema: write");
    const { problems } = await load({ args: declareTask('sign', [['nvr', boom]]) });
    expect(problems.map(describeProblem).join()).toContain('task sign: the schema of its argument');
  });

  test('is named when it fails at a call', async () => {
    const thrown = failing(() => {
      throw new TypeError('boom');
    });
    await expect(call({ sign: exported({ args: [['nvr', thrown]] })(() => 1) }, ['a'])).rejects.toThrow(
      "sign() of plugin mine: the schema of argument 'nvr' threw TypeError: boom",
    );
    await expect(
      call({ sign: exported({ args: [['nvr', failing(() => null)]] })(() => 1) }, ['a']),
    ).rejects.toThrow(
      "sign() of plugin mine: the schema of argument 'nvr' answered neither a value nor issues",
    );
    const long = failing(() => ({ issues: Array(1000).fill({ message: 'x'.repeat(1000) }) }));
    const failure = await call({ sign: exported({ args: [['nvr', long]] })(() => 1) }, ['a']).catch(String);
    expect(String(failure).length).toBeLessThan(1100);
    expect(failure).toMatch(/and 997 more$/);
  });
});

const signArgs = declareTask('sign', [
  ['nvr', z.string()],
  ['key', z.string().default('main')],
]);

class Sign extends BaseTaskHandler {
  static override readonly Methods = ['sign'];
  static override readonly Args = signArgs;

  handler(...[nvr, key]: ArgsOf<typeof signArgs>): string {
    return `${nvr} signed with ${key}`;
  }
}

test("a task's handler gets what its schemas make of the request", async () => {
  expect((await runTask(Sign, ['a-1-1'])).result).toBe('a-1-1 signed with main');
  expect((await runTask(Sign, [], { named: { key: 'k', nvr: 'a-1-1' } })).result).toBe('a-1-1 signed with k');
  await expect(runTask(Sign, [7])).rejects.toThrow(/^sign\(\): nvr: .*string/);
});

describe('a hub with a plugin of schemas', () => {
  const never = failing(() => new Promise(() => undefined));
  const plugin = {
    signArgs,
    signLater: exported({
      args: [
        ['nvr', z.string().describe('The build to sign')],
        ['key', z.enum(['main', 'old']).default('main')],
      ],
      doc: 'Makes a task that signs a build.',
    })((nvr, key) => context.makeTask('sign' as never, [nvr, key] as never)),
    wait: exported({ args: [['nvr', never]] })(() => 1),
  };
  let hub: TestHub;

  beforeAll(async () => {
    hub = await startTestHub({ plugins: { plugin }, manifests: { plugin: { limits: { methods: 0.1 } } } });
  });
  afterAll(() => hub.stop());

  test('says what their methods take', async () => {
    const { admin } = hub;
    const lines = ['  nvr: str, The build to sign', '  key: "main" | "old"'];
    expect(await admin.call('system.methodHelp', ['signLater'])).toBe(
      ["signLater(nvr, key='main')", 'description: Makes a task that signs a build.', ...lines].join('\n'),
    );
    const listed = (await admin._listapi()).find(({ name }) => name === 'signLater');
    expect(listed).toMatchObject({ args: ['nvr', ['key', 'main']], argdesc: "(nvr, key='main')" });
    expect(listed!.doc).toContain(lines.join('\n'));
    const described = (await (await fetch(`${hub.url}/openrpc.json`)).json()) as {
      methods: { name: string; params: unknown }[];
    };
    expect(described.methods.find(({ name }) => name === 'signLater')?.params).toEqual([
      { name: 'nvr', required: true, schema: { type: 'string', description: 'The build to sign' } },
      {
        name: 'key',
        required: false,
        schema: { type: 'string', enum: ['main', 'old'], default: 'main' },
      },
    ]);
  });

  test('checks arguments at the door, and names a schema that takes too long', async () => {
    await expect(hub.admin.call('signLater', ['a-1-1', 'other'])).rejects.toThrow(ParameterError);
    await expect(hub.admin.call('wait', ['a'])).rejects.toThrow(
      "wait() of plugin plugin did not end within 0.1 s, in the schema of its argument 'nvr'",
    );
  });

  test('shows the arguments of their tasks by name on the web page', async () => {
    const id = (await hub.admin.call('signLater', ['a-1-1'])) as number;
    const page = await (await fetch(new URL(`/koji/taskinfo?taskID=${id}`, hub.url))).text();
    expect(page).toMatch(/<dt>key<\/dt>\s*<dd>[^]*?main/);
  });
});
