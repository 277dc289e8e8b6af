import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ActionNotAllowed,
  AuthError,
  GSSAPIAuthError,
  GenericError,
  ServerOffline,
  UnknownFault,
} from '@koji/core';
import { Double } from '@koji/core/wire';
import { ClientSession, RequestError, named } from '../src/index.js';
import type { Retry, SessionOptions } from '../src/index.js';
import { StandIn } from './support/stand-in.js';
import type { Reply, Seen } from './support/stand-in.js';

let hub: StandIn;
let session: ClientSession;

const sessionKey = { 'session-id': 7, 'session-key': '1-key', 'header-auth': true as const };
const quick: SessionOptions = { retryInterval: 0, offlineRetryInterval: 0 };

async function open(
  answer: (seen: Seen, index: number) => Reply,
  options: SessionOptions = quick,
): Promise<void> {
  hub = await StandIn.start(answer);
  session = new ClientSession(hub.url, options);
}

/** Answers logins, and everything else as said. */
function loggedIn(answer: (seen: Seen, calls: number) => Reply): (seen: Seen) => Reply {
  let calls = 0;
  return (seen) => (seen.method === 'login' ? { value: sessionKey } : answer(seen, calls++));
}

afterEach(async () => {
  await session.close();
  await hub.stop();
});

test('an answer that is too long is neither held nor asked for again', async () => {
  await open(() => ({ value: 'x'.repeat(200_000) }), { ...quick, longestAnswer: 100_000 });
  await expect(session.call('getTag', [])).rejects.toThrow(
    /^the answer from http:.* has more than 100000 bytes/,
  );
  expect(hub.seen).toHaveLength(1);
});

test('rows become what a call makes of them as they come; an error in that is the error of the call, once', async () => {
  const rows = Array.from({ length: 5000 }, (_, id) => ({ id, nvr: `package-${id}-1-1` }));
  await open(() => ({ value: rows }), quick);
  const mapRow = (row: unknown): string => (row as { nvr: string }).nvr;
  await expect(session.call('listTagged', ['f44'], {}, { mapRow })).resolves.toEqual(
    rows.map(({ nvr }) => nvr),
  );
  const wrong = new TypeError('not such a row');
  const failing = (row: unknown): unknown => {
    if ((row as { id: number }).id === 4000) throw wrong;
    return row;
  };
  await expect(session.call('listTagged', ['f44'], {}, { mapRow: failing })).rejects.toBe(wrong);
  expect(hub.seen).toHaveLength(2);
});

const callNumbers = (): unknown[] => hub.seen.map((seen) => seen.headers['koji-session-callnum']);

describe('calls', () => {
  test('go out by position, by name, and below a prefix', async () => {
    await open(() => ({ value: 1 }));
    await session.getTag('f44');
    await session.createTag('f44', named({ parent: 'f43' }));
    await session.host.getHost();
    await session.call('anything', [1], { x: 2 });
    await session.untyped['my']?.['own']?.('a');
    expect(hub.seen.map(({ method, params }) => [method, params])).toEqual([
      ['getTag', ['f44']],
      ['createTag', ['f44', { parent: 'f43', __starstar: true }]],
      ['host.getHost', []],
      ['anything', [1, { x: 2, __starstar: true }]],
      ['my.own', ['a']],
    ]);
  });

  test('throw faults as their classes, and unknown ones with their code', async () => {
    await open((_, i) => ({ fault: i === 0 ? [1004, 'no'] : [1, 'broken'] }));
    await expect(session.hello()).rejects.toThrow(new ActionNotAllowed('no'));
    await expect(session.hello()).rejects.toMatchObject(new UnknownFault(1, 'broken'));
  });

  test('give whole floats as numbers, or as Double where asked', async () => {
    await open(() => ({ value: new Double(2) }));
    expect(await session.call('x')).toBe(2);
    const exact = new ClientSession(hub.url, { doubles: 'exact' });
    expect(await exact.call('x')).toEqual(new Double(2));
    await exact.close();
  });

  test('a session can be awaited and printed without calling the hub', async () => {
    await open(() => ({ value: 1 }));
    expect(await Promise.resolve(session)).toBe(session);
    expect(JSON.stringify({ url: session.url })).toContain('/kojihub');
    expect(hub.seen).toEqual([]);
  });
});

