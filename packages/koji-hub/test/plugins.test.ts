import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { databases } from './support/databases.js';
import { post, startRawHub, valueOf } from './support/raw-hub.js';
import type { RawHub } from './support/raw-hub.js';
import { faultOf, startTestHub } from './support/test-hub.js';

const sdk = pathToFileURL(createRequire(import.meta.url).resolve('@koji/plugin-sdk')).href;
const [sqlite] = databases;
if (!sqlite) throw new Error('no database to test on');

/** Starts a hub with plugins of these texts, in this order. */
function startWith(
  plugins: Readonly<Record<string, string>>,
  options: Readonly<Record<string, string>> = {},
  policies: Readonly<Record<string, string>> = {},
): Promise<RawHub> {
  return startRawHub(sqlite!, {
    options: { Plugins: Object.keys(plugins).join(' '), PluginPath: 'plugins', ...options },
    policies,
    prepare: async (folder) => {
      await mkdir(path.join(folder, 'plugins'));
      for (const [name, text] of Object.entries(plugins))
        await writeFile(path.join(folder, 'plugins', `${name}.mjs`), text);
    },
  });
}

const greeter = `import { exported } from ${JSON.stringify(sdk)};\nexport const greet = exported((name = 'you') => 'Hello ' + name);\n`;

test('a function of a plugin is a method of the hub', async () => {
  const hub = await startWith({ greeter });
  try {
    expect(valueOf(await post(hub.api, 'greet'))).toBe('Hello you');
    expect(valueOf(await post(hub.api, 'greet', [{ __starstar: true, name: 'Koji' }]))).toBe('Hello Koji');
  } finally {
    await hub.drop();
  }
});

test('a hub does not start with broken plugins, and names every problem of all of them', async () => {
  const refused = startWith({
    ghostly: "import 'no-such-package';",
    thrower: "throw new Error('at load');",
    greeter,
    copy: greeter,
    overrider: `export function getTag() {}\ngetTag.exported = true;`,
  });
  await expect(refused).rejects.toMatchObject({ name: 'ConfigError' });
  const text = await refused.catch((error: unknown) => (error as Error).message);
  for (const name of ['ghostly', 'thrower', 'greeter', 'copy', 'overrider'])
    expect(text).toContain(`plugin ${name}`);
  expect(text).toContain('getTag');
  expect(text).toContain('remedy:');
});

test('with PluginFailure = skip it starts without the broken ones and says so in the log', async () => {
  const hub = await startWith({ thrower: "throw new Error('at load');", greeter }, { PluginFailure: 'skip' });
  try {
    expect(valueOf(await post(hub.api, 'greet'))).toBe('Hello you');
    expect(await readFile(path.join(hub.folder, 'hub.log'), 'utf8')).toContain('plugin thrower');
  } finally {
    await hub.drop();
  }
});

test('a policy that names a test of a plugin that did not load refuses the start, also with skip', async () => {
  const refused = startWith(
    { thrower: "throw new Error('at load');" },
    { PluginFailure: 'skip' },
    { tag: 'full_moon :: deny\nall :: allow' },
  );
  await expect(refused).rejects.toMatchObject({ message: expect.stringContaining('full_moon') as unknown });
});

const maker = `import { context, exported, policyTest } from ${JSON.stringify(sdk)};
export const makeTag = exported(async (name) => {
  await context.assertPolicy('making', { name });
  return context.callUnchecked('createTag', [name]);
});
export const makeTagAsCaller = exported((name) => context.call('createTag', [name]));
export const tagNames = exported({ access: 'read' })((prefix, queryOpts = null) => {
  const { sql, list } = context.db;
  const where = [sql\`name LIKE \${prefix + '%'}\`];
  return list({ columns: { name: sql\`tag.name\` }, from: sql\`tag\`, where, opts: queryOpts });
});
export const tryRaw = exported(() => context.db.all({ parts: ['DELETE FROM tag'] }));
export const isNew = policyTest('is_new')(async ({ name }) => (await context.call('getTag', [name])) === null);
`;

describe.each(databases)('a plugin on $name', (kind) => {
  it('may do more than its caller, where a policy with a test of its own allows it', async () => {
    const hub = await startTestHub(
      kind,
      { Plugins: 'maker', PluginPath: 'plugins' },
      {
        policies: { making: 'is_new :: allow\nall :: deny it is there' },
        prepare: async (folder) => {
          await mkdir(path.join(folder, 'plugins'));
          await writeFile(path.join(folder, 'plugins/maker.mjs'), maker);
        },
      },
    );
    try {
      const alice = await hub.login('alice');
      await expect(faultOf(alice('makeTagAsCaller', ['own']))).resolves.toEqual([
        1004,
        'tag permission required (logged in as alice)',
      ]);
      const id = await alice('makeTag', ["it's"]).catch((error: unknown) => error);
      expect(String(id)).toContain('RegexNameInternal');
      await alice('makeTag', ['a-1']);
      await alice('makeTag', ['a-2']);
      await expect(faultOf(alice('makeTag', ['a-1']))).resolves.toEqual([
        1004,
        'policy violation (making): it is there',
      ]);
      const { tag_config: rows } = (await alice('queryHistory', [], {
        tables: ['tag_config'],
        tag: 'a-1',
      })) as {
        tag_config: { creator_name: string }[];
      };
      expect(rows.map((row) => row.creator_name)).toEqual(['alice']);
      expect(await hub.anonymous('tagNames', ['a-'], { queryOpts: { order: '-name', limit: 1 } })).toEqual([
        { name: 'a-2' },
      ]);
      expect(await hub.anonymous('tagNames', ["'; --"], { queryOpts: { countOnly: true } })).toBe(0);
      await expect(faultOf(alice('tryRaw'))).resolves.toEqual([
        1000,
        'a plugin passed a value that context.db.sql did not make',
      ]);
    } finally {
      await hub.stop();
    }
  });
});
