import { createHmac } from 'node:crypto';
import { ActionNotAllowed, GenericError } from '@koji/core';
import { context, route } from '@koji/plugin-sdk';
import type { RouteRequest, RouteSigning } from '@koji/plugin-sdk';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';

const secret = 'a secret between two servers';
const seen: (RouteRequest & { readonly user: string | undefined })[] = [];

/** Does what the body says, and answers who it is. */
async function obey(request: RouteRequest): Promise<unknown> {
  seen.push({ ...request, user: context.session.user?.name });
  const order = request.body.toString();
  if (order === 'fault') throw new GenericError('no such branch');
  if (order === 'forbidden') throw new ActionNotAllowed('not for you');
  if (order.startsWith('tag ')) await context.callUnchecked('createTag', [order.slice(4)]);
  if (order === 'tag broken') throw new Error('broken');
  if (order === 'hang') await new Promise(() => undefined);
  return order === 'text' ? 'as you like' : order === '' ? undefined : { did: order };
}

const signed = (by: RouteSigning['by'], key: string | null = secret): RouteSigning => ({
  by,
  secret: () => key,
});
const forge = {
  github: route('github', { signed: signed('github') }, obey),
  forgejo: route('forgejo', { signed: signed('forgejo') }, obey),
  gitlab: route('gitlab', { signed: signed('gitlab') }, obey),
  nosecret: route('nosecret', { signed: signed('gitlab', null) }, obey),
  open: route('open', { signed: null, longest: 100 }, obey),
};

let hub: TestHub;
beforeAll(async () => {
  hub = await startTestHub({
    plugins: { forge },
    manifests: { forge: { limits: { routes: 0.2 } } },
    options: { CallbackFailureLimit: '2' },
  });
});
afterAll(() => hub.stop());
beforeEach(() => {
  seen.length = 0;
});

const hmac = (body: string): string => createHmac('sha256', secret).update(body).digest('hex');
const send = (path: string, body: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${hub.url}/plugin/${path}`, { method: 'POST', body, headers });
const answerOf = async (response: Promise<Response>): Promise<[number, string]> => {
  const got = await response;
  return [got.status, await got.text()];
};

test.each([
  ['github', (body: string) => ({ 'X-Hub-Signature-256': `sha256=${hmac(body)}` })],
  ['forgejo', (body: string) => ({ 'X-Forgejo-Signature': hmac(body) })],
  ['forgejo', (body: string) => ({ 'X-Gitea-Signature': hmac(body) })],
  ['gitlab', () => ({ 'X-Gitlab-Token': secret })],
] as const)(
  'a request with the signature of %s comes to the plugin, another one does not',
  async (name, sign) => {
    expect(await answerOf(send(`forge/${name}`, 'hello', { ...sign('hello') }))).toEqual([
      200,
      '{"did": "hello"}',
    ]);
    const [header = ''] = Object.keys(sign(''));
    const wrong: Record<string, string>[] = [
      {},
      { [header]: '' },
      { [header]: 'sha256=' },
      { [header]: hmac('x') },
    ];
    for (const headers of wrong)
      expect(await answerOf(send(`forge/${name}`, 'hello', headers))).toEqual([
        401,
        'The signature does not fit\n',
      ]);
    expect(seen).toHaveLength(1);
  },
);

test('without a secret nobody gets in', async () => {
  for (const token of ['', 'null', 'undefined'])
    expect((await send('forge/nosecret', 'hello', { 'X-Gitlab-Token': token })).status).toBe(401);
  expect(seen).toEqual([]);
});

test("it runs in a transaction in the name of the plugin's user, and knows neither cookies nor logins", async () => {
  const headers = { Cookie: 'koji=1', Authorization: 'Basic abc', 'X-Event': 'push' };
  expect(await answerOf(send('forge/open?a=1&b=2', 'tag made', headers))).toEqual([
    200,
    '{"did": "tag made"}',
  ]);
  expect(seen[0]).toMatchObject({ user: 'plugin-forge', address: '127.0.0.1' });
  expect(seen[0]?.headers).toMatchObject({ 'x-event': 'push' });
  expect(Object.keys(seen[0]?.headers ?? {})).not.toEqual(expect.arrayContaining(['cookie']));
  expect(JSON.stringify(seen[0]?.headers)).not.toMatch(/koji=1|Basic/);
  expect([...(seen[0]?.query ?? [])]).toEqual([
    ['a', '1'],
    ['b', '2'],
  ]);
  expect(await hub.admin.getTagID('made')).toEqual(expect.any(Number));
  expect(await answerOf(send('forge/open', 'text'))).toEqual([200, 'as you like']);
  expect(await answerOf(send('forge/open', ''))).toEqual([200, '']);
});

test.each([
  ['forge/open', 'POST', 'x'.repeat(101), 413],
  ['forge/open', 'GET', undefined, 405],
  ['forge/nosuch', 'POST', 'x', 404],
  ['nosuch/open', 'POST', 'x', 404],
  ['forge', 'POST', 'x', 404],
  ['forge/open/more', 'POST', 'x', 404],
  ['forge/%2e%2e', 'POST', 'x', 404],
])('%s by %s is refused', async (path, method, body, status) => {
  const response = await fetch(`${hub.url}/plugin/${path}`, {
    method,
    ...(body === undefined ? {} : { body }),
  });
  expect(response.status).toBe(status);
  await response.arrayBuffer();
  expect(seen).toEqual([]);
});

test('what the plugin refuses is told; what fails is undone, logged, and switched off when it keeps failing', async () => {
  expect(await answerOf(send('forge/open', 'fault'))).toEqual([400, 'no such branch\n']);
  expect(await answerOf(send('forge/open', 'forbidden'))).toEqual([403, 'not for you\n']);
  expect(await answerOf(send('forge/open', 'tag broken'))).toEqual([500, 'Internal Server Error\n']);
  expect(await hub.admin.getTag('broken')).toBeNull();
  expect(await answerOf(send('forge/open', 'hang'))).toEqual([500, 'Internal Server Error\n']);
  expect(hub.log.join('\n')).toMatch(/route open of forge failed: .*did not end within 0\.2 s/);
  const off = await send('forge/open', 'hello');
  expect(off.status).toBe(503);
  expect(Number(off.headers.get('retry-after'))).toBeGreaterThan(290);
  await off.text();
  // Others continue.
  expect((await send('forge/gitlab', 'hello', { 'X-Gitlab-Token': secret })).status).toBe(200);
});