describe('answers that do not come', () => {
  test('an anonymous call is not repeated: a status becomes an error that names it', async () => {
    await open(() => ({ status: 503, text: 'try later' }));
    const error = await session.hello().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toMatchObject({ status: 503, message: expect.stringContaining('503') as string });
    expect((error as Error).message).toContain('try later');
    expect(hub.seen).toHaveLength(1);
  });

  test('an anonymous call is repeated with anonRetry', async () => {
    await open((_, i) => (i < 3 ? { status: 500 } : { value: 'done' }), { ...quick, anonRetry: true });
    expect(await session.call('x')).toBe('done');
    expect(hub.seen).toHaveLength(4);
  });

  test('a logged in call is repeated with the same call number, the next has the next one', async () => {
    await open(loggedIn((_, i) => (i === 0 ? { status: 502 } : i === 1 ? 'drop' : { value: i })));
    await session.login('alice', 'secret');
    await session.call('first');
    await session.call('second');
    expect(hub.methods).toEqual(['login', 'first', 'first', 'first', 'second']);
    expect(callNumbers()).toEqual([undefined, '0', '0', '0', '1']);
  });

  test('repetition ends after maxRetries', async () => {
    await open(
      loggedIn(() => ({ status: 500 })),
      { ...quick, maxRetries: 2 },
    );
    await session.login('alice', 'secret');
    await expect(session.call('x')).rejects.toThrow('HTTP status 500');
    expect(hub.seen).toHaveLength(4);
  });

  test.each([301, 400, 401, 403, 404, 405, 413, 415, 499])(
    'a call that is answered with status %d is not repeated',
    async (status) => {
      await open(loggedIn(() => ({ status, text: 'Request too long' })));
      await session.login('alice', 'secret');
      await expect(session.call('x')).rejects.toMatchObject({ status, final: true });
      await expect(session.call('x')).rejects.toThrow('Request too long');
      expect(hub.methods).toEqual(['login', 'x', 'x']);
    },
  );

  test('a login and a chunk of an upload are not repeated either', async () => {
    await open((seen, i) => (i === 1 ? { value: sessionKey } : { status: 400 }), {
      ...quick,
      anonRetry: true,
    });
    await expect(session.login('alice', 'secret')).rejects.toMatchObject({ status: 400 });
    await session.login('alice', 'secret');
    await expect(session.uploadBytes(Buffer.from('x'), 'dir', { name: 'x' })).rejects.toMatchObject({
      status: 400,
    });
    expect(hub.methods).toEqual(['login', 'login', 'rawUpload']);
  });

  test.each([408, 429, 500, 502, 503, 504])('a call that is answered with status %d is', async (status) => {
    await open(loggedIn((_, i) => (i === 0 ? { status } : { value: 'done' })));
    await session.login('alice', 'secret');
    expect(await session.call('x')).toBe('done');
  });

  test('each retry is told: what failed, why, when it continues and when it ends', async () => {
    const retries: Retry[] = [];
    const onRetry = (retry: Retry) => void retries.push(retry);
    await open(
      loggedIn((_, i) =>
        i < 2 ? { status: 500, text: 'oh' } : i < 3 ? 'drop' : { fault: [1014, 'offline'] },
      ),
      { retryInterval: 0.01, maxRetries: 4, onRetry },
    );
    await session.login('alice', 'secret');
    await expect(session.call('x')).rejects.toThrow(new ServerOffline('offline'));
    expect(retries.map(({ method, tries, delay }) => [method, tries, delay])).toEqual([
      ['x', 1, 0],
      ['x', 2, 0.01],
    ]);
    expect(retries[0]?.error).toMatchObject({
      status: 500,
      message: expect.stringContaining('oh') as string,
    });
    const until = retries[0]?.until?.getTime() ?? 0;
    expect(Math.abs(until - Date.now())).toBeLessThan(60_000);
  });

  test('a hub that is offline is told to be, without an end', async () => {
    const retries: Retry[] = [];
    await open((_, i) => (i < 2 ? { fault: [1014, 'offline'] } : { value: 1 }), {
      ...quick,
      offlineRetry: true,
      onRetry: (retry) => void retries.push(retry),
    });
    await session.call('x');
    expect(retries.map(({ tries, until }) => [tries, until])).toEqual([
      [1, null],
      [2, null],
    ]);
  });

  test('the server says when it wants the request again, in seconds or as a date', async () => {
    const delays: number[] = [];
    const wanted = ['0', new Date(Date.now() - 5000).toUTCString(), '1', 'soon'];
    await open(
      loggedIn((_, i) => {
        const header = wanted[i];
        return header === undefined ? { value: 1 } : { status: 429, headers: { 'retry-after': header } };
      }),
      { retryInterval: 0.25, onRetry: ({ delay }) => void delays.push(delay) },
    );
    await session.login('alice', 'secret');
    await session.call('x');
    expect(delays).toEqual([0, 0, 1, 0.25]);
  });

  test('a dropped connection is tried once more at once, even anonymously', async () => {
    await open((_, i) => (i === 1 ? 'drop' : { value: i }));
    await session.call('x');
    expect(await session.call('y')).toBe(2);
  });

  test('nobody listening is an error that names the address and the reason', async () => {
    await open(() => ({ value: 1 }));
    await hub.stop();
    await expect(session.hello()).rejects.toMatchObject({ status: null, code: 'ECONNREFUSED' });
    await expect(session.hello()).rejects.toThrow(/127\.0\.0\.1.*ECONNREFUSED/);
    hub = await StandIn.start(() => ({ value: 1 }));
  });

  test('an answer that is not XML-RPC is an error, not a value', async () => {
    await open(() => ({ status: 200, text: '<html>login page</html>' }));
    await expect(session.hello()).rejects.toMatchObject({ name: 'RequestError', code: 'BAD_ANSWER' });
  });

  test('silence ends the call after its timeout', async () => {
    await open(() => 'hang');
    await expect(session.call('x', [], {}, { timeout: 0.2 })).rejects.toMatchObject({
      code: 'ETIMEDOUT',
    });
  });

  test('closing ends the calls under way, those that wait for a connection too, and later ones', async () => {
    await open(() => 'hang', { connections: 1 });
    const running = ['x', 'y'].map((method) => session.call(method));
    setTimeout(() => void session.close(), 100);
    for (const call of running) await expect(call).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await expect(session.call('z')).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    expect(hub.methods).toEqual(['x']);
  });

  test('an aborted call ends at once, and one that waits for its turn is never sent', async () => {
    await open(loggedIn(() => 'hang'));
    await session.login('alice', 'secret');
    const stop = new AbortController();
    const running = session.call('x', [], {}, { signal: stop.signal });
    const waiting = session.call('y', [], {}, { signal: stop.signal });
    setTimeout(() => stop.abort(new Error('enough')), 100);
    await expect(running).rejects.toThrow('enough');
    await expect(waiting).rejects.toThrow('enough');
    expect(hub.methods).toEqual(['login', 'x']);
  });
});

