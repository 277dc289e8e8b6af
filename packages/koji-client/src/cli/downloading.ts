import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { CHECKSUM_TYPES, PathInfo, joinSafe, nameOf } from '@koji/core';
import { RpmError, RpmHeader, checkRpmDigests } from '@koji/core/rpm';
import { downloadFile, sizeAt } from '../download.js';
import type { DownloadOptions } from '../download.js';
import type { Run } from './command.js';
import { hasScreen } from './output.js';
import { TransferMeter, downloadLine } from './progress.js';
import type { TransferTotals } from './progress.js';
import { printable } from './task-tree.js';

/** How to show a download. */
export interface ShownDownload {
  readonly quiet?: boolean | undefined;
  readonly noprogress?: boolean | undefined;
  /** Size of the file in bytes; requested if absent. */
  readonly size?: number;
  /** Its number among all files. */
  readonly place?: { readonly number: number; readonly total: number; readonly all?: TransferTotals };
}

/** Downloads a file and prints its progress; an existing part is kept. */
export async function downloadShown(
  run: Run,
  url: string,
  file: string,
  { quiet = false, noprogress = false, size: known, place }: ShownDownload,
): Promise<void> {
  const { print, global } = run;
  const say = (line: string): void => {
    if (!quiet) print(line);
  };
  say(`Downloading${place ? ` [${place.number}/${place.total}]` : ''}: ${file}`);
  const size = known || (await sizeAt(url));
  const there = (await stat(file).catch(() => null))?.size ?? 0;
  const count = (done: number, total: number): void => place?.all?.update(place.number, done, total);
  if (size && there === size) {
    count(there, size);
    say(`File ${file} already downloaded, skipping`);
    return;
  }
  if (size && there > 0) say(`Appending to existing file ${file}`);
  const shown = !quiet && !noprogress;
  await downloadFile(url, file, {
    ...(size ? { size } : {}),
    keepTime: true,
    maxRetries: global.max_retries,
    retryInterval: global.retry_interval,
    ...(shown ? downloadShower(run, { knownSize: Boolean(size), count, all: place?.all }) : {}),
  });
  if (shown) print('');
}

/** Returns the progress display of a download: with speed and time left on a terminal, otherwise like Koji's. */
function downloadShower(
  { write }: Run,
  {
    knownSize,
    count,
    all,
  }: {
    readonly knownSize: boolean;
    readonly count: (done: number, total: number) => void;
    readonly all: TransferTotals | undefined;
  },
): Pick<DownloadOptions, 'onProgress' | 'onBreak'> {
  if (!hasScreen())
    return { onProgress: (done, total) => write(`${downloadLine(done, total, knownSize)}\r`) };
  const meter = new TransferMeter();
  return {
    onProgress(done, total) {
      count(done, total);
      const columns = process.stdout.columns || 80;
      const about = all ? `  (${all.text()})` : '';
      // Besides its bytes and speed there must be room for the total of all files.
      const rest = columns - about.length >= leastColumns ? about : '';
      const line = meter.line(done, total, columns - rest.length);
      if (line !== null) write(`\r${line}${rest}\x1b[K`);
    },
    onBreak: (error) => write(`\r${printable(`Interrupted, resuming soon: ${error.message}`)}\x1b[K\n`),
  };
}

/** Columns needed for the line about one file. */
const leastColumns = 50;

/** The fields of an rpm needed for downloading it. */
export interface DownloadedRpm {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly arch: string;
  readonly size: number;
  readonly payloadhash: string;
}

type Build = Parameters<PathInfo['build']>[0];

/** Downloads an rpm, or its copy signed by a key, and checks that it is the rpm that the hub knows. A wrong one is deleted. */
export async function downloadRpm(
  run: Run,
  { build, rpm, topurl, key }: { build: Build; rpm: DownloadedRpm; topurl: string; key?: string | undefined },
  shown: ShownDownload,
): Promise<void> {
  const paths = new PathInfo(topurl);
  const relative = key ? paths.signed(rpm, key) : paths.rpm(rpm);
  const file = basename(relative);
  await downloadShown(run, `${paths.build(build)}/${relative}`, file, {
    ...shown,
    ...(key ? {} : { size: rpm.size }),
  });
  const refuse = async (message: string): Promise<never> => {
    await rm(file, { force: true });
    return run.fail(message);
  };
  const { size } = await stat(file);
  if (!key && size !== rpm.size)
    await refuse(`Downloaded rpm ${file} size ${size} does not match db size ${rpm.size}, deleting`);
  const header = await RpmHeader.read(file).catch(async (error: unknown) => {
    if (!(error instanceof RpmError)) throw error;
    run.warn(error.message);
    return refuse(`Downloaded rpm ${file} is not valid rpm file, deleting`);
  });
  if (header.info().payloadhash !== rpm.payloadhash)
    await refuse(`Downloaded rpm ${file} doesn't match db, deleting`);
  // The header is correct; its digests of the payload show whether all bytes arrived intact.
  if ((await checkRpmDigests(file)).some(({ ok }) => !ok))
    await refuse(`Downloaded rpm ${file} is damaged, deleting`);
}

/** The fields of an archive needed for downloading it. */
export interface DownloadedArchive {
  readonly btype: string;
  readonly filename: string;
  readonly size: number;
  readonly checksum: string;
  readonly checksum_type: number;
  readonly group_id: string;
  readonly artifact_id: string;
  readonly version: string;
  readonly relpath: string;
}

/** Downloads an archive and checks its size and checksum. A wrong one is deleted. */
export async function downloadArchive(
  run: Run,
  { build, archive, topurl }: { build: Build; archive: DownloadedArchive; topurl: string },
  shown: ShownDownload,
): Promise<void> {
  const paths = new PathInfo(topurl);
  const { btype } = archive;
  const relative =
    btype === 'maven'
      ? paths.mavenfile(archive)
      : btype === 'win'
        ? paths.winfile(archive)
        : archive.filename;
  const file = joinSafe('.', relative);
  await downloadShown(run, `${paths.typedir(build, btype)}/${relative}`, file, {
    ...shown,
    size: archive.size,
  });
  const refuse = async (message: string): Promise<never> => {
    await rm(file, { force: true });
    return run.fail(message);
  };
  if ((await stat(file)).size !== archive.size)
    await refuse(`Downloaded rpm ${file} size does not match db size, deleting`);
  const type =
    nameOf(CHECKSUM_TYPES, archive.checksum_type) ??
    run.fail(`Unknown checksum type: ${archive.checksum_type}`);
  const hash = createHash(type);
  await pipeline(createReadStream(file), hash);
  if (hash.digest('hex') !== archive.checksum)
    await refuse(`Downloaded archive ${file} doesn't match checksum, deleting`);
}
