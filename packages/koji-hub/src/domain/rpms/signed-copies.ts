/** Copies of rpms that carry one of their stored signatures, and the checksums of such copies. */
import { stat } from 'node:fs/promises';
import { CHECKSUM_TYPES, GenericError, nameOf } from '@koji/core';
import type { BuildInfo, RpmInfo } from '@koji/core/api';
import { RpmError, splicedRpm } from '@koji/core/rpm';
import type { Call } from '../../call.js';
import { anyOf, sql } from '../../db/sql.js';
import { getBuild } from '../builds/builds.js';
import { Checksums } from '../values/digests.js';
import { stageWrite } from '../files/files.js';
import { repr } from '../values/repr.js';
import { getRpm } from './rpms.js';
import { checkInternal, readSignatureFile } from './signatures.js';

type ChecksumName = keyof typeof CHECKSUM_TYPES;

/** Where an rpm, the header of one of its signatures and the copy with it are. */
interface Places {
  readonly rpm: string;
  readonly header: string;
  readonly copy: string;
}

function placesOf(call: Call, build: BuildInfo, rpm: RpmInfo, sigkey: string): Places {
  const { paths } = call.hub;
  const directory = paths.build(build);
  return {
    rpm: `${directory}/${paths.rpm(rpm)}`,
    header: `${directory}/${paths.sighdr(rpm, sigkey)}`,
    copy: `${directory}/${paths.signed(rpm, sigkey)}`,
  };
}

/** Writes the signed copy of an rpm, unless it exists and need not be written again, and stores its checksums. */
export async function writeSignedRpm(
  call: Call,
  rpmInfo: unknown,
  { sigkey: key, force }: { sigkey: string; force: boolean },
): Promise<void> {
  const types = checkTypes(call.hub.options.RPMDefaultChecksums.split(/\s+/).filter((type) => type !== ''));
  const sigkey = key.toLowerCase();
  const rpm = await getRpm(call, rpmInfo);
  checkInternal(rpm, rpmInfo);
  const places = placesOf(call, await getBuild(call, rpm.build_id), rpm, sigkey);
  await checkFile(places.rpm);
  const known = await call.db.get(
    sql`SELECT sighash FROM rpmsigs WHERE rpm_id = ${rpm.id} AND sigkey = ${sigkey}`,
  );
  const nvra = `${rpm.name}-${rpm.version}-${rpm.release}.${rpm.arch}`;
  if (!known) throw new GenericError(`No cached signature for package ${nvra}, key ${sigkey}`);
  const checksums = new Checksums(types);
  const isThere = await stat(places.copy).catch(() => null);
  if (isThere && !force) await checksums.of(places.copy);
  else await stageWrite(call, places.copy, checksums.through(signedBytes(places)));
  await storeChecksums(call, rpm.id, sigkey, checksums.sums());
}

async function checkFile(file: string): Promise<void> {
  const found = await stat(file).catch(() => null);
  if (!found) throw new GenericError(`No such path: ${file}`);
  if (!found.isFile()) throw new GenericError(`Not a regular file: ${file}`);
}

async function* signedBytes({ rpm, header }: Places): AsyncGenerator<Uint8Array, void, void> {
  for (const file of [rpm, header]) await checkFile(file);
  try {
    yield* splicedRpm(rpm, await readSignatureFile(header));
  } catch (cause) {
    if (!(cause instanceof RpmError)) throw cause;
    throw new GenericError(`cannot sign ${rpm}: ${cause.message}`, { cause });
  }
}

/** The checksums to return. */
export interface ChecksumRequest {
  readonly rpmId: unknown;
  /** Names of types; those of RPMDefaultChecksums when it is null or empty. */
  readonly types: unknown;
  /** Leaves those that are not known null instead of computing them. */
  readonly cacheonly: boolean;
}

type Answer = Record<string, Record<string, string | null>>;