describe('a hub that is offline', () => {
  const offline = (_: Seen, i: number): Reply => (i < 2 ? { fault: [1014, 'away'] } : { value: 'back' });

  test('is an error by default', async () => {
    await open(offline);
    await expect(session.hello()).rejects.toBeInstanceOf(ServerOffline);
  });

  test('is waited for with offlineRetry', async () => {
    await open(offline, { ...quick, offlineRetry: true });
    expect(await session.call('x')).toBe('back');
  });
});

describe('logins', () => {
  test('calls of one login go out one after the other, in order', async () => {
    await open(loggedIn((_, i) => ({ value: i })));
    await session.login('alice', 'secret');
    await Promise.all(Array.from({ length: 20 }, (_, i) => session.call(`c${i}`)));
    expect(hub.methods.slice(1)).toEqual(Array.from({ length: 20 }, (_, i) => `c${i}`));
    expect(callNumbers().slice(1)).toEqual(Array.from({ length: 20 }, (_, i) => String(i)));
  });

  test('a call that is made aside has no number and does not hold others up', async () => {
    await open(loggedIn((seen) => (seen.method === 'wait' ? 'hang' : { value: 1 })));
    await session.login('alice', 'secret');
    const stop = new AbortController();
    const wait = session.call('wait', [], {}, { aside: true, signal: stop.signal }).catch(() => 'stopped');
    await session.call('x');
    stop.abort();
    expect(await wait).toBe('stopped');
    const waited = hub.seen.find((seen) => seen.method === 'wait');
    expect(waited?.headers).toMatchObject({ 'koji-session-id': '7' });
    expect(waited?.headers).not.toHaveProperty('koji-session-callnum');
  });

  test('an expired login is renewed once, with its old key, and the call made again', async () => {
    const renewed = { ...sessionKey, 'session-key': '1-new' };
    await open((seen) => {
      if (seen.method === 'login') return { value: hub.seen.length === 1 ? sessionKey : renewed };
      return seen.headers['koji-session-key'] === '1-new' ? { value: 'fine' } : { fault: [1007, 'expired'] };
    });
    await session.login('alice', 'secret');
    expect(await session.call('x')).toBe('fine');
    expect(hub.methods).toEqual(['login', 'x', 'login', 'x']);
    expect(hub.seen[2]?.params).toEqual([
      'alice',
      'secret',
      { renew: true, exclusive: false, __starstar: true },
    ]);
    expect(hub.seen[2]?.headers).toMatchObject({ 'koji-session-id': '7', 'koji-session-key': '1-key' });
    const numbers = callNumbers().slice(1).map(Number);
    expect([...numbers].sort((a, b) => a - b)).toEqual(numbers);
  });

  test('a renewal that fails is the error of the call', async () => {
    await open((seen) =>
      seen.method === 'login' && hub.seen.length === 1
        ? { value: sessionKey }
        : { fault: seen.method === 'login' ? [1002, 'no more'] : [1007, 'expired'] },
    );
    await session.login('alice', 'secret');
    await expect(session.call('x')).rejects.toThrow(new AuthError('no more'));
  });

  test('user and password come from the options, and their lack is an error that says so', async () => {
    await open(
      loggedIn(() => ({ value: 1 })),
      { user: 'alice', password: 'secret' },
    );
    await session.login();
    expect(hub.seen[0]?.params).toEqual(['alice', 'secret']);
    const other = new ClientSession(hub.url);
    await expect(other.login()).rejects.toThrow('give login(user, password)');
    await other.close();
  });

  test('a login without header-auth puts the session into the address', async () => {
    await open((seen) => ({
      value: seen.method === 'login' ? { 'session-id': 7, 'session-key': 'k' } : 1,
    }));
    await session.login('alice', 'secret');
    await session.call('x');
    expect(hub.seen[1]?.url).toBe('/kojihub?session-id=7&session-key=k&callnum=0');
    expect(hub.seen[1]?.headers).not.toHaveProperty('koji-session-id');
  });

  test('logging out forgets the login even when it was expired, and is nothing when anonymous', async () => {
    await open(loggedIn(() => ({ fault: [1007, 'expired'] })));
    await session.logout();
    expect(hub.seen).toEqual([]);
    await session.login('alice', 'secret');
    await session.logout();
    expect(session.loggedIn).toBe(false);
    expect(hub.methods).toEqual(['login', 'logout']);
  });

  test('a subsession has numbers of its own and renews its login as its master would', async () => {
    const sub = { ...sessionKey, 'session-id': 8 };
    await open(loggedIn((seen, i) => (seen.method === 'subsession' ? { value: sub } : { value: i })));
    await session.login('alice', 'secret');
    const child = await session.subsession();
    await child.call('x');
    expect(child.sessionKey).toEqual(sub);
    expect(hub.seen.at(-1)?.headers).toMatchObject({ 'koji-session-id': '8', 'koji-session-callnum': '0' });
    await child.close();
  });

  test('Kerberos reports that it is missing, and the alternatives', async () => {
    await open(() => ({ value: 1 }));
    await expect(session.loginWithKerberos()).rejects.toBeInstanceOf(GSSAPIAuthError);
    await expect(session.loginWithKerberos()).rejects.toThrow('authtype = password');
  });
});

