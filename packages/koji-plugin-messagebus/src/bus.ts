import { readFile } from 'node:fs/promises';
import { messageOf } from '@koji/core';
import { longestConnect } from './limits.js';
import { fieldOf } from './transport.js';
import type { Broker, Connection, Outgoing, Transport, TransportSettings } from './transport.js';

/** How to reach the brokers of a bus. */
export interface BusSettings {
  readonly protocol: 'amqp-1.0' | 'amqp-0-9-1' | 'mqtt' | 'nats';
  /** The brokers, tried in random order. */
  readonly urls: readonly string[];
  /** Login for URLs without one. */
  readonly user?: string | null;
  readonly password?: string | null;
  /** File with the certificate that is shown to the brokers, as PEM. Default: none is shown. */
  readonly cert?: string | null;
  /** File with its key. Default: that of the certificate. */
  readonly key?: string | null;
  /** File with the CAs of the brokers' certificates. Default: those of the system. */
  readonly cacert?: string | null;
  /** Prefix of all addresses; if it is empty, which only AMQP 0-9-1 allows, there is none. */
  readonly topic_prefix: string;
  /** The exchange of AMQP 0-9-1. Default `amq.topic`. */
  readonly exchange?: string;
  /** Seconds that connecting to a broker may take, at most 30. Default 10. */
  readonly connect_timeout?: number;
  /** Seconds until a broker must have confirmed a message, at most 60. Default 15. */
  readonly send_timeout?: number;
}

type Protocol = BusSettings['protocol'];

// Each brings its client library, of which one is enough.
const transports: Readonly<Record<Protocol, () => Promise<Transport>>> = {
  'amqp-1.0': async () => (await import('./amqp-1-0.js')).amqp10,
  'amqp-0-9-1': async () => (await import('./amqp-0-9-1.js')).amqp091,
  mqtt: async () => (await import('./mqtt.js')).mqtt,
  nats: async () => (await import('./nats.js')).nats,
};

/**
 * The way to the brokers of a bus. The first message opens a connection to one of them, which all messages share
 * until it is lost or a message is not confirmed in time; the next message then opens another.
 */
export class Bus {
  private current: Promise<Line> | null = null;

  /** @param settings is asked at each try */
  constructor(private readonly settings: () => BusSettings) {}

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
    const seconds = sendSeconds(this.settings());
    await within(seconds * 1000, line.publish(message), () => {
      forget();
      void line.close().catch(() => undefined);
      return `not confirmed within ${seconds} s`;
    });
  }

  async close(): Promise<void> {
    const opening = this.current;
    this.current = null;
    await (await opening?.catch(() => null))?.close();
  }

  /** Connects to the first broker that lets it, in random order. */
  private async open(): Promise<Line> {
    const given = this.settings();
    const { urls, protocol } = given;
    const transport = await transports[protocol]();
    const settings = await readSettings(given);
    const problems: string[] = [];
    const started = Date.now();
    for (const url of shuffled(urls)) {
      // The others have their turn at the next try.
      if (Date.now() - started >= longestConnect * 1000) break;
      const broker = readBroker(url, given);
      try {
        return new Line(await connect({ transport, protocol }, broker, settings));
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

async function connect(
  { transport, protocol }: { readonly transport: Transport; readonly protocol: Protocol },
  broker: Broker,
  settings: TransportSettings,
): Promise<Connection> {
  if (!transport.schemes.includes(broker.scheme))
    throw new Error(
      `${broker.scheme}:// is not for ${protocol}, but ${transport.schemes.join(':// or ')}://`,
    );
  const opening = transport.connect(broker, settings);
  return within(settings.connectTimeout, opening, () => {
    // It may still come.
    void opening.then((late) => late.close()).catch(() => undefined);
    return `no connection within ${settings.connectTimeout / 1000} s`;
  });
}

/** The result of a promise, or an error with the text that `late` returns. */
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

const sendSeconds = ({ send_timeout: seconds = 15 }: BusSettings): number => seconds;

async function readSettings(given: BusSettings): Promise<TransportSettings> {
  const { cert = null, key = null, cacert = null, topic_prefix: topicPrefix } = given;
  const { exchange = 'amq.topic', connect_timeout: seconds = 10 } = given;
  const pem = (file: string | null): Promise<string | null> =>
    file === null ? Promise.resolve(null) : readFile(file, 'utf8');
  const [own, ownKey, ca] = await Promise.all([pem(cert), pem(key ?? cert), pem(cacert)]);
  return {
    topicPrefix,
    exchange,
    connectTimeout: seconds * 1000,
    sendTimeout: sendSeconds(given) * 1000,
    tls: {
      ...(ca === null ? {} : { ca }),
      ...(own === null || ownKey === null ? {} : { cert: own, key: ownKey }),
    },
  };
}

/** Settings of a broker from a URL and the options. */
function readBroker(url: string, { user = null, password: word = null }: BusSettings): Broker {
  const { protocol, hostname, port, username, password, pathname } = new URL(url);
  const given = (text: string): string | null => (text === '' ? null : decodeURIComponent(text));
  return {
    scheme: protocol.slice(0, -1),
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? null : Number(port),
    user: given(username) ?? user,
    password: given(password) ?? word,
    path: decodeURIComponent(pathname.slice(1)),
  };
}

function shuffled<T>(items: readonly T[]): T[] {
  const keyed = items.map((item) => ({ item, key: Math.random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

/** A connection that is refused on several addresses of a host has a reason for each, and no text of its own. */
function reasonOf(error: unknown): string {
  const first = fieldOf(fieldOf(error, 'errors'), '0');
  const reason = messageOf(first ?? error);
  return reason === '' ? 'no reason given' : reason;
}
