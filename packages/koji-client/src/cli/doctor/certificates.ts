import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { messageOf } from '@koji/core';
import type { GlobalOptions } from '../global-options.js';
import { ok, problem, warning } from './findings.js';
import type { Finding } from './findings.js';

const day = 24 * 3600 * 1000;
/** Days before expiry when a certificate should be renewed. */
const soon = 30;

/** Checks the user's certificate and the file of authorities, if the profile sets them. */
export function checkCertificates({ cert, serverca, authtype }: GlobalOptions): Finding[] {
  return [
    ...(cert || authtype === 'ssl' ? [checkOwn(cert)] : []),
    ...(serverca ? [checkAuthorities(serverca)] : []),
  ];
}

function checkOwn(file: string | null): Finding {
  const check = 'client certificate';
  const renew = 'Get a new certificate from the administrators of the hub.';
  if (!file) return problem(check, "authtype is 'ssl' and no certificate is named", 'Set cert.');
  try {
    const pem = readFileSync(file);
    const certificate = new X509Certificate(pem);
    const details = { file, subject: certificate.subject, expires: expiryOf(certificate).toISOString() };
    if (!certificate.checkPrivateKey(createPrivateKey(pem)))
      return problem(check, `the key in ${file} is not that of the certificate`, renew, details);
    const late = expiryFinding(check, file, expiryOf(certificate), renew);
    if (late) return late;
    if ((statSync(file).mode & 0o077) !== 0)
      return warning(check, `other users can read the key in ${file}`, `Run chmod 600 ${file}.`, details);
    return ok(check, `${file} is valid until ${dateOf(expiryOf(certificate))}`, details);
  } catch (error) {
    return problem(
      check,
      `cannot use ${file}: ${messageOf(error)}`,
      'cert must name a PEM file with the certificate and its private key.',
    );
  }
}

function checkAuthorities(file: string): Finding {
  const check = 'authorities';
  const remedy = 'serverca must name a PEM file with the authorities that certificates of the hub come from.';
  try {
    const blocks = readFileSync(file, 'utf8').match(
      /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g,
    );
    const dates = (blocks ?? []).map((block) => expiryOf(new X509Certificate(block)).getTime());
    if (dates.length === 0) return problem(check, `${file} holds no certificate`, remedy);
    const expired = dates.filter((date) => date < Date.now()).length;
    const details = { file, certificates: dates.length, expired };
    if (expired === dates.length)
      return problem(check, `all certificates in ${file} have expired`, remedy, details);
    const last = new Date(Math.max(...dates));
    return ok(check, `${file} holds ${dates.length}, the last is valid until ${dateOf(last)}`, details);
  } catch (error) {
    return problem(check, `cannot use ${file}: ${messageOf(error)}`, remedy);
  }
}

const expiryOf = (certificate: X509Certificate): Date => new Date(certificate.validTo);

/** Returns a date as `2026-11-29`. */
const dateOf = (date: Date): string => date.toISOString().slice(0, 10);

/** Returns the problem of a certificate that has expired or soon will, or null. */
export function expiryFinding(check: string, name: string, expires: Date, remedy: string): Finding | null {
  const left = (expires.getTime() - Date.now()) / day;
  const details = { name, expires: expires.toISOString() };
  if (left < 0) return problem(check, `${name} expired on ${dateOf(expires)}`, remedy, details);
  if (left < soon)
    return warning(
      check,
      `${name} expires on ${dateOf(expires)}, in ${Math.floor(left)} days`,
      remedy,
      details,
    );
  return null;
}
