import { option, pluginConfig } from '@koji/plugin-sdk';
import { longestConnect, longestSend } from './limits.js';

const schemes = ['amqp', 'amqps', 'mqtt', 'mqtts', 'nats', 'tls'];
const seconds = (fallback: number, most: number, doc: string) =>
  option.checked(option.number(fallback, doc), (value) =>
    value > 0 && value <= most ? null : `must be above 0 and at most ${most}`,
  );

const urls = option.checked(option.words([], 'The brokers, tried in random order'), (given) => {
  if (given.length === 0) return 'names no broker';
  return given.every(isBroker) ? null : `must be URLs of brokers: ${schemes.join('://, ')}://`;
});

function isBroker(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return schemes.includes(protocol.slice(0, -1)) && hostname !== '';
}

/** Options of messagebus.conf; those that Koji's protonmsg also has have the same names. */
export const config = pluginConfig(
  'messagebus',
  {
    broker: {
      protocol: option.choice('amqp-1.0', ['amqp-0-9-1', 'mqtt', 'nats'], 'What the brokers speak'),
      // They may have a login in them.
      urls: option.secret(option.required(urls)),
      user: option.text(null, 'Who logs in, unless the URL says so'),
      password: option.secret(option.text(null, 'With what he logs in')),
      cert: option.text(null, 'File with the certificate and the key that the hub shows to the brokers'),
      cacert: option.text(null, "File with the CAs of the brokers' certificates"),
      topic_prefix: option.text('koji', 'What all addresses begin with'),
      exchange: option.text('amq.topic', 'The exchange of AMQP 0-9-1'),
      connect_timeout: seconds(10, longestConnect, 'Seconds that connecting to a broker may take'),
      send_timeout: seconds(60, longestSend, 'Seconds until a broker must have confirmed a message'),
    },
    message: {
      events: option.words(['*'], 'What is sent: patterns of addresses such as build.tag'),
      extra_limit: option.integer(0, "Characters that a build's extra data may have; 0 is no limit"),
      ttl: option.number(null, 'Seconds that a message is worth keeping'),
    },
  },
  { otherName: 'protonmsg' },
);
