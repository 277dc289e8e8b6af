/** Identities of clients from their transport: from a certificate or a trusted proxy. */
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { peerAddress } from '@koji/core';
import type { HubOptions } from '@koji/core/config';
import { parseSubject, subjectOf } from '../auth/distinguished-names.js';
import { unknownIdentity } from '../auth/identity.js';
import type { Identity } from '../auth/identity.js';
import type { Tls } from './tls.js';

type IdentityOptions = Pick<
  HubOptions,
  'TrustedProxies' | 'ClientVerifyHeader' | 'ClientDNHeader' | 'PrincipalHeader'
>;

const failed = (why: string): Identity => ({ kind: 'none', why: `FAILED:${why}` });
const none: Identity = { kind: 'none', why: 'NONE' };

/** Returns the sender of a request. A proxy's own certificate never identifies a client. */
export function identityOf(request: IncomingMessage, options: IdentityOptions, tls: Tls | null): Identity {
  return options.TrustedProxies.includes(peerAddress(request))
    ? identityByProxy(request, options)
    : identityByCertificate(request, tls);
}

function identityByProxy(
  request: IncomingMessage,
  { ClientVerifyHeader, ClientDNHeader, PrincipalHeader }: IdentityOptions,
): Identity {
  const principal = soleHeader(request, PrincipalHeader);
  if (principal === undefined) return failed('the proxy sent several headers');
  if (principal !== null) return { kind: 'principal', principal };
  if (ClientVerifyHeader === null || ClientDNHeader === null) return unknownIdentity;
  const verified = soleHeader(request, ClientVerifyHeader);
  const name = soleHeader(request, ClientDNHeader);
  if (verified === undefined || name === undefined) return failed('the proxy sent several headers');
  if (verified !== 'SUCCESS') return { kind: 'none', why: verified ?? 'NONE' };
  const subject = name === null ? null : parseSubject(name);
  return subject
    ? { kind: 'certificate', subject }
    : failed('the proxy named no subject in the form of RFC 2253');
}

/** Returns the value of a header, or null; undefined for several values, because one may come from the client. */
function soleHeader(request: IncomingMessage, name: string | null): string | null | undefined {
  if (name === null) return null;
  const [value = '', ...more] = request.headersDistinct[name.toLowerCase()] ?? [];
  if (more.length > 0) return undefined;
  // Apache sends `(null)` for a variable that is not set.
  return value === '' || value === '(null)' ? null : value;
}

function identityByCertificate({ socket }: IncomingMessage, tls: Tls | null): Identity {
  if (tls === null || !(socket instanceof TLSSocket)) return unknownIdentity;
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return none;
  if (!socket.authorized) return failed(codeOf(socket.authorizationError));
  // The authorities may have changed since the connection was opened.
  if (!tls.isCurrent(socket)) return failed('the authorities changed since the connection began');
  if (!(Date.parse(certificate.validTo) > Date.now())) return failed('CERT_HAS_EXPIRED');
  const subject = subjectOf(certificate);
  return subject ? { kind: 'certificate', subject } : failed('the certificate has no subject');
}

/** Returns the code of a failed check, which Node.js passes as a string, unlike its types. */
function codeOf(error: unknown): string {
  return typeof error === 'string' ? error : error instanceof Error ? error.message : 'unknown';
}
