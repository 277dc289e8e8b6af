import path from 'node:path';
import fc from 'fast-check';
import type { OpenHub } from '../src/hub.js';
import { makeConfig } from '../src/config.js';
import type { Connection, Database } from '../src/db/connection.js';
import { migrate } from '../src/db/migrate.js';
import { migrations } from '../src/db/migrations/index.js';
import { glob, id, matches, sql } from '../src/db/sql.js';
import type { Sql } from '../src/db/sql.js';
import { openHub } from '../src/hub.js';
import { databases } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';

const rounds = Number(process.env.KOJI_FUZZ_ROUNDS ?? 1);

interface Names {
  readonly name: string;
  readonly version: string;
  readonly release: string;
}

/** Adds a package with a build and an rpm of the same name. */
async function add(db: Connection, { name, version, release }: Names): Promise<void> {
  await db.run(sql`INSERT INTO package (name) SELECT ${name} WHERE NOT EXISTS
    (SELECT 1 FROM package WHERE name = ${name})`);
  await db.run(sql`INSERT INTO build (volume_id, pkg_id, version, release, create_event, completion_time, state, owner)
    SELECT 0, id, ${version}, ${release}, 1, '2024-01-01 00:00:00+00:00', 1, 1 FROM package WHERE name = ${name}`);
  await db.run(sql`INSERT INTO rpminfo (build_id, draft, name, version, release, arch, external_repo_id, payloadhash, size, buildtime)
    SELECT max(id), FALSE, ${name}, ${version}, ${release}, 'noarch', 0, '00', 1, 1 FROM build`);
}

async function addFirstRows(db: Connection): Promise<void> {
  await db.run(sql`INSERT INTO users (id, name, status, usertype) VALUES (1, 'owner', 0, 0)`);
  await db.run(sql`INSERT INTO events (id, time) VALUES (1, '2024-01-01 00:00:00+00:00')`);
}

/** How names are found without an index. */
const plain: Readonly<Record<string, { readonly from: Sql; readonly id: Sql; readonly name: Sql }>> = {
  package: { from: sql`package`, id: id('package.id'), name: id('package.name') },
  build: {
    from: sql`build JOIN package ON package.id = build.pkg_id`,
    id: id('build.id'),
    name: sql`package.name || '-' || build.version || '-' || build.release`,
  },
  rpm: {
    from: sql`rpminfo`,
    id: id('rpminfo.id'),
    name: sql`rpminfo.name || '-' || rpminfo.version || '-' || rpminfo.release || '.' || rpminfo.arch || '.rpm'`,
  },
};
const searchedTypes = Object.keys(plain);

async function findPlain(db: Connection, type: string, fits: (name: Sql) => Sql): Promise<number[]> {
  const { from, id: key, name } = plain[type]!;
  const rows = await db.all<{ id: number }>(
    sql`SELECT ${key} AS id FROM ${from} WHERE ${fits(sql`(${name})`)} ORDER BY ${key}`,
  );
  return rows.map((row) => row.id);
}

// The sign of kelvin and a dotted I are letters whose lower case is one of ASCII, or begins with one.
const letters = fc.constantFrom(...Array.from('aabbkKiI1.+"_-'), 'é', '\u212a', '\u0130', '\u017f');
const part = fc.string({ unit: letters, minLength: 1, maxLength: 6 });
const names = fc.record({
  name: fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('-')),
  version: part,
  release: part,
});
const wildcard = fc.constantFrom('*', '?', '%', '', '_', '\\');
const upTo = (most: number): fc.Arbitrary<number> => fc.nat({ max: most });

/** Patterns of a text that is there: some of its letters give way to wildcards. */
const patternOf = (text: string): fc.Arbitrary<string> =>
  fc.array(fc.tuple(upTo(text.length), upTo(4), wildcard), { minLength: 1, maxLength: 3 }).map((cuts) => {
    let pattern = text;
    for (const [at, length, sign] of cuts)
      pattern = `${pattern.slice(0, at)}${sign}${pattern.slice(at + length)}`;
    return pattern === '' ? '*' : pattern;
  });
