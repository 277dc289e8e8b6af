import { messageOf } from '@koji/core';
import type { GlobalOptions } from '../global-options.js';
import { ok, problem, warning } from './findings.js';
import type { Finding } from './findings.js';
import { probe } from './probe.js';

/** Checks that the file store and the web interface answer. */
export async function checkAddresses(global: GlobalOptions): Promise<Finding[]> {
  const { topurl, weburl } = global;
  return Promise.all([
    topurl === null
      ? warning(
          'topurl',
          'is not set, so downloads do not work',
          'Set topurl to the address of the file store.',
        )
      : checkAddress('topurl', topurl, global),
    checkAddress('weburl', weburl, global),
  ]);
}

async function checkAddress(name: string, url: string, global: GlobalOptions): Promise<Finding> {
  const remedy = `Check ${name} in the profile.`;
  try {
    const { status, certificate } = await probe(`${url.replace(/\/+$/, '')}/`, global);
    const details = { url, status };
    // A file store need not list its folders.
    const isThere = status < 400 || status === 401 || status === 403;
    if (!isThere) return problem(name, `${url} answers with status ${status}`, remedy, details);
    if (certificate?.refused && !global.no_ssl_verify)
      return problem(name, `${url}: the certificate is not trusted: ${certificate.refused}`, remedy, details);
    return ok(name, `${url} answers`, details);
  } catch (error) {
    return problem(name, `${url} does not answer: ${messageOf(error)}`, remedy, { url });
  }
}
