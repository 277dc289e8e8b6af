import fc from 'fast-check';
import {
  DateTime,
  Double,
  EncodeError,
  EncodedRows,
  RowEncoder,
  RowStream,
  decodeCall,
  decodeResponse,
  encodeCall,
  encodeFault,
  encodeResponse,
  encodeResponseChunks,
  encodeResponseStream,
} from '../src/wire/index.js';
import type { Chunk } from '../src/wire/index.js';

/** The XML of one value. */
function encode(value: unknown): string {
  const text = encodeResponse(value);
  return text.slice(text.indexOf('<param>\n') + 8, text.lastIndexOf('</param>\n'));
}

function error(value: unknown): string {
  try {
    encode(value);
  } catch (thrown) {
    if (thrown instanceof EncodeError) return thrown.message;
    throw thrown;
  }
  throw new Error('was sent');
}

async function text(chunks: Iterable<Chunk> | AsyncIterable<Chunk>): Promise<string> {
  let out = '';
  for await (const chunk of chunks) out += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
  return out;
}

describe('values', () => {
  test.each<[unknown, string]>([
    [null, '<value><nil/></value>'],
    [true, '<value><boolean>1</boolean></value>\n'],
    [false, '<value><boolean>0</boolean></value>\n'],
    [0, '<value><int>0</int></value>\n'],
    [-0, '<value><int>0</int></value>\n'],
    [2147483647, '<value><int>2147483647</int></value>\n'],
    [-2147483648, '<value><int>-2147483648</int></value>\n'],
    [2147483648, '<value><i8>2147483648</i8></value>\n'],
    [Number.MIN_SAFE_INTEGER, '<value><i8>-9007199254740991</i8></value>\n'],
    [7n, '<value><int>7</int></value>\n'],
    [2n ** 63n - 1n, '<value><i8>9223372036854775807</i8></value>\n'],
    [-(2n ** 63n), '<value><i8>-9223372036854775808</i8></value>\n'],
    [2.5, '<value><double>2.5</double></value>\n'],
    [new Double(2), '<value><double>2.0</double></value>\n'],
    [new Double(-0), '<value><double>-0.0</double></value>\n'],
    [1e-7, '<value><double>1e-07</double></value>\n'],
    [0.0001, '<value><double>0.0001</double></value>\n'],
    [0.00001234, '<value><double>1.234e-05</double></value>\n'],
    [new Double(1e15), '<value><double>1000000000000000.0</double></value>\n'],
    [new Double(1e16), '<value><double>1e+16</double></value>\n'],
    [1e21, '<value><double>1e+21</double></value>\n'],
    [1.7976931348623157e308, '<value><double>1.7976931348623157e+308</double></value>\n'],
    [5e-324, '<value><double>5e-324</double></value>\n'],
    [NaN, '<value><double>nan</double></value>\n'],
    [-Infinity, '<value><double>-inf</double></value>\n'],
    ['a<b>&]]>"\'', '<value><string>a&lt;b&gt;&amp;]]&gt;"\'</string></value>\n'],
    ['a\r\nb\t\u{1f600}\x7f', '<value><string>a&#13;\nb\t\u{1f600}\x7f</string></value>\n'],
    [
      { 'a\rb': 1 },
      '<value><struct>\n<member>\n<name>a&#13;b</name>\n<value><int>1</int></value>\n</member>\n</struct></value>\n',
    ],
    [Buffer.from('hello'), '<value><base64>\naGVsbG8=\n</base64></value>\n'],
    [new Uint8Array(0), '<value><base64>\n</base64></value>\n'],
    [new Uint8Array(58), `<value><base64>\n${'A'.repeat(76)}\nAA==\n</base64></value>\n`],
    [
      new DateTime('20240229T23:59:59'),
      '<value><dateTime.iso8601>20240229T23:59:59</dateTime.iso8601></value>\n',
    ],
    [new Date(1709251199007), '<value><string>2024-02-29 23:59:59.007000+00:00</string></value>\n'],
    [[], '<value><array><data>\n</data></array></value>\n'],
    [new Set([null]), '<value><array><data>\n<value><nil/></value></data></array></value>\n'],
    [{}, '<value><struct>\n</struct></value>\n'],
    [
      { 'a&b': 1, gone: undefined, n: null },
      '<value><struct>\n<member>\n<name>a&amp;b</name>\n<value><int>1</int></value>\n</member>\n' +
        '<member>\n<name>n</name>\n<value><nil/></value></member>\n</struct></value>\n',
    ],
    [
      new Map([['k', [true]]]),
      '<value><struct>\n<member>\n<name>k</name>\n<value><array><data>\n<value><boolean>1</boolean></value>\n' +
        '</data></array></value>\n</member>\n</struct></value>\n',
    ],
  ])('%p', (value, wanted) => {
    expect(encode(value)).toBe(wanted);
  });

  test('objects without a prototype, and of another realm, are structs', () => {
    expect(encode(Object.assign(Object.create(null), { a: 1 }))).toBe(encode({ a: 1 }));
  });

  const loop: unknown[] = [];
  loop.push({ again: loop });
  test.each<[string, unknown, RegExp]>([
    ['undefined', undefined, /^value: undefined/],
    ['undefined in an array', { rows: [1, undefined] }, /^value\.rows\[1\]: undefined/],
    ['a hole', [, 1], /^value\[0\]: undefined/],
    ['a function', { f: () => 1 }, /^value\.f: a function/],
    ['a symbol', [Symbol('s')], /^value\[0\]: a symbol/],
    ['a promise', [Promise.resolve(1)], /^value\[0\]: a Promise \(is an await missing\?\)/],
    ['an instance of a class', { e: new URL('http://a/') }, /^value\.e: an instance of URL/],
    [
      'a control character',
      { 'a b': ['x\u0001'] },
      /^value\["a b"\]\[0\]: the character U\+0001 at offset 1/,
    ],
    ['a control character in a key', [{ '\0': 1 }], /^value\[0\].*U\+0000/],
    ['half a surrogate pair', ['\ud83d'], /^value\[0\]: the character U\+D83D/],
    ['the other half', ['x\ude00'], /^value\[0\]: the character U\+DE00/],
    ['a bigint past 64 bits', [2n ** 63n], /^value\[0\]: 9223372036854775808 does not fit/],
    ['an invalid date', [new Date(NaN)], /^value\[0\]: the date is invalid/],
    ['a map with other keys', new Map([[1, 1]]), /^value: a key of the map/],
    ['a cycle', loop, /^value\[0\]\.again\[0\].*: it contains itself/],
    ['an async iterable where nobody waits', { a: (async function* () {})() }, /^value\.a.*async/],
  ])('%s is refused by name', (_, value, wanted) => {
    expect(error(value)).toMatch(wanted);
  });

  test('nesting is bounded', () => {
    let value: unknown = [];
    for (let i = 0; i < 511; i++) value = [value];
    expect(decodeResponse(Buffer.from(encodeResponse(value)))).toEqual({ value });
    expect(error([value])).toMatch(/deeper than 512/);
  });
});

