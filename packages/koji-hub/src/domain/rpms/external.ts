import { GenericError } from '@koji/core';
import type { Call } from '../../call.js';
import { lookupName } from '../values/lookup.js';
import type { IdAndName } from '../values/lookup.js';
import { join, sql } from '../../db/sql.js';
import { isId, isPossibleId } from '../values/ids.js';
import { repr } from '../values/repr.js';
import { findRpms, nvraKey, rpmsByNvra } from './rpms.js';

/** An rpm of an external repo, as a builder reports it. */
interface ExternalRpm {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly epoch: number | null;
  readonly arch: string;
  readonly payloadhash: string;
  readonly size: number;
  readonly buildtime: number;
  /** The external repo, by name or id. */
  readonly location: unknown;
}

const isText = (value: unknown): value is string => typeof value === 'string' && !value.includes('\0');
const isSmall = (value: unknown): boolean => isId(value) && isPossibleId(value);
const fields: Readonly<Record<string, (value: unknown) => boolean>> = {
  name: isText,
  version: isText,
  release: isText,
  epoch: (value) => value === null || isSmall(value),
  // The value of the column.
  arch: (value) => isText(value) && value.length <= 16,
  payloadhash: isText,
  size: Number.isSafeInteger,
  buildtime: Number.isSafeInteger,
};

/**
 * Returns the ids of rpms of external repos, and adds unknown ones. A constant number of queries.
 *
 * @throws GenericError for an unknown repo, a missing or wrong field, or a known rpm with other contents
 */
export async function addExternalRpms(
  call: Call,
  rpms: readonly Readonly<Record<string, unknown>>[],
): Promise<number[]> {
  if (rpms.length === 0) return [];
  const wanted = rpms.map(readExternal);
  const repos = new Map<unknown, IdAndName>();
  for (const { location } of wanted)
    if (!repos.has(location))
      repos.set(location, await lookupName(call, 'external_repo', location, { strict: true }));
  const repoOf = ({ location }: ExternalRpm): IdAndName => repos.get(location) as IdAndName;
  const before = await findKnown(call, wanted, repoOf);
  await insert(
    call,
    wanted.filter((rpm) => !before.has(key(rpm, repoOf(rpm).id))),
    repoOf,
  );
  const known = await findKnown(call, wanted, repoOf);
  return wanted.map((rpm) => {
    const found = known.get(key(rpm, repoOf(rpm).id));
    if (!found) throw new Error(`external rpm ${rpm.name} is gone`);
    if (found.payloadhash !== rpm.payloadhash)
      throw new GenericError(
        `hash changed for external rpm: ${rpm.name}-${rpm.version}-${rpm.release}.${rpm.arch}@${repoOf(rpm).name} ` +
          `(${found.payloadhash} -> ${rpm.payloadhash})`,
      );
    return found.id;
  });
}

/**
 * Adds an rpm of an external repo.
 *
 * @throws GenericError as {@link addExternalRpms}, and when it is known already
 */
export async function addNewExternalRpm(
  call: Call,
  rpm: Readonly<Record<string, unknown>>,
  repo: unknown,
): Promise<void> {
  const { name, version, release, arch } = readExternal(rpm);
  const [known] = await findRpms(call, { name, version, release, arch, location: repo });
  if (known)
    throw new GenericError(
      `external rpm already exists: ${name}-${version}-${release}.${arch}@${known.external_repo_name}`,
    );
  await addExternalRpms(call, [{ ...rpm, location: repo }]);
}

function readExternal(rpm: Readonly<Record<string, unknown>>): ExternalRpm {
  for (const [field, fits] of Object.entries(fields)) {
    const value = rpm[field];
    if (value === undefined) throw new GenericError(`${field} field missing: ${repr(rpm)}`);
    if (!fits(value)) throw new GenericError(`Invalid value for ${field}: ${repr(value)}`);
  }
  return rpm as unknown as ExternalRpm;
}

const key = (rpm: Parameters<typeof nvraKey>[0], repoId: number): string => `${nvraKey(rpm)}\0${repoId}`;

async function findKnown(
  call: Call,
  wanted: readonly ExternalRpm[],
  repoOf: (rpm: ExternalRpm) => IdAndName,
): Promise<Map<string, { id: number; payloadhash: string }>> {
  const ours = new Set(wanted.map((rpm) => repoOf(rpm).id));
  const found = await rpmsByNvra(
    call,
    wanted.map((rpm) => ({ ...rpm })),
  );
  const known = [...found.values()].flat().filter((rpm) => ours.has(rpm.external_repo_id));
  return new Map(known.map((rpm) => [key(rpm, rpm.external_repo_id), rpm]));
}

async function insert(
  call: Call,
  rpms: readonly ExternalRpm[],
  repoOf: (rpm: ExternalRpm) => IdAndName,
): Promise<void> {
  // A statement may bind only so many values.
  const atOnce = 500;
  for (let i = 0; i < rpms.length; i += atOnce) {
    const rows = rpms.slice(i, i + atOnce).map(
      (rpm) =>
        sql`(${rpm.name}, ${rpm.version}, ${rpm.release}, ${rpm.epoch}, ${rpm.arch}, ${rpm.payloadhash},
             ${rpm.size}, ${rpm.buildtime}, ${repoOf(rpm).id})`,
    );
    // Another builder may have reported the same one in the meantime.
    await call.db.run(
      sql`INSERT INTO rpminfo (name, version, release, epoch, arch, payloadhash, size, buildtime, external_repo_id)
          VALUES ${join(rows, ', ')} ON CONFLICT DO NOTHING`,
    );
  }
}
