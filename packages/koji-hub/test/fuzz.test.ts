import { createHash } from 'node:crypto';
import { faultToWire } from '@koji/core';
import { api } from '@koji/core/api';
import type { Method } from '@koji/core/api';
import fc from 'fast-check';
import type { Connection } from '../src/db/connection.js';
import { id, join, sql } from '../src/db/sql.js';
import { tables } from '../src/db/tables/index.js';
import { databases } from './support/databases.js';
import { startTestHub } from './support/test-hub.js';
import type { Caller, TestHub } from './support/test-hub.js';

/** Calls of each method by each kind of caller. */
const rounds = Number(process.env['KOJI_FUZZ_ROUNDS'] ?? 1);
const { seed = 1 } = fc.readConfigureGlobal();

/** Those that wait as long as they are told to, that end the session that the others need, and the one whose fault has code 1. */
const apart = new Set([
  'waitTask',
  'waitTagChange',
  'repo.waitForRequest',
  'host.waitForTasks',
  'logout',
  'exclusiveSession',
  'sharedSession',
  'fault',
]);

/** Values of every shape: wrong ones, and names and ids that exist, so that calls get further than their door. */
const values = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    '',
    ' ',
    'no such thing',
    'x'.repeat(300),
    '%',
    "'; --",
    '../..',
  ),
  fc.constantFrom<unknown>('atag', 'apackage', 'apackage-1-1', 'ahost', 'default', 'noarch', 'somebody'),
  fc.constantFrom<unknown>(-1, 0, 2, 3, 1.5, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER, -(2 ** 33)),
  fc.constantFrom<unknown>([], [null], [[]], ['atag', 2], [{}], Array(50).fill('x')),
  fc.constantFrom<unknown>(
    {},
    { id: 'x' },
    { id: 2 },
    { name: [] },
    { name: 'atag' },
    { '': null },
    { a: {} },
  ),
  fc.constantFrom<unknown>(new Uint8Array([0, 255, 10]), 'ünïcödé', 'a\nb', '2020-13-45', 'Infinity'),
  // Without the characters that can't be sent in XML, which JSON writes as \uXXXX.
  fc.jsonValue({ maxDepth: 2 }).map((value) => {
    const text = JSON.stringify(value).replaceAll(/\\(.)/g, (whole, next) => (next === 'u' ? 'u' : whole));
    return JSON.parse(text) as unknown;
  }),
);

interface Trial {
  readonly args: readonly unknown[];
  readonly named: Readonly<Record<string, unknown>>;
}

/** A call's arguments: some by place, some of the others by name. */
function trials({ args, keywords }: Method): fc.Arbitrary<Trial> {
  return fc.nat({ max: args.length + 1 }).chain((placed) => {
    const others = args.slice(placed).map(({ name }) => [name, fc.option(values, { freq: 2 })] as const);
    const further = keywords ? [['further', fc.option(values)] as const] : [];
    return fc
      .record({
        args: fc.array(values, { minLength: placed, maxLength: placed }),
        named: fc.record(Object.fromEntries([...others, ...further])),
      })
      .map(({ args: list, named }) => ({
        args: list,
        named: Object.fromEntries(Object.entries(named).filter(([, value]) => value !== null)),
      }));
  });
}

/** The contents of all tables, except for those that change on their own: times of sessions, the scheduler's own records. */
async function digest(db: Connection, names: readonly string[], postgres: boolean): Promise<string> {
  if (postgres) {
    const parts = names.map(
      (name) =>
        sql`SELECT ${name}::text AS name, md5(string_agg(t::text, '|' ORDER BY t::text)) AS rows FROM ${id(name)} t`,
    );
    return JSON.stringify(await db.all(join(parts, ' UNION ALL ')));
  }
  const hash = createHash('sha256');
  for (const name of names)
    hash.update(`${name}${JSON.stringify(await db.all(sql`SELECT * FROM ${id(name)}`))}`);
  return hash.digest('hex');
}

