import { newEnd, plainPrefix } from './transport.js';
import type { Connection, Transport } from './transport.js';

/** AMQP 0-9-1: RabbitMQ, and what Fedora's message bus speaks. */
export const amqp091: Transport = {
  schemes: ['amqp', 'amqps'],
  async connect({ scheme, host, port, user, password, path }, settings) {
    const { default: amqplib } = await import('amqplib');
    const isSecure = scheme === 'amqps';
    const { tls, exchange, topicPrefix, connectTimeout } = settings;
    const model = await amqplib.connect(
      {
        protocol: scheme,
        hostname: host,
        port: port ?? (isSecure ? 5671 : 5672),
        vhost: path === '' ? '/' : path,
        heartbeat: 60,
        ...(user === null ? {} : { username: user, password: password ?? '' }),
      },
      {
        timeout: connectTimeout,
        clientProperties: { connection_name: 'koji-hub' },
        ...(isSecure ? { ...tls } : {}),
        ...(isSecure && password === null && tls.cert !== undefined
          ? { credentials: amqplib.credentials.external() }
          : {}),
      },
    );
    const { ended, end } = newEnd();
    model.on('error', end);
    model.on('close', end);
    const channel = await model.createConfirmChannel();
    // A channel that the broker closes, for want of the exchange say, is no use any more.
    const lost = (reason?: unknown): void => {
      end(reason);
      void model.close().catch(() => undefined);
    };
    channel.on('error', lost);
    channel.on('close', lost);
    return {
      ended,
      publish: ({ id, address, properties, body, ttl, created }) =>
        new Promise<void>((resolve, reject) => {
          channel.publish(
            exchange,
            [plainPrefix(topicPrefix), address].filter(Boolean).join('.'),
            Buffer.from(body),
            {
              persistent: true,
              contentType: 'application/json',
              contentEncoding: 'utf-8',
              messageId: id,
              timestamp: Math.floor(created.getTime() / 1000),
              headers: properties,
              ...(ttl === null ? {} : { expiration: ttl }),
            },
            (error: unknown) => {
              const refused = (): void =>
                reject(new Error('the broker refused the message', { cause: error }));
              // The broker reports the reason for closing a channel after the messages that were lost with it.
              if (error) setImmediate(refused);
              else resolve();
            },
          );
        }),
      close: () => model.close(),
    } satisfies Connection;
  },
};
