/** The contents of web.conf. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ConfigError, hideSecret, messageOf } from '@koji/core';
import { parseIni, readOidcSettings, readOptions, readSecret, webOptions } from '@koji/core/config';
import type { OidcSettings, WebOptions } from '@koji/core/config';
import type { ServiceLogin } from './service.js';

/** Configuration of a standalone page. */
export interface WebConfig {
  readonly file: string;
  readonly options: WebOptions;
  readonly oidc: OidcSettings | null;
  /** Credentials for logging in other users; null without them. */
  readonly service: ServiceLogin | null;
  /** Where the page listens. */
  readonly host: string;
  readonly port: number;
}

/**
 * Reads web.conf.
 *
 * @throws ConfigError with all problems
 */
export function readWebConfig(file: string): WebConfig {
  const sections = parseIni([{ file, text: readFile(file) }]);
  const place = { file, section: 'web' };
  const options = readOptions(webOptions, sections.get('web') ?? new Map<string, string>(), place);
  const problems: string[] = [];
  const problem: Problem = (name, what) => {
    problems.push(`${file} [web] ${name}${what}`);
    return null;
  };
  for (const name of ['LoginTimeout', 'LoginLifetime'] as const)
    if (options[name] < 1) problem(name, ` = ${options[name]}: at least 1`);
  const { settings: oidc, problems: ofProvider } = readOidcSettings(options, place);
  problems.push(...ofProvider);
  const service = serviceOf(options, file, problem);
  checkHeader(options, problem);
  for (const name of ['UserHeader', 'OIDCIssuer'] as const)
    if (options[name] !== null && !service)
      problem(name, ` = '${options[name]}': the page needs a login of its own for it: WebCert, or WebUser`);
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(options.Listen.trim()) ?? [];
  if (port === '') problem('Listen', ` = '${options.Listen}': not ADDRESS:PORT`);
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return { file, options, oidc, service, host, port: Number(port) };
}

type Problem = (name: string, what: string) => null;

function checkHeader({ UserHeader, TrustedProxies }: WebOptions, problem: Problem): void {
  if (UserHeader !== null && TrustedProxies.length === 0)
    problem('UserHeader', ` = '${UserHeader}': name the proxies that may send it in TrustedProxies`);
}

function serviceOf(options: WebOptions, file: string, problem: Problem): ServiceLogin | null {
  const { WebCert, WebUser: user, WebPassword } = options;
  if (WebCert !== null && user !== null)
    return problem('WebUser', ` = '${user}': WebCert is a login already; leave one of them out`);
  if (WebCert !== null) return { cert: path.resolve(path.dirname(file), WebCert) };
  if (user === null) return null;
  if (WebPassword === null) return problem('WebPassword', ' is missing: WebUser needs it');
  const read = readSecret(WebPassword, path.dirname(file));
  if (typeof read === 'string') return problem('WebPassword', `: ${read}`);
  hideSecret(read.value);
  return { user, password: read.value };
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(`Config file ${file} can't be opened: ${messageOf(cause)}`, { cause });
  }
}
