import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NewToken, TokenInfo } from '@koji/core/api';
import { named, splitNamed } from '@koji/core/wire';
import { sql } from '../src/db/sql.js';
import { databases } from './support/databases.js';
import { headersOf, loginAs, post, readOutcome, startRawHub, valueOf } from './support/raw-hub.js';
import type { Outcome, RawHub } from './support/raw-hub.js';

const bearer = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` });
/** Arguments of which the last may be named ones. */
function wireArgs(given: readonly unknown[]): unknown[] {
  const { args, keywords } = splitNamed(given);
  return Object.keys(keywords).length === 0 ? [...args] : [...args, { ...keywords, __starstar: true }];
}

const refused = (text: string): unknown => ({ fault: [1004, expect.stringContaining(text)] });

describe.each(databases)('tokens on $name', (kind) => {
  let hub: RawHub;
  let sessions: Record<string, Record<string, string>>;

  beforeAll(async () => {
    hub = await startRawHub(kind, { options: { LogLevel: 'DEBUG', FailedLoginsPerAddress: '20' } });
    for (const name of ['alice', 'bob', 'robot', 'gone']) await hub.addUser(name);
    sessions = {};
    for (const name of ['root', 'alice', 'bob', 'robot', 'gone'])
      sessions[name] = headersOf(await loginAs(hub, name));
    for (const perm of ['tag', 'target', 'host']) await as('root', 'grantPermission', 'alice', perm);
    await as('root', 'createTag', 'f44');
    await as('root', 'addHost', 'builder', ['x86_64']);
  });

  afterAll(() => hub.drop());

  const send = (user: string, method: string, ...args: unknown[]): Promise<Outcome> =>
    post(hub.api, method, wireArgs(args), sessions[user]);
  const as = async (user: string, method: string, ...args: unknown[]): Promise<unknown> =>
    valueOf(await send(user, method, ...args));
  const make = async (user: string, name: string, more: Readonly<Record<string, unknown>> = {}) =>
    (await as(user, 'createToken', name, named(more))) as NewToken;
  const by = (token: string, method: string, ...args: unknown[]): Promise<Outcome> =>
    post(hub.api, method, wireArgs(args), bearer(token));

  test('a token calls as its user, without a session, until it is revoked', async () => {
    const { token, id, ...info } = await make('alice', 'nightly');
    expect(token).toMatch(/^kojitoken_[A-Za-z0-9]{43}$/);
    expect(info).toMatchObject({
      ...{ user_name: 'alice', name: 'nightly', read_only: false, methods: null, permissions: null },
      ...{ last_use_time: null, revoke_time: null },
    });
    expect(Number(info.expire_ts) - Number(info.create_ts)).toBeCloseTo(90 * 86_400, -2);
    expect(valueOf(await by(token, 'getLoggedInUser'))).toMatchObject({ name: 'alice', authtype: 100 });
    expect(valueOf(await by(token, 'getSessionInfo'))).toBeNull();
    expect(valueOf(await by(token, 'showSession'))).toBe(`token ${id}: {"user":"alice"}`);
    expect(valueOf(await by(token, 'getPerms'))).toEqual(expect.arrayContaining(['tag', 'target', 'host']));
    expect(valueOf(await by(token, 'createTag', 'by-token'))).toEqual(expect.any(Number));
    expect(await by(token, 'createUser', 'carol')).toEqual(
      refused('admin permission required (logged in as alice)'),
    );
    await as('alice', 'revokeToken', id);
    expect(await by(token, 'getPerms')).toEqual({
      fault: [1002, "token 'nightly' of alice was revoked"],
    });
    expect(await as('alice', 'revokeToken', id)).toBeNull();
  });

  test('only the hash is kept', async () => {
    const { token, id } = await make('alice', 'hashed');
    const row = await hub.database.read((db) =>
      db.get<Record<string, unknown>>(sql`SELECT * FROM api_token WHERE id = ${id}`),
    );
    expect(row?.key).toBe(createHash('sha256').update(token).digest('hex'));
    expect(JSON.stringify(row)).not.toContain(token.slice(10));
  });

  test('the door for JSON and raw uploads take tokens', async () => {
    const { token } = await make('alice', 'json');
    const answer = await fetch(`${hub.api}/json`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...bearer(token) },
      body: JSON.stringify([
        { jsonrpc: '2.0', id: 1, method: 'getLoggedInUser' },
        { jsonrpc: '2.0', id: 2, method: 'createUser', params: ['carol'] },
      ]),
    });
    expect(await answer.json()).toMatchObject([
      { result: { name: 'alice' } },
      { error: { data: { faultCode: 1004 } } },
    ]);
    expect(await upload(token)).toMatchObject({ value: { size: 5 } });
    const { token: reader } = await make('alice', 'no uploads', { read_only: true });
    expect(await upload(reader)).toEqual(refused('uploadFile may change something'));
    const { token: tagger } = await make('alice', 'tags only', { methods: ['createTag'] });
    expect(await upload(tagger)).toEqual(refused('uploadFile is not among its methods'));
    const { token: uploader } = await make('alice', 'uploads only', { methods: ['uploadFile'] });
    expect(await upload(uploader)).toMatchObject({ value: { size: 5 } });
  });

  const upload = async (token: string): Promise<Outcome> => {
    const query = new URLSearchParams({
      filename: 'hello',
      filepath: `cli-build/${token.slice(-8)}`,
      fileverify: 'adler32',
      offset: '0',
      overwrite: '1',
    });
    const body = Buffer.from('hello');
    return readOutcome(
      await fetch(`${hub.api}?${query.toString()}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/octet-stream', ...bearer(token) },
        body,
      }),
    );
  };

  test('a read-only token changes nothing, whichever way it calls', async () => {
    const { token } = await make('alice', 'reader', { read_only: true });
    expect(valueOf(await by(token, 'getTag', 'f44'))).toMatchObject({ name: 'f44' });
    expect(valueOf(await by(token, 'count', 'listTags'))).toEqual(expect.any(Number));
    const text = 'createTag may change something, and the token is read-only';
    expect(await by(token, 'createTag', 'never')).toEqual(refused(text));
    expect(await by(token, 'count', 'createTag', 'never')).toEqual(refused(text));
    const calls = [
      { methodName: 'createTag', params: ['never'] },
      { methodName: 'getTag', params: ['f44'] },
      {
        methodName: 'multiCall',
        params: [[{ methodName: 'createTag', params: ['never'] }]],
      },
    ];
    expect(valueOf(await by(token, 'multiCall', calls))).toEqual([
      {
        faultCode: 1004,
        faultString: expect.stringContaining(text) as string,
        traceback: expect.anything() as unknown,
      },
      [expect.objectContaining({ name: 'f44' })],
      [[expect.objectContaining({ faultCode: 1004 })]],
    ]);
    // A method that opens its own transactions and writes in one of them.
    expect(await by(token, 'getRPMChecksums', 1)).toEqual(refused('getRPMChecksums may change something'));
    expect(await as('root', 'getTag', 'never')).toBeNull();
  });

  test('a token with methods is for these and public reads alone, also in a multicall and by count', async () => {
    const { token, methods } = await make('alice', 'two methods', { methods: ['getTag', 'createTag'] });
    expect(methods).toEqual(['createTag', 'getTag']);
    expect(valueOf(await by(token, 'createTag', 'second'))).toEqual(expect.any(Number));
    expect(valueOf(await by(token, 'listTags'))).toEqual(expect.any(Array));
    const text = 'editTag2 is not among its methods';
    expect(await by(token, 'editTag2', 'second', named({ arches: 'x86_64' }))).toEqual(refused(text));
    expect(await by(token, 'count', 'editTag2', 'second')).toEqual(refused(text));
    expect(await by(token, 'filterResults', 'editTag2', 'second')).toMatchObject({
      fault: [1000, expect.stringContaining(text)],
    });
    // Methods that read but need a login are not public.
    expect(await by(token, 'listTokens')).toEqual(refused('listTokens is not among its methods'));
    const calls = ['getTag', 'editTag2', 'createTag'].map((methodName) => ({
      methodName,
      params: [methodName === 'createTag' ? 'third' : 'f44'],
    }));
    expect(valueOf(await by(token, 'multiCall', calls))).toEqual([
      [expect.objectContaining({ name: 'f44' })],
      expect.objectContaining({ faultCode: 1004 }),
      [expect.any(Number)],
    ]);
  });

  test('a token has no more permissions than it names, and no more than its user has', async () => {
    const { token } = await make('alice', 'tags', { permissions: ['tag', 'target'] });
    expect(valueOf(await by(token, 'getPerms'))).toEqual(['tag', 'target']);
    expect(await by(token, 'enableHost', 'builder')).toEqual(refused('host permission required'));
    await as('root', 'revokePermission', 'alice', 'target');
    expect(valueOf(await by(token, 'getPerms'))).toEqual(['tag']);
    expect(await by(token, 'createBuildTarget', 't', 'f44', 'f44')).toEqual(
      refused('target permission required'),
    );
    await as('root', 'grantPermission', 'alice', 'target');
    expect(valueOf(await by(token, 'createBuildTarget', 't', 'f44', 'f44'))).toBeNull();
    // Requirements of policies and tags are limited in the same way.
    expect(await by(token, 'listTokens', named({ everybody: true }))).toEqual(
      refused('admin permission required'),
    );
    const { token: part } = await make('root', 'part of admin', { permissions: ['tag'] });
    expect(valueOf(await by(part, 'createTag', 'by-admin'))).toEqual(expect.any(Number));
    expect(await by(part, 'createUser', 'carol')).toEqual(refused('admin permission required'));
  });

  test("a token's permissions count where a tag or a policy asks for its user's", async () => {
    await as('root', 'createTag', named({ name: 'guarded', perm: 'host' }));
    await as('root', 'packageListAdd', 'guarded', 'bash', 'alice');
    await as('root', 'createEmptyBuild', 'bash', '1', '1', null);
    const { token } = await make('alice', 'no host', { permissions: [] });
    expect(valueOf(await by(token, 'checkTagAccess', 'guarded'))).toEqual([
      false,
      false,
      'tag requires host permission',
    ]);
    expect(await as('alice', 'checkTagAccess', 'guarded')).toEqual([true, false, '']);
    expect(await by(token, 'tagBuild', 'guarded', 'bash-1-1')).toEqual(refused('requires host permission'));
    const { token: tame } = await make('root', 'no force', { permissions: [] });
    const lock = ['packageListBlock', 'guarded', 'bash', named({ force: true })] as const;
    expect(await by(tame, ...lock)).toMatchObject({ fault: [1004, expect.any(String)] });
  });

  test('a token opens no session and makes no token', async () => {
    const { token } = await make('root', 'everything');
    const calls: (readonly [string, ...unknown[]])[] = [
      ['login', 'root', 'root'],
      ['sslLogin'],
      ['logout'],
      ['logout', 1],
      ['logoutChild', 1],
      ['subsession'],
      ['exclusiveSession'],
      ['sharedSession'],
      ['createToken', 'child'],
      ['revokeToken', 1],
    ];
    for (const [method, ...args] of calls)
      expect(await by(token, method, ...args)).toEqual(refused(`${method} needs a login with a session`));
    expect(valueOf(await by(token, 'multiCall', [{ methodName: 'subsession', params: [] }]))).toEqual([
      expect.objectContaining({ faultCode: 1004 }),
    ]);
    expect(await by(token, 'host.getHost')).toMatchObject({ fault: [1002, expect.any(String)] });
  });

  test('expired, malformed and unknown tokens, and a session beside one, are refused', async () => {
    const { token, id } = await make('alice', 'short', { lifetime: 3600 });
    expect(await post(hub.api, 'getPerms', [], { ...sessions.alice, ...bearer(token) })).toEqual({
      fault: [1002, 'a session and a token at once: send one of them'],
    });
    expect(valueOf(await post(hub.api, 'getPerms', [], { Authorization: `bearer  ${token}` }))).toContain(
      'tag',
    );
    const past = new Date(Date.now() - 1000);
    await hub.database.write((db) =>
      db.run(sql`UPDATE api_token SET expire_time = ${past} WHERE id = ${id}`),
    );
    expect(await by(token, 'echo', 1)).toEqual({ fault: [1007, "token 'short' of alice has expired"] });
    const wrong = `${token.slice(0, -1)}${token.endsWith('x') ? 'y' : 'x'}`;
    for (const one of [wrong, '', 'kojitoken_', token.slice(10), `${token}x`])
      expect(await by(one, 'echo', 1)).toEqual({
        fault: [1002, 'the token is not valid: this hub has no such token'],
      });
    // Other schemes are somebody else's.
    expect(valueOf(await post(hub.api, 'getPerms', [], { Authorization: 'Basic YTpi' }))).toEqual([]);
  });

  test('unknown tokens count as failed logins of their address, and valid ones continue', async () => {
    const { token } = await make('alice', 'goes on');
    const texts = new Set<string>();
    for (let i = 0; i < 30; i++) {
      const outcome = await by(`kojitoken_${String(i).padStart(43, '0')}`, 'echo', 1);
      if ('fault' in outcome) texts.add(outcome.fault[1].replace(/\d+/, 'N'));
    }
    expect(texts).toContain('too many failed logins from this address: try again in N seconds');
    expect(valueOf(await by(token, 'echo', 1))).toEqual([1]);
    expect(await post(hub.api, 'login', ['alice', 'alice'])).toMatchObject({
      fault: [1002, expect.stringContaining('too many failed logins')],
    });
  });

  test('the token of a user who is disabled or has an exclusive session is refused', async () => {
    const { token } = await make('gone', 'leaver');
    await as('root', 'disableUser', 'gone');
    expect(await by(token, 'echo', 1)).toEqual({ fault: [1002, 'logins by gone are not allowed'] });
    await as('root', 'enableUser', 'gone');
    expect(valueOf(await by(token, 'echo', 1))).toEqual([1]);
    await as('gone', 'exclusiveSession');
    expect(await by(token, 'echo', 1)).toEqual({ fault: [1006, 'User locked by another session'] });
    await as('gone', 'sharedSession');
  });

  test('users list and end their own tokens, and admins those of everybody', async () => {
    const { token, id } = await make('bob', 'mine');
    expect((await as('bob', 'listTokens')) as TokenInfo[]).toMatchObject([{ id, name: 'mine' }]);
    expect(JSON.stringify(await as('bob', 'listTokens'))).not.toContain('kojitoken_');
    expect(await send('alice', 'listTokens', 'bob')).toEqual(refused('for admins only'));
    expect(await send('alice', 'revokeToken', id)).toEqual({ fault: [1000, `No such token: ${id}`] });
    expect(await send('alice', 'createToken', 'theirs', named({ user: 'bob' }))).toEqual(
      refused('for admins only'),
    );
    const robot = await make('root', 'ci', { user: 'robot', read_only: true });
    expect(valueOf(await by(robot.token, 'getLoggedInUser'))).toMatchObject({ name: 'robot' });
    const all = (await as('root', 'listTokens', named({ everybody: true }))) as TokenInfo[];
    expect(all.map(({ user_name: name }) => name)).toEqual(expect.arrayContaining(['alice', 'bob', 'robot']));
    await as('root', 'revokeToken', id);
    expect(await by(token, 'echo', 1)).toMatchObject({ fault: [1002, expect.any(String)] });
    expect(await as('bob', 'listTokens')).toEqual([]);
    expect(await as('bob', 'listTokens', named({ ended: true }))).toMatchObject([{ id }]);
  });

  test('limits that make no sense are refused', async () => {
    await make('bob', 'taken');
    const wrong: (readonly [string, Readonly<Record<string, unknown>>, string])[] = [
      ['taken', {}, "bob has a token 'taken' already"],
      ['12', {}, "name '12'"],
      ['a\nb', {}, 'up to 100 letters'],
      ['long', { lifetime: 366 * 86_400 }, 'TokenLifetime'],
      ['none', { lifetime: 0 }, 'from 1 second to 365 days'],
      ['method', { methods: ['getTga'] }, 'Invalid method: getTga'],
      ['more', { permissions: ['tag'] }, 'bob does not have the permission tag'],
      ['no perm', { permissions: ['nothing'] }, 'No such permission nothing defined'],
    ];
    for (const [name, more, text] of wrong)
      expect(await send('bob', 'createToken', name, named(more))).toMatchObject({
        fault: [expect.any(Number), expect.stringContaining(text)],
      });
    expect(await send('root', 'createToken', 'x', named({ user: 'builder' }))).toMatchObject({
      fault: [1000, 'builder is a builder or a group: only users can have tokens'],
    });
    expect(await post(hub.api, 'createToken', ['x'])).toEqual(refused('you must be logged in'));
  });

  test('the last use is noted, and no log has a token', async () => {
    const { token, id } = await make('alice', 'used');
    valueOf(await by(token, 'getTag', 'f44'));
    await by(token, 'createTag', 'f44');
    const lastUse = async () =>
      ((await as('alice', 'listTokens')) as TokenInfo[]).find((one) => one.id === id)?.last_use_ts;
    while ((await lastUse()) === null) await sleep(50);
    expect(Number(await lastUse())).toBeCloseTo(Date.now() / 1000, -2);
    const log = await readFile(path.join(hub.folder, 'hub.log'), 'utf8');
    expect(log).toContain(`token ${id} ('used') of alice was made by alice`);
    expect(log).not.toContain('kojitoken_');
  });
});
