import fc from 'fast-check';
import {
  DateTime,
  Double,
  WireError,
  decodeCall,
  decodeMessage,
  decodeResponse,
  decodeResponseFrom,
  encodeCall,
  encodeFault,
  encodeResponse,
  type DecodeOptions,
} from '../src/wire/index.js';

const response = (value: string) =>
  `<?xml version='1.0'?>\n<methodResponse><params><param>${value}</param></params></methodResponse>`;

/** Decodes a value, given as its XML. */
function decode(value: string, options?: DecodeOptions): unknown {
  const answer = decodeResponse(Buffer.from(response(value)), options);
  if (!('value' in answer)) throw new Error('a fault');
  return answer.value;
}

function refusal(document: string | Uint8Array, options?: DecodeOptions): WireError {
  try {
    decodeCall(Buffer.from(document), options);
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
  throw new Error(`was not refused: ${Buffer.from(document).toString()}`);
}

const refusedValue = (value: string, options?: DecodeOptions) => refusal(response(value), options);

describe('values', () => {
  test.each([
    ['<value><int>5</int></value>', 5],
    ['<value><i1>5</i1></value>', 5],
    ['<value><i2>-6</i2></value>', -6],
    ['<value><i4>5</i4></value>', 5],
    ['<value><i8>2147483648</i8></value>', 2147483648],
    ['<value><int>2147483648</int></value>', 2147483648],
    ['<value><i8>9007199254740991</i8></value>', Number.MAX_SAFE_INTEGER],
    ['<value><i8>9007199254740992</i8></value>', 9007199254740992n],
    ['<value><i8>9007199254740993</i8></value>', 9007199254740993n],
    ['<value><int>-9007199254740993</int></value>', -9007199254740993n],
    ['<value><i8>9223372036854775808</i8></value>', 9223372036854775808n],
    ['<value><biginteger>12345678901</biginteger></value>', 12345678901],
    ['<value><int> 7 </int></value>', 7],
    ['<value><int>+8</int></value>', 8],
    ['<value><int>-09</int></value>', -9],
    ['<value><int>-0</int></value>', 0],
    ['<value><ex:i8>9</ex:i8></value>', 9],
    ['<value><boolean>1</boolean></value>', true],
    ['<value><boolean>0</boolean></value>', false],
    ['<value><nil/></value>', null],
    ['<value><nil></nil></value>', null],
    ['<value><ex:nil/></value>', null],
    ['<value><double>-.5e-3</double></value>', -0.0005],
    ['<value><float>2.5</float></value>', 2.5],
    ['<value><double>1e-07</double></value>', 1e-7],
    ['<value><double>nan</double></value>', NaN],
    ['<value><double>-inf</double></value>', -Infinity],
    ['<value><string>a</string></value>', 'a'],
    ['<value><string/></value>', ''],
    ['<value>bare</value>', 'bare'],
    ['<value></value>', ''],
    ['<value/>', ''],
    ['<value>  </value>', '  '],
    ['<value>\n  <string>spaced</string>\n</value>', 'spaced'],
    ['<value><string>a\r\nb\rc</string></value>', 'a\nb\nc'],
    ['<value><string>a&#13;&#10;b&#x9;</string></value>', 'a\r\nb\t'],
    ['<value><string>&lt;&amp;&gt;&quot;&apos;&amp;lt;</string></value>', '<&>"\'&lt;'],
    ['<value><string>&#128038;\u{1f426}&#x1F600;</string></value>', '\u{1f426}\u{1f426}\u{1f600}'],
    ['<value><string><![CDATA[<b>&amp;</b>]]></string></value>', '<b>&amp;</b>'],
    ['<value>a<![CDATA[b]]>c</value>', 'abc'],
    ['<value><string>a<!-- comment -->b<?pi?>c</string></value>', 'abc'],
    ['<value><!-- c --><int>1</int></value>', 1],
    ['<value type="x" xmlns:ex="http://example.org/"><int a="&lt;">1</int></value>', 1],
    ['<value><array><data></data></array></value>', []],
    ['<value><array><data/></array></value>', []],
    ['<value><array><data><value>a</value>\n<value><int>1</int></value></data></array></value>', ['a', 1]],
    ['<value><struct></struct></value>', {}],
    ['<value><struct/></value>', {}],
    [
      '<value><struct><member><name>a</name><value>1</value></member>\n <member> <name>b</name> <value><i4>2</i4></value> </member></struct></value>',
      { a: '1', b: 2 },
    ],
    [
      '<value><struct><member><name>a</name><value>1</value></member><member><name>a</name><value>2</value></member></struct></value>',
      { a: '2' },
    ],
  ])('%s is %j', (value, wanted) => {
    expect(decode(value)).toEqual(wanted);
  });

  test('a double with a whole value stays one, unless plain numbers are asked for', () => {
    const value = '<value><double>2.0</double></value>';
    expect(decode(value)).toBeInstanceOf(Double);
    expect(decode(value)).toEqual(new Double(2));
    expect(decode(value, { doubles: 'number' })).toBe(2);
    expect(decode('<value><double>-0.0</double></value>', { doubles: 'number' })).toBe(-0);
  });

  test('base64 is bytes, wherever its lines break', () => {
    expect(decode('<value><base64>\n aGVs\nbG8=\n</base64></value>')).toEqual(Buffer.from('hello'));
    expect(decode('<value><base64/></value>')).toEqual(Buffer.alloc(0));
    expect(decode('<value><base64>aGVsbG8=and more</base64></value>')).toEqual(Buffer.from('hello'));
  });

  test('a date keeps the text that was sent', () => {
    const date = decode('<value><dateTime.iso8601>20240229T23:59:59</dateTime.iso8601></value>') as DateTime;
    expect(date).toBeInstanceOf(DateTime);
    expect(date.value).toBe('20240229T23:59:59');
    expect(decode('<value><dateTime.iso8601>not a date</dateTime.iso8601></value>')).toEqual(
      new DateTime('not a date'),
    );
  });

  test('a struct may have any key, and none of them reaches a prototype', () => {
    const text = encodeResponse(
      JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1, "": 2, "<&>": 3}'),
    );
    const struct = decodeResponse(Buffer.from(text));
    expect(struct).toHaveProperty('value.constructor', 1);
    const { value } = struct as { value: Record<string, unknown> };
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor', '', '<&>']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(value['polluted']).toBeUndefined();
  });

  test('rows whose keys come in another order, or go missing, are read as they are', () => {
    const rows = [
      { a: 1, b: 'x' },
      { b: 'y', a: 2 },
      { a: 3 },
      { c: { a: 4 }, b: null },
      { a: 5, b: 'z', c: [] },
    ];
    expect(decodeResponse(Buffer.from(encodeResponse(rows)))).toEqual({ value: rows });
  });
});