describe('multicalls', () => {
  const echo = (seen: Seen): Reply => ({
    value: (seen.params[0] as { methodName: string; params: unknown[] }[]).map(({ methodName, params }) =>
      methodName === 'fail' ? { faultCode: 1000, faultString: `no ${String(params[0])}` } : [params],
    ),
  });

  test('collect calls, send them together and settle each with its own result or fault', async () => {
    await open(echo);
    const calls = session.multicall();
    const tag = calls.getTag('f44', named({ strict: true }));
    const failing = calls.call('fail', ['way']);
    const host = calls.host.getHost();
    const outcomes = await calls.run();
    expect(hub.methods).toEqual(['multiCall']);
    expect(await tag).toEqual(['f44', { strict: true, __starstar: true }]);
    await expect(failing).rejects.toThrow(new GenericError('no way'));
    expect(host.result).toEqual([]);
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([true, false, true]);
  });

  test('are sent in batches', async () => {
    await open(echo);
    const calls = session.multicall({ batch: 2 });
    const entries = [1, 2, 3, 4, 5].map((n) => calls.call('echo', [n]));
    await calls.run();
    expect(hub.seen.map((seen) => (seen.params[0] as unknown[]).length)).toEqual([2, 2, 1]);
    expect(entries.map((entry) => entry.result)).toEqual([[1], [2], [3], [4], [5]]);
  });

  test('throw the first fault where strict', async () => {
    await open(echo);
    const calls = session.multicall({ strict: true });
    calls.call('echo');
    calls.call('fail', ['one']);
    calls.call('fail', ['two']);
    await expect(calls.run()).rejects.toThrow('no one');
  });

  test('have no results before they ran, say so, and are empty without a request', async () => {
    await open(echo);
    const calls = session.multicall();
    expect(await calls.run()).toEqual([]);
    const entry = calls.getTag('x');
    expect(() => entry.result).toThrow('run() first');
    await expect(entry).rejects.toThrow('run() first');
    expect(hub.seen).toEqual([]);
  });

  test('a request that fails fails all its calls', async () => {
    await open(() => ({ fault: [1004, 'locked out'] }));
    const calls = session.multicall();
    const entry = calls.getTag('x');
    await expect(calls.run()).rejects.toThrow('locked out');
    await expect(entry).rejects.toThrow('locked out');
  });
});

