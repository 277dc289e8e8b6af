/** Compares the folder of a build with its contents according to the database. */
import type { Dirent } from 'node:fs';
import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { BUILD_STATES, CHECKSUM_TYPES, messageOf, nameOf } from '@koji/core';
import { RpmError, RpmHeader, checkRpmDigests } from '@koji/core/rpm';
import type { Connection } from '../db/connection.js';
import { anyOf, boolAs, sql } from '../db/sql.js';
import { Checksums } from '../domain/values/digests.js';
import { emptyFolder, extra, halfDone, isFolder, isHalfDone } from './problems.js';
import type { Found, Site } from './problems.js';
import { entriesOf } from './store-list.js';

/** A build as the checks need it. */
export interface BuildRow {
  readonly id: number;
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly state: number;
  readonly volume_name: string;
  /** Whether a content generator made it. */
  readonly content: boolean;
  readonly task_id: number | null;
  readonly task_state: number | null;
}

interface RpmRow {
  readonly id: number;
  readonly build_id: number;
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly arch: string;
  readonly size: number | bigint;
  readonly payloadhash: string;
}

interface SignatureRow {
  readonly rpm_id: number;
  readonly sigkey: string;
  readonly sighash: string;
}

interface ChecksumRow {
  readonly rpm_id: number;
  readonly sigkey: string;
  readonly checksum: string;
  readonly checksum_type: number;
}

interface ArchiveRow {
  readonly id: number;
  readonly build_id: number;
  readonly filename: string;
  readonly size: number | bigint;
  readonly checksum: string;
  readonly checksum_type: number;
  readonly btype: string;
  readonly group_id: string | null;
  readonly artifact_id: string | null;
  readonly version: string | null;
  readonly relpath: string | null;
}

/** A file that the database knows. */
interface KnownFile {
  /** The record, such as `rpm 12`. */
  readonly of: string;
  /** Bytes, where the database knows them. */
  readonly size: number | null;
  /** Whether a complete build can't be without it. */
  readonly required: boolean;
  /** Compares the content with the record; returns what differs, or null. */
  readonly differs: (file: string) => Promise<string | null>;
}

/** The files of a build as the database has them. */
export interface Contents {
  /** By path below the folder of the build. */
  readonly files: Map<string, KnownFile>;
  /** Files in some folder below `files/BTYPE`, which the database does not name; by `BTYPE/FILENAME`. */
  readonly loose: Map<string, KnownFile[]>;
}

/** The columns of {@link BuildRow} with their tables; a condition follows. */
export const buildRows = sql`SELECT build.id, package.name, build.version, build.release, build.state,
    volume.name AS volume_name, ${boolAs(sql`build.cg_id IS NOT NULL`, 'content')}, build.task_id,
    task.state AS task_state
  FROM build JOIN package ON package.id = build.pkg_id JOIN volume ON volume.id = build.volume_id
  LEFT JOIN task ON task.id = build.task_id`;

/** Reads what several builds have in their folders, in four statements. */
export async function readContents(
  db: Connection,
  { paths }: Site,
  ids: readonly number[],
): Promise<Map<number, Contents>> {
  const all = new Map<number, Contents>(ids.map((id) => [id, { files: new Map(), loose: new Map() }]));
  const rpms = await db.all<RpmRow>(
    sql`SELECT id, build_id, name, version, release, arch, size, payloadhash FROM rpminfo
        WHERE ${anyOf(sql`build_id`, ids)} AND metadata_only = FALSE`,
  );
  const rpmsById = new Map(rpms.map((rpm) => [rpm.id, rpm]));
  for (const rpm of rpms) all.get(rpm.build_id)?.files.set(paths.rpm(rpm), fileOfRpm(rpm));
  const ofBuilds = sql`rpm_id IN (SELECT id FROM rpminfo WHERE ${anyOf(sql`build_id`, ids)})`;
  const sums = await db.all<ChecksumRow>(
    sql`SELECT rpm_id, sigkey, checksum, checksum_type FROM rpm_checksum WHERE ${ofBuilds}`,
  );
  const sumsByCopy = new Map<string, ChecksumRow[]>();
  for (const sum of sums) {
    const key = `${sum.rpm_id} ${sum.sigkey}`;
    sumsByCopy.set(key, [...(sumsByCopy.get(key) ?? []), sum]);
  }
  const signatures = await db.all<SignatureRow>(
    sql`SELECT rpm_id, sigkey, sighash FROM rpmsigs WHERE ${ofBuilds}`,
  );
  for (const signature of signatures) {
    const rpm = rpmsById.get(signature.rpm_id);
    const files = rpm && all.get(rpm.build_id)?.files;
    if (!files) continue;
    files.set(path.normalize(paths.sighdr(rpm, signature.sigkey)), fileOfHeader(signature));
    const known = sumsByCopy.get(`${rpm.id} ${signature.sigkey}`) ?? [];
    files.set(path.normalize(paths.signed(rpm, signature.sigkey)), fileOfCopy(signature, known));
  }
  const archives = await db.all<ArchiveRow>(
    sql`SELECT archiveinfo.id, archiveinfo.build_id, archiveinfo.filename, archiveinfo.size, archiveinfo.checksum,
          archiveinfo.checksum_type, btype.name AS btype, maven_archives.group_id, maven_archives.artifact_id,
          maven_archives.version, win_archives.relpath
        FROM archiveinfo JOIN btype ON btype.id = archiveinfo.btype_id
        LEFT JOIN maven_archives ON maven_archives.archive_id = archiveinfo.id
        LEFT JOIN win_archives ON win_archives.archive_id = archiveinfo.id
        WHERE ${anyOf(sql`archiveinfo.build_id`, ids)} AND archiveinfo.metadata_only = FALSE`,
  );
  for (const archive of archives) addArchive(all.get(archive.build_id), archive, paths);
  return all;
}

