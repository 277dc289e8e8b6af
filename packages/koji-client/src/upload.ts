import { randomInt } from 'node:crypto';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { GenericError } from '@koji/core';
import type { UploadInfo, UploadResult } from '@koji/core/api';

/** A piece of a file on its way to the upload area. */
export interface Chunk {
  /** The bytes. */
  readonly data: Uint8Array;
  /** The folder in the upload area. */
  readonly directory: string;
  /** The file's name there. */
  readonly name: string;
  /** Where it begins in the file; -1 appends. */
  readonly offset: number;
  /** How the hub digests it; adler32. */
  readonly verify?: 'adler32' | 'md5' | 'sha256';
  /** The file may be there: it is cut at the offset first. */
  readonly overwrite?: boolean;
  /** The volume whose upload area it is; DEFAULT. */
  readonly volume?: string;
}

/** How far an upload is. */
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

/** How a file is uploaded. */
export interface UploadOptions {
  /** The file's name there; that of the local file. */
  name?: string;
  /** Bytes of a chunk; 1 MiB. */
  blocksize?: number;
  /** Replace a file of that name; true, as in Koji's own uploads. */
  overwrite?: boolean;
  /** The volume whose upload area it goes to; DEFAULT. */
  volume?: string;
  /** Told after every chunk. */
  onProgress?: (progress: UploadProgress) => void;
  /** Ends the upload; what was sent stays there. */
  signal?: AbortSignal;
}

/** What an upload needs of a session. */
export interface Uploader {
  chunk(chunk: Chunk): Promise<UploadResult & { readonly tries: number }>;
  call<T>(method: string, args: readonly unknown[], named: Record<string, unknown>): Promise<T>;
}

/** Returns a path below the work folder that no other upload has: time and random letters. */
export function uniqueDirectory(prefix: string): string {
  const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
  const random = Array.from({ length: 8 }, () => letters[randomInt(letters.length)]).join('');
  return `${prefix}/${(Date.now() / 1000).toFixed(7)}.${random}`;
}

type Target = UploadOptions & { directory: string };

/** Sends a local file; every chunk's size and digest are compared, at the end the file's size. */
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

/** Sends bytes as {@link uploadFile} does. */
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
  // An empty file is one empty chunk, so the first round is always made.
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

/** A piece's place: the file's name, and where in the file it begins. */
export interface PieceTarget {
  /** The file's name in the upload area. */
  readonly name: string;
  /** Where it begins in the file; -1 appends. */
  readonly offset: number;
  /** The file may be there: it is cut at the offset first. */
  readonly overwrite?: boolean;
  /** The volume whose upload area it is; DEFAULT. */
  readonly volume?: string;
}

/** Sends a piece of a file that may still be growing; its size and digest are compared. */
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

/** The Adler-32 checksum of bytes, going on from that of earlier ones. */
export function adler32(bytes: Uint8Array, from = 1): number {
  let a = from & 0xffff;
  let b = from >>> 16;
  for (let at = 0; at < bytes.length;) {
    // As many as keep both sums below 2^32.
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
