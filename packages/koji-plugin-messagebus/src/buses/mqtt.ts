import mqtt from 'mqtt';
import type { MqttClient } from 'mqtt';
import { loginOf, within } from '../bus.js';
import type { Bus, BusMessage, BusOptions, Connect } from '../bus.js';

/** Connects by MQTT 5; what is `koji.build.tag` elsewhere is the topic `koji/build/tag`. */
export const connect: Connect = async (url, options) => {
  const { cert, ca, connectTimeout } = options;
  const client = mqtt.connect(`${url.protocol}//${url.host}`, {
    ...loginOf(url),
    protocolVersion: 5,
    // The outbox tries again, and knows when.
    reconnectPeriod: 0,
    connectTimeout,
    ...(cert ? { cert, key: cert } : {}),
    ...(ca ? { ca } : {}),
  });
  try {
    await within(`connecting to ${url.host}`, connectTimeout, opened(client));
  } catch (error) {
    client.end(true);
    throw error;
  }
  return new MqttBus(client, options);
};

function opened(client: MqttClient): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once('connect', () => {
      resolve();
    });
    // It stays: an event of this name that nobody hears would be thrown.
    client.on('error', reject);
    client.once('close', () => {
      reject(new Error('the broker closed the connection'));
    });
  });
}

class MqttBus implements Bus {
  constructor(
    private readonly client: MqttClient,
    private readonly options: BusOptions,
  ) {}

  async publish({ id, address, properties, body, ttl }: BusMessage): Promise<void> {
    // It would be kept for a connection that nobody makes.
    if (!this.client.connected) throw new Error('the connection to the broker is gone');
    const named = [...Object.entries(properties), ['id', id] as const].map(([name, value]) => [
      name,
      String(value ?? ''),
    ]);
    const sent = this.client.publishAsync(address.replaceAll('.', '/'), body, {
      qos: 1,
      properties: {
        contentType: 'application/json',
        userProperties: Object.fromEntries(named) as Record<string, string>,
        ...(ttl === null ? {} : { messageExpiryInterval: Math.ceil(ttl / 1000) }),
      },
    });
    await within(`sending to ${address}`, this.options.sendTimeout, sent);
  }

  async close(): Promise<void> {
    await this.client.endAsync(true);
  }
}