/** Differs when anything at all was written meanwhile, by anyone; cheap, where reading all tables is not. */
async function writesSoFar(db: Connection): Promise<string> {
  const row = await db.get<{ mark: unknown }>(
    db.dialect === 'postgres'
      ? sql`SELECT pg_current_snapshot()::text AS mark`
      : sql`SELECT data_version AS mark FROM pragma_data_version`,
  );
  return JSON.stringify(row);
}

describe.each(databases)('any arguments at all, on $name', (kind) => {
  let hub: TestHub;
  let callers: readonly (readonly [string, Caller])[];

  beforeAll(async () => {
    hub = await startTestHub(kind, { RunInterval: '0', EnableMaven: 'yes', EnableWin: 'yes' });
    const admin = await hub.login('kojiadmin');
    await admin('createTag', ['atag'], { arches: 'x86_64' });
    await admin('createTag', ['another'], { parent: 'atag' });
    await admin('packageListAdd', ['atag', 'apackage', 'kojiadmin']);
    await admin('createEmptyBuild', ['apackage', '1', '1', null]);
    await admin('tagBuildBypass', ['atag', 'apackage-1-1']);
    await admin('createBuildTarget', ['atarget', 'atag', 'another']);
    await admin('groupListAdd', ['atag', 'agroup']);
    await admin('createExternalRepo', ['arepo', 'http://example.com/repo/']);
    await admin('makeTask', ['sleep', [1]]);
    const builder = await hub.builder('ahost', ['x86_64']);
    callers = [
      ['nobody', hub.anonymous],
      ['somebody', await hub.login('somebody')],
      ['an admin', admin],
      ['a builder', builder],
    ];
  });

  afterAll(() => hub.stop());

  test(`get a value or a fault of Koji's, and a fault changes nothing (seed ${seed})`, async () => {
    const postgres = kind.name === 'PostgreSQL';
    const changing = /^(sessions|scheduler_|locks)/;
    const names = tables(postgres ? 'postgres' : 'sqlite')
      .map(({ options }) => options.tableName ?? options.name)
      .filter((name) => !changing.test(name));
    const looked = { mark: '', digest: '' };
    const look = (): Promise<string> =>
      hub.database.read(async (db) => {
        const mark = await writesSoFar(db);
        if (mark !== looked.mark) Object.assign(looked, { mark, digest: await digest(db, names, postgres) });
        return looked.digest;
      });
    const wrong: string[] = [];
    let before = await look();
    for (const [name, declared] of Object.entries<Method>(api)) {
      if (apart.has(name)) continue;
      const each = fc.sample(trials(declared), { numRuns: rounds * callers.length, seed });
      for (const [i, { args, named }] of each.entries()) {
        const [who, call] = callers[i % callers.length] ?? ['nobody', hub.anonymous];
        const shown = `${who}: ${name}(${JSON.stringify(args)}, ${JSON.stringify(named)})`;
        const fault = await faultOf(() => call(name, args, named));
        if (fault === null) {
          before = await look();
          continue;
        }
        if (!/^(10\d\d): /.test(fault)) wrong.push(`${shown}: ${fault}`);
        // The scheduler may have run meanwhile; what a call changes, it changes again.
        if ((await look()) === before) continue;
        before = await look();
        await faultOf(() => call(name, args, named));
        if ((await look()) !== before) wrong.push(`${shown} changed the database, with ${fault}`);
        before = await look();
      }
    }
    expect(wrong).toEqual([]);
  });
});

/** The fault that a call ends with, `CODE: text`; null for a value. */
async function faultOf(call: () => Promise<unknown>): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer within a minute')), 60_000);
  });
  try {
    await Promise.race([call(), late]);
    return null;
  } catch (error) {
    const { faultCode, faultString } = faultToWire(error);
    return `${faultCode}: ${faultString.slice(0, 300)}`;
  } finally {
    clearTimeout(timer);
  }
}