/** The checksums of an rpm's signed copies, by key. Missing ones are computed outside of any transaction. */
export async function rpmChecksums(call: Call, request: ChecksumRequest): Promise<Answer> {
  const { rpmId } = request;
  if (typeof rpmId !== 'number' || !Number.isInteger(rpmId))
    throw new GenericError('rpm_id must be an integer');
  const { rpm, types, answer } = await call.read((inside) => knownChecksums(inside, rpmId, request.types));
  if (request.cacheonly) return answer;
  const missing = Object.entries(answer).filter(([, sums]) => Object.values(sums).includes(null));
  if (missing.length === 0) return answer;
  const build = await call.read((inside) => getBuild(inside, rpm.build_id));
  for (const [sigkey, sums] of missing) {
    const places = placesOf(call, build, rpm, sigkey);
    const checksums = new Checksums(types.filter((type) => sums[type] === null));
    const isThere = await stat(places.copy).catch(() => null);
    await checksums.of(isThere ? places.copy : signedBytes(places));
    const computed = checksums.sums();
    await call.write((inside) => storeChecksums(inside, rpm.id, sigkey, computed));
    for (const [type, sum] of computed) sums[type] = sum;
  }
  return answer;
}

async function knownChecksums(
  call: Call,
  rpmId: number,
  wanted: unknown,
): Promise<{ rpm: RpmInfo; types: ChecksumName[]; answer: Answer }> {
  const rpm = await getRpm(call, rpmId);
  const isDefault = !wanted || (Array.isArray(wanted) && wanted.length === 0);
  if (!isDefault && !Array.isArray(wanted)) throw new GenericError('checksum_type must be a list');
  const types = checkTypes(
    isDefault
      ? call.hub.options.RPMDefaultChecksums.split(/\s+/).filter((type) => type !== '')
      : (wanted as unknown[]),
  );
  const keys = await call.db.all<{ sigkey: string }>(
    sql`SELECT sigkey FROM rpmsigs WHERE rpm_id = ${rpm.id}`,
  );
  const answer: Answer = {};
  for (const { sigkey } of keys) answer[sigkey] = Object.fromEntries(types.map((type) => [type, null]));
  const numbers = types.map((type) => CHECKSUM_TYPES[type]);
  const rows = await call.db.all<{ sigkey: string; checksum: string; checksum_type: number }>(
    sql`SELECT sigkey, checksum, checksum_type FROM rpm_checksum
        WHERE rpm_id = ${rpm.id} AND ${anyOf(sql`checksum_type`, numbers)}`,
  );
  for (const { sigkey, checksum, checksum_type: number } of rows) {
    const type = nameOf(CHECKSUM_TYPES, number);
    const sums = answer[sigkey];
    if (type && sums) sums[type] = checksum;
  }
  return { rpm, types, answer };
}

function checkTypes(types: readonly unknown[]): ChecksumName[] {
  for (const type of types)
    if (typeof type !== 'string' || !Object.hasOwn(CHECKSUM_TYPES, type))
      throw new GenericError(`Checksum_type ${typeof type === 'string' ? type : repr(type)} isn't supported`);
  return [...new Set(types as ChecksumName[])];
}

/** @throws GenericError when another checksum is stored already: the copy was changed. */
async function storeChecksums(
  call: Call,
  rpmId: number,
  sigkey: string,
  sums: ReadonlyMap<ChecksumName, string>,
): Promise<void> {
  for (const [type, checksum] of sums) {
    const number = CHECKSUM_TYPES[type];
    const added = await call.db.run(
      sql`INSERT INTO rpm_checksum (rpm_id, sigkey, checksum, checksum_type)
          VALUES (${rpmId}, ${sigkey}, ${checksum}, ${number}) ON CONFLICT DO NOTHING`,
    );
    if (added > 0) continue;
    const stored = await call.db.get<{ checksum: string }>(
      sql`SELECT checksum FROM rpm_checksum
          WHERE rpm_id = ${rpmId} AND sigkey = ${sigkey} AND checksum_type = ${number}`,
    );
    if (stored && stored.checksum !== checksum)
      throw new GenericError(
        `Calculate checksum is different than checksum in DB for rpm ID ${rpmId}, sigkey ${sigkey} and checksum type ${type}.`,
      );
  }
}
