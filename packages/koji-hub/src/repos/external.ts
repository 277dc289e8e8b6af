/** Asks external repos when they changed last, and notes it, so that repos that use them count as outdated. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { GenericError, messageOf, openFileBelow } from '@koji/core';
import type { Logger } from '@koji/core';
import type { Hub } from '../call.js';
import {
  listTagExternalRepos,
  readExternalRepoData,
  writeExternalRepoData,
} from '../domain/tags/external-repos.js';
import type { OwnCalls } from '../own-calls.js';

/** The longest metadata that is read, in bytes; those of a large repo have a few thousand. */
const mostBytes = 4 * 1024 * 1024;
/** How long a server may take, in milliseconds. */
const patience = 5000;
/** How many servers are asked at the same time. */
const atOnce = 4;

/** Dependencies of the requests. */
export interface Asking {
  readonly hub: Hub;
  readonly own: OwnCalls;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

interface UsedRepo {
  readonly id: number;
  readonly name: string;
  readonly urls: readonly string[];
  /** Known state: the newest time in its metadata, in epoch seconds. */
  readonly known: number;
}

/** One round over all external repos that a tag uses. One that can't be read counts as unchanged. */
export async function checkExternalRepos(asking: Asking): Promise<void> {
  const { own, log, signal } = asking;
  const used = await readUsed(asking);
  const times = await askAll(asking, [...new Set(used.flatMap(({ urls }) => urls))]);
  for (const { id, name, urls, known } of used) {
    if (signal.aborted) return;
    const newest = Math.max(0, ...urls.map((url) => times.get(url) ?? 0));
    if (newest === 0)
      log.warn(`external repo ${name}: no metadata with a time at ${urls.join(', ') || 'any arch'}`);
    if (newest <= known) continue;
    await own.write((call) => writeExternalRepoData(call, id, { max_ts: newest }));
    log.info(`external repo ${name} changed`);
  }
}

function readUsed({ own }: Asking): Promise<UsedRepo[]> {
  return own.read(async (call) => {
    const uses = await listTagExternalRepos(call, {});
    const byId = new Map(uses.map((use) => [use.external_repo_id, use]));
    const arches = (await call.invoke('getAllArches')) as string[];
    const used: UsedRepo[] = [];
    for (const [id, { external_repo_name: name, url }] of [...byId].sort(([a], [b]) => a - b)) {
      const known = (await readExternalRepoData(call, id))?.max_ts;
      const expanded = url.includes('$arch') ? arches.map((arch) => url.replaceAll('$arch', arch)) : [url];
      const urls = expanded.map((one) => `${one.replace(/\/$/, '')}/repodata/repomd.xml`);
      used.push({ id, name, urls, known: Number(known ?? 0) });
    }
    return used;
  });
}

/** The newest time at each url; 0 where none can be read. */
async function askAll(asking: Asking, urls: readonly string[]): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  const left = [...urls];
  const ask = async (): Promise<void> => {
    for (let url = left.shift(); url !== undefined && !asking.signal.aborted; url = left.shift())
      times.set(url, await timeAt(asking, url));
  };
  await Promise.all(Array.from({ length: atOnce }, ask));
  return times;
}

async function timeAt(asking: Asking, url: string): Promise<number> {
  try {
    const text = await readAt(asking, url);
    return text === null ? 0 : newestTime(text);
  } catch (error) {
    if (!asking.signal.aborted) asking.log.warn(`cannot read ${url}: ${messageOf(error)}`);
    return 0;
  }
}

/** Reads metadata; null if there is none, which is usual for some arches. */
async function readAt({ hub, signal }: Asking, url: string): Promise<string | null> {
  const { protocol } = new URL(url);
  if (protocol === 'file:') return readFile(hub, fileURLToPath(url));
  if (protocol !== 'http:' && protocol !== 'https:')
    throw new GenericError(`not http, https or file: ${protocol}`);
  const answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]) });
  if (answer.status === 404) {
    await answer.body?.cancel();
    return null;
  }
  if (!answer.ok) {
    await answer.body?.cancel();
    throw new GenericError(`status ${answer.status}`);
  }
  return readBody(answer);
}

async function readBody({ body }: Response): Promise<string> {
  if (!body) return '';
  const blocks: Uint8Array[] = [];
  let length = 0;
  for await (const block of body as AsyncIterable<Uint8Array>) {
    length += block.length;
    // Leaving the loop ends the connection.
    if (length > mostBytes) throw new GenericError(`longer than ${mostBytes} bytes`);
    blocks.push(block);
  }
  return Buffer.concat(blocks).toString('utf8');
}

/** Only files below configured folders, because users who may create external repos need not see the whole machine. */
async function readFile({ paths, options }: Hub, file: string): Promise<string | null> {
  for (const folder of [paths.topdir, ...options.ExternalRepoPath]) {
    const below = path.relative(folder, file);
    if (below.startsWith('..') || path.isAbsolute(below)) continue;
    const handle = await openFileBelow(folder, below, 'inside').catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    });
    if (!handle) return null;
    try {
      if ((await handle.stat()).size > mostBytes) throw new GenericError(`longer than ${mostBytes} bytes`);
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  }
  throw new GenericError('not below KojiDir or a folder of ExternalRepoPath');
}

/** The newest `timestamp` of a repomd.xml, rounded; 0 when it has none. */
export function newestTime(text: string): number {
  const times = text.matchAll(/<(?:[\w-]+:)?timestamp>\s*(\d{1,12}(?:\.\d{1,9})?)\s*</g);
  return Math.max(0, ...[...times].map(([, time]) => Math.round(Number(time))));
}