function addArchive(contents: Contents | undefined, archive: ArchiveRow, paths: Site['paths']): void {
  if (!contents) return;
  const { filename, btype, group_id, artifact_id, version } = archive;
  const known = fileOfArchive(archive);
  if (group_id !== null && artifact_id !== null && version !== null)
    contents.files.set(`maven/${paths.mavenrepo({ group_id, artifact_id, version })}/${filename}`, known);
  else if (btype === 'win') contents.files.set(`win/${paths.winfile(archive)}`, known);
  else if (btype === 'image') contents.files.set(`images/${filename}`, known);
  else if (btype === 'maven') contents.files.set(`maven/${filename}`, known);
  else {
    const key = `${btype}/${filename}`;
    contents.loose.set(key, [...(contents.loose.get(key) ?? []), known]);
  }
}

function fileOfRpm({ id, size, payloadhash }: RpmRow): KnownFile {
  const differs = async (file: string): Promise<string | null> => {
    const header = await RpmHeader.read(file);
    const { payloadhash: own } = header.info();
    if (own !== payloadhash) return `it is another package, with ${own} instead of ${payloadhash}`;
    return brokenDigest(file);
  };
  return { of: `rpm ${id}`, size: Number(size), required: true, differs };
}

async function brokenDigest(file: string): Promise<string | null> {
  const broken = (await checkRpmDigests(file)).find(({ ok }) => !ok);
  return broken ? `its ${broken.tag} is ${broken.actual}, not ${broken.expected}` : null;
}

function fileOfHeader({ rpm_id, sigkey, sighash }: SignatureRow): KnownFile {
  return {
    of: `signature '${sigkey}' of rpm ${rpm_id}`,
    size: null,
    required: true,
    differs: (file) => differingSums(file, new Map([['md5', sighash]])),
  };
}

/** A signed copy, which can be made again at any time. */
function fileOfCopy({ rpm_id, sigkey }: SignatureRow, sums: readonly ChecksumRow[]): KnownFile {
  const expected = new Map(
    sums.flatMap(({ checksum, checksum_type }) => {
      const type = sumType(checksum_type);
      return type === null ? [] : [[type, checksum] as const];
    }),
  );
  return {
    of: `copy of rpm ${rpm_id} with signature '${sigkey}'`,
    size: null,
    required: false,
    differs: (file) => (expected.size > 0 ? differingSums(file, expected) : brokenDigest(file)),
  };
}

function fileOfArchive({ id, size, checksum, checksum_type }: ArchiveRow): KnownFile {
  const type = sumType(checksum_type);
  return {
    of: `archive ${id}`,
    size: Number(size),
    required: true,
    differs: (file) =>
      type === null ? Promise.resolve(null) : differingSums(file, new Map([[type, checksum]])),
  };
}

type SumType = 'md5' | 'sha1' | 'sha256';

function sumType(number: number): SumType | null {
  return nameOf(CHECKSUM_TYPES, number);
}

async function differingSums(file: string, expected: ReadonlyMap<SumType, string>): Promise<string | null> {
  const checksums = new Checksums([...expected.keys()]);
  await checksums.of(file);
  for (const [type, sum] of checksums.sums())
    if (sum !== expected.get(type)) return `its ${type} is ${sum}, not ${expected.get(type) ?? ''}`;
  return null;
}

