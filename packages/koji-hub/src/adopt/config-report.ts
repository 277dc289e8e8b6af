/** Reports the meaning of Koji's configuration files for this hub. */
import { readFileSync } from 'node:fs';
import { ConfigError } from '@koji/core';
import { clientOptions, hubOptions, kojidOptions, parseIni, webOptions } from '@koji/core/config';
import type { OptionTable } from '@koji/core/config';

/** Where the hub itself has what kojira.conf sets; kojira need not run beside it. */
const kojiraOptions: Readonly<Record<string, string>> = {
  check_external_repos: 'CheckExternalRepos',
  deleted_repo_lifetime: 'ExpiredRepoLifetime',
  dist_repo_lifetime: 'DistRepoLifetime',
  expired_repo_lifetime: 'ExpiredRepoLifetime',
  ignore_other_volumes: 'IgnoreOtherVolumes',
  ignore_stray_repos: 'IgnoreStrayRepos',
  init_timeout: 'RepoInitTimeout',
  max_delete_processes: 'MaxRepoDeletes',
  recheck_period: 'RepoRecheckPeriod',
  reference_recheck_period: 'RepoRecheckPeriod',
  repo_lifetime: 'RepoLifetime',
  sleeptime: 'RepoInterval',
  topdir: 'KojiDir',
  user: 'RepoQueueUser',
};

const tables: Readonly<Record<string, OptionTable>> = {
  hub: hubOptions,
  kojid: kojidOptions,
  web: webOptions,
};
/** Names that kojid.conf may use instead, as in Koji. */
const otherNames: Readonly<Record<string, string>> = { 'kojid plugins': 'plugin' };

/** An option that does not mean what it means in Koji. */
export interface OptionFinding {
  readonly file: string;
  readonly section: string;
  readonly option: string;
  readonly finding: string;
}

/**
 * Lists the options of files that have no effect, are unknown, have a value that is refused, or are set elsewhere. hub.conf,
 * kojid.conf, web.conf and kojira.conf are recognised by their sections; any other section is a profile of koji.conf.
 *
 * @throws ConfigError when a file can't be read
 */
export function reportOptions(files: readonly string[]): { read: number; findings: OptionFinding[] } {
  const findings: OptionFinding[] = [];
  let read = 0;
  for (const file of files) {
    const sections = parseIni([{ file, text: textOf(file) }]);
    for (const section of sections.keys()) {
      // Rules of policies are checked by `koji-hub check`.
      if (section === 'policy') continue;
      for (const [option, value] of sections.get(section) ?? []) {
        read += 1;
        const found = section === 'kojira' ? kojiraFinding(option) : findingOf(section, option, value);
        if (found !== null) findings.push({ file, section, ...found });
      }
    }
  }
  return { read, findings };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(`'${file}' can't be read: ${(cause as Error).message}`, { cause });
  }
}

/** An option as it is spelled here, and what is to be known of it. */
type Found = Pick<OptionFinding, 'option' | 'finding'>;

function kojiraFinding(option: string): Found {
  const name = kojiraOptions[option.toLowerCase()];
  const why = 'since the hub looks after repos itself';
  return { option, finding: name === undefined ? `has no effect, ${why}` : `is ${name} of hub.conf, ${why}` };
}

function findingOf(section: string, given: string, value: string): Found | null {
  const table = tables[section] ?? clientOptions;
  const name = otherNames[`${section} ${given.toLowerCase()}`] ?? given;
  const found = Object.entries(table).find(([known]) => known.toLowerCase() === name.toLowerCase());
  if (!found) return { option: given, finding: 'has no effect: no such option here' };
  const [option, { read, withoutEffect }] = found;
  if (withoutEffect !== undefined) return { option, finding: `has no effect: ${withoutEffect}` };
  const result = read(value);
  return typeof result === 'string' ? { option, finding: `is refused: ${result}` } : null;
}
