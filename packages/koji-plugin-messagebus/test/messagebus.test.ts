import { connect as amqp } from 'amqplib';
import mqtt from 'mqtt';
import { connect as natsConnect } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import rhea from 'rhea';
import type { EventContext } from 'rhea';
import { startTestHub } from '@koji/plugin-sdk/testing';
import type { TestHub } from '@koji/plugin-sdk/testing';
import * as plugin from '../src/hub.js';
import { mosquitto, nats, rabbitmq } from './support/brokers.js';
import type { Broker } from './support/brokers.js';

/** A message as a receiver has it. */
interface Received {
  readonly address: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly id: string;
  readonly body: string;
}

/** Hears everything below `koji.`; the result ends it. */
type Listen = (host: string, heard: (message: Received) => void) => Promise<() => Promise<void>>;

const listenMqtt: Listen = async (host, heard) => {
  const client = await mqtt.connectAsync(`mqtt://${host}`, { protocolVersion: 5 });
  client.on('message', (topic, body, { properties }) => {
    const { id, ...own } = { ...properties?.userProperties };
    heard({ address: topic.replaceAll('/', '.'), properties: own, id: String(id), body: body.toString() });
  });
  await client.subscribeAsync('koji/#', { qos: 1 });
  return () => client.endAsync();
};

async function makeStream(connection: NatsConnection): Promise<void> {
  await connection.request(
    '$JS.API.STREAM.CREATE.KOJI',
    JSON.stringify({ name: 'KOJI', subjects: ['koji.>'] }),
  );
}

const listenNats: Listen = async (host, heard) => {
  const connection = await natsConnect({ servers: host });
  await makeStream(connection);
  connection.subscribe('koji.>', {
    callback: (_error, message) => {
      const of = (name: string): string => message.headers?.get(name) ?? '';
      const names = ['type', 'tag', 'name', 'version', 'release', 'user'].filter((name) => of(name) !== '');
      const properties = Object.fromEntries(names.map((name) => [name, of(name)]));
      heard({ address: message.subject, properties, id: of('Nats-Msg-Id'), body: message.string() });
    },
  });
  await connection.flush();
  return () => connection.close();
};

const listenAmqp091: Listen = async (host, heard) => {
  const connection = await amqp(`amqp://${host}`);
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, 'amq.topic', 'koji.#');
  await channel.consume(
    queue,
    (message) => {
      if (!message) return;
      const { fields, properties, content } = message;
      const headers = properties.headers as Readonly<Record<string, unknown>>;
      heard({
        address: fields.routingKey,
        properties: headers,
        id: String(properties.messageId),
        body: content.toString(),
      });
    },
    { noAck: true },
  );
  return () => connection.close();
};

const listenAmqp10: Listen = async (host, heard) => {
  const [name = '', port] = host.split(':');
  const connection = rhea.create_container().connect({ host: name, port: Number(port), reconnect: false });
  const receiver = connection.open_receiver('/topic/koji.#');
  receiver.on('message', ({ message }: EventContext) => {
    if (!message) return;
    const {
      application_properties: properties = {},
      message_id: id,
      body,
    } = message as {
      application_properties?: Record<string, unknown>;
      message_id?: unknown;
      body: unknown;
    };
    const text = typeof body === 'string' ? body : String((body as { content: Buffer }).content);
    heard({ address: '', properties, id: String(id), body: text });
  });
  await new Promise((resolve) => receiver.once('receiver_open', resolve));
  return async () => {
    const closed = new Promise((resolve) => connection.once('connection_close', resolve));
    connection.close();
    await closed;
  };
};

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 10));
}

interface Kind {
  readonly name: string;
  readonly make: () => Promise<Broker>;
  readonly listen: Listen;
  /** Further lines of `[broker]`. */
  readonly settings: (host: string) => string;
}

describe.each<Kind>([
  {
    name: 'MQTT (Mosquitto)',
    make: mosquitto,
    listen: listenMqtt,
    settings: (host) => `protocol = mqtt\nurls = mqtt://${host}`,
  },
  {
    name: 'NATS with JetStream',
    make: nats,
    listen: listenNats,
    settings: (host) => `protocol = nats\nurls = nats://${host}`,
  },
  {
    name: 'AMQP 0-9-1 (RabbitMQ)',
    make: rabbitmq,
    listen: listenAmqp091,
    settings: (host) => `protocol = amqp-0-9-1\nurls = amqp://guest:guest@${host}`,
  },
  {
    name: 'AMQP 1.0 (RabbitMQ)',
    make: rabbitmq,
    listen: listenAmqp10,
    settings: (host) => `urls = amqp://guest:guest@${host}\ntopic_prefix = /topic/koji`,
  },
])('messages by $name', ({ make, listen, settings }) => {
  let broker: Broker;
  let hub: TestHub;

  beforeEach(async () => {
    broker = await make();
    hub = await startTestHub({
      plugins: { messagebus: plugin },
      config: {
        messagebus: `[broker]\nevents = build.tag\n${settings(broker.host)}\n`,
      },
      tags: ['f44'],
    });
  });
  afterEach(async () => {
    await hub.stop();
    await broker.stop();
  });

  test('wait for the broker, arrive in order, with properties and a number of their own', async () => {
    for (const name of ['one', 'two', 'three']) await hub.addBuild(`${name}-1-1`, { tags: ['f44'] });
    await until(() => hub.log.some((line) => line.includes('no broker can be reached')));
    await broker.start();
    const received: Received[] = [];
    const end = await listen(broker.host, (message) => received.push(message));
    try {
      await until(() => received.length >= 3);
      const names = received.map(({ body }) => (JSON.parse(body) as { build: { name: string } }).build.name);
      // One that the broker had and did not confirm in time may come twice.
      expect([...new Set(names)]).toEqual(['one', 'two', 'three']);
      expect(received[0]).toMatchObject({
        properties: { type: 'Tag', tag: 'f44', name: 'one', version: '1', release: '1', user: 'kojiadmin' },
        id: expect.stringMatching(/^(koji-)?\d+$/) as string,
      });
      for (const { address } of received) if (address !== '') expect(address).toBe('koji.build.tag');
      expect(new Set(received.map(({ id }) => id)).size).toBe(3);
    } finally {
      await end();
    }
  });
});

test('an address that is no broker refuses the start', async () => {
  const started = startTestHub({
    plugins: { messagebus: plugin },
    config: { messagebus: '[broker]\nurls = http://example.org\n' },
  });
  await expect(started).rejects.toThrow("[broker] urls = 'http://example.org': http:// is none of amqp://");
});
