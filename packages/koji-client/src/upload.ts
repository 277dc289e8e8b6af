import { randomInt } from 'node:crypto';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { GenericError } from '@koji/core';
import type { UploadInfo, UploadResult } from '@koji/core/api';

/** A piece of a file to upload. */
export interface Chunk {
  /** The bytes. */
  readonly data: Uint8Array;
  /** The folder in the upload area. */
  readonly directory: string;
  /** The file's name there. */
  readonly name: string;
  /** Its offset in the file; -1 appends. */
  readonly offset: number;
  /** Digest algorithm; adler32. */
  readonly verify?: 'adler32' | 'md5' | 'sha256';
  /** The file may exist; it is first truncated at the offset. */
  readonly overwrite?: boolean;
  /** Volume of the upload area; DEFAULT. */
  readonly volume?: string;
}

/** Progress of an upload. */
export interface UploadProgress {
  /** Bytes sent. */
  readonly done: number;
  /** Bytes of the whole file. */
  readonly total: number;
  /** Bytes of the last chunk. */
  readonly piece: number;
  /** Seconds that the last chunk took. */
  readonly pieceTime: number;
  /** Seconds since the start. */
  readonly time: number;
}

/** Options of an upload. */
export interface UploadOptions {
  /** The file's name there; default: that of the local file. */
  name?: string;
  /** Chunk size in bytes; 1 MiB. */
  blocksize?: number;
  /** Replace an existing file of this name; true, as in Koji's own uploads. */
  overwrite?: boolean;
  /** Volume of the upload area; DEFAULT. */
  volume?: string;
  /** Called after every chunk. */
  onProgress?: (progress: UploadProgress) => void;
  /** Aborts the upload; bytes already sent are kept. */
  signal?: AbortSignal;
}

/** Members of a session that uploads need. */
export interface Uploader {
  chunk(chunk: Chunk): Promise<UploadResult & { readonly tries: number }>;
  call<T>(method: string, args: readonly unknown[], named: Record<string, unknown>): Promise<T>;
}

/** Returns a unique path below the work folder: time and random letters. */
export function uniqueDirectory(prefix: string): string {
  const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
  const random = Array.from({ length: 8 }, () => letters[randomInt(letters.length)]).join('');
  return `${prefix}/${(Date.now() / 1000).toFixed(7)}.${random}`;
}

type Target = UploadOptions & { directory: string };

/** Uploads a local file; compares the size and digest of every chunk, and finally the size of the file. */
export async function uploadFile(uploader: Uploader, target: Target & { file: string }): Promise<void> {
  const handle = await open(target.file, 'r');
  try {
    const { size } = await handle.stat();
    const block = Buffer.alloc(target.blocksize ?? 1_048_576);
    const read = async (): Promise<Uint8Array> => {
      const { bytesRead } = await handle.read(block, 0, block.length, null);
      return block.subarray(0, bytesRead);
    };
    await uploadAll(uploader, { ...target, name: target.name ?? basename(target.file), total: size }, read);
  } finally {
    await handle.close();
  }
}

/** Uploads bytes like {@link uploadFile}. */
export async function uploadBytes(
  uploader: Uploader,
  bytes: Uint8Array,
  target: Target & { name: string },
): Promise<void> {
  const blocksize = target.blocksize ?? 1_048_576;
  let at = 0;
  const read = (): Promise<Uint8Array> => {
    const block = bytes.subarray(at, at + blocksize);
    at += block.length;
    return Promise.resolve(block);
  };
  await uploadAll(uploader, { ...target, total: bytes.length }, read);
}

async function uploadAll(
  uploader: Uploader,
  target: Target & { name: string; total: number },
  read: () => Promise<Uint8Array>,
): Promise<void> {
  const { directory, name, total, onProgress } = target;
  const volume = target.volume && target.volume !== 'DEFAULT' ? { volume: target.volume } : {};
  const start = performance.now();
  let done = 0;
  let repeated = false;
  let sum = 1;
  onProgress?.({ done, total, piece: 0, pieceTime: 0, time: 0 });
  // An empty file is one empty chunk, so there is always a first round.
  for (let data = await read(); data.length > 0 || done === 0; data = await read()) {
    const lap = performance.now();
    const overwrite = target.overwrite ?? true;
    const result = await uploader.chunk({ data, directory, name, offset: done, overwrite, ...volume });
    repeated ||= result.tries > 1;
    checkChunk(result, data);
    sum = adler32(data, sum);
    done += data.length;
    const now = performance.now();
    onProgress?.({
      done,
      total,
      piece: data.length,
      pieceTime: (now - lap) / 1000,
      time: (now - start) / 1000,
    });
    if (data.length === 0) break;
  }
  const verify = repeated ? { verify: 'adler32' } : {};
  const stored = await uploader.call<UploadInfo | null>('checkUpload', [directory, name], {
    ...volume,
    ...verify,
  });
  checkStored(stored, { path: `${directory}/${name}`, size: done, digest: repeated ? hex(sum) : undefined });
}

/** The position of a piece: the file's name and the offset. */
export interface PieceTarget {
  /** The file's name in the upload area. */
  readonly name: string;
  /** Its offset in the file; -1 appends. */
  readonly offset: number;
  /** The file may exist; it is first truncated at the offset. */
  readonly overwrite?: boolean;
  /** Volume of the upload area; DEFAULT. */
  readonly volume?: string;
}

/** Uploads a piece of a file that may still be growing; compares its size and digest. */
export async function uploadPiece(
  uploader: Uploader,
  data: Uint8Array,
  target: PieceTarget & { directory: string },
): Promise<void> {
  checkChunk(await uploader.chunk({ data, ...target }), data);
}

function checkChunk(result: UploadResult, data: Uint8Array): void {
  if (result.size !== data.length)
    throw new GenericError(`server returned wrong chunk size: ${result.size} != ${data.length}`);
  const digest = hex(adler32(data));
  if (result.hexdigest !== digest)
    throw new GenericError(`upload checksum failed: ${result.hexdigest} != ${digest}`);
}

function checkStored(
  stored: UploadInfo | null,
  wanted: { path: string; size: number; digest: string | undefined },
): void {
  const { path, size, digest } = wanted;
  if (!stored) throw new GenericError(`File upload failed: ${path}`);
  if (stored.size !== size)
    throw new GenericError(`Uploaded file is wrong length: ${path}, ${stored.size} != ${size}`);
  if (digest !== undefined && stored.hexdigest !== digest)
    throw new GenericError(`Uploaded file has wrong checksum: ${path}, ${stored.hexdigest} != ${digest}`);
}

/** Returns the Adler-32 checksum of bytes, continuing from that of earlier ones. */
export function adler32(bytes: Uint8Array, from = 1): number {
  let a = from & 0xffff;
  let b = from >>> 16;
  for (let at = 0; at < bytes.length;) {
    // The largest number that keeps both sums below 2^32.
    const end = Math.min(at + 5552, bytes.length);
    for (; at < end; at++) {
      a += bytes[at] as number;
      b += a;
    }
    a %= 65_521;
    b %= 65_521;
  }
  return ((b << 16) | a) >>> 0;
}

function hex(sum: number): string {
  return sum.toString(16).padStart(8, '0');
}
