import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { GenericError, readBounded } from '@koji/core';
import type { RpmInfo } from '@koji/core/api';
import { RpmError, RpmHeader, readSignatureHeader } from '@koji/core/rpm';
import type { RpmDigests, SignatureHeader } from '@koji/core/rpm';
import type { Call } from '../../call.js';
import { anyOf, id, sql } from '../../db/sql.js';
import { getBuild } from '../builds/builds.js';
import { lookAt, stageRemoval, stageWrite } from '../files/files.js';
import { plain, repr } from '../values/repr.js';
import { getRpm } from './rpms.js';
import { nothingThere } from '../files/uploaded.js';

/**
 * Keeps the signature header of an rpm, under the key that it names (none for an unsigned one).
 *
 * @param given the header by itself, or those of the rpm's own file
 * @throws GenericError when it belongs to another rpm, or the rpm has one of that key
 */
export async function addSignature(
  call: Call,
  rpmInfo: unknown,
  given: Uint8Array | RpmHeader,
): Promise<void> {
  const rpm = await getRpm(call, rpmInfo);
  checkInternal(rpm, rpmInfo);
  const build = await getBuild(call, rpm.build_id);
  const directory = call.hub.paths.build(build);
  const found = await stat(directory).catch(() => null);
  if (!found?.isDirectory()) throw new GenericError(`No such directory: ${directory}`);
  const own = given instanceof RpmHeader;
  const header = own ? given.signature.bytes : given;
  const { sigkey, ...digests } = readSignature(header);
  const nvra = `${rpm.name}-${rpm.version}-${rpm.release}.${rpm.arch}`;
  if (!own) checkDigests(nvra, rpm, digests);
  const sighash = createHash('md5').update(header).digest('hex');
  await call.runCallbacks('preRPMSign', { sigkey, sighash, build, rpm });
  const added = await call.db.run(
    sql`INSERT INTO rpmsigs (rpm_id, sigkey, sighash) VALUES (${rpm.id}, ${sigkey}, ${sighash}) ON CONFLICT DO NOTHING`,
  );
  if (added === 0) throw new GenericError(`Signature already exists for package ${nvra}, key ${sigkey}`);
  await stageWrite(call, `${directory}/${call.hub.paths.sighdr(rpm, sigkey)}`, header);
  await call.runCallbacks('postRPMSign', { sigkey, sighash, build, rpm });
}

/** Compares what a signature header says about its package with what the hub knows the rpm by. */
function checkDigests(nvra: string, { payloadhash }: RpmInfo, { sigmd5, sha256 }: RpmDigests): void {
  if (payloadhash !== '' && [sigmd5, sha256].includes(payloadhash)) return;
  if (sigmd5 === null && sha256 !== null) throw new GenericError(`wrong sha256 for ${nvra}: ${sha256}`);
  throw new GenericError(`wrong md5 for ${nvra}: ${sigmd5 ?? 'the header has no digest'}`);
}

/** The signatures of an rpm to delete: that of a key, or all. */
export interface SignatureDeletion {
  readonly rpminfo: unknown;
  readonly sigkey: string | null;
  readonly all: boolean;
}

/** Forgets signatures of an rpm: rows and signed copies go, headers stay under another name. */
export async function deleteSignatures(
  call: Call,
  { rpminfo, sigkey, all }: SignatureDeletion,
): Promise<void> {
  if (!all && !sigkey) throw new GenericError('No signature specified');
  const rpm = await getRpm(call, rpminfo);
  const nvra = `${rpm.name}-${rpm.version}-${rpm.release}.${rpm.arch}`;
  checkInternal(rpm, rpminfo);
  const ofKey = all || !sigkey ? sql`` : sql` AND sigkey = ${sigkey.toLowerCase()}`;
  const found = await call.db.all<{ sigkey: string; sighash: string }>(
    sql`SELECT sigkey, sighash FROM rpmsigs WHERE rpm_id = ${rpm.id}${ofKey}`,
  );
  if (found.length === 0) throw new GenericError(`${nvra} has no matching signatures to delete`);
  for (const table of ['rpmsigs', 'rpm_checksum'])
    await call.db.run(
      sql`DELETE FROM ${id(table)} WHERE rpm_id = ${rpm.id} AND ${anyOf(
        sql`sigkey`,
        found.map((one) => one.sigkey),
      )}`,
    );
  const { paths } = call.hub;
  const directory = paths.build(await getBuild(call, rpm.build_id));
  for (const one of found) {
    const copy = `${directory}/${paths.signed(rpm, one.sigkey)}`;
    if (await lookAt(call, copy)) await stageRemoval(call, copy);
    await setHeaderAside(call, `${directory}/${paths.sighdr(rpm, one.sigkey)}`, one.sighash);
  }
  call.log.warn(`Deleted signatures ${found.map((one) => one.sigkey).join(', ')} for rpm ${rpm.id}`);
}

async function setHeaderAside(call: Call, header: string, sighash: string): Promise<void> {
  const kind = await lookAt(call, header);
  if (!kind) {
    call.log.error(`Missing signature header file: ${header}`);
    return;
  }
  if (!kind.isFile()) throw new GenericError(`Not a regular file: ${header}`);
  const content = await readSignatureFile(header);
  const backup = `${header}.${sighash}.save`;
  const saved = await readSignatureFile(backup).catch(nothingThere);
  if (saved && !saved.equals(content)) throw new GenericError(`Stray header backup file: ${backup}`);
  if (!saved) await stageWrite(call, backup, content);
  await stageRemoval(call, header);
}

/** Bytes that rpm itself allows a signature to have. */
const longestSignature = 64 * 1024 * 1024;

/** Reads the header of a signature that is kept with a build. */
export function readSignatureFile(file: string): Promise<Buffer> {
  return readBounded(file, longestSignature);
}

/** @throws GenericError for an rpm of an external repository, which has no files here */
export function checkInternal(rpm: RpmInfo, reference: unknown): void {
  if (rpm.external_repo_id)
    throw new GenericError(`Not an internal rpm: ${plain(reference)} (from ${rpm.external_repo_name})`);
}

const magic = Buffer.from('8eade8', 'hex');

function readSignature(header: Uint8Array): SignatureHeader {
  const start = header.subarray(0, magic.length);
  if (!magic.equals(start)) throw new GenericError(`Invalid rpm header: bad magic: ${repr(start)}`);
  try {
    return readSignatureHeader(header);
  } catch (cause) {
    if (!(cause instanceof RpmError)) throw cause;
    throw new GenericError(`not a signature header: ${cause.message}`, { cause });
  }
}
