import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ConfigError } from '@koji/core';
import { startTestHub, type TestHub } from '@koji/plugin-sdk/testing';
import { freePort } from '../../../scripts/ports.mjs';
import { root, until } from '../../../test/support/system.js';
import * as messagebus from '../src/hub.js';
import { Gate, startMosquitto, startNats, startRabbit } from './support/brokers.js';
import type { RunningBroker } from './support/brokers.js';
import { makeCertificates } from './support/certificates.js';
import type { Certificates } from './support/certificates.js';
import { receiveAmqp091, receiveAmqp10, receiveMqtt, receiveNats } from './support/receivers.js';
import type { Arrived, Receiver } from './support/receivers.js';

let rabbit: RunningBroker;
let mosquitto: RunningBroker;
let nats: RunningBroker;

beforeAll(async () => {
  [rabbit, mosquitto, nats] = await Promise.all([startRabbit(), startMosquitto(), startNats()]);
});
afterAll(() => Promise.all([rabbit, mosquitto, nats].map((broker) => broker.stop())));

interface Kind {
  readonly protocol: string;
  readonly scheme: 'amqp' | 'mqtt' | 'nats';
  readonly broker: () => RunningBroker;
  readonly receive: (port: number) => Promise<Receiver>;
  readonly prefix: string;
  readonly separator: string;
  /** The protocol has no types of values: everything is text, and null values are missing. */
  readonly textOnly: boolean;
  readonly ttl: number | undefined;
}

const amqp = { scheme: 'amqp' as const, broker: () => rabbit, separator: '.', textOnly: false, ttl: 60_000 };
const kinds: Kind[] = [
  { ...amqp, protocol: 'amqp-1.0', receive: receiveAmqp10, prefix: '/topic/koji' },
  { ...amqp, protocol: 'amqp-0-9-1', receive: receiveAmqp091, prefix: 'koji' },
  {
    protocol: 'mqtt',
    scheme: 'mqtt',
    broker: () => mosquitto,
    receive: receiveMqtt,
    prefix: 'koji',
    separator: '/',
    textOnly: true,
    ttl: 60_000,
  },
  {
    protocol: 'nats',
    scheme: 'nats',
    broker: () => nats,
    receive: receiveNats,
    prefix: 'topic://koji',
    separator: '.',
    textOnly: true,
    ttl: undefined,
  },
];

