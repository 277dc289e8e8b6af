import type { SMTPTransportOptions } from 'nodemailer';
import { GenericError, messageOf } from '@koji/core';
import type { BaseTaskHandler } from '@koji/plugin-sdk';

/** A message to several people, who see each other's addresses. */
export interface Mail {
  readonly to: readonly string[];
  readonly subject: string;
  /** Additional headers; a header appears once for each of its values. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly text: string;
}

/** Milliseconds that the mail server may take to respond. */
const patience = 60_000;

/**
 * Sends a message through the server that kojid.conf names (`smtphost`, `smtp_user`, `smtp_pass`, `from_addr`).
 *
 * @returns the addresses that the server refused; never all of them
 * @throws GenericError with the server's name if it cannot be reached, or refuses every address
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
    // As between mail servers, any encryption is better than none, but a password is sent only to a verified server.
    tls: { rejectUnauthorized: auth !== undefined },
    ...(auth ? { auth } : {}),
  };
  // Loaded here, because its forty files took half of the start time of a task's process.
  const { createTransport } = await import('nodemailer');
  const transport = createTransport(settings);
  try {
    const { rejected } = await transport.sendMail({
      from: String(from),
      to: [...mail.to],
      subject: mail.subject,
      headers: { 'Auto-Submitted': 'auto-generated', ...mail.headers },
      // Unchanged, because people filter by Koji's headers.
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
