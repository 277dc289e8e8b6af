import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import xmlrpc from 'xmlrpc';
import { ClientSession, named } from '@koji/client';
import { System, root } from '../../../test/support/system.js';

let system: System;

beforeAll(async () => {
  system = await System.create({ hub: { Plugins: 'mymethod' } });
  mkdirSync(system.path('node_modules'));
  symlinkSync(
    path.join(root, 'examples/koji-plugin-mymethod'),
    system.path('node_modules/koji-plugin-mymethod'),
  );
  system.hub('user', 'add', 'alice', '--password', 'secret');
  await system.startHub();
});

afterAll(() => system.stop());

async function loggedIn(user: string): Promise<ClientSession> {
  const session = new ClientSession(system.url);
  await session.login(user, 'secret');
  return session;
}

test('mymethod answers an administrator, by position and by name', async () => {
  const session = await loggedIn('kojiadmin');
  try {
    const user = 'kojiadmin';
    expect(await session.call('mymethod', [1, 'two'])).toEqual({ arg1: 1, arg2: 'two', kwarg1: null, user });
    const byName = await session.call('mymethod', [1], { kwarg1: [3], arg2: null });
    expect(byName).toEqual({ arg1: 1, arg2: null, kwarg1: [3], user });
    expect(named({ kwarg1: 3 })).toEqual({ kwarg1: 3 });
    await expect(session.call('mymethod', [1], { arg9: 1 })).rejects.toMatchObject({ faultCode: 1019 });
  } finally {
    await session.close();
  }
});

test("Python's own xmlrpc.client calls mymethod, by position and by name", async () => {
  const script = `
import json, sys, xmlrpc.client
login = xmlrpc.client.ServerProxy(sys.argv[1], allow_none=True).login('kojiadmin', 'secret')
headers = [('Koji-Session-Id', str(login['session-id'])), ('Koji-Session-Key', login['session-key'])]
hub = xmlrpc.client.ServerProxy(sys.argv[1], allow_none=True, headers=headers)
print(json.dumps([hub.mymethod(1, 'two'), hub.mymethod(1, {'arg2': 2.5, 'kwarg1': 'x', '__starstar': True})]))
`;
  const { stdout } = await promisify(execFile)('python3', ['-c', script, system.url]);
  expect(JSON.parse(stdout)).toEqual([
    { arg1: 1, arg2: 'two', kwarg1: null, user: 'kojiadmin' },
    { arg1: 1, arg2: 2.5, kwarg1: 'x', user: 'kojiadmin' },
  ]);
});

test('the xmlrpc package of npm calls mymethod, by position and by name', async () => {
  const call = (headers: Record<string, string>, method: string, params: unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      xmlrpc
        .createClient({ url: system.url, headers })
        .methodCall(method, params, (error: unknown, answer) => {
          const failed = error as Error | null;
          if (failed) reject(failed);
          else resolve(answer);
        });
    });
  const login = (await call({}, 'login', ['kojiadmin', 'secret'])) as {
    'session-id': number;
    'session-key': string;
  };
  const headers = {
    'Koji-Session-Id': String(login['session-id']),
    'Koji-Session-Key': login['session-key'],
  };
  expect(await call(headers, 'mymethod', [1, 'two', 'three'])).toEqual({
    arg1: 1,
    arg2: 'two',
    kwarg1: 'three',
    user: 'kojiadmin',
  });
  expect(await call(headers, 'mymethod', [1, { arg2: 'two', kwarg1: 'x', __starstar: true }])).toEqual({
    arg1: 1,
    arg2: 'two',
    kwarg1: 'x',
    user: 'kojiadmin',
  });
});

test('mymethod is denied to everybody else', async () => {
  const session = await loggedIn('alice');
  try {
    await expect(session.call('mymethod', [1, 2])).rejects.toMatchObject({ name: 'ActionNotAllowed' });
  } finally {
    await session.close();
  }
});

test('mymethod is listed with its arguments like the methods of the hub', () => {
  expect(system.koji('list-api', 'mymethod')).toMatch(/mymethod\(arg1, arg2, kwarg1=None\)/);
});
