import { Bus } from '@koji/plugin-messagebus';
import type { Outgoing } from '@koji/plugin-messagebus';
import { option, pluginConfig } from '@koji/plugin-sdk';
import type { Delivery } from '@koji/plugin-sdk';

/** Options of fedoramessaging.conf. */
export const config = pluginConfig(
  'fedoramessaging',
  {
    fedoramessaging: {
      // It may have a login in it.
      amqp_url: option.secret(option.required(option.text(null, 'The broker: amqps://HOST/VHOST'))),
      publish_exchange: option.text('amq.topic', 'The exchange that messages go to'),
      topic_prefix: option.text('', 'What all topics begin with, such as org.fedoraproject.prod'),
      ca_cert: option.text(null, "File with the CAs of the broker's certificate"),
      certfile: option.text(null, 'File with the certificate that the hub shows to the broker'),
      keyfile: option.text(null, 'File with the key of that certificate'),
      base_url: option.required(option.text(null, 'Where Koji is for people: https://koji.example.org')),
      files_base_url: option.text(null, 'Where its files are. Default: kojifiles below base_url'),
      instance: option.text('primary', 'Tells the messages of several hubs apart'),
    },
  },
  // A URL has a % of its own.
  { interpolation: false },
);

/** A message as it waits in the outbox. */
export type Message = Pick<Outgoing, 'id' | 'address' | 'properties'> & { readonly body: object };

/** The way to the broker. */
export const bus = new Bus(() => {
  const { amqp_url, topic_prefix, publish_exchange: exchange, ...files } = config.fedoramessaging;
  const tls = { cert: files.certfile, key: files.keyfile, cacert: files.ca_cert };
  return { protocol: 'amqp-0-9-1', urls: [amqp_url], topic_prefix, exchange, ...tls };
});

/** Sends a message, and waits until the broker has it. */
export async function publish({ body, ...message }: Message, { created }: Delivery): Promise<void> {
  const sentAt = created.toISOString().replace(/\.\d+Z$/, '+00:00');
  const properties = { ...message.properties, 'sent-at': sentAt, priority: 0 };
  const text = JSON.stringify(body, plain);
  await bus.publish({ ...message, properties, body: text, ttl: null, created });
}

/** Floats that languages write differently are left out; Koji's times become epoch seconds. */
function plain(name: string, value: unknown): unknown {
  if (['weight', 'start_ts', 'create_ts', 'completion_ts'].includes(name)) return undefined;
  const isTime = typeof value === 'string' && name.endsWith('_time') && value.includes(' ');
  return isTime ? Math.floor(Date.parse(value.replace(' ', 'T')) / 1000) : value;
}
