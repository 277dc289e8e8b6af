import util from 'node:util';
import type { MessageProperties } from '@koji/plugin-sdk/messages';

/** A broker, as one of the URLs names it. */
export interface Broker {
  readonly scheme: string;
  readonly host: string;
  /** Null: the protocol's usual one. */
  readonly port: number | null;
  readonly user: string | null;
  readonly password: string | null;
  /** The path after the host, without its slash; a virtual host of AMQP 0-9-1. */
  readonly path: string;
}

/** How to connect and to send, whichever the broker. */
export interface TransportSettings {
  /** As the file says it, with `topic://` or `/topic/` or without. */
  readonly topicPrefix: string;
  readonly exchange: string;
  /** Milliseconds. */
  readonly connectTimeout: number;
  readonly sendTimeout: number;
  /** Certificates as PEM. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

/** A message on its way. */
export interface Outgoing {
  /** The same at every try, and no other message's on this bus. */
  readonly id: string;
  /** Without the prefix. */
  readonly address: string;
  readonly properties: MessageProperties;
  /** JSON. */
  readonly body: string;
  /** Milliseconds, null for ever. */
  readonly ttl: number | null;
  /** When it happened. */
  readonly created: Date;
}

/** An open connection to a broker. */
export interface Connection {
  /** Resolves once the broker has confirmed the message. May hang when the connection is lost. */
  publish(message: Outgoing): Promise<void>;
  /** Resolves, with the reason, once nothing can be published any more; never rejects. */
  readonly ended: Promise<Error>;
  close(): Promise<void>;
}

/** A protocol. */
export interface Transport {
  /** Its schemes of URLs, without and with TLS. */
  readonly schemes: readonly [plain: string, secure: string];
  /** Opens a connection; may hang. */
  connect(broker: Broker, settings: TransportSettings): Promise<Connection>;
}

/** The end of a connection: tell it as often as you like, the first reason counts. */
export function newEnd(): { readonly ended: Promise<Error>; readonly end: (reason: unknown) => void } {
  let end: (reason: unknown) => void = () => undefined;
  const ended = new Promise<Error>((resolve) => {
    end = (reason) => resolve(util.types.isNativeError(reason) ? reason : new Error('the broker hung up'));
  });
  return { ended, end };
}

/** The prefix without the marks that brokers of AMQP 1.0 want before it. */
export function plainPrefix(prefix: string): string {
  return prefix.replace(/^(topic:\/\/|\/topic\/)/, '');
}

/** A field of a value from a library, such as its own errors; undefined if it is missing. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/** Properties for protocols that have text only: those that are null are left out. */
export function textProperties(properties: MessageProperties): [string, string][] {
  return Object.entries(properties).flatMap(([name, value]): [string, string][] =>
    value === null ? [] : [[name, String(value)]],
  );
}