describe('documents', () => {
  test('a call is its method and params, in either order', () => {
    expect(decodeCall(Buffer.from(encodeCall('getTag', ['f40', { strict: true }])))).toEqual({
      method: 'getTag',
      params: ['f40', { strict: true }],
    });
    const odd =
      '<methodCall><params><param><value>1</value></param></params><methodName>echo</methodName></methodCall>';
    expect(decodeCall(Buffer.from(odd))).toEqual({ method: 'echo', params: ['1'] });
    expect(decodeCall(Buffer.from('<methodCall><methodName> a </methodName></methodCall>'))).toEqual({
      method: ' a ',
      params: [],
    });
  });

  test("a call without a method name is one of 'None', as a hub words it", () => {
    expect(decodeCall(Buffer.from('<methodCall><params/></methodCall>')).method).toBe('None');
    expect(decodeCall(Buffer.from(encodeResponse(1)))).toEqual({ method: 'None', params: [1] });
  });

  test('a response is a value or a fault', () => {
    expect(decodeResponse(Buffer.from(encodeResponse([1])))).toEqual({ value: [1] });
    expect(decodeResponse(Buffer.from(encodeFault(1000, 'no <such> tag')))).toEqual({
      fault: { faultCode: 1000, faultString: 'no <such> tag' },
    });
    expect(() => decodeResponse(Buffer.from(encodeCall('echo', [1])))).toThrow(/a call where a response/);
    expect(() => decodeResponse(Buffer.from('<methodResponse><params/></methodResponse>'))).toThrow(
      /holds one value, this one holds 0/,
    );
    expect(() => decodeResponse(Buffer.from(response('<value>1</value><value>2</value>')))).toThrow(
      WireError,
    );
    const bare = '<methodResponse><fault><value>broken</value></fault></methodResponse>';
    expect(() => decodeResponse(Buffer.from(bare))).toThrow(/faultCode/);
  });

  test('a message says which of the three it is', () => {
    expect(decodeMessage(Buffer.from(encodeCall('build', ['a'])))).toEqual({
      kind: 'call',
      method: 'build',
      params: ['a'],
    });
    expect(decodeMessage(Buffer.from(encodeResponse(null)))).toEqual({ kind: 'response', value: null });
    expect(decodeMessage(Buffer.from(encodeFault(1005, 'x')))).toEqual({
      kind: 'fault',
      faultCode: 1005,
      faultString: 'x',
    });
  });

  const call =
    '<methodCall><methodName>echo</methodName><params><param><value>é</value></param></params></methodCall>';

  test.each([
    ['without a declaration', call],
    ['after a byte order mark', `\ufeff${call}`],
    ['declared as UTF-8', `<?xml version="1.0" encoding="UTF-8"?>${call}`],
    [
      'after comments and instructions',
      `<?xml version='1.0' standalone='yes'?>\n<!-- hello -->\n<?pi data?>\n${call}`,
    ],
    ['between white space', `  ${call}\n\n`],
    ['of a document type that declares nothing', `<!DOCTYPE methodCall>${call}`],
    ['declared as Latin-1', Buffer.from(`<?xml version='1.0' encoding='iso-8859-1'?>${call}`, 'latin1')],
    ['declared as ASCII', `<?xml version='1.0' encoding='us-ascii'?>${call.replace('é', '&#233;')}`],
  ])('a document %s is read', (_, document) => {
    expect(decodeCall(Buffer.from(document))).toEqual({ method: 'echo', params: ['é'] });
  });

  test('a part of a larger buffer is read as that part', () => {
    const bytes = Buffer.from(`xx${call}yy`);
    expect(decodeCall(new Uint8Array(bytes.buffer, bytes.byteOffset + 2, bytes.length - 4)).params).toEqual([
      'é',
    ]);
  });
});

