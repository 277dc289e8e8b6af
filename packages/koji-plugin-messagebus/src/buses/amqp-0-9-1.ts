import { connect as open } from 'amqplib';
import type { ChannelModel, ConfirmChannel } from 'amqplib';
import { within } from '../bus.js';
import type { Bus, BusMessage, BusOptions, Connect } from '../bus.js';

/** Connects by AMQP 0-9-1; messages go to an exchange that is there, by their addresses as routing keys. */
export const connect: Connect = async (url, options) => {
  const { cert, ca, connectTimeout } = options;
  const socket = {
    timeout: connectTimeout,
    ...(cert ? { cert, key: cert } : {}),
    ...(ca ? { ca: [ca] } : {}),
  };
  const connection = await open(url.href, socket);
  // What went wrong is told to those who publish; an event of this name that nobody hears would be thrown.
  connection.on('error', () => undefined);
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => undefined);
  await channel.checkExchange(options.exchange).catch(async (error: unknown) => {
    await connection.close();
    throw error;
  });
  return new AmqpBus(connection, channel, options);
};

class AmqpBus implements Bus {
  constructor(
    private readonly connection: ChannelModel,
    private readonly channel: ConfirmChannel,
    private readonly options: BusOptions,
  ) {}

  publish({ id, address, properties, body, ttl }: BusMessage): Promise<void> {
    const how = {
      persistent: true,
      contentType: 'application/json',
      messageId: id,
      headers: { ...properties },
      ...(ttl === null ? {} : { expiration: ttl }),
    };
    const confirmed = new Promise<void>((resolve, reject) => {
      const answered = (error: unknown): void => {
        if (error === null || error === undefined) resolve();
        else reject(error instanceof Error ? error : new Error('the broker did not take the message'));
      };
      this.channel.publish(this.options.exchange, address, Buffer.from(body), how, answered);
    });
    return within(`sending to ${address}`, this.options.sendTimeout, confirmed);
  }

  async close(): Promise<void> {
    await within('closing', 2000, this.connection.close()).catch(() => undefined);
  }
}