/** Compares the folder of a build with the database. */
export async function checkContents(
  site: Site,
  build: BuildRow,
  { files, loose }: Contents,
): Promise<Found[]> {
  const folder = site.paths.build(build);
  const isComplete = build.state === BUILD_STATES.COMPLETE;
  const left = { files: new Map(files), loose: new Map([...loose].map(([key, list]) => [key, [...list]])) };
  const required = [...files.values(), ...[...loose.values()].flat()].filter((known) => known.required);
  const label = `${build.name}-${build.version}-${build.release}`;
  if (!(await isFolder(folder))) {
    if (!isComplete || required.length === 0) return [];
    const text = `is the folder of build ${label} (${build.id}), which has ${required.length} files`;
    return [{ kind: 'missing', path: folder, text, mend: null }];
  }
  const problems = await checkFolder({ site, build, folder, left, known: files }, '');
  if (!isComplete) return problems;
  const missing = (below: string, { of }: KnownFile): Found => ({
    kind: 'missing',
    path: path.join(folder, below),
    text: `is ${of} of build ${label}`,
    mend: null,
  });
  for (const [below, known] of left.files) if (known.required) problems.push(missing(below, known));
  for (const [key, list] of left.loose)
    for (const known of list) problems.push(missing(`files/${key}`, known));
  return problems;
}

interface Walk {
  readonly site: Site;
  readonly build: BuildRow;
  readonly folder: string;
  /** Entries that were not found yet. */
  readonly left: Contents;
  readonly known: Contents['files'];
}

async function checkFolder(walk: Walk, below: string): Promise<Found[]> {
  const folder = path.join(walk.folder, below);
  const entries = await entriesOf(folder);
  if (entries.length === 0) return [emptyFolder(folder)];
  const problems: Found[] = [];
  for (const entry of entries) {
    const inner = path.join(below, entry.name);
    if (isHalfDone(entry.name)) problems.push(halfDone(path.join(folder, entry.name)));
    else if (entry.isDirectory()) problems.push(...(await checkFolder(walk, inner)));
    else problems.push(...(await checkEntry(walk, inner, entry)));
  }
  return problems;
}

async function checkEntry(walk: Walk, below: string, entry: Dirent): Promise<Found[]> {
  const file = path.join(walk.folder, below);
  const known = takeKnown(walk, below, await sizeOf(file));
  if (!known) return isAllowed(walk, below) ? [] : [extra(file, 'is not known to the database')];
  if (!entry.isFile())
    return [
      {
        kind: 'missing',
        path: file,
        text: `is ${known.of}, but something else is in its place`,
        mend: null,
      },
    ];
  const problem = await checkFile(walk.site, file, known);
  return problem ? [problem] : [];
}

/** Takes the record of a file from those that are left. */
function takeKnown({ left }: Walk, below: string, size: number | null): KnownFile | null {
  const known = left.files.get(below);
  if (known) {
    left.files.delete(below);
    return known;
  }
  const [first, btype = ''] = below.split('/');
  if (first !== 'files') return null;
  const list = left.loose.get(`${btype}/${path.basename(below)}`);
  if (!list || list.length === 0) return null;
  // Of several files with one name in different folders, the size tells which is which.
  const at = list.findIndex((one) => one.size === size);
  return list.splice(Math.max(at, 0), 1)[0] ?? null;
}

async function sizeOf(file: string): Promise<number | null> {
  return (await lstat(file).catch(() => null))?.size ?? null;
}

/** Whether a file without a record nevertheless belongs to a build. */
function isAllowed({ build, known }: Walk, below: string): boolean {
  if (below.startsWith('data/logs/')) return true;
  if (below === 'metadata.json') return build.content;
  const ofSum = /^(maven\/.*)\.(?:md5|sha1)$/.exec(below)?.[1];
  if (ofSum !== undefined) return known.has(ofSum);
  // Signatures that were deleted.
  return /^data\/sigcache\/.*\.sig\.[0-9a-f]+\.save$/.test(below);
}

async function checkFile(site: Site, file: string, known: KnownFile): Promise<Found | null> {
  const size = await sizeOf(file);
  if (known.size !== null && size !== null && size !== known.size)
    return {
      kind: 'size',
      path: file,
      text: `is ${known.of}: it has ${size} bytes, not ${known.size}`,
      mend: null,
    };
  if (site.quick) return null;
  try {
    const difference = await known.differs(file);
    return difference === null
      ? null
      : { kind: 'checksum', path: file, text: `is ${known.of}: ${difference}`, mend: null };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    const isDamaged = error instanceof RpmError || (error as NodeJS.ErrnoException).code === 'EIO';
    if (!isDamaged) throw error;
    return { kind: 'checksum', path: file, text: `is ${known.of}: ${messageOf(error)}`, mend: null };
  }
}