describe.each(kinds)('a hub that speaks $protocol', (kind) => {
  const { protocol, scheme, prefix, separator, textOnly } = kind;
  let hub: TestHub;
  let gate: Gate;
  let receiver: Receiver;

  beforeAll(async () => {
    receiver = await kind.receive(kind.broker().port);
    gate = await Gate.to(kind.broker().port);
    const conf = `
      [broker]
      protocol = ${protocol}
      urls = ${scheme}://127.0.0.1:${await freePort()} ${scheme}://guest:guest@127.0.0.1:${gate.port}
      user = guest
      password = not this one
      topic_prefix = ${prefix}
      [message]
      events = build.* task.free
      ttl = 60
      `.replaceAll(/^ +/gm, '');
    hub = await startTestHub({ plugins: { messagebus }, config: { messagebus: conf }, tags: ['f44'] });
  });
  afterAll(async () => {
    await hub.stop();
    await receiver.stop();
    await gate.shut();
  });
  beforeEach(() => {
    receiver.arrived.length = 0;
  });

  const buildsOf = (messages: readonly Arrived[]): unknown[] =>
    messages
      .filter(({ properties }) => properties['type'] === 'Tag')
      .map(({ properties }) => properties['name']);

  test('reports what happened while no broker was there once one is, all of it and in order', async () => {
    await hub.addBuild('bash-5.2-1', { tags: ['f44'] });
    await until('a try fails', () => hub.log.some((line) => line.includes('try 1 failed')));
    await hub.addBuild('zsh-5-1', { tags: ['f44'] });
    const task = (await hub.admin.call('makeTask', ['sleep', [1]])) as number;
    await gate.open();
    await until('everything arrived', () => receiver.arrived.length >= 5);
    const builds = receiver.arrived.filter(({ address }) => address.includes(`build`));
    const addresses = ['complete', 'tag', 'complete', 'tag'].map((what) =>
      ['koji', 'build', what].join(separator),
    );
    expect(builds.map(({ address }) => address)).toEqual(addresses);
    expect(buildsOf(builds)).toEqual(['bash', 'zsh']);
    const tagged = { type: 'Tag', tag: 'f44', name: 'bash', version: '5.2', release: '1', user: 'kojiadmin' };
    expect(builds[1]?.properties).toEqual(tagged);
    expect(builds[1]?.contentType).toBe('application/json');
    if (kind.ttl !== undefined) expect(builds[1]?.ttl).toBeGreaterThan(kind.ttl / 2);
    expect(JSON.parse(builds[1]!.body)).toMatchObject({ tag: { name: 'f44' }, build: { nvr: 'bash-5.2-1' } });
    const made = receiver.arrived.find(({ properties }) => properties['type'] === 'TaskStateChange');
    const properties = { type: 'TaskStateChange', method: 'sleep', attribute: 'state', new: 'FREE' };
    expect(made?.properties).toEqual(
      textOnly ? { ...properties, id: String(task) } : { ...properties, id: task, old: null, parent: null },
    );
    const ids = receiver.arrived.map(({ id }) => id);
    expect(new Set(ids).size).toBe(5);
    for (const id of ids) expect(id).toMatch(/^koji:\d+$/);
    expect(hub.log.join('\n')).toContain('no connection to a broker: 127.0.0.1: ');
    expect(hub.log.join('\n')).not.toMatch(/guest|not this one/);
  });

  test('finds its way back after the connection broke', async () => {
    await gate.shut();
    await hub.addBuild('fish-3-1', { tags: ['f44'] });
    await gate.open();
    await hub.addBuild('ksh-1-1', { tags: ['f44'] });
    await until('both arrived', () => buildsOf(receiver.arrived).length >= 2);
    expect(buildsOf(receiver.arrived)).toEqual(['fish', 'ksh']);
  });
});

/** Starts a hub that sends one message, and answers what it logs about it once `isSo`. */
async function logOf(conf: string, isSo: (line: string) => boolean): Promise<string> {
  const hub = await startTestHub({ plugins: { messagebus }, config: { messagebus: conf } });
  try {
    await hub.addBuild('bash-5.2-1');
    return await until('it is logged', () => hub.log.find(isSo));
  } finally {
    await hub.stop();
  }
}

const failed = (line: string): boolean => line.includes('try 1 failed');

test.each(kinds)(
  '$protocol: a login that the broker refuses is a failed try',
  async ({ protocol, scheme, broker }) => {
    const url = `${scheme}://guest:wrongword@127.0.0.1:${broker().port}`;
    const line = await logOf(`[broker]\nprotocol = ${protocol}\nurls = ${url}\n`, failed);
    expect(line).toMatch(/no connection to a broker: 127\.0\.0\.1: .+/);
    expect(line).not.toContain('wrongword');
  },
);

describe('over TLS', () => {
  let folder: string;
  let certificates: Certificates;

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'koji-certificates-'));
    certificates = makeCertificates(folder);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(kinds)('$protocol reaches a broker that it can trust, and no other one', async (kind) => {
    const { protocol, prefix } = kind;
    const scheme = { amqp: 'amqps', mqtt: 'mqtts', nats: 'tls' }[kind.scheme];
    // NATS begins to speak TLS in the middle, which a gate can't do for it.
    const secure = protocol === 'nats' ? await startNats(certificates) : null;
    const gate = secure ? null : await Gate.to(kind.broker().port, certificates);
    await gate?.open();
    const port = (secure ?? gate)?.port;
    const broker = `[broker]\nprotocol = ${protocol}\ntopic_prefix = ${prefix}\ncert = ${certificates.client}\n`;
    const own = `${broker}user = guest\npassword = guest\nurls = ${scheme}://localhost:${port}\n`;
    expect(await logOf(own, failed)).toMatch(/localhost: .*certificate/);
    const receiver = secure
      ? await receiveNats(secure.port, certificates)
      : await kind.receive(kind.broker().port);
    const conf = `${own}cacert = ${certificates.ca}\n`;
    const hub = await startTestHub({ plugins: { messagebus }, config: { messagebus: conf } });
    await hub.addBuild('bash-5.2-1');
    await until('it arrived', () => receiver.arrived.length > 0);
    await hub.stop();
    await receiver.stop();
    await Promise.all([secure?.stop(), gate?.shut()]);
  });
});

