/** Matches the components of a content generator's buildroot or archive with the hub's data. */
import { CHECKSUM_TYPES, GenericError, nameOf, valueOf } from '@koji/core';
import type { ChecksumType } from '@koji/core';
import type { Call } from '../../../call.js';
import { anyOf, sql } from '../../../db/sql.js';
import { buildColumns, buildJoins } from '../../builds/builds.js';
import { optional, sizeAt, textAt, valueAt } from './metadata.js';
import type { Struct } from './metadata.js';
import { isId, isPossibleId } from '../../values/ids.js';
import { plain, repr } from '../../values/repr.js';
import { nvraKey, preferredRpm, rpmsByNvra } from '../../rpms/rpms.js';
import type { NamedRpm } from '../../rpms/rpms.js';

/** The ids of the rpms and archives that were found. */
export interface Components {
  readonly rpms: number[];
  readonly archives: number[];
}

/** Is told what could not be found: it is left out. */
export type Warn = (text: string) => void;

/** An archive as a component may name it. */
interface KnownArchive {
  readonly id: number;
  readonly filename: string;
  readonly size: number;
  readonly checksum: string;
  readonly checksum_type: ChecksumType;
}

interface Known {
  readonly rpms: ReadonlyMap<string, NamedRpm[]>;
  readonly byFilename: ReadonlyMap<string, KnownArchive[]>;
  readonly byId: ReadonlyMap<unknown, KnownArchive & { nvr: string }>;
}

/**
 * Finds the components of a list, in a constant number of queries. Those that the hub does not know are left out with a
 * warning.
 *
 * @throws GenericError for one that is wrong
 */
export async function matchComponents(
  call: Call,
  components: readonly Struct[],
  warn: Warn,
): Promise<Components> {
  const known = await readKnown(call, components);
  const found: Components = { rpms: [], archives: [] };
  for (const component of components) {
    const type = valueAt(component, 'type', 'component');
    if (type === 'rpm') found.rpms.push(...matchRpm(component, known, warn));
    else if (type === 'file') found.archives.push(...matchFile(component, known, warn));
    else if (type === 'kojifile') found.archives.push(matchKojiFile(component, known));
    else throw new GenericError(`No such component type: ${plain(type)}`);
  }
  return found;
}

const nvra = ['name', 'version', 'release', 'arch'] as const;

async function readKnown(call: Call, components: readonly Struct[]): Promise<Known> {
  const ofType = (type: string): Struct[] => components.filter((one) => optional(one, 'type') === type);
  const named = ofType('rpm').filter((one) => nvra.every((field) => optional(one, field) !== undefined));
  const filenames = ofType('file').flatMap((one) => {
    const filename = optional(one, 'filename');
    return typeof filename === 'string' ? [filename] : [];
  });
  const ids = ofType('kojifile').flatMap((one) => {
    const id = optional(one, 'archive_id');
    return isId(id) && isPossibleId(id) ? [id] : [];
  });
  return {
    rpms: named.length > 0 ? await rpmsByNvra(call, named) : new Map<string, NamedRpm[]>(),
    byFilename:
      filenames.length > 0 ? await archivesByName(call, filenames) : new Map<string, KnownArchive[]>(),
    byId: ids.length > 0 ? await archivesById(call, ids) : new Map<unknown, never>(),
  };
}

async function archivesByName(
  call: Call,
  filenames: readonly string[],
): Promise<Map<string, KnownArchive[]>> {
  const rows = await call.db.all<KnownArchive>(
    sql`SELECT id, filename, size, checksum, checksum_type FROM archiveinfo
        WHERE ${anyOf(sql`filename`, filenames)} ORDER BY id`,
  );
  const found = new Map<string, KnownArchive[]>();
  for (const row of rows) {
    const same = found.get(row.filename);
    if (same) same.push(row);
    else found.set(row.filename, [row]);
  }
  return found;
}

