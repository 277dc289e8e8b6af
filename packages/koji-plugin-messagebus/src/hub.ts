import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { GenericError, messageOf } from '@koji/core';
import { matchesAny } from '@koji/core/policy';
import { callback, option, outbox, pluginConfig } from '@koji/plugin-sdk';
import { eventMessage, messageEvents } from '@koji/plugin-sdk/messages';
import type { EventMessage } from '@koji/plugin-sdk/messages';
import type { Bus, Connect } from './bus.js';

const protocols = option.choice('amqp-1.0', ['amqp-0-9-1', 'mqtt', 'nats'], 'What the broker speaks');

const config = pluginConfig('messagebus', {
  broker: {
    protocol: protocols,
    urls: option.checked(
      option.required(
        option.words([], 'Addresses of brokers, with a login if there is one: amqp://user:password@host'),
      ),
      (urls) =>
        urls.map(urlProblem).find((problem) => problem !== null) ?? (urls.length > 0 ? null : 'no address'),
    ),
    cert: option.text(null, 'A PEM file with the certificate and key to log in with'),
    cacert: option.text(null, 'A PEM file with the authorities to trust'),
    topic_prefix: option.text('koji', 'What every address begins with'),
    events: option.words(
      ['*'],
      'Which messages to send: globs over addresses such as build.* or task.failed',
    ),
    exchange: option.text('amq.topic', 'The exchange of AMQP 0-9-1, which must be there'),
    jetstream: option.boolean(true, 'With NATS: a stream must confirm each message'),
    connect_timeout: option.integer(10, 'Seconds until connecting is given up'),
    send_timeout: option.integer(20, 'Seconds until the confirmation of a message is given up'),
  },
  message: {
    extra_limit: option.integer(
      0,
      'Characters of JSON that extra of a build may have, or it is left out; 0 has no limit',
    ),
    ttl: option.number(null, 'Seconds that the broker may keep a message; for ever without'),
  },
});

function urlProblem(text: string): string | null {
  if (!URL.canParse(text)) return 'not a url';
  const { protocol } = new URL(text);
  const known = ['amqp:', 'amqps:', 'mqtt:', 'mqtts:', 'nats:', 'tls:'];
  return known.includes(protocol)
    ? null
    : `${protocol}// is none of ${known.map((one) => `${one}//`).join(', ')}`;
}

/** Each protocol's library is loaded when it is used: nobody uses all of them. */
const connects: Readonly<Record<string, () => Promise<{ readonly connect: Connect }>>> = {
  'amqp-1.0': () => import('./buses/amqp-1-0.js'),
  'amqp-0-9-1': () => import('./buses/amqp-0-9-1.js'),
  mqtt: () => import('./buses/mqtt.js'),
  nats: () => import('./buses/nats.js'),
};

let bus: Promise<Bus> | null = null;

/** The connection that is open, or one to the first broker that answers. */
function openBus(): Promise<Bus> {
  bus ??= connectToAny();
  return bus;
}

async function connectToAny(): Promise<Bus> {
  const { protocol, urls, cert, cacert, exchange, jetstream, ...times } = config.broker;
  const load = connects[protocol];
  if (!load) throw new GenericError(`no such protocol: ${protocol}`);
  const { connect } = await load();
  const options = {
    exchange,
    jetstream,
    connectTimeout: times.connect_timeout * 1000,
    sendTimeout: times.send_timeout * 1000,
    cert: cert === null ? null : await readFile(cert),
    ca: cacert === null ? null : await readFile(cacert),
  };
  const failures: string[] = [];
  // Beginning anywhere spreads hubs and days over the brokers.
  const start = randomInt(urls.length);
  for (const text of [...urls.slice(start), ...urls.slice(0, start)]) {
    const url = new URL(text);
    try {
      return await connect(url, options);
    } catch (error) {
      failures.push(`${url.host}: ${messageOf(error)}`);
    }
  }
  throw new GenericError(`no broker can be reached: ${failures.join('; ')}`);
}

async function closeBus(): Promise<void> {
  const open = bus;
  bus = null;
  await (await open?.catch(() => null))?.close();
}

/** The messages that wait for the broker, a topic for each address. */
export const messages = outbox(
  'messagebus',
  async ({ address, properties, body }: EventMessage, { id }) => {
    const { ttl } = config.message;
    const prefix = config.broker.topic_prefix;
    try {
      const open = await openBus();
      await open.publish({
        id: String(id),
        address: prefix === '' ? address : `${prefix}.${address}`,
        properties,
        body,
        ttl: ttl === null ? null : ttl * 1000,
      });
    } catch (error) {
      // The next try begins with a connection of its own.
      await closeBus();
      throw error;
    }
  },
  { timeLimit: 60, close: closeBus },
);

/** Puts what happens into the outbox. */
export const tell = callback(...messageEvents)(async (event, payload) => {
  const message = await eventMessage(event, payload, { extraLimit: config.message.extra_limit });
  if (message && matchesAny(message.address, config.broker.events))
    await messages.put(message.address, message);
});
