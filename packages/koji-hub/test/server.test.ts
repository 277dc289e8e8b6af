import { execFile } from 'node:child_process';
import http from 'node:http';
import net from 'node:net';
import { promisify } from 'node:util';
import xmlrpc from 'xmlrpc';
import { decodeResponse, encodeCall } from '@koji/core/wire';
import { sql } from '../src/db/sql.js';
import { databases } from './support/databases.js';
import { headersOf, loginAs, post, startRawHub, valueOf } from './support/raw-hub.js';
import type { RawHub } from './support/raw-hub.js';

const [sqlite] = databases;
if (!sqlite) throw new Error('no database to test on');

/** Sends bytes as they are and reads until the other side closes or `done` has seen enough. */
function talk(hub: RawHub, text: string, done: (got: string) => boolean = () => false): Promise<string> {
  const { hostname, port } = new URL(hub.url);
  return new Promise((resolve, reject) => {
    let got = '';
    const socket = net.connect(Number(port), hostname, () => socket.write(text));
    socket.setEncoding('utf8').on('data', (data: string) => {
      got += data;
      if (done(got)) socket.destroy();
    });
    socket.once('close', () => resolve(got));
    socket.once('error', reject);
  });
}

describe('a hub over HTTP', () => {
  let hub: RawHub;

  beforeAll(async () => {
    hub = await startRawHub(sqlite, { options: { BodyTimeout: '1' } });
  });

  afterAll(() => hub.drop());

  test.each(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s of the API is answered 405', async (method) => {
    const answer = await fetch(hub.api, { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('POST');
    expect(answer.headers.get('koji-version')).toBe('1.35.3');
    expect(await answer.text()).toContain('Only POST');
  });

  test.each(['', 'junk', '<methodCall>', '<!DOCTYPE x [<!ENTITY a "b">]><methodCall/>', '\0'])(
    'a body that is not a call (%j) is answered 400',
    async (body) => {
      const answer = await fetch(hub.api, { method: 'POST', body, headers: { 'Content-Type': 'text/xml' } });
      expect(answer.status).toBe(400);
      expect(answer.headers.get('content-type')).toContain('text/plain');
      expect(answer.headers.get('koji-version')).toBe('1.35.3');
    },
  );

  test.each(['a\u0001b', 'a\0b', '&#1;', '\ufffe'])(
    'a text with %j is answered with a fault',
    async (text) => {
      const body = encodeCall('echo', ['HERE']).replace('HERE', text);
      const answer = await fetch(hub.api, { method: 'POST', body, headers: { 'Content-Type': 'text/xml' } });
      expect(answer.status).toBe(200);
      const read = decodeResponse(new Uint8Array(await answer.arrayBuffer()));
      expect(read).toMatchObject({ fault: { faultCode: 1000 } });
      expect(read).toHaveProperty('fault.faultString', expect.stringMatching(/U\+|'&#1;'.*not allow/));
    },
  );

  test('a carriage return in an answer is one where it is read', async () => {
    expect(valueOf(await post(hub.api, 'echo', ['a\r\nb\r']))).toEqual(['a\r\nb\r']);
  });

  test.each(['gzip', 'GZIP', 'deflate', 'identity, br'])('a body in %s is answered 415', async (coding) => {
    for (const type of ['text/xml', 'application/octet-stream']) {
      const headers = { 'Content-Type': type, 'Content-Encoding': coding };
      const answer = await fetch(hub.api, { method: 'POST', body: 'x'.repeat(100_000), headers });
      expect(answer.status).toBe(415);
      expect(await answer.text()).toContain(coding);
    }
  });

  test('a request may name the whole address', async () => {
    const body = encodeCall('hello', []);
    const head = (target: string) =>
      `POST ${target} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    expect(await talk(hub, head('http://hub/kojihub'))).toMatch(/^HTTP\/1\.1 200 [^]*Hello World/);
    expect(await talk(hub, head('HTTP://hub:80/kojihub/ssllogin?'))).toMatch(/^HTTP\/1\.1 200 /);
    expect(await talk(hub, head('http://hub'))).toMatch(/^HTTP\/1\.1 404 /);
    expect(await talk(hub, head('http://hub/kojifiles/').replace('POST', 'GET'))).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('a path of nobody is 404, one below the API is the API', async () => {
    expect((await fetch(`${hub.url}/nobody`)).status).toBe(404);
    expect((await fetch(`${hub.url}/kojihubs`, { method: 'POST' })).status).toBe(404);
    expect(valueOf(await post(`${hub.api}/ssllogin`, 'hello'))).toBe('Hello World');
  });

  test('a small answer says its length, and the connection serves the next call', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const ask = () =>
      new Promise<{ length: string | undefined; port: number | undefined }>((resolve, reject) => {
        const request = http.request(hub.api, { method: 'POST', agent }, (answer) => {
          const port = answer.socket.localPort;
          answer.resume().once('end', () => resolve({ length: answer.headers['content-length'], port }));
        });
        request.once('error', reject).end(encodeCall('hello', []));
      });
    const [first, second] = [await ask(), await ask()];
    agent.destroy();
    expect(Number(first.length)).toBeGreaterThan(0);
    expect(second.port).toBe(first.port);
  });

  test('a long answer comes whole', async () => {
    const text = 'ä<&>'.repeat(80_000);
    expect(valueOf(await post(hub.api, 'echo', [text, [1, 2]]))).toEqual([text, [1, 2]]);
    const repeated = Array.from({ length: 3 }, () => ({ methodName: 'echo', params: [text] }));
    expect(valueOf(await post(hub.api, 'multiCall', [repeated]))).toHaveLength(3);
  });

  test('an answer that cannot be written is a fault, and the connection lives on', async () => {
    const body =
      '<methodCall><methodName>echo</methodName><params><param><value><i8>9223372036854775808</i8></value></param></params></methodCall>';
    const answer = await fetch(hub.api, { method: 'POST', body });
    const read = decodeResponse(new Uint8Array(await answer.arrayBuffer()));
    expect(read).toMatchObject({ fault: { faultCode: 1 } });
    expect(valueOf(await post(hub.api, 'hello'))).toBe('Hello World');
  });

  test('a client that stops in the middle of a call is told so after BodyTimeout', async () => {
    const head = 'POST /kojihub HTTP/1.1\r\nHost: hub\r\nContent-Length: 1000\r\n\r\n<methodCall>';
    const got = await talk(hub, head);
    expect(got).toMatch(/^HTTP\/1\.1 400 /);
    expect(got).toContain('Koji-Version: 1.35.3');
  });

  test('a client that stops in the middle of an upload gets 408', async () => {
    const session = headersOf(await loginAs(hub, 'root'));
    const lines = Object.entries(session).map(([name, value]) => `${name}: ${value}\r\n`);
    const query = 'filename=slow&filepath=slow&fileverify=md5';
    const head = `POST /kojihub?${query} HTTP/1.1\r\nHost: hub\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000\r\n${lines.join('')}\r\nabc`;
    expect(await talk(hub, head)).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('what is not HTTP at all is answered 400 and closed', async () => {
    expect(await talk(hub, 'NONSENSE\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 .*\r\nKoji-Version: 1\.35\.3/);
    const long = `POST /kojihub HTTP/1.1\r\nX-Long: ${'x'.repeat(80_000)}\r\n\r\n`;
    expect(await talk(hub, long)).toMatch(/^HTTP\/1\.1 431 /);
  });

  test('a client that goes away does not wait any longer', async () => {
    const session = await loginAs(hub, 'root');
    const task = valueOf(await post(hub.api, 'makeTask', ['sleep', [1]], headersOf(session))) as number;
    const gone = new AbortController();
    const started = performance.now();
    const waiting = fetch(hub.api, {
      method: 'POST',
      headers: headersOf(session),
      body: encodeCall('waitTask', [task, 0, 60]),
      signal: gone.signal,
    }).catch(() => 'gone');
    setTimeout(() => gone.abort(), 200);
    expect(await waiting).toBe('gone');
    // The hub takes its stop at once only if nobody waits in it any more.
    expect(performance.now() - started).toBeLessThan(45_000);
  });

  test("Python's XML-RPC client understands every kind of value", async () => {
    const script = `
import sys, xmlrpc.client
hub = xmlrpc.client.ServerProxy(sys.argv[1], allow_none=True, use_builtin_types=True)
given = ['ä<&>', 7, -2**31, 1.5, 2.0, True, None, b'\\x00\\xff', [1, [2]], {'a': {'b': []}}]
got = hub.echo(*given)
assert got == given and [type(v) for v in got] == [type(v) for v in given], got
assert hub.getAPIVersion() == 1 and 'listTags' in hub.system.listMethods()
multi = xmlrpc.client.MultiCall(hub)
multi.hello(); multi.echo(1)
assert list(multi()) == ['Hello World', [1]]
try:
    hub.noSuchMethod()
except xmlrpc.client.Fault as fault:
    print(fault.faultCode, fault.faultString)
`;
    const { stdout } = await promisify(execFile)('python3', ['-c', script, hub.api]);
    expect(stdout).toBe('1000 Invalid method: noSuchMethod\n');
  });

  test("npm's xmlrpc client is answered, faults included", async () => {
    const { hostname, port } = new URL(hub.url);
    const client = xmlrpc.createClient({ host: hostname, port: Number(port), path: '/kojihub' });
    const call = (method: string, args: unknown[]) =>
      new Promise((resolve, reject) => {
        client.methodCall(method, args, (error: unknown, value) =>
          error instanceof Error ? reject(error) : resolve(value),
        );
      });
    expect(await call('echo', ['text', 5, { list: [1, 2, true] }])).toEqual([
      'text',
      5,
      { list: [1, 2, true] },
    ]);
    await expect(call('error', [])).rejects.toMatchObject({ faultCode: 1000, faultString: 'test error' });
  });
});

test('a hub that stops lets calls in flight finish, wakes those that wait, and takes no more', async () => {
  const hub = await startRawHub(sqlite);
  try {
    const session = await loginAs(hub, 'root');
    const task = valueOf(await post(hub.api, 'makeTask', ['sleep', [1]], headersOf(session))) as number;
    const waiting = post(hub.api, 'waitTask', [task, 0, 60], headersOf(session));
    const writes = Array.from({ length: 20 }, (_, i) =>
      post(hub.api, 'createTag', [`last-${i}`], headersOf(session)),
    );
    const settled = Promise.allSettled(writes);
    const started = performance.now();
    await Promise.all(writes.slice(0, 3));
    await hub.stop();
    expect(performance.now() - started).toBeLessThan(45_000);
    expect(valueOf(await waiting)).toBeTruthy();
    await expect(post(hub.api, 'hello')).rejects.toThrow();
    const answered = (await settled).filter(({ status }) => status === 'fulfilled');
    const tags = await hub.database.read((db) => db.all(sql`SELECT id FROM tag WHERE name LIKE 'last-%'`));
    expect(tags).toHaveLength(answered.length);
  } finally {
    await hub.drop();
  }
});

test('ServerOffline answers every call with its message, and other verbs with 405 still', async () => {
  const hub = await startRawHub(sqlite, {
    options: { ServerOffline: 'yes', OfflineMessage: 'back at noon' },
  });
  try {
    expect(await post(hub.api, 'hello')).toEqual({ fault: [1014, 'back at noon'] });
    expect((await fetch(hub.api)).status).toBe(405);
  } finally {
    await hub.drop();
  }
});

test('a request may be as long as MaxRequestLength, and not a byte longer', async () => {
  const hub = await startRawHub(sqlite, { options: { MaxRequestLength: '5000' } });
  try {
    const call = encodeCall('hello', []);
    const padded = (length: number) => call.padEnd(length, ' ');
    const send = (length: number) => fetch(hub.api, { method: 'POST', body: padded(length) });
    expect((await send(5000)).status).toBe(200);
    for (const length of [5001, 400_000]) {
      // With another status every client of Koji sends it 30 times.
      const answer = await send(length);
      expect(answer.status).toBe(200);
      expect(decodeResponse(new Uint8Array(await answer.arrayBuffer()))).toEqual({
        fault: { faultCode: 1000, faultString: 'Request too long' },
      });
    }
  } finally {
    await hub.drop();
  }
});
