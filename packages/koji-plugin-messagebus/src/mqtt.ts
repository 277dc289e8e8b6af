import { randomUUID } from 'node:crypto';
import { newEnd, plainPrefix, textProperties } from './transport.js';
import type { Connection, Transport } from './transport.js';

/** MQTT 5: Mosquitto and many others. */
export const mqtt: Transport = {
  schemes: ['mqtt', 'mqtts'],
  async connect({ scheme, host, port, user, password }, { tls, topicPrefix, connectTimeout }) {
    const { default: library } = await import('mqtt');
    const isSecure = scheme === 'mqtts';
    const { ended, end } = newEnd();
    const client = library.connect({
      protocol: isSecure ? 'mqtts' : 'mqtt',
      host,
      port: port ?? (isSecure ? 8883 : 1883),
      protocolVersion: 5,
      clientId: `koji-hub-${randomUUID()}`,
      keepalive: 60,
      connectTimeout,
      reconnectPeriod: 0,
      ...(user === null ? {} : { username: user }),
      ...(password === null ? {} : { password }),
      ...(isSecure ? { ...tls } : {}),
    });
    client.on('error', end);
    client.on('close', () => end(null));
    const opened = new Promise<void>((resolve) => {
      client.once('connect', () => resolve());
    });
    const refused = ended.then((reason) => {
      throw reason;
    });
    await Promise.race([opened, refused]);
    return {
      ended,
      async publish({ id, address, properties, body, ttl }) {
        await client.publishAsync(`${plainPrefix(topicPrefix)}.${address}`.replaceAll('.', '/'), body, {
          qos: 1,
          properties: {
            contentType: 'application/json',
            payloadFormatIndicator: true,
            ...(ttl === null ? {} : { messageExpiryInterval: Math.ceil(ttl / 1000) }),
            userProperties: Object.fromEntries([...textProperties(properties), ['message-id', id]]),
          },
        });
      },
      async close() {
        await client.endAsync(true);
      },
    } satisfies Connection;
  },
};
