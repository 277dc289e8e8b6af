import rhea from 'rhea';
import type { Connection, EventContext, Sender } from 'rhea';
import { loginOf, within } from '../bus.js';
import type { Bus, BusMessage, BusOptions, Connect } from '../bus.js';

/** Connects by AMQP 1.0, as Koji's own plugin does. */
export const connect: Connect = async (url, options) => {
  const isSecure = url.protocol === 'amqps:';
  const place = {
    ...loginOf(url),
    host: url.hostname,
    port: Number(url.port || (isSecure ? 5671 : 5672)),
    reconnect: false,
  };
  const trust = {
    transport: 'tls' as const,
    ...(options.cert ? { cert: options.cert, key: options.cert } : {}),
    ...(options.ca ? { ca: options.ca } : {}),
  };
  const connection = rhea.create_container().connect(isSecure ? { ...place, ...trust } : place);
  // An event of this name that nobody hears would be thrown.
  connection.on('error', () => undefined);
  await within(`connecting to ${url.host}`, options.connectTimeout, opened(connection)).catch(
    (error: unknown) => {
      connection.close();
      throw error;
    },
  );
  return new AmqpBus(connection, options);
};

function failureOf({ connection, sender, error }: EventContext): Error {
  const cause: unknown = sender?.error ?? connection.error ?? error;
  const { description, message } = (cause ?? {}) as { description?: string; message?: string };
  return new Error(description ?? message ?? 'the broker closed the connection', { cause });
}

function opened(connection: Connection): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.once('connection_open', () => {
      resolve();
    });
    for (const event of ['connection_close', 'connection_error', 'disconnected'])
      connection.once(event, (context: EventContext) => {
        reject(failureOf(context));
      });
  });
}

class AmqpBus implements Bus {
  private readonly senders = new Map<string, Promise<Sender>>();

  constructor(
    private readonly connection: Connection,
    private readonly options: BusOptions,
  ) {}

  publish(message: BusMessage): Promise<void> {
    return within(`sending to ${message.address}`, this.options.sendTimeout, this.send(message));
  }

  private async send({ id, address, properties, body, ttl }: BusMessage): Promise<void> {
    const sender = await this.senderTo(addressOf(address));
    const delivery = sender.send({
      message_id: id,
      durable: true,
      content_type: 'application/json',
      application_properties: properties,
      body,
      ...(ttl === null ? {} : { ttl }),
    });
    await new Promise<void>((resolve, reject) => {
      const accepted = (context: EventContext): void => {
        if (context.delivery === delivery) resolve();
      };
      // Comes behind `accepted`, or alone.
      const settled = (context: EventContext): void => {
        if (context.delivery !== delivery) return;
        stop();
        reject(new Error('the broker did not accept the message'));
      };
      const broken = (context: EventContext): void => {
        stop();
        reject(failureOf(context));
      };
      const stop = (): void => {
        sender.removeListener('accepted', accepted);
        sender.removeListener('settled', settled);
        this.connection.removeListener('disconnected', broken);
        sender.removeListener('sender_close', broken);
      };
      sender.on('accepted', accepted);
      sender.on('settled', settled);
      sender.on('sender_close', broken);
      this.connection.on('disconnected', broken);
    });
  }

  private senderTo(address: string): Promise<Sender> {
    const known = this.senders.get(address);
    if (known) return known;
    const made = new Promise<Sender>((resolve, reject) => {
      const sender = this.connection.open_sender({ target: { address, durable: 2 }, autosettle: true });
      sender.once('sendable', () => {
        resolve(sender);
      });
      for (const event of ['sender_close', 'sender_error'])
        sender.once(event, (context: EventContext) => {
          this.senders.delete(address);
          reject(failureOf(context));
        });
    });
    this.senders.set(address, made);
    return made;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => {
      this.connection.once('connection_close', resolve);
      this.connection.once('disconnected', resolve);
    });
    this.connection.close();
    await within('closing', 2000, closed).catch(() => undefined);
  }
}

/** Koji's brokers know topics by this beginning, unless the configuration has one of its own. */
function addressOf(address: string): string {
  return /^(\/topic\/|topic:\/\/)/.test(address) ? address : `topic://${address}`;
}
