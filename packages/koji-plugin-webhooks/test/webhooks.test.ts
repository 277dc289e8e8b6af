import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, GenericError } from '@koji/core';
import { encodeArgs } from '@koji/core/wire';
import { callback } from '@koji/plugin-sdk';
import { startTestHub, type TestHub } from '@koji/plugin-sdk/testing';
import * as webhooks from '../src/hub.js';

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly message: { address: string; properties: Record<string, unknown>; body: Record<string, unknown> };
}

/** A receiver that answers as the test says: a status, or null for a connection that breaks. */
class Receiver {
  readonly all: Received[] = [];
  readonly taken: Received[] = [];
  private readonly answers: (number | null)[] = [];
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const received = { headers: request.headers, text, message: JSON.parse(text) as Received['message'] };
        this.all.push(received);
        const status = this.answers.length > 0 ? (this.answers.shift() as number | null) : 204;
        if (status === null) {
          request.socket.destroy();
          return;
        }
        if (status < 300) this.taken.push(received);
        response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end();
      });
    });
  }

  answer(...statuses: (number | null)[]): void {
    this.answers.push(...statuses);
  }

  async listen(): Promise<number> {
    await once(this.server.listen(0, '127.0.0.1'), 'listening');
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    if (this.server.listening) await new Promise((resolve) => this.server.close(resolve));
  }

  events(): (string | undefined)[] {
    return this.taken.map(({ headers }) => headers['x-koji-event']?.toString());
  }
}

/** Resolves once something is so; the test's own time limit ends it otherwise. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(10);
}

const guard = {
  guard: callback('postTag', (_event, { tag }) => {
    if (tag.name === 'closed') throw new GenericError('not into this one');
  }),
};

/** A port where nobody listens: it was free a moment ago. */
async function deadPort(): Promise<number> {
  const server = new Receiver();
  const port = await server.listen();
  await server.close();
  return port;
}

