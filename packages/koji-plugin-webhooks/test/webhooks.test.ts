import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import * as plugin from '../src/hub.js';

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A web server that answers what a test wants. */
class Receiver {
  readonly received: Received[] = [];
  status = 200;
  private readonly server = http.createServer((request, response) => {
    void this.take(request, response);
  });

  private async take(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.received.push({ headers: request.headers, text: Buffer.concat(chunks).toString() });
    response.writeHead(this.status, { Location: '/elsewhere' }).end('seen');
  }

  async start(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** The check that the README gives to receivers. */
async function fromReadme(): Promise<(headers: object, body: string, secret: string) => boolean> {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const code = /```js\n([^]*?)```/.exec(readme)?.[1] ?? '';
  const module: unknown = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  return (module as { isGenuine: (headers: object, body: string, secret: string) => boolean }).isGenuine;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

let all: Receiver;
let some: Receiver;
let hub: TestHub;

beforeEach(async () => {
  all = new Receiver();
  some = new Receiver();
  hub = await startTestHub({
    plugins: { webhooks: plugin },
    config: {
      webhooks: `
[webhook-all]
url = ${await all.start()}
secret = hush
[webhook-tags]
url = ${await some.start()}
events = build.tag build.untag
`,
    },
    tags: ['f44'],
  });
});
afterEach(async () => {
  await hub.stop();
  all.stop();
  some.stop();
});

const eventsOf = ({ received }: Receiver): unknown[] =>
  received.map(({ headers }) => headers['x-koji-event']);

test('each receiver is told what it asked for, with what happened as JSON', async () => {
  await hub.addBuild('bash-5.2-1', { tags: ['f44'] });
  await until(() => some.received.length === 1 && eventsOf(all).includes('build.tag'));
  expect(eventsOf(some)).toEqual(['build.tag']);
  const [letter] = some.received;
  expect(JSON.parse(letter?.text ?? '')).toMatchObject({
    tag: { name: 'f44' },
    build: { nvr: 'bash-5.2-1' },
    user: { name: 'kojiadmin' },
    force: expect.anything() as unknown,
  });
  expect(letter?.headers).toMatchObject({
    'content-type': 'application/json',
    'x-koji-delivery': expect.stringMatching(/^\d+$/) as unknown,
    'x-koji-attempt': '1',
  });
  expect(letter?.headers['x-koji-signature-256']).toBeUndefined();
  expect(eventsOf(all)).toContain('package.add');
});

test('messages are signed with their time', async () => {
  await hub.addBuild('bash-5.2-1', { tags: ['f44'] });
  await until(() => all.received.length > 0);
  const [{ headers, text } = { headers: {}, text: '' }] = all.received;
  expect(Math.abs(Number(headers['x-koji-timestamp']) - Date.now() / 1000)).toBeLessThan(600);
  const isGenuine = await fromReadme();
  expect(isGenuine(headers, text, 'hush')).toBe(true);
  expect(isGenuine(headers, `${text} `, 'hush')).toBe(false);
  expect(isGenuine(headers, text, 'hash')).toBe(false);
  expect(isGenuine({}, text, 'hush')).toBe(false);
});

test('a receiver that fails is tried again with the same number, and holds up nobody else', async () => {
  some.status = 302;
  await hub.addBuild('bash-5.2-1', { tags: ['f44'] });
  await until(() => eventsOf(all).includes('build.tag') && some.received.length === 1);
  await until(() => hub.log.some((line) => line.includes('[webhook-tags] answered 302')));
  some.status = 204;
  await until(() => some.received.length === 2);
  const [first, second] = some.received;
  expect(second?.text).toBe(first?.text);
  expect(second?.headers['x-koji-delivery']).toBe(first?.headers['x-koji-delivery']);
  expect(second?.headers['x-koji-attempt']).toBe('2');
});

test('nothing is told of what was undone', async () => {
  const calls = [
    { methodName: 'packageListAdd', params: ['f44', 'good', 'kojiadmin'] },
    { methodName: 'packageListAdd', params: ['f44', 'bad', 'nobody'] },
  ];
  await hub.admin.call('multiCall', [calls]);
  await until(() => all.received.length > 0);
  await hub.addBuild('last-1-1', { tags: ['f44'] });
  await until(() => eventsOf(all).includes('build.tag'));
  const names = all.received
    .filter(({ headers }) => headers['x-koji-event'] === 'package.add')
    .map(({ text }) => (JSON.parse(text) as { package: { name: string } }).package.name);
  expect(names).toEqual(['good', 'last']);
});

test('a url that is none refuses the start', async () => {
  const started = startTestHub({
    plugins: { webhooks: plugin },
    config: { webhooks: '[webhook-x]\nurl = ftp://example.org/\n' },
  });
  await expect(started).rejects.toThrow("[webhook-x] url = 'ftp://example.org/': not an http or https url");
});
