import fc from 'fast-check';
import { RowStream, decodeJsonInTurns, double, encodeJson, encodeJsonStream } from '@koji/core/wire';

const decode = (text: string, limits = {}): Promise<unknown> => decodeJsonInTurns(Buffer.from(text), limits);

async function textOf(value: unknown): Promise<string> {
  let text = '';
  for await (const chunk of encodeJsonStream(value)) text += chunk;
  return text;
}

test('what is written is read back, as JSON.parse reads it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue({ maxDepth: 5, noUnicodeString: false }), async (value) => {
      const text = await textOf(value);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      const sendable = !/\\u00[01]|\\[bf]|\\ud|[\ufffe\uffff]/.test(text);
      if (sendable) expect(encodeJson(await decode(text))).toBe(encodeJson(value));
      expect(encodeJson(value)).toBe(text);
    }),
  );
});

test('numbers keep their kind and their digits', async () => {
  const text = '[1,1.0,1e2,-0,9007199254740993,0.1,1e-7]';
  const numbers = (await decode(text)) as unknown[];
  expect(numbers).toEqual([1, double(1), double(100), 0, 9007199254740993n, 0.1, 1e-7]);
  expect(encodeJson(numbers)).toBe('[1,1.0,100.0,0,9007199254740993,0.1,1e-7]');
  expect(encodeJson([NaN, double(Infinity)])).toBe('[null,null]');
});

test('rows that come in portions are one list', async () => {
  async function* portions() {
    yield [{ id: 1, skipped: undefined }];
    yield [];
    yield [{ id: 2 }, { id: 3 }];
  }
  expect(await textOf({ rows: new RowStream(portions()), bytes: Buffer.from('ab') })).toBe(
    '{"rows":[{"id":1},{"id":2},{"id":3}],"bytes":"YWI="}',
  );
});

test.each([
  '',
  '[1,]',
  '{"a"}',
  '{"a":1,}',
  "['a']",
  '[1 2]',
  'nul',
  '01',
  '"\\x"',
  '+1',
  '[',
  '"a',
  '{1:2}',
])('refuses %j', async (text) => {
  await expect(decode(text)).rejects.toThrow(/offset/);
});

test('limits hold, and a long body keeps nobody waiting', async () => {
  await expect(decode('[[[]]]', { depth: 2 })).rejects.toThrow('deeper than 2');
  await expect(decode('[1,2,3]', { values: 3 })).rejects.toThrow('more than 3 values');
  await expect(decode('{"a":1,"b":2}', { keys: 1 })).rejects.toThrow('more than 1 keys');
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns += 1;
    if (!isOver) setImmediate(turn);
  };
  turn();
  for (const text of [
    `[${'1,'.repeat(1_000_000)}1]`,
    `"${'\\u0041\\\\'.repeat(500_000)}"`,
    `[${'"a",'.repeat(700_000)}{}]`,
  ])
    await decode(text);
  isOver = true;
  // Slices of work are some milliseconds long, and each text takes far longer.
  expect(turns).toBeGreaterThan(5);
});
