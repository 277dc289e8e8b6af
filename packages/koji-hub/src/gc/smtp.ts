/** Hands a message to a mail server: the part of SMTP that Koji's own collector uses, without TLS. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { hostname } from 'node:os';
import { createInterface } from 'node:readline';

/** A message and its recipients. */
export interface Envelope {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers and body, lines ended by `\n`. */
  readonly text: string;
}

/** A mail server. */
export interface MailServer {
  readonly host: string;
  readonly port: number;
  readonly login: { readonly user: string; readonly password: string } | null;
}

/** How long the server may be silent, in milliseconds. */
const patience = 30_000;

/** @throws Error when the server does not take the message */
export async function sendMail(server: MailServer, { from, to, text }: Envelope): Promise<void> {
  const socket = connect({ host: server.host, port: server.port });
  socket.setTimeout(patience, () => socket.destroy(new Error(`${server.host} is silent`)));
  const failed = once(socket, 'error').then(([error]) => {
    throw error as Error;
  });
  failed.catch(() => undefined);
  try {
    await Promise.race([talk(socket, server, { from, to, text }), failed]);
  } finally {
    socket.destroy();
  }
}

async function talk(socket: Socket, { login }: MailServer, { from, to, text }: Envelope): Promise<void> {
  const reader = createInterface({ input: socket, crlfDelay: Infinity });
  const lines: AsyncIterator<string, undefined> = reader[Symbol.asyncIterator]();
  const answer = async (expected: string): Promise<void> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error('the mail server hung up');
      // A dash says that more lines follow.
      if (value.charAt(3) === '-') continue;
      if (!value.startsWith(expected)) throw new Error(`the mail server answers: ${value.slice(0, 200)}`);
      return;
    }
  };
  const say = (line: string, expected: string): Promise<void> => {
    socket.write(`${line}\r\n`);
    return answer(expected);
  };
  await answer('2');
  await say(`EHLO ${hostname()}`, '2');
  if (login) {
    const secret = Buffer.from(`\0${login.user}\0${login.password}`).toString('base64');
    await say(`AUTH PLAIN ${secret}`, '2');
  }
  await say(`MAIL FROM:<${bare(from)}>`, '2');
  for (const address of to) await say(`RCPT TO:<${bare(address)}>`, '2');
  await say('DATA', '3');
  // A line with nothing but a dot would end the message.
  const body = text.split('\n').map((line) => (line.startsWith('.') ? `.${line}` : line));
  await say(`${body.join('\r\n')}\r\n.`, '2');
  await say('QUIT', '2');
}

/** The address of `Somebody <address>`. */
export function bare(address: string): string {
  return /<([^<>]*)>\s*$/.exec(address)?.[1] ?? address.trim();
}
