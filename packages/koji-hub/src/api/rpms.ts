import type { RpmMethods } from '@koji/core/api';
import { GenericError } from '@koji/core';
import type { RpmSignature } from '@koji/core/api';
import type { Handlers } from '../call.js';
import { query } from '../db/rows.js';
import { id, sql } from '../db/sql.js';
import { findBuildId } from '../domain/builds/builds.js';
import { addExternalRpms, addNewExternalRpm } from '../domain/rpms/external.js';
import { isId, idIs } from '../domain/values/ids.js';
import { findFile, listDependencies, listFiles } from '../domain/rpms/contents.js';
import { readHeaderFields } from '../domain/rpms/files.js';
import { findRpm, findRpms, getRpm, listRpms } from '../domain/rpms/rpms.js';
import { repr } from '../domain/values/repr.js';
import { addSignature, deleteSignatures } from '../domain/rpms/signatures.js';
import { rpmChecksums, writeSignedRpm } from '../domain/rpms/signed-copies.js';
import { readTaggedRpms } from '../domain/tagging/tagging.js';
import { findTag, getTag, getTagId } from '../domain/tags/tags.js';

/** Handlers of the methods about rpms. */
export const rpms: Handlers<RpmMethods> = {
  getRPM({ rpminfo, strict, multi }, call) {
    if (multi) return findRpms(call, rpminfo);
    return (strict ? getRpm : findRpm)(call, rpminfo);
  },

  listRPMs: (filter, call) => listRpms(call, filter),

  async listBuildRPMs({ build }, call) {
    const buildID = await findBuildId(call, build);
    if (buildID === null) throw new GenericError(`No such build: ${repr(build)}`);
    return listRpms(call, { buildID });
  },

  getRPMHeaders: (wanted, call) => readHeaderFields(call, wanted),

  async queryRPMSigs({ rpm_id: rpm, sigkey, queryOpts }, call) {
    const rpmId = rpm === null || isId(rpm) ? rpm : (await findRpm(call, rpm))?.id;
    if (rpmId === undefined) return [];
    const where = rpmId === null ? [] : [idIs('rpmsigs.rpm_id', rpmId)];
    if (sigkey !== null) where.push(sql`rpmsigs.sigkey = ${sigkey.toLowerCase()}`);
    const columns = {
      rpm_id: id('rpmsigs.rpm_id'),
      sigkey: id('rpmsigs.sigkey'),
      sighash: id('rpmsigs.sighash'),
    };
    return query<RpmSignature>(call.db, {
      columns,
      from: sql`rpmsigs`,
      where,
      opts: queryOpts,
      asAdded: 'rpmsigs',
    });
  },

  async addRPMSig({ an_rpm: rpm, data }, call) {
    await addSignature(call, rpm, Buffer.from(data, 'base64'));
    return null;
  },

  async deleteRPMSig({ rpminfo, sigkey, all_sigs: all }, call) {
    await deleteSignatures(call, { rpminfo, sigkey, all });
    return null;
  },

  async writeSignedRPM({ an_rpm: rpm, sigkey, force }, call) {
    await writeSignedRpm(call, rpm, { sigkey, force });
    return null;
  },

  async 'host.writeSignedRPM'({ an_rpm: rpm, sigkey, force }, call) {
    await writeSignedRpm(call, rpm, { sigkey, force });
    return null;
  },

  getRPMChecksums: ({ rpm_id: rpmId, checksum_types: types, cacheonly }, call) =>
    rpmChecksums(call, { rpmId, types, cacheonly }),

  getRPMDeps: (wanted, call) => listDependencies(call, wanted),

  listRPMFiles: ({ rpmID, queryOpts }, call) => listFiles(call, rpmID, queryOpts),

  getRPMFile: (wanted, call) => findFile(call, wanted),

  async addExternalRPM({ rpminfo, external_repo: repo, strict }, call) {
    if (strict) await addNewExternalRpm(call, rpminfo, repo);
    else await addExternalRpms(call, [{ ...rpminfo, location: repo }]);
    return null;
  },

  async listTaggedRPMS({ tag, event, strict, ...filter }, call) {
    const found = await (strict ? getTag : findTag)(call, tag, { event });
    return found ? readTaggedRpms(call, found.id, { ...filter, event }) : [];
  },

  async getLatestRPMS({ tag, ...filter }, call) {
    return readTaggedRpms(call, await getTagId(call, tag), { ...filter, inherit: true, latest: true });
  },
};
