import { GenericError, TAG_UPDATE_TYPES } from '@koji/core';
import type { ImportMethods } from '@koji/core/api';
import type { Call, Handlers } from '../call.js';
import { sql } from '../db/sql.js';
import { importArchive } from '../domain/imports/archive-imports.js';
import { assertMavenEnabled, assertWinEnabled } from '../domain/builds/types.js';
import { getBuild } from '../domain/builds/builds.js';
import { importContent } from '../domain/imports/cg/import.js';
import { refundBuild, reserveBuild } from '../domain/imports/cg/reservations.js';
import { isStruct } from '../domain/values/convert.js';
import { isId } from '../domain/values/ids.js';
import { importRpm, placeRpm } from '../domain/imports/importing.js';
import { checkText } from '../domain/values/names.js';
import { plain } from '../domain/values/repr.js';
import { addSignature } from '../domain/rpms/signatures.js';
import { noteTagUpdate } from '../domain/tags/tags.js';
import { assertHostBuild, assertPathsOfHost } from '../domain/tasks/ownership.js';
import { uploadedFile } from '../domain/files/uploaded.js';

/** Handlers of the methods that bring files in. */
export const imports: Handlers<ImportMethods> = {
  async importRPM({ path, basename }, call) {
    const file = uploadedFile(call, path, basename);
    const { rpm, header } = await importRpm(call, file);
    await placeRpm(call, file, rpm);
    await addSignature(call, rpm.id, header);
    const tags = await call.db.all<{ tag_id: number }>(
      sql`SELECT tag_id FROM tag_listing WHERE active = TRUE AND build_id = ${rpm.build_id}`,
    );
    await noteTagUpdate(
      call,
      tags.map((tag) => tag.tag_id),
      TAG_UPDATE_TYPES.IMPORT,
    );
    return rpm;
  },

  async importArchive({ filepath, buildinfo, type: given, typeInfo }, call) {
    const type = given === 'image' ? given : enabledType(call, given);
    call.session.assertPerm(`${type}-import`);
    const build = await getBuild(call, buildinfo);
    checkText(filepath);
    const file = uploadedFile(call, filepath);
    await importArchive(call, { file, build, type, typeInfo });
    return null;
  },

  async 'host.importArchive'({ filepath, buildinfo, type: given, typeInfo }, call) {
    const hostId = call.session.assertHost();
    const type = enabledType(call, given);
    checkText(filepath);
    const work = `${call.hub.paths.work()}/`;
    // A builder names the file as it sees it, on the same store.
    const isBelow = filepath.startsWith(work);
    if (filepath.startsWith('/') && !isBelow) throw new GenericError(`No such file: ${filepath}`);
    const file = uploadedFile(call, isBelow ? filepath.slice(work.length) : filepath);
    const { id } = isStruct(buildinfo) ? buildinfo : {};
    const build = await getBuild(call, isId(id) ? id : buildinfo);
    await assertHostBuild(call, hostId, build);
    await assertPathsOfHost(call, hostId, [file.slice(work.length)]);
    await importArchive(call, { file, build, type, typeInfo });
    return null;
  },

  CGInitBuild: ({ cg, data }, call) => reserveBuild(call, cg, data),

  async CGRefundBuild({ cg, build_id: build, token, state }, call) {
    await refundBuild(call, cg, { build, token, state });
    return null;
  },

  CGImport: (wanted, call) => importContent(call, wanted),
};

/** Returns the type of an archive, if the hub takes archives of it. */
function enabledType(call: Call, type: unknown): 'maven' | 'win' {
  if (type !== 'maven' && type !== 'win') throw new GenericError(`unsupported archive type: ${plain(type)}`);
  if (type === 'maven') assertMavenEnabled(call);
  else assertWinEnabled(call);
  return type;
}
