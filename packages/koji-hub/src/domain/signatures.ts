import { createHash } from 'node:crypto';
import { lstat, readFile, stat } from 'node:fs/promises';
import { GenericError } from '@koji/core';
import type { RpmInfo } from '@koji/core/api';
import { RpmError, readSignatureHeader } from '@koji/core/rpm';
import type { SignatureHeader } from '@koji/core/rpm';
import type { Call } from '../call.js';
import { anyOf, id, sql } from '../db/sql.js';
import { getBuild } from './builds.js';
import { stageRemoval, stageWrite } from './files.js';
import { plain } from './repr.js';
import { getRpm } from './rpms.js';

/**
 * Keeps the signature header of an rpm, under the key that it names (none for an unsigned one).
 *
 * @throws GenericError when it belongs to another rpm, or the rpm has one of that key
 */
export async function addSignature(call: Call, rpmInfo: unknown, header: Uint8Array): Promise<void> {
  const rpm = await getRpm(call, rpmInfo);
  checkInternal(rpm, rpmInfo);
  const build = await getBuild(call, rpm.build_id);
  const directory = call.hub.paths.build(build);
  const found = await stat(directory).catch(() => null);
  if (!found?.isDirectory()) throw new GenericError(`No such directory: ${directory}`);
  const { sigkey, sigmd5 } = readSignature(header);
  const nvra = `${rpm.name}-${rpm.version}-${rpm.release}.${rpm.arch}`;
  if (sigmd5 !== rpm.payloadhash) throw new GenericError(`wrong md5 for ${nvra}: ${sigmd5 ?? ''}`);
  const sighash = createHash('md5').update(header).digest('hex');
  await call.runCallbacks('preRPMSign', { sigkey, sighash, build, rpm });
  const added = await call.db.run(
    sql`INSERT INTO rpmsigs (rpm_id, sigkey, sighash) VALUES (${rpm.id}, ${sigkey}, ${sighash}) ON CONFLICT DO NOTHING`,
  );
  if (added === 0) throw new GenericError(`Signature already exists for package ${nvra}, key ${sigkey}`);
  await stageWrite(call, `${directory}/${call.hub.paths.sighdr(rpm, sigkey)}`, header);
  await call.runCallbacks('postRPMSign', { sigkey, sighash, build, rpm });
}

/** Which signatures of an rpm to forget: that of a key, or all. */
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
    if (await lstat(copy).catch(() => null)) await stageRemoval(call, copy);
    await setHeaderAside(call, `${directory}/${paths.sighdr(rpm, one.sigkey)}`, one.sighash);
  }
  call.log.warn(`Deleted signatures ${found.map((one) => one.sigkey).join(', ')} for rpm ${rpm.id}`);
}

async function setHeaderAside(call: Call, header: string, sighash: string): Promise<void> {
  const kind = await lstat(header).catch(() => null);
  if (!kind) {
    call.log.error(`Missing signature header file: ${header}`);
    return;
  }
  if (!kind.isFile()) throw new GenericError(`Not a regular file: ${header}`);
  const content = await readFile(header);
  const backup = `${header}.${sighash}.save`;
  const saved = await readFile(backup).catch(() => null);
  if (saved && !saved.equals(content)) throw new GenericError(`Stray header backup file: ${backup}`);
  if (!saved) await stageWrite(call, backup, content);
  await stageRemoval(call, header);
}

/** @throws GenericError for an rpm of an external repository, of which there are no files here. */
export function checkInternal(rpm: RpmInfo, reference: unknown): void {
  if (rpm.external_repo_id)
    throw new GenericError(`Not an internal rpm: ${plain(reference)} (from ${rpm.external_repo_name})`);
}

function readSignature(header: Uint8Array): SignatureHeader {
  try {
    return readSignatureHeader(header);
  } catch (cause) {
    if (!(cause instanceof RpmError)) throw cause;
    throw new GenericError(`not a signature header: ${cause.message}`, { cause });
  }
}