test('a missing exchange is a failed try', async () => {
  const url = `amqp://127.0.0.1:${rabbit.port}`;
  const conf = `[broker]\nprotocol = amqp-0-9-1\nurls = ${url}\nexchange = nowhere\n`;
  expect(await logOf(conf, failed)).toMatch(/the connection is lost: .*no exchange 'nowhere'/);
});

test('a URL of another protocol is a failed try that says so', async () => {
  const conf = `[broker]\nprotocol = nats\nurls = mqtt://127.0.0.1:${mosquitto.port}\n`;
  expect(await logOf(conf, failed)).toContain('mqtt:// is not for nats, but nats:// or tls://');
});

test('a broker that never answers is given up', async () => {
  const gate = await Gate.to(await freePort());
  await gate.open();
  gate.mute();
  const conf = `[broker]\nurls = amqp://127.0.0.1:${gate.port}\nconnect_timeout = 0.2\n`;
  expect(await logOf(conf, failed)).toContain('no connection within 0.2 s');
  await gate.shut();
});

test('NATS keeps what a stream takes', async () => {
  const receiver = await receiveNats(nats.port);
  const stream = { name: 'KOJI', subjects: ['kept.>'], storage: 'memory' };
  await receiver.request('$JS.API.STREAM.CREATE.KOJI', stream);
  const url = `nats://guest:guest@127.0.0.1:${nats.port}`;
  const conf = `[broker]\nprotocol = nats\nurls = ${url}\ntopic_prefix = kept\n`;
  const hub = await startTestHub({ plugins: { messagebus }, config: { messagebus: conf }, tags: ['f44'] });
  await hub.addBuild('bash-5.2-1', { tags: ['f44'] });
  const info = async (): Promise<number> => {
    const answer = await receiver.request('$JS.API.STREAM.INFO.KOJI', {});
    return (answer as { state: { messages: number } }).state.messages;
  };
  await until('it keeps them', async () => (await info()) === 3);
  await hub.stop();
  await receiver.stop();
});

test.each([
  ['urls = http://broker', 'must be URLs of brokers'],
  ['urls =', 'names no broker'],
  ['user = koji', 'urls: is missing'],
  ['urls = amqp://u:pw@broker\nsend_timeout = 61', 'must be above 0 and at most 60'],
  ['urls = amqp://u:pw@broker\nprotocol = kafka', 'not one of amqp-1.0, amqp-0-9-1, mqtt, nats'],
])('a hub does not start with %j', async (lines, problem) => {
  const started = startTestHub({ plugins: { messagebus }, config: { messagebus: `[broker]\n${lines}\n` } });
  const error = (await started.catch((thrown: unknown) => thrown)) as ConfigError;
  expect(error).toBeInstanceOf(ConfigError);
  expect(error.message).toContain(problem);
  expect(error.message).not.toContain('pw');
});

test('only the client library that the protocol needs is loaded', () => {
  const script = `
    import module from 'node:module';
    import path from 'node:path';
    const loaded = () => ['rhea', 'amqplib', 'mqtt', '@nats-io'].filter((name) =>
      Object.keys(module._cache).some((file) => file.includes(path.join('node_modules', name, path.sep))));
    const before = [await import('./packages/koji-plugin-messagebus/dist/hub.js'), loaded()][1];
    await import('./packages/koji-plugin-messagebus/dist/mqtt.js').then(({ mqtt }) =>
      mqtt.connect({ host: '127.0.0.1', port: 1, scheme: 'mqtt' }, { tls: {}, topicPrefix: '' }).catch(() => 0));
    console.log(JSON.stringify([before, loaded()]));
    process.exit();
  `;
  const args = ['--input-type=module', '-e', script];
  const said = execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  expect(JSON.parse(said)).toEqual([[], ['mqtt']]);
});
