import { any, arg, method, nullable, shape, str } from './method.js';
import type { Methods } from './method.js';
import type { Float } from './types.js';

/** Information about an uploaded file; the last two fields only if a digest was requested. */
export interface UploadInfo {
  readonly size: number;
  readonly mtime: Float;
  /** Number of bytes covered by the digest. */
  readonly sumlength?: number;
  readonly hexdigest?: string;
}

/** The answer to a raw upload: what was written, so that the client can compare. */
export interface UploadResult {
  readonly size: number;
  readonly fileverify: string;
  /** Offset of the chunk in the file. */
  readonly offset: number;
  readonly hexdigest: string;
}

/** Uploads by XML-RPC. Raw uploads are plain POST requests, not a method. */
export const uploadMethods = {
  uploadFile: method({
    doc: 'Write a base64 chunk to a file of the upload area.',
    needs: 'login',
    access: 'none',
    args: [
      arg('path', str),
      arg('name', str),
      arg('size', any<number | string | null>('int | str | null')),
      arg('md5sum', any<string | readonly [string, string] | null>('str | list | null')),
      arg('offset', any<number | string>('int | str')),
      arg('data', any<string>('str')),
      arg('volume', nullable(str), null),
      arg('checksum', any<string | readonly [string, string] | null>('str | list | null'), null),
    ],
    result: shape<boolean>('bool'),
    returns: 'false when size or digest do not match, so that the client tries again',
    faults: ['ActionNotAllowed', 'GenericError', 'LockError'],
  }),
  checkUpload: method({
    doc: 'Size, time and digest of an uploaded file.',
    needs: 'none',
    access: 'read',
    args: [
      arg('path', str),
      arg('name', str),
      arg('verify', nullable(str), null),
      arg('tail', any<number | null>('int | null'), null),
      arg('volume', nullable(str), null),
    ],
    result: shape<UploadInfo | null>('struct(size, mtime, sumlength, hexdigest) | null'),
    returns: 'null when there is no such file',
    faults: ['GenericError', 'LockError'],
  }),
} satisfies Methods;
