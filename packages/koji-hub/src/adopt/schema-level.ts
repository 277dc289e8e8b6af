/**
 * Determines the version of a Koji database's schema. Koji stores no version number, so it is recognised by tables and columns.
 */
import { ConfigError } from '@koji/core';

/** The columns of each table of a database. */
export type Catalog = ReadonlyMap<string, ReadonlySet<string>>;

/** Additions of each version of Koji's schema, by which it is recognised, oldest first. */
const steps: readonly { readonly version: string; readonly brings: readonly string[] }[] = [
  { version: '1.30', brings: ['archivetypes.compression_type'] },
  { version: '1.32', brings: ['sessions.closed', 'rpm_checksum'] },
  { version: '1.33', brings: ['sessions.renew_time', 'host.update_time', 'locks'] },
  {
    version: '1.34',
    brings: [
      'scheduler_task_runs',
      'scheduler_host_data',
      'scheduler_sys_data',
      'scheduler_task_refusals',
      'scheduler_log_messages',
      'build.draft',
      'build.promotion_time',
      'build.promoter',
      'rpminfo.draft',
    ],
  },
  {
    version: '1.35',
    brings: [
      'repo_queue',
      'external_repo_data',
      'repo.creation_time',
      'repo.state_time',
      'repo.begin_event',
      'repo.end_event',
      'repo.opts',
      'repo.custom_opts',
    ],
  },
];

/** Koji's own scripts from each version to the next that changed the schema. */
const scripts: readonly (readonly [from: string, script: string])[] = [
  ['1.29', 'schema-upgrade-1.29-1.30.sql'],
  ['1.30', 'schema-upgrade-1.30-1.31.sql'],
  ['1.31', 'schema-upgrade-1.31-1.32.sql'],
  ['1.32', 'schema-upgrade-1.32-1.33.sql'],
  ['1.33', 'schema-upgrade-1.33-1.34.sql'],
  ['1.34', 'schema-upgrade-1.34-1.35.sql'],
];

/** The oldest schema that can be adopted. */
const oldest = '1.33';

/** The newest version of Koji that changed tables. */
export const newestVersion = '1.35';

/** Koji's schema of a database. */
export interface SchemaLevel {
  /** Such as `1.35`; 1.36 and 1.37 changed rows only, so that their tables are those of 1.35. */
  readonly version: string;
  /** For people: the versions of Koji whose tables these are. */
  readonly shown: string;
}

const brought = (catalog: Catalog, what: string): boolean => {
  const [table = '', column] = what.split('.');
  const columns = catalog.get(table);
  return columns !== undefined && (column === undefined || columns.has(column));
};

/**
 * Recognises the schema of a database of Koji.
 *
 * @throws ConfigError if it is not one, too old, or only partly upgraded, with the scripts to run
 */
export function recogniseSchema(catalog: Catalog): SchemaLevel {
  const missing = ['events', 'users', 'tag_listing', 'task', 'build', 'rpminfo', 'sessions'].filter(
    (table) => !catalog.has(table),
  );
  if (missing.length > 0)
    throw new ConfigError(`the source is no database of Koji: it lacks the tables ${missing.join(', ')}`);
  if (catalog.has('migrations') || catalog.has('hub_process'))
    throw new ConfigError('the source is a database of this hub already: there is nothing to adopt');
  let version = '1.29';
  for (const step of steps) {
    const there = step.brings.filter((what) => brought(catalog, what));
    if (there.length === 0) break;
    if (there.length < step.brings.length) {
      const lacking = step.brings.filter((what) => !there.includes(what));
      throw new ConfigError(
        `the schema of the source is between two versions of Koji: of ${step.version} it lacks ${lacking.join(', ')}; ` +
          `run ${scripts.find(([, script]) => script.endsWith(`-${step.version}.sql`))?.[1] ?? 'its upgrade script'} of Koji to its end`,
      );
    }
    version = step.version;
  }
  if (compare(version, oldest) < 0) {
    const needed = scripts.filter(
      ([from, script]) => compare(from, version) >= 0 && compare(ending(script), oldest) <= 0,
    );
    const older = version === '1.29' ? 'Koji 1.29 or older' : `Koji ${version}`;
    throw new ConfigError(
      `the schema of the source is that of ${older}, an adoption needs ${oldest} or ` +
        `later: run ${needed.map(([, script]) => script).join(', then ')} of Koji` +
        (version === '1.29' ? ' (and before them those that come before)' : ''),
    );
  }
  return { version, shown: version === newestVersion ? '1.35 to 1.37' : version };
}

const ending = (script: string): string => /-([\d.]+)\.sql$/.exec(script)?.[1] ?? '';

function compare(a: string, b: string): number {
  return Number(a.split('.')[1]) - Number(b.split('.')[1]);
}
