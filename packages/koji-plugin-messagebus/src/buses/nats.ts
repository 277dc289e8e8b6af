import { connect as open, headers } from '@nats-io/transport-node';
import type { MsgHdrs, NatsConnection } from '@nats-io/transport-node';
import { loginOf } from '../bus.js';
import type { Bus, BusMessage, BusOptions, Connect } from '../bus.js';

/** Connects to NATS; with JetStream a stream must confirm that it has stored a message. */
export const connect: Connect = async (url, options) => {
  const { username, password } = loginOf(url);
  const { cert, ca } = options;
  const isSecure = url.protocol === 'tls:' || cert !== null || ca !== null;
  const connection = await open({
    servers: url.host,
    ...(username === undefined ? {} : { user: username, pass: password ?? '' }),
    timeout: options.connectTimeout,
    reconnect: false,
    ...(isSecure
      ? {
          tls: {
            ...(cert ? { cert: cert.toString(), key: cert.toString() } : {}),
            ...(ca ? { ca: ca.toString() } : {}),
          },
        }
      : {}),
  });
  return new NatsBus(connection, options);
};

class NatsBus implements Bus {
  constructor(
    private readonly connection: NatsConnection,
    private readonly options: BusOptions,
  ) {}

  async publish(message: BusMessage): Promise<void> {
    const { address, body } = message;
    const { sendTimeout: timeout, jetstream } = this.options;
    if (!jetstream) {
      this.connection.publish(address, body, { headers: headersOf(message) });
      // Answered once the server has everything that was sent before.
      await this.connection.flush();
      return;
    }
    const answer = await this.connection.request(address, body, { headers: headersOf(message), timeout });
    const { error } = answer.json<{ error?: { description?: string } }>();
    if (error)
      throw new Error(`no stream has stored the message: ${error.description ?? 'without a reason'}`);
  }

  async close(): Promise<void> {
    await this.connection.close();
  }
}

function headersOf({ id, properties, ttl }: BusMessage): MsgHdrs {
  const made = headers();
  for (const [name, value] of Object.entries(properties)) if (value !== null) made.set(name, String(value));
  made.set('Content-Type', 'application/json');
  // A stream throws a second one with the same away.
  made.set('Nats-Msg-Id', `koji-${id}`);
  if (ttl !== null) made.set('Nats-TTL', `${Math.ceil(ttl / 1000)}s`);
  return made;
}
