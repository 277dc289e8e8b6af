import { ParameterError } from '@koji/core';
import type { uploadMethods } from '@koji/core/api';
import type { Handlers } from '../call.js';
import { checkUpload, writeChunk } from '../server/uploads.js';

/** Uploads by XML-RPC. */
export const uploads: Handlers<typeof uploadMethods> = {
  uploadFile({ path, name, size, md5sum, offset, data, volume, checksum }, call) {
    const [verify, digest] = readChecksum(checksum ?? md5sum);
    const at = whole('offset', offset);
    if (at < -1) throw new ParameterError(`uploadFile(): offset is ${at}, less than -1`);
    return writeChunk(call, {
      directory: path,
      name,
      volume,
      size: size === null ? null : whole('size', size),
      verify,
      digest,
      offset: at,
      contents: readBase64(data),
    });
  },

  checkUpload({ path, name, verify, tail, volume }, call) {
    if (tail !== null && typeof tail !== 'number')
      throw new ParameterError('checkUpload(): tail must be a whole number');
    return checkUpload(call, { directory: path, name, volume }, verify, tail);
  },
};

function readChecksum(checksum: unknown): [verify: string | null, digest: string] {
  if (checksum === null) return [null, ''];
  if (typeof checksum === 'string') return ['md5', checksum];
  const [verify, digest] = Array.isArray(checksum) ? (checksum as unknown[]) : [];
  if (typeof verify !== 'string' || typeof digest !== 'string')
    throw new ParameterError('uploadFile(): checksum must be a text or a pair of type and digest');
  return [verify, digest];
}

/** Older clients send large numbers as text. */
function whole(name: string, value: unknown): number {
  const number = typeof value === 'string' && /^-?\d{1,15}$/.test(value.trim()) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number))
    throw new ParameterError(`uploadFile(): ${name} must be a whole number`);
  return number;
}

function readBase64(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return Buffer.from(Buffer.from(data).toString('latin1'), 'base64');
  if (typeof data !== 'string') throw new ParameterError('uploadFile(): data must be base64 text');
  if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(data)) throw new ParameterError('uploadFile(): data is not base64');
  return Buffer.from(data, 'base64');
}
