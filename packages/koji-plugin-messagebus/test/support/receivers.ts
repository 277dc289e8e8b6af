/** Receivers of each protocol: they write down what arrives. */
import { headers as natsHeaders, connect as connectNats } from '@nats-io/transport-node';
import amqplib from 'amqplib';
import mqtt from 'mqtt';
import rhea from 'rhea';
import type { EventContext } from 'rhea';
import { login } from './brokers.js';
import type { Certificates } from './certificates.js';

/** A message as it arrived. */
export interface Arrived {
  readonly address: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly body: string;
  readonly id: string | undefined;
  readonly contentType: string | undefined;
  /** Remaining milliseconds of the message, if the protocol reports them. */
  readonly ttl?: number | undefined;
}

/** The properties of AMQP 0-9-1 that are sent. */
interface MessageProperties {
  readonly messageId: string;
  readonly contentType: string;
  readonly headers: Record<string, unknown>;
  readonly expiration?: string;
}

export interface Receiver {
  readonly arrived: Arrived[];
  stop(): Promise<void>;
}

const { user, password } = login;

export async function receiveMqtt(port: number): Promise<Receiver> {
  const arrived: Arrived[] = [];
  const options = { port, username: user, password, protocolVersion: 5 } as const;
  const client = await mqtt.connectAsync('mqtt://127.0.0.1', options);
  client.on('message', (topic, payload, packet) => {
    const { userProperties = {}, contentType, messageExpiryInterval } = packet.properties ?? {};
    const { 'message-id': id, ...properties } = userProperties as Record<string, string>;
    const ttl = messageExpiryInterval === undefined ? undefined : messageExpiryInterval * 1000;
    arrived.push({ address: topic, properties, body: payload.toString(), id, contentType, ttl });
  });
  await client.subscribeAsync('koji/#', { qos: 1 });
  return { arrived, stop: () => client.endAsync() };
}

export async function receiveNats(
  port: number,
  certificates?: Certificates,
): Promise<Receiver & { request(subject: string, what: object): Promise<unknown> }> {
  const arrived: Arrived[] = [];
  const { ca: caFile = '', client: certFile = '' } = certificates ?? {};
  const tls = certificates ? { tls: { caFile, certFile, keyFile: certFile } } : {};
  const client = await connectNats({ servers: `localhost:${port}`, user, pass: password, ...tls });
  client.subscribe('koji.>', {
    callback: (_error, message) => {
      const headers = message.headers ?? natsHeaders();
      const all = Object.fromEntries(headers.keys().map((name) => [name, headers.get(name)]));
      const { 'Nats-Msg-Id': id, 'Content-Type': contentType, ...properties } = all;
      arrived.push({ address: message.subject, properties, body: message.string(), id, contentType });
    },
  });
  await client.flush();
  return {
    arrived,
    stop: () => client.close(),
    request: async (subject, what) => (await client.request(subject, JSON.stringify(what))).json(),
  };
}

export async function receiveAmqp091(port: number): Promise<Receiver> {
  const arrived: Arrived[] = [];
  const model = await amqplib.connect({ hostname: '127.0.0.1', port, username: user, password });
  const channel = await model.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, 'amq.topic', 'koji.#');
  await channel.consume(
    queue,
    (message) => {
      if (!message) return;
      const { messageId, contentType, headers, expiration } = message.properties as MessageProperties;
      arrived.push({
        address: message.fields.routingKey,
        properties: headers,
        body: message.content.toString(),
        id: messageId,
        contentType,
        ttl: expiration === undefined ? undefined : Number(expiration),
      });
    },
    { noAck: true },
  );
  return { arrived, stop: () => model.close() };
}

export async function receiveAmqp10(port: number): Promise<Receiver> {
  const arrived: Arrived[] = [];
  const options = { host: '127.0.0.1', port, username: user, password, reconnect: false };
  const connection = rhea.create_container().connect(options);
  connection.on('disconnected', () => undefined);
  const take = ({ message }: EventContext): void => {
    const { message_id: id, content_type: contentType, to, subject, ttl } = message!;
    const { application_properties: properties, body } = message as {
      application_properties: Record<string, unknown>;
      body: string;
    };
    const address = to!.replace(/^\/topic\//, '');
    if (!address.endsWith(subject!)) throw new Error(`the subject ${subject} is not that of ${address}`);
    arrived.push({ address, properties, body, id: id as string, contentType, ttl });
  };
  for (const topic of ['/topic/koji.build.*', '/topic/koji.task.free']) {
    const receiver = connection.open_receiver(topic);
    receiver.on('message', take);
    await new Promise((resolve) => receiver.once('receiver_open', resolve));
  }
  return {
    arrived,
    stop: () =>
      new Promise((resolve) => {
        connection.once('connection_close', () => resolve());
        connection.close();
      }),
  };
}
