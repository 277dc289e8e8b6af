import { messageOf } from '@koji/core';
import type { Connection as RheaConnection, Delivery, EventContext, Sender } from 'rhea';
import { fieldOf, newEnd } from './transport.js';
import type { Broker, Connection, Outgoing, Transport, TransportSettings } from './transport.js';

/** AMQP 1.0: ActiveMQ, Artemis, Qpid, RabbitMQ; what Koji's protonmsg speaks. */
export const amqp10: Transport = {
  schemes: ['amqp', 'amqps'],
  async connect(broker, settings) {
    const { default: rhea } = await import('rhea');
    const { ended, end } = newEnd();
    const connection = rhea.create_container().connect(optionsOf(broker, settings));
    // Without a listener for each of them, rhea throws where nobody can catch it.
    for (const event of ['connection_error', 'connection_close', 'disconnected', 'protocol_error', 'error'])
      connection.on(event, (context: unknown) => end(errorOf(context)));
    const opened = new Promise<void>((resolve) => {
      connection.once('connection_open', () => resolve());
    });
    const refused = ended.then((reason) => {
      throw reason;
    });
    await Promise.race([opened, refused]);
    const links = new Map<string, SenderLink>();
    return {
      ended,
      async publish(message) {
        const target = `${topicOf(settings.topicPrefix)}.${message.address}`;
        let link = links.get(target);
        if (!link?.usable) links.set(target, (link = new SenderLink(connection, target)));
        await link.send(message);
      },
      async close() {
        end(new Error('it was closed'));
        connection.close();
        await Promise.resolve();
      },
    } satisfies Connection;
  },
};

function optionsOf({ scheme, host, port, user, password }: Broker, { tls }: TransportSettings) {
  const isSecure = scheme === 'amqps';
  return {
    host,
    port: port ?? (isSecure ? 5671 : 5672),
    reconnect: false,
    idle_time_out: 60_000,
    // A broker that wants no login wants to be told so.
    username: user ?? 'anonymous',
    ...(password === null ? {} : { password }),
    ...(isSecure ? { transport: 'tls' as const, enable_sasl_external: tls.cert !== undefined, ...tls } : {}),
  };
}

/** RabbitMQ wants `/topic/` before a topic, ActiveMQ `topic://`; Koji's plugin writes the latter unless told otherwise. */
function topicOf(prefix: string): string {
  return /^(\/topic\/|topic:\/\/)/.test(prefix) ? prefix : `topic://${prefix}`;
}

/** The link to one address; unusable once the broker has ended it. */
class SenderLink {
  usable = true;
  private readonly sender: Sender;
  private readonly pending = new Map<Delivery, { done: () => void; failed: (error: Error) => void }>();
  private readonly waiting = new Set<{ done: () => void; failed: (error: Error) => void }>();

  constructor(
    connection: RheaConnection,
    private readonly target: string,
  ) {
    this.sender = connection.open_sender({ target: { address: target } });
    this.sender.on('sendable', () => {
      for (const { done } of this.waiting) done();
    });
    this.sender.on('accepted', ({ delivery }: EventContext) => this.settle(delivery, null));
    for (const outcome of ['rejected', 'released', 'modified'] as const)
      this.sender.on(outcome, ({ delivery }: EventContext) => this.settle(delivery, outcome));
    for (const event of ['sender_error', 'sender_close'] as const)
      this.sender.on(event, () => this.fail(errorOf({ error: this.sender.error })));
  }

  async send({ id, address, properties, body, ttl, created }: Outgoing): Promise<void> {
    while (!this.sender.sendable()) await this.credit();
    const delivery = this.sender.send({
      message_id: id,
      // Receivers of several topics can see from these which one it was.
      to: this.target,
      subject: address,
      content_type: 'application/json',
      creation_time: created,
      durable: true,
      ...(ttl === null ? {} : { ttl }),
      application_properties: properties,
      body,
    });
    await new Promise<void>((done, failed) => this.pending.set(delivery, { done, failed }));
  }

  private async credit(): Promise<void> {
    if (!this.usable) throw new Error(`the broker takes nothing for ${this.target}`);
    let waiter: { done: () => void; failed: (error: Error) => void } | undefined;
    try {
      await new Promise<void>((done, failed) => {
        waiter = { done, failed };
        this.waiting.add(waiter);
      });
    } finally {
      if (waiter) this.waiting.delete(waiter);
    }
  }

  private settle(delivery: Delivery | undefined, outcome: string | null): void {
    if (!delivery) return;
    const found = this.pending.get(delivery);
    this.pending.delete(delivery);
    if (outcome === null) return found?.done();
    const description = fieldOf(fieldOf(delivery.remote_state, 'error'), 'description');
    const why = typeof description === 'string' ? `: ${description}` : '';
    found?.failed(new Error(`the broker has ${outcome} the message to ${this.target}${why}`));
  }

  private fail(reason: Error): void {
    this.usable = false;
    const error = new Error(`the broker takes nothing for ${this.target}: ${reason.message}`);
    for (const { failed } of [...this.pending.values(), ...this.waiting]) failed(error);
    this.pending.clear();
  }
}

/** The problem described by an event of rhea. */
function errorOf(context: unknown): Error {
  if (context instanceof Error) return context;
  const found = fieldOf(context, 'error') ?? fieldOf(fieldOf(context, 'connection'), 'error');
  if (found === undefined || found === null) return new Error('the broker hung up');
  const description = fieldOf(found, 'description');
  if (typeof description === 'string' && description !== '') return new Error(description);
  const condition = fieldOf(found, 'condition');
  return new Error(typeof condition === 'string' ? condition : messageOf(found));
}
