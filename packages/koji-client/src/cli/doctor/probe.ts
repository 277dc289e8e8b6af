import http from 'node:http';
import https from 'node:https';
import type { TLSSocket } from 'node:tls';
import { messageOf } from '@koji/core';
import { tlsOptions } from '../../transport.js';
import type { GlobalOptions } from '../global-options.js';

/** A certificate sent by a server. */
export interface ServerCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly expires: Date;
  /** Why it is not trusted; null if it is. */
  readonly refused: string | null;
}

/** A server's answer to a request for a page. */
export interface Probe {
  readonly status: number;
  /** The server's time in whole seconds; null if it is missing. */
  readonly date: Date | null;
  /** Milliseconds until the answer began. */
  readonly took: number;
  /** The certificate of the server; null without TLS. */
  readonly certificate: ServerCertificate | null;
}

/** Milliseconds after which a server counts as unreachable. */
const patience = 10_000;

/**
 * Requests a page from a server, whether or not its certificate is trusted.
 * @throws Error when no answer comes
 */
export function probe(url: string, global: GlobalOptions): Promise<Probe> {
  const target = new URL(url);
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const onAnswer = (answer: http.IncomingMessage): void => {
      const date = new Date(answer.headers.date ?? '');
      resolve({
        status: answer.statusCode ?? 0,
        date: Number.isNaN(date.getTime()) ? null : date,
        took: Math.round(performance.now() - start),
        certificate: target.protocol === 'https:' ? certificateOf(answer.socket as TLSSocket) : null,
      });
      // Only the head of the answer is needed.
      answer.destroy();
    };
    // The request works without the user's certificate, which may be the problem.
    const authorities = global.serverca ? tlsOptions({ serverCa: global.serverca }) : {};
    const options = { agent: false, signal: AbortSignal.timeout(patience) };
    const request =
      target.protocol === 'https:'
        ? https.get(target, { ...options, ...authorities, rejectUnauthorized: false }, onAnswer)
        : http.get(target, options, onAnswer);
    request.once('error', (error) =>
      reject(error.name === 'AbortError' ? new Error(`no answer within ${patience / 1000} s`) : error),
    );
  });
}

function certificateOf(socket: TLSSocket): ServerCertificate {
  const { subject, issuer, valid_to } = socket.getPeerCertificate();
  // Of several names the first is enough to identify it.
  const nameOf = ({ CN, O }: { CN?: string | string[]; O?: string | string[] }): string =>
    [CN ?? O ?? 'unnamed'].flat()[0] ?? 'unnamed';
  return {
    subject: nameOf(subject),
    issuer: nameOf(issuer),
    expires: new Date(valid_to),
    refused: socket.authorized ? null : messageOf(socket.authorizationError),
  };
}