describe('documents', () => {
  test('a call, a response and a fault are laid out as Koji does', () => {
    expect(encodeCall('a&b', [1, null])).toBe(
      "<?xml version='1.0'?>\n<methodCall>\n<methodName>a&amp;b</methodName>\n<params>\n" +
        '<param>\n<value><int>1</int></value>\n</param>\n<param>\n<value><nil/></value></param>\n</params>\n</methodCall>\n',
    );
    expect(encodeResponse('x')).toBe(
      "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><string>x</string></value>\n</param>\n</params>\n</methodResponse>\n",
    );
    expect(encodeFault(1000, '<no>')).toBe(
      "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n<value><int>1000</int></value>\n</member>\n" +
        '<member>\n<name>faultString</name>\n<value><string>&lt;no&gt;</string></value>\n</member>\n</struct></value>\n</fault>\n</methodResponse>\n',
    );
    expect(() => encodeCall('a', [1, undefined])).toThrow(/params\[1\]: undefined/);
  });
});

describe('streams', () => {
  const row = (i: number) => ({ id: i, name: `package-${i}`, tags: ['a', { b: null }] });
  const rows = Array.from({ length: 5000 }, (_, i) => row(i));

  test('chunks together are the document, and each of about 64 KiB', async () => {
    const chunks = [...encodeResponseChunks(rows)];
    expect(chunks.join('')).toBe(encodeResponse(rows));
    expect(chunks.length).toBeGreaterThan(10);
    for (const chunk of chunks.slice(0, -1)) {
      expect(chunk.length).toBeGreaterThanOrEqual(65_536);
      expect(chunk.length).toBeLessThan(70_000);
    }
    expect(await text(encodeResponseStream(rows))).toBe(chunks.join(''));
  });

  test('rows are read only as the chunks are taken, at any depth', () => {
    let read = 0;
    function* lazily() {
      for (const one of rows) {
        read++;
        yield one;
      }
    }
    const chunks = encodeResponseChunks([{ result: [lazily()] }]);
    chunks.next();
    expect(read).toBeLessThan(1000);
    expect([...chunks].length).toBeGreaterThan(10);
    expect(read).toBe(rows.length);
  });

  test('async rows are written as an array, at any depth', async () => {
    async function* slowly() {
      for (const one of rows) {
        if (one.id % 1000 === 0) await new Promise(setImmediate);
        yield one;
      }
    }
    expect(await text(encodeResponseStream(slowly()))).toBe(encodeResponse(rows));
    expect(await text(encodeResponseStream([{ a: slowly(), b: 1 }, []]))).toBe(
      encodeResponse([{ a: rows, b: 1 }, []]),
    );
    expect(await text(encodeResponseStream({ plain: [1] }))).toBe(encodeResponse({ plain: [1] }));
  });

  test('rows in portions are written as one array, and read as rows', async () => {
    async function* portions() {
      yield rows.slice(0, 1000);
      yield [];
      await new Promise(setImmediate);
      yield rows.slice(1000);
    }
    expect(await text(encodeResponseStream([new RowStream(portions()), 1]))).toBe(encodeResponse([rows, 1]));
    const read: unknown[] = [];
    for await (const row of new RowStream(portions())) read.push(row);
    expect(read).toEqual(rows);
    const even = new RowStream(portions()).map((row) => (row.id % 2 === 0 ? { id: row.id } : undefined));
    const expected = rows.filter(({ id }) => id % 2 === 0).map(({ id }) => ({ id }));
    expect(await text(encodeResponseStream({ even }))).toBe(encodeResponse({ even: expected }));
  });

  test('portions are asked for no earlier than they are needed, and closed when the stream is given up', async () => {
    let given = 0;
    let closed = false;
    async function* portions() {
      try {
        for (;;) {
          given++;
          yield Array<string>(100).fill('x'.repeat(100));
        }
      } finally {
        closed = true;
      }
    }
    const stream = encodeResponseStream(new RowStream(portions()).map((text) => ({ text })));
    await stream.next();
    await stream.return();
    expect(closed).toBe(true);
    expect(given).toBeLessThan(10);
  });

  test('iterables are closed when the stream is given up, and when a row cannot be sent', async () => {
    let closed = 0;
    async function* endless(): AsyncGenerator {
      try {
        for (;;) yield 'x'.repeat(100);
      } finally {
        closed++;
      }
    }
    for await (const chunk of encodeResponseStream([endless()])) {
      expect(chunk.length).toBeGreaterThan(65_000);
      break;
    }
    expect(closed).toBe(1);
    function* bad() {
      try {
        yield 1;
        yield Symbol('s');
      } finally {
        closed++;
      }
    }
    await expect(text(encodeResponseStream([[], bad()]))).rejects.toThrow(/^value\[1\]\[1\]: a symbol/);
    expect(closed).toBe(2);
  });

  test('an error of the rows comes through', async () => {
    async function* failing() {
      yield 1;
      throw new Error('connection lost');
    }
    await expect(text(encodeResponseStream(failing()))).rejects.toThrow('connection lost');
  });
});

