import { GenericError } from '@koji/core';
import type { ArchiveTypeMethods } from '@koji/core/api';
import type { Handlers } from '../call.js';
import { matches, sql } from '../db/sql.js';
import { findArchiveType, listArchiveTypes } from '../domain/archives/types.js';
import { truthy } from '../domain/values/convert.js';
import { checkName, checkText } from '../domain/values/names.js';
import { plain } from '../domain/values/repr.js';

/** Handlers of the methods about archive types. */
export const archiveTypes: Handlers<ArchiveTypeMethods> = {
  getArchiveTypes: (_args, call) => listArchiveTypes(call),

  async getArchiveType({ filename, type_name: name, type_id: id, strict }, call) {
    const type = await findArchiveType(call, { id, name, filename });
    if (!type && strict)
      throw new GenericError(
        truthy(id) || truthy(name)
          ? 'query returned no rows'
          : `unsupported file extension: ${plain(filename)}`,
      );
    return type;
  },

  async addArchiveType({ name, description, extensions, compression_type: compression }, call) {
    checkName(call, name);
    checkText(description);
    checkText(extensions);
    checkText(compression, { nullable: true });
    if (compression !== null && compression !== 'zip' && compression !== 'tar')
      throw new GenericError(`Unsupported compression type ${compression}`);
    if (await findArchiveType(call, { name })) throw new GenericError(`archivetype ${name} already exists`);
    for (const extension of extensions.split(' ')) {
      if (!/^[\p{L}\p{N}]+$/u.test(extension.replaceAll('.', '')))
        throw new GenericError(`No such ${extension} file extension`);
      // Koji's own pattern, which finds an extension only where it stands alone or beside an "s".
      const pattern = `(s|^)${extension.toLowerCase()}(s|$)`;
      if (
        await call.db.get(sql`SELECT id FROM archivetypes WHERE ${matches(sql`lower(extensions)`, pattern)}`)
      )
        throw new GenericError(`file extension ${extension} already exists`);
    }
    await call.db.run(
      sql`INSERT INTO archivetypes (name, description, extensions, compression_type)
          VALUES (${name}, ${description}, ${extensions}, ${compression})`,
    );
    return null;
  },

  mavenEnabled: (_args, call) => call.hub.options.EnableMaven,
  winEnabled: (_args, call) => call.hub.options.EnableWin,
};
