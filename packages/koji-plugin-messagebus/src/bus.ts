import type { MessageProperties } from '@koji/plugin-sdk/messages';

/** A message on its way. */
export interface BusMessage {
  /** The same at every try. */
  readonly id: string;
  /** With the prefix: `koji.build.tag`. */
  readonly address: string;
  readonly properties: MessageProperties;
  /** JSON. */
  readonly body: string;
  /** Milliseconds that the broker may keep it; null for ever. */
  readonly ttl: number | null;
}

/** A connection to a broker. */
export interface Bus {
  /** Resolves once the broker has confirmed that it has the message. */
  publish(message: BusMessage): Promise<void>;
  close(): Promise<void>;
}

/** How to reach a broker. */
export interface BusOptions {
  /** Milliseconds. */
  readonly connectTimeout: number;
  /** Milliseconds. */
  readonly sendTimeout: number;
  /** PEM: the certificate and key to log in with. */
  readonly cert: Buffer | null;
  /** PEM: whom to trust. */
  readonly ca: Buffer | null;
  /** AMQP 0-9-1 only. */
  readonly exchange: string;
  /** NATS only: a stream must take the message. */
  readonly jetstream: boolean;
}

/** Connects to the broker at a url. */
export type Connect = (url: URL, options: BusOptions) => Promise<Bus>;

/** A login in a url. */
export function loginOf(url: URL): { username?: string; password?: string } {
  if (url.username === '') return {};
  return { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
}

/** Rejects with `what` when a promise takes longer than these milliseconds. */
export async function within<T>(what: string, milliseconds: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${what}: not within ${milliseconds / 1000} s`));
    }, milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
