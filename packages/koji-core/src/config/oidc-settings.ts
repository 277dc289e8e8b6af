import path from 'node:path';
import { hideSecret } from '../secrets.js';
import { readSecret } from './secret-file.js';
import type { SiteOptions } from './web-options.js';

/** An OpenID Connect provider, and what its users may do. */
export interface OidcSettings {
  readonly issuer: URL;
  /** Display name of the provider. */
  readonly name: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Whether the secret is sent by HTTP authentication or in the form. */
  readonly clientAuth: 'basic' | 'post';
  readonly redirectUrl: URL;
  readonly scopes: readonly string[];
  readonly userClaim: string;
  readonly groupsClaim: string;
  /** Groups that have each permission, by the name of the permission. */
  readonly permissions: ReadonlyMap<string, ReadonlySet<string>>;
  readonly createsUsers: boolean;
}

/** Source of the options. */
export interface OidcPlace {
  readonly file: string;
  readonly section: string;
}

/** Last part of the redirect URL. */
const callbackPage = 'oidccallback';

/**
 * Returns the configured provider, or null if there is none, and a line for each problem. There are settings only if there is
 * no problem.
 */
export function readOidcSettings(
  options: SiteOptions,
  { file, section }: OidcPlace,
): { readonly settings: OidcSettings | null; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const problem = (name: string, what: string): null => {
    problems.push(`${file} [${section}] ${name}${what}`);
    return null;
  };
  if (options.OIDCIssuer === null) return { settings: null, problems };
  const issuer = secureUrl('OIDCIssuer', options.OIDCIssuer, problem);
  const redirectUrl = redirectOf(options, problem);
  const clientId = options.OIDCClientID ?? problem('OIDCClientID', ' is missing: OIDCIssuer needs it');
  const clientSecret = secretOf(options, file, problem);
  const permissions = permissionsOf(options.OIDCPermissions, problem);
  if (!options.OIDCScopes.includes('openid'))
    problem('OIDCScopes', ` = '${options.OIDCScopes.join(' ')}': openid must be one of them`);
  if (!issuer || !redirectUrl || !clientId || !clientSecret || problems.length > 0)
    return { settings: null, problems };
  const settings = {
    issuer,
    redirectUrl,
    clientId,
    clientSecret,
    permissions,
    name: options.OIDCName,
    clientAuth: options.OIDCClientAuth,
    scopes: options.OIDCScopes,
    userClaim: options.OIDCUserClaim,
    groupsClaim: options.OIDCGroupsClaim,
    createsUsers: options.OIDCCreatesUsers,
  };
  return { settings, problems };
}

type Problem = (name: string, what: string) => null;

function secureUrl(name: string, text: string, problem: Problem): URL | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:')
    return problem(name, ` = '${text}': not a URL`);
  const isOwn = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (url.protocol === 'http:' && !isOwn)
    return problem(name, ` = '${text}': must be https, because logins go through it`);
  return url;
}

function redirectOf({ OIDCRedirectURL: text }: SiteOptions, problem: Problem): URL | null {
  if (text === null)
    return problem('OIDCRedirectURL', ` is missing: the address of the web page and ${callbackPage}`);
  const url = secureUrl('OIDCRedirectURL', text, problem);
  if (url && (!url.pathname.endsWith(`/${callbackPage}`) || url.search !== '' || url.hash !== ''))
    return problem('OIDCRedirectURL', ` = '${text}': must end with /${callbackPage}`);
  return url;
}

function secretOf({ OIDCClientSecret: text }: SiteOptions, file: string, problem: Problem): string | null {
  if (text === null) return problem('OIDCClientSecret', ' is missing: the secret, file:PATH or env:NAME');
  const read = readSecret(text, path.dirname(file));
  if (typeof read === 'string') return problem('OIDCClientSecret', `: ${read}`);
  hideSecret(read.value);
  return read.value;
}

/** Reads `GROUP = PERMISSION PERMISSION | GROUP = …`; a group's name may have spaces and `=`. */
function permissionsOf(text: string, problem: Problem): Map<string, ReadonlySet<string>> {
  const groups = new Map<string, Set<string>>();
  for (const part of text.split('|').map((one) => one.trim())) {
    if (part === '') continue;
    const [, group = '', names = ''] = /^(.*\S)\s*=\s*([^=]+)$/.exec(part) ?? [];
    if (group === '') problem('OIDCPermissions', ` = '${text}': '${part}' is not GROUP = PERMISSION …`);
    for (const name of names.split(/\s+/).filter(Boolean))
      groups.set(name, (groups.get(name) ?? new Set<string>()).add(group));
  }
  return groups;
}
