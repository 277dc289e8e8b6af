import http from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeCall, encodeArgs, decodeResponse } from '@koji/core/wire';
import { LoginGuard } from '../src/auth/login-guard.js';
import type { LoginLimits } from '../src/auth/login-guard.js';
import { hashPassword } from '../src/auth/passwords.js';
import { databases } from './support/databases.js';
import { headersOf, loginAs, post, startRawHub, valueOf } from './support/raw-hub.js';
import type { RawHub } from './support/raw-hub.js';

const log = { debug() {}, info() {}, warn() {}, warning() {}, error() {} };
const anything: unknown = expect.anything();
const aText: unknown = expect.any(String);
const part = (methodName: string, ...params: unknown[]) => ({ methodName, params });

/** Posts a call from another address of this machine. */
function postFrom(
  localAddress: string,
  url: string,
  { method, args, headers = {} }: { method: string; args: unknown[]; headers?: Record<string, string> },
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: 'POST', localAddress, agent: false, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve(decodeResponse(Buffer.concat(chunks), { doubles: 'number' })));
    });
    request.on('error', reject).end(encodeCall(method, encodeArgs(args)));
  });
}

describe.each(databases)('logins by strangers on $name', (kind) => {
  let hub: RawHub;

  beforeAll(async () => {
    const options = {
      FailedLogins: '3',
      FailedLoginsPerAddress: '8',
      TrustedProxies: '127.0.0.9',
      MaxWaitingLogins: '60',
    };
    hub = await startRawHub(kind, { options });
    await hub.addUser('alice');
    await hub.addUser('bob', { slow: true });
    await hub.addUser('carol');
  });

  afterAll(() => hub.drop());

  const wrong = { fault: { faultCode: 1002, faultString: 'invalid username or password' } };
  const refused = (of: string) => ({
    fault: {
      faultCode: 1002,
      faultString: expect.stringMatching(
        new RegExp(`^too many failed logins ${of}: try again in \\d+ seconds$`),
      ) as unknown,
    },
  });
  const login = (from: string, user: string, password: string, headers: Record<string, string> = {}) =>
    postFrom(from, hub.api, { method: 'login', args: [user, password], headers });

  test('a user is refused after wrong passwords from one address, and logs in from any other', async () => {
    for (let i = 0; i < 3; i++) expect(await login('127.0.0.2', 'alice', 'guess')).toEqual(wrong);
    expect(await login('127.0.0.2', 'alice', 'alice')).toEqual(refused('of this user'));
    expect(await login('127.0.0.3', 'alice', 'alice')).toMatchObject({
      value: { 'session-key': aText },
    });
    expect(await login('127.0.0.2', 'bob', 'bob')).toMatchObject({ value: anything });
  });

  test('users that do not exist are counted like others', async () => {
    for (let i = 0; i < 3; i++) expect(await login('127.0.0.4', 'nobody', 'guess')).toEqual(wrong);
    expect(await login('127.0.0.4', 'nobody', 'guess')).toEqual(refused('of this user'));
  });

  test('an address is refused after wrong passwords of many users, other addresses are not', async () => {
    for (let i = 0; i < 8; i++) expect(await login('127.0.0.5', `u${i}`, 'guess')).toEqual(wrong);
    expect(await login('127.0.0.5', 'bob', 'bob')).toEqual(refused('from this address'));
    expect(await login('127.0.0.6', 'bob', 'bob')).toMatchObject({ value: anything });
  });

  test('a right password makes up for the wrong ones before it', async () => {
    for (const password of ['a', 'b', 'carol', 'a', 'b', 'carol'])
      expect(await login('127.0.0.7', 'carol', password)).toEqual(
        password === 'carol' ? { value: anything } : wrong,
      );
  });

  test('clients behind a trusted proxy have addresses of their own, others cannot make up theirs', async () => {
    const via = (address: string) => ({ 'X-Forwarded-For': `1.2.3.4, ${address}` });
    for (let i = 0; i < 3; i++)
      expect(await login('127.0.0.9', 'alice', 'guess', via('192.0.2.1'))).toEqual(wrong);
    expect(await login('127.0.0.9', 'alice', 'alice', via('192.0.2.1'))).toEqual(refused('of this user'));
    expect(await login('127.0.0.9', 'alice', 'alice', via('192.0.2.2'))).toMatchObject({
      value: anything,
    });
    for (let i = 0; i < 3; i++)
      expect(await login('127.0.0.10', 'alice', 'guess', via(`192.0.2.1${i}`))).toEqual(wrong);
    expect(await login('127.0.0.10', 'alice', 'alice', via('192.0.2.20'))).toEqual(refused('of this user'));
  });

  test('a password that takes long to normalise is a wrong one, and holds nobody up', async () => {
    const password = `a${'\u0315\u0300'.repeat(600_000)}`;
    const delay = monitorEventLoopDelay({ resolution: 10 });
    delay.enable();
    expect(await login('127.0.0.12', 'bob', password)).toEqual(wrong);
    delay.disable();
    // To normalise it would take minutes; what is left is to write it down and to read it.
    expect(delay.max / 1e6).toBeLessThan(3000);
    await expect(hashPassword(password)).rejects.toThrow('a password has at most 1024 characters');
  });

  test('the order of checks is that of Koji also when logins are refused', async () => {
    for (let i = 0; i < 3; i++) await login('127.0.0.11', 'bob', 'guess');
    expect(await login('127.0.0.11', 'bob', '')).toEqual(wrong);
    expect(await login('127.0.0.11', 'bob', 'bob')).toEqual(refused('of this user'));
  });

  test('a multicall of logins leaves the database to others', async () => {
    const root = headersOf(await loginAs(hub, 'root'));
    const state = { over: false };
    const logins = Array.from({ length: 10 }, () => part('login', 'bob', 'bob'));
    const flood = post(hub.api, 'multiCall', [logins]).finally(() => (state.over = true));
    let made = 0;
    while (!state.over && made < 3)
      valueOf(await post(hub.api, 'createTag', [`beside-logins-${made++}`], root));
    expect(state.over).toBe(false);
    const sessions = valueOf(await flood) as unknown[];
    expect(sessions).toHaveLength(logins.length);
    for (const session of sessions)
      expect(session).toEqual([expect.objectContaining({ 'header-auth': true })]);
  });

  test('calls that write do so beside a login of the same multicall, and one that fails fails alone', async () => {
    const root = headersOf(await loginAs(hub, 'root'));
    const parts = [
      part('createTag', 'beside-1'),
      part('login', 'bob', 'guess'),
      part('createTag', 'beside-1'),
      part('getTagID', 'beside-1'),
      part('multiCall', [part('sslLogin'), part('createTag', 'beside-2')]),
    ];
    const id = expect.any(Number) as number;
    expect(valueOf(await post(hub.api, 'multiCall', [parts], root))).toEqual([
      [id],
      expect.objectContaining({ faultCode: 1002, faultString: 'Already logged in' }),
      expect.objectContaining({ faultCode: 1000 }),
      [id],
      [[expect.objectContaining({ faultCode: 1002 }), [id]]],
    ]);
  });

  test('a multicall ends with its client', async () => {
    const root = headersOf(await loginAs(hub, 'root'));
    const sessions = async () =>
      (valueOf(await post(hub.api, 'getSessionInfo', [true, 'bob'], root)) as unknown[]).length;
    const logins = (count: number) => [Array.from({ length: count }, () => part('login', 'bob', 'bob'))];
    const before = await sessions();
    const gone = new AbortController();
    const body = encodeCall('multiCall', logins(60));
    const flood = fetch(hub.api, { method: 'POST', body, signal: gone.signal });
    while ((await sessions()) === before) await sleep(10);
    gone.abort();
    await expect(flood).rejects.toThrow();
    const then = await sessions();
    // If the other one continued, it would reach the same point as this one.
    valueOf(await post(hub.api, 'multiCall', logins(6)));
    expect((await sessions()) - then).toBeLessThan(6 + 3);
  });
});

