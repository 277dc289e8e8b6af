/** Dependencies and files of a built rpm, from its header. */
import { stat } from 'node:fs/promises';
import { DEP_TYPES, GenericError, RPM_FILEDIGESTALGO_IDS } from '@koji/core';
import type { QueryOpts, RpmDependency, RpmFile, RpmInfo } from '@koji/core/api';
import type { RpmHeader } from '@koji/core/rpm';
import type { Call } from '../../call.js';
import { applyOpts } from '../../db/rows.js';
import { getBuild } from '../builds/builds.js';
import { plain } from '../values/repr.js';
import { readField, readHeader } from './files.js';
import { findRpm, getRpm } from './rpms.js';

/** The texts of the faults for an rpm without a file here. */
interface Refusals {
  readonly external: string;
  readonly missing: string;
}

/** An rpm and the header of its file; null when there is no such rpm or file, which with `strict` is a fault. */
async function openRpm(
  call: Call,
  rpmId: unknown,
  strict: Refusals | null,
): Promise<{ rpm: RpmInfo; header: RpmHeader } | null> {
  const rpm = await (strict ? getRpm : findRpm)(call, rpmId);
  if (!rpm) return null;
  if (rpm.build_id === null) {
    if (strict) throw new GenericError(strict.external);
    return null;
  }
  const { paths } = call.hub;
  const file = `${paths.build(await getBuild(call, rpm.build_id))}/${paths.rpm(rpm)}`;
  if (!(await stat(file).catch(() => null))) {
    if (strict) throw new GenericError(strict.missing);
    return null;
  }
  return { rpm, header: await readHeader(file) };
}

// In the order of the answer.
const kinds = [
  'REQUIRE',
  'PROVIDE',
  'CONFLICT',
  'OBSOLETE',
  'SUGGEST',
  'ENHANCE',
  'SUPPLEMENT',
  'RECOMMEND',
] as const;

/** Filter for dependencies of rpms. */
export interface DependencyRequest {
  readonly rpmID: unknown;
  /** One of `DepType`; null for all. */
  readonly depType: number | null;
  readonly queryOpts: QueryOpts | null;
  readonly strict: boolean;
}

/** Requirements, provides and other dependencies of an rpm; with `asList`, each is `[name, version, flags, type]`. */
export async function listDependencies(
  call: Call,
  { rpmID, depType, queryOpts, strict }: DependencyRequest,
): Promise<RpmDependency[]> {
  const id = plain(rpmID);
  const found = await openRpm(
    call,
    rpmID,
    strict
      ? {
          external: `Can not get dependencies, because RPM: ${id} is not internal`,
          missing: `RPM file of ${id} doesn't exist`,
        }
      : null,
  );
  if (!found) return applyOpts<RpmDependency>([], queryOpts);
  const { header } = found;
  const wanted = kinds.filter((kind) => depType === null || DEP_TYPES[kind] === depType);
  const rows = wanted.flatMap((kind) =>
    zipped(header, [`${kind}NAME`, `${kind}VERSION`, `${kind}FLAGS`]).map(([name, version, flags]) =>
      queryOpts?.asList
        ? [name, version, flags, DEP_TYPES[kind]]
        : { name, version, flags, type: DEP_TYPES[kind] },
    ),
  );
  return applyOpts(rows as RpmDependency[], queryOpts);
}

/** The files in an rpm; `asList` gives their fields without the older name of the digest. */
export async function listFiles(call: Call, rpmID: unknown, queryOpts: QueryOpts | null): Promise<RpmFile[]> {
  const found = await openRpm(call, rpmID, null);
  const files = found ? filesIn(found.header) : [];
  const rows = queryOpts?.asList
    ? files.map(({ name, digest, size, flags, digest_algo, user, group, mtime, mode }) => [
        name,
        digest,
        size,
        flags,
        digest_algo,
        user,
        group,
        mtime,
        mode,
      ])
    : files;
  return applyOpts(rows as RpmFile[], queryOpts);
}

/** Returns one file of an rpm, or an empty struct if it does not exist. */
export async function findFile(
  call: Call,
  { rpmID, filename, strict }: { rpmID: unknown; filename: string; strict: boolean },
): Promise<RpmFile | Record<string, never>> {
  const id = plain(rpmID);
  const found = await openRpm(
    call,
    rpmID,
    strict
      ? {
          external: `Can not get RPM file, because RPM: ${id} is not internal`,
          missing: `RPM package file of ${id} doesn't exist`,
        }
      : null,
  );
  if (!found) return {};
  const file = filesIn(found.header).find(({ name }) => name === filename);
  if (file) return { rpm_id: found.rpm.id, ...file };
  if (strict) throw new GenericError(`No file: ${filename} found in RPM: ${id}`);
  return {};
}

function filesIn(header: RpmHeader): RpmFile[] {
  const digest_algo = digestAlgorithm(header);
  return zipped(header, [
    'FILENAMES',
    'FILEDIGESTS',
    'FILESIZES',
    'FILEFLAGS',
    'FILEUSERNAME',
    'FILEGROUPNAME',
    'FILEMTIMES',
    'FILEMODES',
  ]).map(
    ([name, digest, size, flags, user, group, mtime, mode]) =>
      ({ name, digest, digest_algo, md5: digest, size, flags, user, group, mtime, mode }) as RpmFile,
  );
}

function digestAlgorithm(header: RpmHeader): string {
  const value = readField(header, 'FILEDIGESTALGO');
  const number: unknown = Array.isArray(value) ? value[0] : value;
  const algorithm = typeof number === 'number' && number !== 0 ? number : null;
  return (RPM_FILEDIGESTALGO_IDS.get(algorithm) ?? 'unknown').toLowerCase();
}

/** The values of list fields side by side, as many as the shortest has. */
function zipped(header: RpmHeader, fields: readonly string[]): unknown[][] {
  const columns = fields.map((field) => {
    const value = readField(header, field);
    return Array.isArray(value) ? (value as unknown[]) : [];
  });
  const length = Math.min(...columns.map((column) => column.length));
  return Array.from({ length }, (_, i) => columns.map((column) => column[i]));
}
