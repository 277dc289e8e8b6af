import { readFile } from 'node:fs/promises';
import { messageOf } from '@koji/core';
import { config, longestConnect } from './config.js';
import type { Broker, Connection, Outgoing, Transport, TransportSettings } from './transport.js';

type Protocol = typeof config.broker.protocol;

// Each brings its client library, of which one is enough.
const transports: Readonly<Record<Protocol, () => Promise<Transport>>> = {
  'amqp-1.0': async () => (await import('./amqp-1-0.js')).amqp10,
  'amqp-0-9-1': async () => (await import('./amqp-0-9-1.js')).amqp091,
  mqtt: async () => (await import('./mqtt.js')).mqtt,
  nats: async () => (await import('./nats.js')).nats,
};

/**
 * The way to the brokers of messagebus.conf. The first message opens a connection to one of them, which all messages share
 * until it is lost or a message is not confirmed in time; the next message then opens another.
 */
export class Bus {
  private current: Promise<Line> | null = null;

  /**
   * Sends a message.
   *
   * @throws Error unless the broker has confirmed it in time
   */
  async publish(message: Outgoing): Promise<void> {
    const opening = (this.current ??= this.open());
    const forget = (): void => {
      if (this.current === opening) this.current = null;
    };
    const line = await opening.catch((error: unknown) => {
      forget();
      throw error;
    });
    // Also one that was lost while nothing was sent.
    if (line.end) forget();
    await within(sendTimeout(), line.publish(message), () => {
      forget();
      void line.close().catch(() => undefined);
      return `not confirmed within ${sendTimeout() / 1000} s`;
    });
  }

  async close(): Promise<void> {
    const opening = this.current;
    this.current = null;
    await (await opening?.catch(() => null))?.close();
  }

  /** Connects to the first broker that lets it, in random order. */
  private async open(): Promise<Line> {
    const { urls, protocol } = config.broker;
    const transport = await transports[protocol]();
    const settings = await readSettings();
    const problems: string[] = [];
    const started = Date.now();
    for (const url of shuffled(urls)) {
      // The others have their turn at the next try.
      if (Date.now() - started >= longestConnect * 1000) break;
      const broker = readBroker(url);
      try {
        return new Line(await connect(transport, broker, settings));
      } catch (error) {
        problems.push(`${broker.host}: ${reasonOf(error)}`);
      }
    }
    throw new Error(`no connection to a broker: ${problems.join('; ')}`);
  }
}

/** An open connection and what waits for its confirmation. */
class Line {
  /** Why it ended; null while it is open. */
  end: Error | null = null;
  private readonly waiting = new Set<(reason: Error) => void>();

  constructor(private readonly connection: Connection) {
    void connection.ended.then((reason) => {
      this.end = new Error(`the connection is lost: ${reason.message}`, { cause: reason });
      for (const fail of this.waiting) fail(this.end);
    });
  }

  async publish(message: Outgoing): Promise<void> {
    if (this.end) throw this.end;
    let fail: (reason: Error) => void = () => undefined;
    const lost = new Promise<never>((_resolve, reject) => {
      fail = reject;
    });
    this.waiting.add(fail);
    try {
      await Promise.race([this.connection.publish(message), lost]);
    } finally {
      this.waiting.delete(fail);
    }
  }

  close(): Promise<void> {
    return this.connection.close();
  }
}

const sendTimeout = (): number => config.broker.send_timeout * 1000;

async function connect(
  transport: Transport,
  broker: Broker,
  settings: TransportSettings,
): Promise<Connection> {
  if (!transport.schemes.includes(broker.scheme))
    throw new Error(
      `${broker.scheme}:// is not for ${config.broker.protocol}, but ${transport.schemes.join(':// or ')}://`,
    );
  const opening = transport.connect(broker, settings);
  return within(settings.connectTimeout, opening, () => {
    // It may still come.
    void opening.then((late) => late.close()).catch(() => undefined);
    return `no connection within ${settings.connectTimeout / 1000} s`;
  });
}

/** What a promise comes to, or an error with the text that `late` gives. */
async function within<T>(milliseconds: number, promise: Promise<T>, late: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(late())), milliseconds);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

async function readSettings(): Promise<TransportSettings> {
  const { cert, cacert, topic_prefix: topicPrefix, exchange, connect_timeout: seconds } = config.broker;
  const pem = (file: string | null): Promise<string | null> =>
    file === null ? Promise.resolve(null) : readFile(file, 'utf8');
  const [own, ca] = await Promise.all([pem(cert), pem(cacert)]);
  return {
    topicPrefix,
    exchange,
    connectTimeout: seconds * 1000,
    sendTimeout: sendTimeout(),
    tls: { ...(ca === null ? {} : { ca }), ...(own === null ? {} : { cert: own, key: own }) },
  };
}

/** What a URL and the options say about a broker. */
export function readBroker(url: string): Broker {
  const { protocol, hostname, port, username, password, pathname } = new URL(url);
  const given = (text: string): string | null => (text === '' ? null : decodeURIComponent(text));
  return {
    scheme: protocol.slice(0, -1),
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? null : Number(port),
    user: given(username) ?? config.broker.user,
    password: given(password) ?? config.broker.password,
    path: decodeURIComponent(pathname.slice(1)),
  };
}

function shuffled<T>(items: readonly T[]): T[] {
  const keyed = items.map((item) => ({ item, key: Math.random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

/** A connection that is refused on several addresses of a host has a reason for each, and no text of its own. */
function reasonOf(error: unknown): string {
  const [first] = (error as { errors?: unknown[] }).errors ?? [];
  const reason = messageOf(first ?? error);
  return reason === '' ? 'no reason given' : reason;
}