describe('webhooks', () => {
  const ci = new Receiver();
  const rest = new Receiver();
  let hub: TestHub;
  let isFromKoji: (headers: IncomingHttpHeaders, body: string, secret: string) => boolean;
  let folder: string;

  beforeAll(async () => {
    const [ciPort, restPort] = await Promise.all([ci.listen(), rest.listen()]);
    const dead = await deadPort();
    const conf = `
      [message]
      extra_limit = 100
      [webhook-ci]
      url = http://127.0.0.1:${ciPort}/token-in-path
      events = build.tag, build.untag
      secret = between us
      [webhook-rest]
      url = http://koji:pass%40word@127.0.0.1:${restPort}/
      events = build.* package.add
      [webhook-dead${'-'.repeat(300)}]
      url = http://someone:hidden@127.0.0.1:${dead}/
      `.replaceAll(/^ +/gm, '');
    hub = await startTestHub({
      plugins: { webhooks, guard },
      config: { webhooks: conf },
      tags: ['f44', 'closed'],
    });
    folder = await mkdtemp(path.join(tmpdir(), 'koji-webhooks-'));
    const readme = await readFile(path.join(import.meta.dirname, '../README.md'), 'utf8');
    const snippet = path.join(folder, 'verify.mjs');
    await writeFile(snippet, /```js\n(.*?)```/s.exec(readme)?.[1] ?? '');
    ({ isFromKoji } = (await import(pathToFileURL(snippet).href)) as { isFromKoji: typeof isFromKoji });
  });
  afterAll(async () => {
    await hub.stop();
    await Promise.all([ci.close(), rest.close()]);
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    for (const receiver of [ci, rest]) receiver.all.length = receiver.taken.length = 0;
  });

  test('send what a receiver wants, signed if it has a secret, while another receiver is down', async () => {
    await hub.addBuild('bash-5.2-1', { tags: ['f44'] });
    await until(() => ci.taken.length === 1 && rest.taken.length === 3);
    expect(rest.events().sort()).toEqual(['build.complete', 'build.tag', 'package.add']);
    const [{ headers, text, message }] = ci.taken as [Received];
    expect(message).toMatchObject({
      address: 'build.tag',
      properties: { type: 'Tag', tag: 'f44', name: 'bash', version: '5.2', release: '1', user: 'kojiadmin' },
      body: { tag: { name: 'f44' }, build: { nvr: 'bash-5.2-1' }, force: false },
    });
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'x-koji-event': 'build.tag' });
    expect(isFromKoji(headers, text, 'between us')).toBe(true);
    expect(isFromKoji(headers, text, 'other secret')).toBe(false);
    expect(isFromKoji(headers, `${text} `, 'between us')).toBe(false);
    expect(isFromKoji({ ...headers, 'x-koji-timestamp': '1000000000' }, text, 'between us')).toBe(false);
    const login = `Basic ${Buffer.from('koji:pass@word').toString('base64')}`;
    expect(rest.taken[0]?.headers.authorization).toBe(login);
    expect(rest.taken[0]?.headers).not.toHaveProperty('x-koji-signature-256');
    expect(isFromKoji(rest.taken[0]!.headers, rest.taken[0]!.text, 'between us')).toBe(false);
    await until(() => hub.log.some((line) => line.includes('webhook-dead')));
    expect(hub.log.join('\n')).toContain('no answer: ECONNREFUSED');
    expect(hub.log.join('\n')).not.toMatch(/hidden|token-in-path|between us/);
  });

  test('come again after a redirect and a broken connection, the same and in order', async () => {
    ci.answer(302, null);
    await hub.addBuild('zsh-5-1', { tags: ['f44'] });
    await hub.addBuild('fish-3-1', { tags: ['f44'] });
    await until(() => ci.taken.length === 2);
    expect(ci.taken.map(({ message }) => message.properties['name'])).toEqual(['zsh', 'fish']);
    expect(ci.all).toHaveLength(4);
    const tries = ci.all.slice(0, 3);
    expect(new Set(tries.map(({ headers }) => headers['x-koji-delivery'])).size).toBe(1);
    expect(new Set(tries.map(({ text }) => text)).size).toBe(1);
    expect(hub.log.join('\n')).toContain('the receiver answered 302');
    for (const { headers, text } of ci.all) expect(isFromKoji(headers, text, 'between us')).toBe(true);
    const ids = ci.taken.map(({ headers }) => Number(headers['x-koji-delivery']));
    expect(ids[1]).toBeGreaterThan(ids[0]!);
  });

  test('say nothing of what was undone, also in a part of a multicall', async () => {
    await hub.admin.call('packageListAdd', ['closed', 'bash', 'kojiadmin']);
    await expect(hub.admin.call('tagBuildBypass', ['closed', 'bash-5.2-1'])).rejects.toThrow('not into this');
    const call = (methodName: string, ...params: unknown[]): unknown => ({
      methodName,
      params: encodeArgs(params),
    });
    await hub.admin.call('multiCall', [
      [
        call('untagBuildBypass', 'f44', 'bash-5.2-1'),
        call('tagBuildBypass', 'closed', 'bash-5.2-1'),
        call('tagBuildBypass', 'f44', 'bash-5.2-1'),
      ],
    ]);
    await hub.admin.call('untagBuildBypass', ['f44', 'zsh-5-1']);
    await until(() => ci.taken.length === 3);
    const said = ci.taken.map(({ headers, message }) => [
      headers['x-koji-event'],
      message.properties['tag'],
      message.properties['name'],
    ]);
    expect(said.filter(([event]) => event === 'build.untag')).toEqual([
      ['build.untag', 'f44', 'bash'],
      ['build.untag', 'f44', 'zsh'],
    ]);
    expect(said.filter(([event]) => event === 'build.tag')).toEqual([['build.tag', 'f44', 'bash']]);
  });

  test('leave out the extra data of a build that are too long', async () => {
    const build = await hub.addBuild('ksh-1-1');
    const tag = (await hub.admin.call('getTag', ['f44'])) as never;
    const extra = { long: 'x'.repeat(100) };
    await hub.fire('postUntag', { tag, build: { ...build, extra }, user: null, force: false, strict: true });
    await until(() => ci.taken.length === 1);
    expect(ci.taken[0]?.message.body).toMatchObject({ build: { nvr: 'ksh-1-1' } });
    expect(ci.taken[0]?.message.body).not.toHaveProperty('build.extra');
  });
});

test('a receiver that takes too long has not taken it', async () => {
  const server = createServer(() => undefined);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const conf = `[webhook]\nurl = http://127.0.0.1:${port}/\ntimeout = 0.05\n`;
  const hub = await startTestHub({ plugins: { webhooks }, config: { webhooks: conf } });
  await hub.addBuild('bash-5.2-1');
  await until(() => hub.log.some((line) => line.includes('no answer within 0.05 s')));
  await hub.stop();
  server.closeAllConnections();
  server.close();
});

test.each([
  ['url = ftp://u:pw@h/', 'neither http nor https'],
  ['url = nonsense pw', 'not a URL'],
  ['events = *', '[webhook-x] url: is missing'],
  ['url = http://h/\ntimeout = 61', 'must be above 0 and at most 60'],
])('a hub does not start with %j', async (line, problem) => {
  const started = startTestHub({ plugins: { webhooks }, config: { webhooks: `[webhook-x]\n${line}\n` } });
  const error = (await started.catch((thrown: unknown) => thrown)) as ConfigError;
  expect(error).toBeInstanceOf(ConfigError);
  expect(error.message).toContain(problem);
  expect(error.message).not.toContain('pw');
});