describe('round trip', () => {
  const legal = fc
    .string({ unit: 'binary', maxLength: 20 })

    .map((s) => s.replace(/[\0-\x08\x0b\x0c\r\x0e-\x1f\ufffe\uffff]/g, '<'));
  const { wire } = fc.letrec<{ wire: unknown }>((tie) => ({
    wire: fc.oneof(
      { depthSize: 'small' },
      legal,
      fc.constant(null),
      fc.boolean(),
      fc.maxSafeInteger(),
      fc.integer(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n) => {
        const safe = n >= BigInt(Number.MIN_SAFE_INTEGER) && n <= BigInt(Number.MAX_SAFE_INTEGER);
        return safe ? Number(n) : n;
      }),
      fc.double().map((n) => (Number.isInteger(n) ? new Double(n) : n)),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.date({ noInvalidDate: true }).map((date) => new DateTime(date.toISOString())),
      fc.array(tie('wire'), { maxLength: 5 }),
      fc.array(fc.tuple(legal, tie('wire')), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
    ),
  }));

  test('rows of known columns are written as structs are, whatever they hold', () => {
    const cell = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.constantFrom('', 'bench-1', '<a & b>', '\t\r\n', '\'"', '\x7f', 'é', '\ud83d\ude00'),
      },
      {
        weight: 3,
        arbitrary: fc.constantFrom(0, -0, -1, 9, 10, 2147483647, -2147483648, 2147483648, 1e21, NaN),
      },
      fc.integer().map((length) => 'x&é'.repeat(Math.abs(length) % 3000)),
      fc.integer(),
      fc.double(),
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constantFrom(undefined, Symbol('s'), 2n ** 64n),
      wire,
    );
    const table = fc
      .uniqueArray(legal, { maxLength: 5 })
      // Keys that are numbers come first in an object, in whatever order they were added.
      .filter((names) => names.every((name) => !/^\d+$/.test(name) && name !== '__proto__'))
      .chain((names) =>
        fc.tuple(
          fc.constant(names),
          fc.array(fc.array(cell, { minLength: names.length, maxLength: names.length }), { maxLength: 6 }),
        ),
      );
    const attempt = (write: () => string): string | null => {
      try {
        return write();
      } catch (error) {
        if (error instanceof EncodeError) return null;
        throw error;
      }
    };
    fc.assert(
      fc.property(table, ([names, rows]) => {
        const fast = attempt(() =>
          Buffer.from(new RowEncoder(names.map((name) => ({ name }))).encode(rows)).toString(),
        );
        const structs = rows.map((row) =>
          Object.fromEntries(row.map((value, i): [string, unknown] => [names[i] ?? '', value])),
        );
        const slow = attempt(() => structs.map(encode).join(''));
        // The names of columns are written before there is a row.
        if (rows.length > 0) expect(fast).toBe(slow);
      }),
    );
  });

  test('one encoder writes rows of any length again and again, by values that it converts', () => {
    const encoder = new RowEncoder([
      { name: 'id' },
      { name: 'text', convert: (value) => `<${String(value)}>` },
    ]);
    for (const length of [1, 3_000_000, 70_000, 0]) {
      const value = 'y'.repeat(length);
      const bytes = encoder.encode([
        [length, value],
        [2, 'z'],
      ]);
      const expected = encode({ id: length, text: `<${value}>` }) + encode({ id: 2, text: '<z>' });
      expect(Buffer.from(expected).equals(bytes)).toBe(true);
    }
  });

  test('written portions can alternate with others, which name the row that cannot be sent', async () => {
    const encoder = new RowEncoder([{ name: 'n' }]);
    const written = new EncodedRows(encoder.encode([[1], [2]]), 2);
    async function* portions(last: unknown) {
      yield written;
      yield [{ n: 3 }];
      yield written;
      yield [{ n: last }];
    }
    async function* plain(): AsyncGenerator<never[], void> {}
    const rows = [1, 2, 3, 1, 2, 4].map((n) => ({ n }));
    expect(await text(encodeResponseStream({ rows: new RowStream(plain(), portions(4)), end: 1 }))).toBe(
      encodeResponse({ rows, end: 1 }),
    );
    await expect(text(encodeResponseStream(new RowStream(plain(), portions('\0'))))).rejects.toThrow(
      /^value\[5\]\.n: the character U\+0000/,
    );
  });

  test('what is encoded is decoded to the same', () => {
    fc.assert(
      fc.property(wire, (value) => {
        expect(decodeResponse(Buffer.from(encodeResponse(value)))).toEqual({ value });
      }),
    );
    fc.assert(
      fc.property(legal, fc.array(wire, { maxLength: 4 }), (method, params) => {
        expect(decodeCall(Buffer.from(encodeCall(method, params)))).toEqual({ method, params });
      }),
    );
  });
});