describe('refused as malformed', () => {
  test.each([
    '',
    '   ',
    'junk',
    '{"method": "echo"}',
    "<?xml version='1.0'?>",
    '<html></html>',
    '<methodCall></methodCall>',
    '<methodCall><methodName>echo</methodName>',
    '<methodCall><methodName>echo</methodName></methodcall>',
    '<methodCall><methodName>echo</methodName></methodCall><extra/>',
    '<methodCall><methodName>echo</methodName></methodCall>x',
    '<methodCall><methodName>a</methodName ></methodCall x>',
    '<methodCall a=b><params/></methodCall>',
    '<methodCall a="1" a="2"><params/></methodCall>',
    '<methodCall a="<"><params/></methodCall>',
    '<methodCall a="&b;"><params/></methodCall>',
    " <?xml version='1.0'?><params/>",
    "<?xml encoding='utf-8'?><params/>",
    "<?xml version='1.0' encoding='koi-9'?><params/>",
    '<!-- a -- b --><params/>',
    '<?xml-ish<params/>',
    '<!DOCTYPE a><!DOCTYPE a><params/>',
    '<methodResponse><fault><value>x</value></fault></methodResponse>',
  ])('the body %j', (document) => {
    expect(refusal(document)).toMatchObject({ name: 'WireError', kind: 'malformed' });
  });

  test.each([
    '<value><int>x</int></value>',
    '<value><int></int></value>',
    '<value><int>1.5</int></value>',
    '<value><int>1x</int></value>',
    '<value><i8>--1</i8></value>',
    '<value><double>x</double></value>',
    '<value><double>.</double></value>',
    '<value><double>0x10</double></value>',
    '<value><boolean>2</boolean></value>',
    '<value><boolean>true</boolean></value>',
    '<value><boolean> 1</boolean></value>',
    '<value><base64>abcde</base64></value>',
    '<value><base64>é</base64></value>',
    '<value><string>&#x110000;</string></value>',
    '<value><string>a & b</string></value>',
    '<value>&foo;</value>',
    '<value>&constructor;</value>',
    '<value>a]]>b</value>',
    '<value><string>open</value>',
    '<value><unknown>1</unknown></value>',
    '<value><struct><member><name>a</name></member></struct></value>',
    '<value><int>1</double></value>',
    '<value><string>a<![CDATA[b</string></value>',
    '<value><string>a<!-- b</string></value>',
    '<value><! x></value>',
  ])('the value %j', (value) => {
    expect(refusedValue(value).kind).toBe('malformed');
  });

  test.each(['\u0001', '\u0000', '\ufffe', '&#1;', '&#xD800;'])(
    'a text with %j, which libraries write although XML lacks it, is no malformed document',
    (character) => {
      const refused = refusedValue(`<value><string>a${character}b</string></value>`);
      expect(refused).toMatchObject({ name: 'WireError', kind: 'unsupported' });
      expect(refused.message).toMatch(/U\+|'&#/);
    },
  );

  test.each(['\u0001', '<methodCall\u0001>', '<methodCall a="\u0001"/>', 'junk\u0001<a>'])(
    'a forbidden character outside of a text (%j) is malformed',
    (document) => expect(refusal(document)).toMatchObject({ kind: 'malformed' }),
  );

  test('bytes that are not UTF-8, or not what the declaration says', () => {
    expect(refusal(Buffer.concat([Buffer.from('<params>'), Buffer.from([0xc3, 0x28])])).message).toMatch(
      /UTF-8/,
    );
    expect(refusal(Buffer.from([0xed, 0xa0, 0x80])).message).toMatch(/UTF-8/);
    expect(refusal("<?xml version='1.0' encoding='us-ascii'?><params>é</params>").message).toMatch(/ASCII/);
    expect(refusal(Buffer.from(`\ufeff${encodeCall('a', [])}`, 'utf16le')).kind).toBe('malformed');
  });

  test('the error says what is wrong and where', () => {
    const error = refusedValue('<value><int>twelve</int></value>');
    expect(error.message).toMatch(/'twelve' is not an integer \(at offset \d+\)/);
    expect(response('<value><int>twelve</int></value>').slice(error.position)).toMatch(/^<\/int>/);
  });
});

describe('refused as unsupported, which a hub answers with a fault', () => {
  test('keys that are not text, as Koji reads them and then fails', () => {
    const struct = (key: string) => `<value><struct><member>${key}<value>1</value></member></struct></value>`;
    expect(refusedValue(struct('<value><int>1</int></value>')).kind).toBe('unsupported');
    expect(refusedValue(struct('<value><array><data/></array></value>')).kind).toBe('malformed');
  });

  test.each<[string, string, DecodeOptions['limits']]>([
    [
      'depth',
      '<value><array><data><value><array><data/></array></value></data></array></value>',
      { depth: 1 },
    ],
    ['values', '<value><array><data><value/><value/><value/></data></array></value>', { values: 2 }],
    ['attributes', '<value a="" b="" c=""/>', { attributes: 2 }],
    ['names', `<value><${'x'.repeat(30)}/></value>`, { nameLength: 20 }],
    [
      'keys',
      '<value><struct><member><name>a</name><value/></member><member><name>b</name><value/></member></struct></value>',
      { keys: 1 },
    ],
  ])('more than the limit of %s', (_, value, limits) => {
    expect(refusedValue(value, limits === undefined ? {} : { limits }).kind).toBe('unsupported');
  });
});

describe('a response that comes in pieces', () => {
  /** Cuts bytes into pieces of so many bytes each, in turn. */
  async function* pieces(bytes: Buffer, lengths: readonly number[]): AsyncGenerator<Buffer, void, void> {
    await Promise.resolve();
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const length = lengths[i % lengths.length] ?? 1;
      yield bytes.subarray(at, at + length);
      at += length;
    }
  }
  const outcome = (work: () => unknown): unknown => {
    try {
      return work();
    } catch (error) {
      return error instanceof WireError ? [error.message, error.kind] : error;
    }
  };

  const rowsAnswer = encodeResponse([
    { id: 1, name: 'Šárka <&> 𝄞', size: 2 ** 40, none: null, extra: { a: [1, 2.5, true] } },
    'text',
    [],
    { '': new Double(2) },
  ]);
  const documents = [
    rowsAnswer,
    encodeResponse({ a: 1, b: { c: ['x'] } }),
    encodeResponse('x'.repeat(300)),
    encodeFault(1000, 'no & no'),
    response('<value>plain\r\n text &amp; more</value>'),
    response(
      '<value><array><data><value>a<!-- - -->b</value><value/><value><nil/></value></data></array></value>',
    ),
    response('<value><array><data><value><string><![CDATA[<x>]]></string></value></data></array></value>') +
      '<!-- end -->\n',
    `<?xml version='1.0' encoding='iso-8859-1'?>${response('<value>e</value>').slice(22)}`,
    // Wrong ones.
    response('<value><int>twelve</int></value>'),
    response('<value><array><data><value>a</value></data></arrey></value>'),
    response('<value>&nope;</value>'),
    response('<value>\u0001</value>'),
    `${rowsAnswer}<more/>`,
    rowsAnswer.slice(0, -20),
    encodeCall('a', [1]),
    '',
  ];

  test('is what it is whole, wherever it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...documents),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 60 }),
        async (document, lengths, windowLength) => {
          const bytes = Buffer.from(document);
          const whole = outcome(() => decodeResponse(bytes));
          const found = await decodeResponseFrom(pieces(bytes, lengths), { windowLength }).catch(
            (error: unknown) =>
              outcome(() => {
                throw error;
              }),
          );
          expect(found).toEqual(whole);
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('is made of what takes the place of its rows', async () => {
    const rows = Array.from({ length: 100 }, (_, id) => ({ id, tags: [[`t${id}`]], label: `row & ${id}` }));
    const told: unknown[] = [];
    const answer = await decodeResponseFrom(pieces(Buffer.from(encodeResponse(rows)), [7]), {
      windowLength: 50,
      mapRow: (row) => {
        told.push(row);
        return (row as { label: string }).label;
      },
    });
    expect(answer).toEqual({ value: rows.map(({ label }) => label) });
    expect(told).toEqual(rows);
    const one = await decodeResponseFrom(pieces(Buffer.from(encodeResponse({ a: [1] })), [5]), {
      mapRow: () => 'x',
    });
    expect(one).toEqual({ value: { a: [1] } });
  });

  test('a value longer than a window is not read again for each piece', async () => {
    const long = encodeResponse(['y'.repeat(3_000_000), 1]);
    const lengths = [1000];
    const answer = await decodeResponseFrom(pieces(Buffer.from(long), lengths), { windowLength: 1000 });
    expect(answer).toEqual({ value: ['y'.repeat(3_000_000), 1] });
  });
});
