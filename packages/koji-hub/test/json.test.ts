import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sql } from '../src/db/sql.js';
import { databases } from './support/databases.js';
import { headersOf, loginAs, post, startRawHub, valueOf } from './support/raw-hub.js';
import type { RawHub } from './support/raw-hub.js';

const page = fileURLToPath(new URL('../../../docs/json.md', import.meta.url));

interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly text: string;
  readonly body: unknown;
}

describe.each(databases)('JSON-RPC on $name', (kind) => {
  let hub: RawHub;
  let session: Record<string, string>;

  beforeAll(async () => {
    hub = await startRawHub(kind, { options: { MaxMultiCalls: '10', MaxAnswerLength: '200000' } });
    session = headersOf(await loginAs(hub, 'root'));
  });
  afterAll(() => hub.drop());

  const send = async (body: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> => {
    const answer = await fetch(`${hub.api}/json`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body,
    });
    const text = await answer.text();
    const isJson = answer.headers.get('content-type') === 'application/json';
    return {
      status: answer.status,
      type: answer.headers.get('content-type'),
      text,
      body: isJson ? (JSON.parse(text) as unknown) : null,
    };
  };
  const ask = (method: string, params: unknown = [], headers = session): Promise<Answer> =>
    send(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }), headers);
  const batch = (calls: readonly object[], headers = session): Promise<Answer> =>
    send(JSON.stringify(calls.map((call) => ({ jsonrpc: '2.0', ...call }))), headers);

  it('answers what the page shows', async () => {
    const text = await readFile(page, 'utf8');
    const pairs = [...text.matchAll(/```sh\n(.*?)```\n\n```json\n(.*?)```/gs)];
    expect(pairs.length).toBe(4);
    const script = pairs.map(([, block = '']) => `${block}\nprintf '\\036'\n`).join('');
    const { stdout } = await promisify(execFile)('bash', ['-e', '-c', script], {
      cwd: hub.folder,
      env: { ...process.env, HUB: hub.api, NODE_OPTIONS: process.env.KOJI_TEST_NODE_OPTIONS },
    });
    const answers = stdout.split('\x1e').slice(0, -1);
    expect(answers.map((answer) => JSON.parse(answer) as unknown)).toMatchObject(
      pairs.map(([, , expected = '']) => JSON.parse(expected) as object),
    );
  });

  it('writes every kind of value, and tells 2 from 2.0', async () => {
    const echoed = '[2,2.0,9007199254740993,-0.5,"x\\u00e9\\n",null,true,{"a":[],"__proto__":1}]';
    const { text, type } = await send(`{"jsonrpc":"2.0","id":"é","method":"echo","params":${echoed}}`);
    expect(type).toBe('application/json');
    expect(text).toBe(`{"jsonrpc":"2.0","id":"é","result":${echoed.replace('\\u00e9', 'é')}}\n`);
    const long = 'ab"\\\u00e9\u{1f600}'.repeat(9000);
    expect((await ask('echo', [long])).body).toMatchObject({ result: [long] });
  });

  it('names arguments, and gives the faults of XML-RPC', async () => {
    expect((await ask('createTag', { name: 'named', arches: 'i686' })).body).toMatchObject({
      result: expect.any(Number) as number,
    });
    for (const [method, params, code] of [
      ['createTag', { name: 'named' }, 1000],
      ['createTag', { nom: 'x' }, 1019],
      ['getTag', ['nothing', true], 1000],
    ] as const) {
      const { body } = await ask(method, params);
      const args: readonly unknown[] =
        'nom' in params || 'name' in params ? [{ ...params, __starstar: true }] : params;
      const outcome = await post(hub.api, method, args, session);
      expect('fault' in outcome && outcome.fault).toEqual([
        code,
        (body as { error: { message: string } }).error.message,
      ]);
      expect(body).toMatchObject({ id: 1, error: { code, data: { faultCode: code } } });
    }
    expect((await ask('createTag', ['x'], {})).body).toMatchObject({ error: { code: 1004 } });
    expect((await ask('no.such')).body).toMatchObject({ error: { code: -32601 } });
  });

  it('runs a batch as a multicall: in one transaction, each call alone', async () => {
    const { body } = await batch([
      { id: 1, method: 'createTag', params: ['b1'] },
      { id: 'two', method: 'createTag', params: ['b1'] },
      { method: 'createTag', params: ['silent'] },
      { id: null, method: 'getTag', params: { tagInfo: 'b1', strict: true } },
      { id: 4, method: 'multiCall', params: [[{ methodName: 'getTagID', params: ['b1'] }, 1]] },
      { id: 5, method: 7 },
      { method: 'createTag', params: ['silent'] },
    ]);
    expect(body).toMatchObject([
      { id: 1, result: expect.any(Number) as number },
      { id: 'two', error: { code: 1000, message: "A tag with the name 'b1' already exists" } },
      { id: null, result: { name: 'b1' } },
      { id: 4, result: [[expect.any(Number) as number], { faultCode: 1019 }] },
      { id: 5, error: { code: -32600 } },
    ]);
    expect(body).toHaveLength(5);
    expect((await ask('getTag', ['silent'])).body).toMatchObject({ result: { name: 'silent' } });
    const calls = Array.from({ length: 11 }, (_, id) => ({ id, method: 'hello' }));
    expect((await batch(calls)).body).toMatchObject({ id: null, error: { code: 1000 } });
  });

  it('answers nothing to notifications', async () => {
    for (const body of [
      '{"jsonrpc":"2.0","method":"createTag","params":["n1"]}',
      '[{"jsonrpc":"2.0","method":"createTag","params":["n2"]}]',
      '{"jsonrpc":"2.0","method":"no.such"}',
    ])
      expect(await send(body, session)).toMatchObject({ status: 204, text: '' });
    const names = await hub.database.read((db) =>
      db.all<{ name: string }>(sql`SELECT name FROM tag WHERE name IN ('n1', 'n2') ORDER BY name`),
    );
    expect(names.map(({ name }) => name)).toEqual(['n1', 'n2']);
  });

  it.each([
    ['', -32700],
    ['{', -32700],
    ['{"jsonrpc":"2.0","id":1,"method":"echo","params":["\\u0000"]}', -32700],
    ['{"jsonrpc":"2.0","id":1,"method":"echo","params":["\\ud800"]}', -32700],
    ['{"jsonrpc":"2.0","id":1,"method":"echo","params":[01]}', -32700],
    ['{"jsonrpc":"2.0","id":1,"method":"echo","params":["a\tb"]}', -32700],
    ['{"jsonrpc":"2.0","id":1,"method":"echo"} x', -32700],
    [`${'['.repeat(600)}${']'.repeat(600)}`, -32700],
    ['[]', -32600],
    ['1', -32600],
    ['{"id":1,"method":"echo"}', -32600],
    ['{"jsonrpc":"2.0","id":{},"method":"echo"}', -32600],
    [`{"jsonrpc":"2.0","id":"${'x'.repeat(300)}","method":"echo"}`, -32600],
    ['{"jsonrpc":"2.0","id":1,"method":"echo","params":3}', -32600],
  ])('refuses anything but a call (%#)', async (body, code) => {
    expect(await send(body)).toMatchObject({ status: 200, body: { jsonrpc: '2.0', error: { code } } });
  });

  it('has the limits of XML-RPC', async () => {
    expect(await send(`"${'x'.repeat(5_000_000)}"`)).toMatchObject({
      body: { error: { code: 1000, message: 'Request too long' } },
    });
    expect((await ask('echo', ['x'.repeat(300_000)])).body).toMatchObject({
      error: { message: expect.stringContaining('MaxAnswerLength') as string },
    });
    const typed = await fetch(`${hub.api}/json`, { method: 'POST', body: '{}' });
    expect(typed.status).toBe(415);
    expect((await fetch(`${hub.api}/json`)).status).toBe(405);
  });

  it('tells supervisors whether it lives, and whether it can answer', async () => {
    const get = async (path: string): Promise<[number, string]> => {
      const answer = await fetch(hub.url + path);
      return [answer.status, await answer.text()];
    };
    await hub.database.write((db) => db.run(sql`UPDATE migrations SET name = name || '-later' WHERE id = 1`));
    try {
      expect(await get('/healthz')).toEqual([200, 'ok\n']);
      expect(await get('/readyz')).toEqual([503, 'the schema of the database is of another version\n']);
    } finally {
      await hub.database.write((db) =>
        db.run(sql`UPDATE migrations SET name = replace(name, '-later', '') WHERE id = 1`),
      );
    }
    // An answer holds for a second.
    while ((await get('/readyz'))[0] !== 200);
    expect(await get('/readyz')).toEqual([200, 'ok\n']);
  });

  it('describes every method', async () => {
    const answer = await fetch(`${hub.api}/openrpc.json`);
    const { methods } = (await answer.json()) as {
      methods: { name: string; params: { name: string; required: boolean; schema: object }[] }[];
    };
    const listed = valueOf(await post(hub.api, 'system.listMethods')) as string[];
    expect(methods.map(({ name }) => name)).toEqual(
      expect.arrayContaining(listed.filter((name) => !/multi_?call/i.test(name))),
    );
    const tag = methods.find(({ name }) => name === 'getTag');
    expect(tag?.params.map(({ name, required }) => [name, required])).toEqual([
      ['tagInfo', true],
      ['strict', false],
      ['event', false],
      ['blocked', false],
    ]);
    const headers = { 'If-None-Match': answer.headers.get('etag') ?? '' };
    expect((await fetch(`${hub.api}/openrpc.json`, { headers })).status).toBe(304);
  });
});