describe('the turns of logins', () => {
  const limits: LoginLimits = {
    PasswordChecks: 2,
    MaxWaitingLogins: 10,
    FailedLogins: 2,
    FailedLoginsPerAddress: 5,
    FailedLoginPause: 60,
  };

  /** Checks that end when they are told to. */
  function held() {
    const open: (() => void)[] = [];
    let running = 0;
    let most = 0;
    return {
      open,
      most: () => most,
      check: async (): Promise<true> => {
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => open.push(resolve));
        running -= 1;
        return true;
      },
    };
  }
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const client = (address: string, gone = () => false) => ({ address, gone });

  test('only so many passwords are checked at a time, and addresses take turns', async () => {
    const guard = new LoginGuard(limits, log);
    const checks = held();
    const done: string[] = [];
    const start = (address: string, user: string) =>
      guard.check({ user, client: client(address) }, checks.check).then(
        () => done.push(user),
        (error: unknown) => done.push(`${user}: ${(error as Error).message}`),
      );
    for (let i = 0; i < 6; i++) void start('10.0.0.1', `a${i}`);
    void start('10.0.0.2', 'b0');
    await settle();
    while (done.length < 7) {
      checks.open.shift()?.();
      await settle();
    }
    expect(checks.most()).toBe(2);
    expect(done.indexOf('b0')).toBeLessThan(4);
  });

  test('when too many wait, an address with many of them makes room for others', async () => {
    const guard = new LoginGuard(limits, log);
    const checks = held();
    const problems: string[] = [];
    const start = (address: string, user: string) =>
      void guard
        .check({ user, client: client(address) }, checks.check)
        .catch((error: unknown) => problems.push(`${user}: ${(error as Error).message}`));
    for (let i = 0; i < 13; i++) start('10.0.0.1', `a${i}`);
    await settle();
    expect(problems).toEqual(['a12: too many logins at once: try again in a moment']);
    start('10.0.0.2', 'b0');
    await settle();
    expect(problems.slice(1)).toEqual(['a11: too many logins at once: try again in a moment']);
  });

  test('nothing is checked for clients that went away', async () => {
    const guard = new LoginGuard(limits, log);
    const checks = held();
    const gone = { now: false };
    const starts = [0, 1].map(() => guard.check({ user: 'a', client: client('10.0.0.1') }, checks.check));
    let checked = false;
    const late = guard.check({ user: 'a', client: client('10.0.0.1', () => gone.now) }, async () => {
      checked = true;
      return true;
    });
    gone.now = true;
    for (const open of checks.open) open();
    await Promise.all(starts);
    await expect(late).rejects.toThrow('the client went away');
    expect(checked).toBe(false);
  });

  test('a refusal ends after its time, and the addresses of one network are one', async () => {
    let time = 0;
    const guard = new LoginGuard(limits, log, () => time);
    const fail = (address: string) => guard.check({ user: 'a', client: client(address) }, async () => null);
    await fail('2001:db8::1');
    await fail('2001:db8:0:0:ffff::7');
    await expect(fail('2001:0db8::192.0.2.1')).rejects.toThrow('try again in 60 seconds');
    expect(await fail('2001:db8:0:1::1')).toBeNull();
    time = 60_000;
    expect(await fail('2001:db8::1')).toBeNull();
  });

  test('many addresses do not fill the memory', async () => {
    const guard = new LoginGuard({ ...limits, FailedLoginPause: 1e6 }, log);
    const fail = (n: number) =>
      guard.check(
        { user: 'a', client: client(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`) },
        async () => null,
      );
    for (let n = 0; n < 12_000; n++) await fail(n);
    await fail(11_999);
    await expect(fail(11_999)).rejects.toThrow('too many failed logins');
    // The oldest were forgotten.
    for (let i = 0; i < 2; i++) expect(await fail(0)).toBeNull();
  });
});
