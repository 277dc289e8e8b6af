import fc from 'fast-check';
import { textContains } from '../src/db/json-contains.js';
import { jsonContains, sql } from '../src/db/sql.js';
import { databases } from './support/databases.js';
import { startRawHub } from './support/raw-hub.js';

const postgres = databases.find(({ name }) => name === 'PostgreSQL');

describe('JSON containment', () => {
  it('is of objects by their keys, of arrays by their items, of others by their value', () => {
    expect(textContains('{"a": 1, "b": [1, 2]}', '{"b": [2]}')).toBe(1);
    expect(textContains('{"a": 1}', '{"a": true}')).toBe(0);
    expect(textContains('[1, [2]]', '2')).toBe(0);
    expect(textContains('{}', null)).toBeNull();
  });

  // PostgreSQL is the oracle here.
  (postgres ? it : it.skip)('is on SQLite what it is on PostgreSQL', async () => {
    const kind = postgres!;
    const hub = await startRawHub(kind);
    const small = fc.constantFrom('a', 'b', '');
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom(null, true, false, 0, 1, 1.5),
        small,
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(small, tie('any'), { maxKeys: 3 }),
      ),
    })).any;
    const pairs = fc.sample(fc.tuple(value, value), { numRuns: 500, seed: 20 });
    const rows = await hub.database.read((db) =>
      Promise.all(
        pairs.flatMap(([whole, part]) =>
          [part, whole].map(async (inner) => {
            const texts = [JSON.stringify(whole), JSON.stringify(inner)] as const;
            const row = await db.get<{ found: boolean }>(
              sql`SELECT ${jsonContains(sql`${texts[0]}`, sql`${texts[1]}`)} AS found`,
            );
            return { texts, found: row!.found };
          }),
        ),
      ),
    );
    for (const { texts, found } of rows)
      expect([texts, textContains(...texts)]).toEqual([texts, Number(found)]);
    await hub.drop();
  });
});
