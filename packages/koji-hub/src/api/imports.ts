import { GenericError, TAG_UPDATE_TYPES, joinSafe } from '@koji/core';
import type { ImportMethods } from '@koji/core/api';
import type { Call, Handlers } from '../call.js';
import { sql } from '../db/sql.js';
import { importArchive } from '../domain/archive-imports.js';
import { assertMavenEnabled, assertWinEnabled } from '../domain/build-types.js';
import { getBuild } from '../domain/builds.js';
import { importContent } from '../domain/cg-import.js';
import { refundBuild, reserveBuild } from '../domain/cg-reservations.js';
import { isStruct } from '../domain/convert.js';
import { isId } from '../domain/ids.js';
import { importRpm, placeRpm } from '../domain/importing.js';
import { plain } from '../domain/repr.js';
import { addSignature } from '../domain/signatures.js';
import { noteTagUpdate } from '../domain/tags.js';

/** Handlers of the methods that bring files in. */
export const imports: Handlers<ImportMethods> = {
  async importRPM({ path, basename }, call) {
    const file = uploadPath(call, path, basename);
    const { rpm, header } = await importRpm(call, file);
    await placeRpm(call, file, rpm);
    await addSignature(call, rpm.id, header.signature.bytes);
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

  async importArchive({ filepath, buildinfo, type, typeInfo }, call) {
    if (type !== 'image') checkEnabled(call, type);
    call.session.assertPerm(`${type}-import`);
    const build = await getBuild(call, buildinfo);
    const file = workPath(call, filepath);
    if (file === null) throw new GenericError(`No such file: ${call.hub.paths.work()}/${filepath}`);
    await importArchive(call, { file, build, type, typeInfo });
    return null;
  },

  async 'host.importArchive'({ filepath, buildinfo, type, typeInfo }, call) {
    checkEnabled(call, type);
    const work = `${call.hub.paths.work()}/`;
    // A builder names the file as it sees it, on the same store.
    const file = workPath(call, filepath.startsWith(work) ? filepath.slice(work.length) : filepath);
    if (file === null) throw new GenericError(`No such file: ${filepath}`);
    const { id } = isStruct(buildinfo) ? buildinfo : {};
    const build = await getBuild(call, isId(id) ? id : buildinfo);
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

function checkEnabled(call: Call, type: string): void {
  if (type === 'maven') assertMavenEnabled(call);
  else if (type === 'win') assertWinEnabled(call);
  else throw new GenericError(`unsupported archive type: ${plain(type)}`);
}

/** A path below the upload area; null when it leads out of it. */
function workPath(call: Call, relative: string): string | null {
  try {
    return joinSafe(call.hub.paths.work(), relative);
  } catch {
    return null;
  }
}

function uploadPath(call: Call, directory: string, basename: string): string {
  try {
    return joinSafe(call.hub.paths.work(), directory, basename);
  } catch {
    throw new GenericError(`No such file: ${call.hub.paths.work()}/${directory}/${basename}`);
  }
}