describe('uploads over a bad line', () => {
  test('a chunk that had to be sent again is followed by a check of the whole file', async () => {
    const file = join(tmpdir(), `koji-upload-${process.pid}.bin`);
    await writeFile(file, Buffer.alloc(10, 'abcdefghij'));
    const sums = ['abcd', 'efgh', 'ij'].map((text) => adler(text));
    let dropped = false;
    await open(
      loggedIn((seen) => {
        if (seen.method === 'checkUpload')
          return { value: { size: 10, mtime: 1.5, hexdigest: adler('abcdefghij') } };
        const offset = Number(new URLSearchParams(seen.url.split('?')[1]).get('offset'));
        if (offset === 4 && !dropped) {
          dropped = true;
          return { status: 500 };
        }
        return {
          value: { size: seen.body.length, hexdigest: sums[offset / 4], offset, fileverify: 'adler32' },
        };
      }),
    );
    await session.login('alice', 'secret');
    const progress: number[] = [];
    await session.upload(file, 'cli-x', {
      blocksize: 4,
      name: 'n',
      onProgress: ({ done }) => progress.push(done),
    });
    expect(progress).toEqual([0, 4, 8, 10]);
    expect(hub.seen.at(-1)).toMatchObject({
      method: 'checkUpload',
      params: ['cli-x', 'n', { verify: 'adler32', __starstar: true }],
    });
  });

  test('a chunk that arrived otherwise is an error', async () => {
    await open(
      loggedIn(() => ({ value: { size: 3, hexdigest: '00000000', offset: 0, fileverify: 'adler32' } })),
    );
    await session.login('alice', 'secret');
    await expect(session.uploadBytes(Buffer.from('abc'), 'd', { name: 'n' })).rejects.toThrow(
      'upload checksum failed',
    );
  });

  test('without a login nothing is sent', async () => {
    await open(() => ({ value: 1 }));
    await expect(session.uploadBytes(Buffer.from('abc'), 'd', { name: 'n' })).rejects.toThrow(
      'must be logged in',
    );
    expect(hub.seen).toEqual([]);
  });
});

/** Adler-32 by its definition. */
function adler(text: string): string {
  let [a, b] = [1, 0];
  for (const byte of Buffer.from(text)) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return (b * 65_536 + a).toString(16).padStart(8, '0');
}