const escaped = (text: string): string => text.replaceAll(/[.+\\*?()[\]{}|^$]/g, '\\$&');
const expressionOf = (text: string): fc.Arbitrary<string> =>
  fc
    .array(fc.tuple(upTo(text.length), upTo(3), fc.constantFrom('.*', '.', '(ab|k)?', '[a-k]', '\\w{0,2}')), {
      maxLength: 2,
    })
    .map((cuts) => {
      const pieces = [text];
      for (const [at, length, piece] of cuts) {
        const rest = pieces.pop() ?? '';
        pieces.push(rest.slice(0, at), piece, rest.slice(at + length));
      }
      return pieces.map((piece, i) => (i % 2 === 0 ? escaped(piece) : piece)).join('');
    })
    .filter((expression) => expression !== '');

describe.each(databases)('names that are searched by an index on $name', (kind) => {
  let made: TestDatabase;
  let open: OpenHub;
  let database: Database;

  beforeAll(async () => {
    made = await kind.create();
    open = await openHub(
      makeConfig(made.folder, {
        Database: made.url,
        KojiDir: path.join(made.folder, 'koji'),
        LogLevel: 'ERROR',
      }),
    );
    ({ database } = open.hub);
    await database.write(addFirstRows);
  });
  afterAll(async () => {
    await open.closers.closeAll();
    await made.drop();
  });

  const search = async (terms: string, type: string, matchType: string): Promise<number[]> =>
    open.runOwn('test', async (call) => {
      const found = await call.invoke('search', [terms, type, matchType, { order: 'id' }]);
      const ids: number[] = [];
      for await (const row of found as AsyncIterable<{ id: number }>) ids.push(row.id);
      return ids;
    });

  test('are those that a search of all names finds', async () => {
    const [given = []] = fc.sample(fc.array(names, { minLength: 150, maxLength: 150 }), {
      numRuns: 1,
      seed: fc.readConfigureGlobal().seed ?? 1,
    });
    const known = new Set<string>();
    await database.write(async (db) => {
      for (const one of given) {
        const nvr = `${one.name}-${one.version}-${one.release}`;
        if (known.has(nvr)) continue;
        known.add(nvr);
        await add(db, one);
      }
    });
    const text = fc.constantFrom(...known);
    const asked = fc.tuple(
      fc.constantFrom(...searchedTypes),
      text.chain((one) => fc.tuple(patternOf(one), expressionOf(one))),
    );
    await fc.assert(
      fc.asyncProperty(asked, async ([type, [pattern, expression]]) => {
        const byPattern = (name: Sql): Sql => glob(name, pattern.replaceAll('\\', '\\\\'));
        expect(await search(pattern, type, 'glob')).toEqual(
          await database.read((db) => findPlain(db, type, byPattern)),
        );
        const byExpression = (name: Sql): Sql => matches(name, expression, { ignoreCase: true });
        expect(await search(expression, type, 'regexp')).toEqual(
          await database.read((db) => findPlain(db, type, byExpression)),
        );
      }),
      { numRuns: 120 * rounds },
    );
  });

  test('change with the rows, by whatever statement', async () => {
    const found = async (): Promise<Record<string, number[]>> => {
      const all: Record<string, number[]> = {};
      for (const text of ['first', 'second', 'third'])
        for (const type of searchedTypes) {
          const ids = await search(`*${text}*`, type, 'glob');
          if (ids.length > 0) all[`${text} ${type}`] = ids;
        }
      return all;
    };
    const last = (db: Connection, table: string): Promise<{ id: number } | null> =>
      db.get<{ id: number }>(sql`SELECT max(id) AS id FROM ${id(table)}`);
    const keys = await database.write(async (db) => {
      await add(db, { name: 'the-first', version: '1', release: '1' });
      const ids: number[] = [];
      for (const table of ['package', 'build', 'rpminfo']) ids.push((await last(db, table))!.id);
      return ids;
    });
    const [pkg = 0, build = 0, rpm = 0] = keys;
    expect(await found()).toEqual({ 'first package': [pkg], 'first build': [build], 'first rpm': [rpm] });
    await database.write(async (db) => {
      expect(await db.run(sql`UPDATE package SET name = 'a-second' WHERE id = ${pkg}`)).toBe(1);
      expect(await db.run(sql`UPDATE rpminfo SET name = 'a-second' WHERE id = ${rpm}`)).toBe(1);
    });
    expect(await found()).toEqual({ 'second package': [pkg], 'second build': [build], 'second rpm': [rpm] });
    await database.write((db) => db.run(sql`UPDATE build SET release = 'third' WHERE id = ${build}`));
    expect(await found()).toEqual({
      'second package': [pkg],
      'second build': [build],
      'second rpm': [rpm],
      'third build': [build],
    });
    await database.write(async (db) => {
      expect(await db.run(sql`DELETE FROM rpminfo WHERE id = ${rpm}`)).toBe(1);
      expect(await db.run(sql`DELETE FROM build WHERE id = ${build}`)).toBe(1);
      expect(await db.run(sql`DELETE FROM package WHERE id = ${pkg}`)).toBe(1);
    });
    expect(await found()).toEqual({});
    // Nothing is left behind in the index either.
    const left = await database.read((db) =>
      db.all(
        kind.dialect === 'postgres'
          ? sql`SELECT build_id FROM build_nvr WHERE build_id = ${build}`
          : sql`SELECT rowid FROM package_trigrams WHERE package_trigrams MATCH '"con" OR "fir"'
              UNION ALL SELECT rowid FROM build_trigrams WHERE build_trigrams MATCH '"con" OR "thi" OR "fir"'
              UNION ALL SELECT rowid FROM rpminfo_trigrams WHERE rpminfo_trigrams MATCH '"con" OR "fir"'`,
      ),
    );
    expect(left).toEqual([]);
  });

  test('are undone with the rows', async () => {
    const one = { name: 'undone-name', version: '1', release: '1' };
    const cut = database.write(async (db) => {
      await add(db, one);
      throw new Error('cut off');
    });
    await expect(cut).rejects.toThrow('cut off');
    await database.write(async (db) => {
      await db
        .savepoint(async () => {
          await add(db, one);
          throw new Error('cut off');
        })
        .catch(() => undefined);
      await add(db, { ...one, name: 'other-name' });
    });
    for (const type of searchedTypes) {
      expect(await search('*done-na*', type, 'glob')).toEqual([]);
      expect(await search('*ther-na*', type, 'glob')).toHaveLength(1);
    }
  });
});

describe.each(databases)('an upgrade on $name', (kind) => {
  test('makes names of the version before searchable', async () => {
    const made = await kind.create({ empty: true });
    try {
      const database = await made.open();
      await migrate(database, migrations.slice(0, 13));
      await database.write(addFirstRows);
      await database.write((db) => add(db, { name: 'old-name', version: '1', release: '1' }));
      await migrate(database, migrations.slice(0, 14));
      await database.write((db) => add(db, { name: 'new-name', version: '1', release: '1' }));
      await migrate(database);
      const known = await database.read((db) =>
        db.all<{ id: number }>(
          kind.dialect === 'postgres'
            ? sql`SELECT build_id AS id FROM build_nvr WHERE nvr LIKE '%-name-1-1' ORDER BY 1`
            : sql`SELECT rowid AS id FROM build_trigrams WHERE build_trigrams MATCH '"nam" "e-1"' ORDER BY 1`,
        ),
      );
      expect(known.map((row) => row.id)).toEqual([1, 2]);
    } finally {
      await made.drop();
    }
  });
});
