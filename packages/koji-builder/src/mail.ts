import type { SMTPTransportOptions } from 'nodemailer';
import { GenericError, messageOf } from '@koji/core';
import type { BaseTaskHandler } from '@koji/plugin-sdk';

/** A message to several people, who all see each other. */
export interface Mail {
  readonly to: readonly string[];
  readonly subject: string;
  /** Further headers; one with several values appears as often. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly text: string;
}

/** Milliseconds that the mail server may be silent. */
const patience = 60_000;

/**
 * Sends a message through the server that kojid.conf names (`smtphost`, `smtp_user`, `smtp_pass`, `from_addr`).
 *
 * @returns the addresses that the server would not take; never all of them
 * @throws GenericError naming the server when it cannot be reached, or takes the message for nobody
 */
export async function sendMail(options: BaseTaskHandler['options'], mail: Mail): Promise<string[]> {
  const { smtphost, smtp_user: user, smtp_pass: pass, from_addr: from } = options;
  const [, host, port] = /^(.*?)(?::(\d+))?$/.exec(String(smtphost)) ?? [];
  const auth = typeof user === 'string' && typeof pass === 'string' ? { user, pass } : undefined;
  const settings: SMTPTransportOptions = {
    host: host ?? '',
    port: Number(port ?? 25),
    connectionTimeout: patience,
    greetingTimeout: patience,
    socketTimeout: patience,
    // As between mail servers, any encryption is better than none; a password goes to nobody but its server.
    tls: { rejectUnauthorized: auth !== undefined },
    ...(auth ? { auth } : {}),
  };
  // Loaded here: its forty files took half of the time in which the process of a task starts.
  const { createTransport } = await import('nodemailer');
  const transport = createTransport(settings);
  try {
    const { rejected } = await transport.sendMail({
      from: String(from),
      to: [...mail.to],
      subject: mail.subject,
      headers: { 'Auto-Submitted': 'auto-generated', ...mail.headers },
      // Left as they are: people filter by Koji's headers.
      normalizeHeaderKey: (name) => name,
      text: mail.text,
    });
    return rejected;
  } catch (error) {
    throw new GenericError(
      `the mail server ${String(smtphost)} (smtphost in kojid.conf) did not take the message: ${messageOf(error)}`,
      { cause: error },
    );
  } finally {
    transport.close();
  }
}