async function archivesById(call: Call, ids: readonly number[]): Promise<Known['byId']> {
  const rows = await call.db.all<KnownArchive & { nvr: string }>(
    sql`SELECT archiveinfo.id, archiveinfo.filename, archiveinfo.size, archiveinfo.checksum,
          archiveinfo.checksum_type, ${buildColumns.nvr} AS nvr
        FROM archiveinfo JOIN build ON build.id = archiveinfo.build_id ${buildJoins}
        WHERE ${anyOf(sql`archiveinfo.id`, ids)}`,
  );
  return new Map(rows.map((row) => [row.id, row]));
}

function matchRpm(component: Struct, known: Known, warn: Warn): number[] {
  if (Object.hasOwn(component, 'location')) throw new GenericError('External rpms not allowed');
  if (Object.hasOwn(component, 'id')) throw new GenericError("Unexpected 'id' field in component");
  for (const field of nvra)
    if (optional(component, field) === undefined)
      throw new GenericError(`No ${field} in rpm reference: ${repr(component)}`);
  const rpm = preferredRpm(known.rpms.get(nvraKey(component)) ?? []);
  if (!rpm) {
    warn(`IGNORING unmatched rpm component: ${repr(component)}`);
    return [];
  }
  if (rpm.draft) throw new GenericError('Draft rpm not supported');
  if (rpm.payloadhash !== statedHash(component, rpm.payloadhash))
    warn(`IGNORING rpm component (md5 mismatch): ${repr(component)}`);
  return [rpm.id];
}

/** The digest of a component's rpm: the MD5, for an rpm without one the SHA-256 of the header, or nothing. */
function statedHash(component: Struct, payloadhash: string): unknown {
  const hasMd5 = payloadhash.length === 32;
  const given = hasMd5 ? valueAt(component, 'sigmd5', 'component') : optional(component, 'sigmd5');
  return !hasMd5 && (given == null || given === '' || given === '(none)') ? payloadhash : given;
}

function matchFile(component: Struct, { byFilename }: Known, warn: Warn): number[] {
  const filename = textAt(component, 'filename', 'component');
  const size = sizeAt(component, 'filesize', 'component');
  const checksum = textAt(component, 'checksum', 'component');
  const type = valueOf(CHECKSUM_TYPES, textAt(component, 'checksum_type', 'component'));
  if (type === null) throw new GenericError(`Unsupported checksum type: ${plain(component.checksum_type)}`);
  const sameSize = (byFilename.get(filename) ?? []).filter((archive) => archive.size === size);
  const sameType = sameSize.filter((archive) => archive.checksum_type === type);
  const found = sameType.find((archive) => archive.checksum === checksum);
  if (found) return [found.id];
  warn(`Failed to match archive ${filename} (size ${size}, sum ${checksum}`);
  const mismatches = sameSize.length - sameType.length;
  if (mismatches > 0) warn(`Match failed with ${mismatches} type mismatches`);
  warn(`IGNORING unmatched archive: ${repr(component)}`);
  return [];
}

function matchKojiFile(component: Struct, { byId }: Known): number {
  const id = valueAt(component, 'archive_id', 'component');
  const archive = byId.get(id);
  if (!archive) throw new GenericError(`No such archive: ${plain(id)}`);
  for (const field of ['nvr', 'filename'])
    if (!Object.hasOwn(component, field))
      throw new GenericError(`${field} field missing for component, archive_id=${archive.id}`);
  const expected = {
    nvr: archive.nvr,
    filename: archive.filename,
    filesize: archive.size,
    checksum: archive.checksum,
    checksum_type: nameOf(CHECKSUM_TYPES, archive.checksum_type),
  };
  for (const [field, value] of Object.entries(expected))
    if (Object.hasOwn(component, field) && component[field] !== value)
      throw new GenericError(
        `Component field ${field} does not match for archive_id=${archive.id}: ${plain(value)} != ${plain(component[field])}`,
      );
  return archive.id;
}
