import { API_VERSION, KOJI_VERSION, ServerOffline, messageOf } from '@koji/core';
import { RequestError, codeOf } from '../../errors.js';
import type { ClientSession } from '../../session.js';
import type { GlobalOptions } from '../global-options.js';
import { expiryFinding } from './certificates.js';
import { ok, problem, warning } from './findings.js';
import type { Finding } from './findings.js';
import { probe } from './probe.js';
import type { Probe } from './probe.js';

/** Seconds that a call may take. */
const timeout = 10;
/** Seconds by which clocks may differ; the server's date has whole seconds. */
const smallDifference = 5;
/** Clock difference in seconds that Kerberos and freshly issued certificates do not tolerate. */
const largeDifference = 300;

/** Checks that the hub answers, its version, certificate and clock. */
export async function checkHub(session: ClientSession, global: GlobalOptions): Promise<Finding[]> {
  const page = await probe(global.server, global).catch(() => null);
  const found = [
    ...(page?.certificate ? [checkCertificate(page.certificate, global)] : []),
    ...(page ? checkClock(page) : []),
  ];
  try {
    const call = <T>(method: string): Promise<T> =>
      session.call<T>(method, [], {}, { retry: false, timeout });
    const api = await call<number>('getAPIVersion');
    const version = await call<string>('getKojiVersion').catch(() => 'older than 1.23');
    const took = page ? ` in ${page.took} ms` : '';
    return [
      ok('hub', `${global.server} answers${took}`, { server: global.server }),
      checkVersions(api, version),
      ...found,
    ];
  } catch (error) {
    return [
      problem('hub', `${global.server}: ${messageOf(error)}`, remedyOf(error), { server: global.server }),
      ...found,
    ];
  }
}

function remedyOf(error: unknown): string {
  if (error instanceof ServerOffline) return 'The hub is being maintained. Try again later.';
  if (error instanceof RequestError && error.badCertificate)
    return 'Set serverca to a PEM file with the authority that the certificate of the hub comes from.';
  if (error instanceof RequestError && (error.status !== null || error.code === 'BAD_ANSWER'))
    return "Check 'server': another program answers there. The address of a hub usually ends with /kojihub.";
  if (codeOf(error)?.startsWith('ERR_OSSL')) return "Mend 'cert' and 'serverca' first.";
  const remedies: Readonly<Record<string, string>> = {
    ENOTFOUND: "The name of the host is unknown. Check 'server', and whether the network or a VPN is needed.",
    EAI_AGAIN: 'Names cannot be looked up. Check the network.',
    ECONNREFUSED: "Nothing listens at this port. Check 'server', or ask the administrators of the hub.",
  };
  return (
    remedies[codeOf(error) ?? ''] ??
    "Check 'server' and the network, or ask the administrators whether the hub is running."
  );
}

function checkVersions(api: number, hub: string): Finding {
  const details = { client: KOJI_VERSION, hub, client_api: API_VERSION, hub_api: api, node: process.version };
  const text = `koji ${KOJI_VERSION} on Node.js ${process.version}, hub ${hub}`;
  return api === API_VERSION
    ? ok('versions', text, details)
    : problem(
        'versions',
        `${text}: the API of the hub has version ${api}, not ${API_VERSION}`,
        'Use a version of koji that fits the hub.',
        details,
      );
}

function checkCertificate(
  { subject, issuer, expires, refused }: NonNullable<Probe['certificate']>,
  { no_ssl_verify }: GlobalOptions,
): Finding {
  const check = 'certificate of the hub';
  const details = { subject, issuer, expires: expires.toISOString(), refused };
  const late = expiryFinding(check, `'${subject}'`, expires, 'Tell the administrators of the hub.');
  if (late) return late;
  if (refused === null) return ok(check, `'${subject}', issued by '${issuer}', is trusted`, details);
  return no_ssl_verify
    ? warning(
        check,
        `'${subject}' is not trusted (${refused})`,
        'Set serverca, and no_ssl_verify = no.',
        details,
      )
    : problem(
        check,
        `'${subject}' is not trusted: ${refused}`,
        "Set serverca to the issuer's PEM file.",
        details,
      );
}

function checkClock({ date, took }: Probe): Finding[] {
  if (date === null) return [];
  // The server wrote its date at some time between the request and the answer.
  const difference = Math.round((Date.now() - took / 2 - date.getTime()) / 1000);
  const details = { difference };
  const size = Math.abs(difference);
  if (size <= smallDifference) return [ok('clock', 'agrees with that of the hub', details)];
  const text = `is ${size} s ${difference > 0 ? 'ahead of' : 'behind'} that of the hub`;
  const remedy = 'Set the clock of this machine, such as with NTP, or tell the administrators of the hub.';
  return [(size >= largeDifference ? problem : warning)('clock', text, remedy, details)];
}
