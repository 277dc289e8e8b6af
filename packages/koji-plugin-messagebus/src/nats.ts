import { setImmediate as nextTurn } from 'node:timers/promises';
import type * as Library from '@nats-io/transport-node';
import type { MsgHdrs, NatsConnection } from '@nats-io/transport-node';
import { fieldOf, newEnd, plainPrefix, textProperties } from './transport.js';
import type { Connection, Outgoing, Transport } from './transport.js';

/** NATS: messages are stored if a stream of JetStream covers the subject, otherwise only current subscribers get them. */
export const nats: Transport = {
  schemes: ['nats', 'tls'],
  async connect({ scheme, host, port, user, password }, settings) {
    const library = await import('@nats-io/transport-node');
    const { connectTimeout, sendTimeout, topicPrefix, tls } = settings;
    const connection = await library.connect({
      servers: `${host.includes(':') ? `[${host}]` : host}:${port ?? 4222}`,
      name: 'koji-hub',
      timeout: connectTimeout,
      reconnect: false,
      ignoreClusterUpdates: true,
      ...(user === null ? {} : { user }),
      ...(password === null ? {} : { pass: password }),
      ...(scheme === 'tls' ? { tls } : {}),
    });
    const { ended, end } = newEnd();
    void connection.closed().then(end, end);
    const refusals = watchRefusals(connection);
    return {
      ended,
      async publish(message) {
        const subject = `${plainPrefix(topicPrefix)}.${message.address}`;
        const headers = headersOf(library, message);
        if (await isKept(connection, subject, sendTimeout))
          await keep(connection, subject, { body: message.body, headers, timeout: sendTimeout });
        else {
          refusals.delete(subject);
          connection.publish(subject, message.body, { headers });
          await connection.flush();
          // A refusal comes before the answer to the flush, but is told a little later.
          await nextTurn();
          if (refusals.has(subject)) throw new Error(`the server lets nobody publish to ${subject}`);
        }
      },
      close: () => connection.close(),
    } satisfies Connection;
  },
};

/** Subjects that the server did not let us publish to. */
function watchRefusals(connection: NatsConnection): Set<string> {
  const refusals = new Set<string>();
  const watch = async (): Promise<void> => {
    for await (const status of connection.status()) {
      if (status.type !== 'error') continue;
      const subject = fieldOf(status.error, 'subject');
      if (typeof subject === 'string') refusals.add(subject);
    }
  };
  void watch().catch(() => undefined);
  return refusals;
}

function headersOf({ headers }: typeof Library, { id, properties }: Outgoing): MsgHdrs {
  const made = headers();
  for (const [name, value] of textProperties(properties)) made.append(name, value);
  made.append('Content-Type', 'application/json');
  // JetStream drops a second message of the same number by itself.
  made.append('Nats-Msg-Id', id);
  return made;
}

/** Whether nobody answers such requests: a server without JetStream. */
function hasNoResponders(error: unknown): boolean {
  const ask = fieldOf(error, 'isNoResponders');
  return typeof ask === 'function' && ask.call(error) === true;
}

interface ApiAnswer {
  readonly error?: { readonly code?: number; readonly description?: string };
}

/** Whether a stream covers a subject; also false without JetStream. */
async function isKept(connection: NatsConnection, subject: string, timeout: number): Promise<boolean> {
  const query = JSON.stringify({ subject });
  const answer = await connection
    .request('$JS.API.STREAM.NAMES', query, { timeout })
    .catch((error: unknown) => {
      if (hasNoResponders(error)) return null;
      throw error;
    });
  if (answer === null) return false;
  const { error, streams } = answer.json<ApiAnswer & { streams?: readonly string[] | null }>();
  // JetStream that is switched off for this account.
  if (error?.code === 503) return false;
  if (error)
    throw new Error(`JetStream does not say who takes ${subject}: ${error.description ?? 'no reason'}`);
  return (streams ?? []).length > 0;
}

async function keep(
  connection: NatsConnection,
  subject: string,
  { body, headers, timeout }: { readonly body: string; readonly headers: MsgHdrs; readonly timeout: number },
): Promise<void> {
  const answer = await connection.request(subject, body, { headers, timeout });
  const { error, stream } = answer.json<ApiAnswer & { stream?: string }>();
  if (error || stream === undefined)
    throw new Error(`JetStream did not keep the message: ${error?.description ?? 'somebody else answered'}`);
}
