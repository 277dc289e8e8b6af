import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ConfigError } from '@koji/core';
import { boolean, checked, parseIni, readOptions, text, withoutEffect } from '@koji/core/config';
import type { HubConfig, Option, OptionValues } from '@koji/core/config';
import { parseDuration } from './durations.js';

const unused = (doc: string): Option<string | null> =>
  withoutEffect(text(null, doc), 'the command works at the hub of hub.conf, without a login');

const duration = (fallback: string, doc: string): Option<string> =>
  checked(text(fallback, doc), (value) =>
    parseDuration(value) === null ? 'not a time such as 5 days or 2h' : null,
  );

/** The options of koji-gc.conf, section `main`. */
export const gcOptions = {
  test: boolean(false, 'Change nothing, even with --apply'),
  user: text(null, 'User in whose name the hub is changed; needs the permission admin'),
  delay: duration('5 days', 'Time that a build must be untagged before it goes to the trashcan'),
  grace_period: duration('4 weeks', 'Time that builds are kept in the trashcan'),
  trashcan_tag: text('trashcan', 'Tag of builds that will be deleted'),
  unprotected_keys: text('', 'List of patterns of keys; builds signed with another key are kept'),
  key_aliases: text('', 'Lines with a key and another name that patterns may use for it'),
  tag_filter: text('', 'Comma list of patterns; only tags that fit one are pruned'),
  ignore_tags: text('', 'Comma list of patterns of tags that are not pruned'),
  pkg_filter: text('', 'Comma list of patterns; only packages that fit one are looked at'),
  bypass_locks: text('', 'Comma list of patterns of tags that are pruned although they are locked'),
  purge: boolean(false, 'Delete builds that pruning left without any tag'),
  mail: boolean(true, 'Send mail to the owners of builds that go to the trashcan'),
  email_domain: text(null, 'Mail domain added to user names; unset takes EmailDomain of hub.conf'),
  email_template: text(null, 'File with the text of these mails, with $owner and $builds'),
  from_addr: text('Koji Build System <buildsys@example.com>', 'Sender of these mails'),
  cc_addr: text('', 'Comma list of addresses that get a copy'),
  bcc_addr: text('', 'Comma list of addresses that get a blind copy'),
  smtp_host: text('localhost', 'Mail server, as HOST or HOST:PORT'),
  smtp_user: text(null, 'User at the mail server'),
  smtp_pass: text(null, 'Password at the mail server'),
  weburl: text(null, 'Address of the web interface for these mails; unset takes KojiWebURL of hub.conf'),
  debug: boolean(false, 'Report also what is left alone, and why'),
  server: unused('Address of the hub'),
  password: unused('Password of the user'),
  runas: unused('User to act for'),
  principal: unused('Kerberos principal'),
  keytab: unused('Kerberos keytab'),
  ccache: unused('Kerberos credentials'),
  cert: unused('Client certificate'),
  serverca: unused("Certificate of the hub's authority"),
  noauth: unused('Log in as nobody'),
  no_ssl_verify: unused("Leave the hub's certificate unchecked"),
  timeout: unused('Seconds that a call may take'),
  lock_file: unused('File that lets one run wait for another'),
  exit_on_lock: unused('End when another run has that file'),
};

/** The contents of koji-gc.conf. */
export interface GcConfig {
  readonly options: OptionValues<typeof gcOptions>;
  /** The rules of `policy` in section `prune`; null if there are none. */
  readonly policy: string | null;
  /** The file; null if there is none. */
  readonly file: string | null;
}

const usualFile = '/etc/koji-gc/koji-gc.conf';

/**
 * Reads koji-gc.conf: the file given, else the one beside hub.conf, else Koji's own place, else none.
 *
 * @throws ConfigError with every problem
 */
export function readGcConfig(config: HubConfig, given: string | undefined): GcConfig {
  const beside = path.join(path.dirname(path.resolve(config.file)), 'koji-gc.conf');
  const file = given ?? [beside, usualFile].find((name) => existsSync(name)) ?? null;
  const sections = parseIni(file === null ? [] : [{ file, text: readText(file) }], { interpolation: true });
  const main = sections.get('main') ?? new Map<string, string>();
  const options = readOptions(gcOptions, main, { file: file ?? 'koji-gc.conf', section: 'main' });
  return { options, policy: sections.get('prune')?.get('policy') ?? null, file };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(`${file} can't be read: ${(cause as Error).message}`, { cause });
  }
}

/** Reads a list with commas; spaces around its items don't count. */
export function commaList(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);
}
