/** The files of journals: their names, and what others read of them. */
import fs from 'node:fs/promises';
import path from 'node:path';

/** Ending of the names of journals whose changes are not finished. */
export const openEnding = '.journal';
/** Ending of the names of journals whose changes are finished, but not synced yet: nobody needs to wait for these. */
export const finishedEnding = '.finished';

/** A journal in a folder. */
export interface FoundJournal {
  readonly token: string;
  readonly name: string;
  /** Whether its call was committed and its changes are finished. */
  readonly isFinished: boolean;
}

/** Lists the journals in a folder, latest first. */
export async function listJournals(folder: string): Promise<FoundJournal[]> {
  const names: string[] = await fs.readdir(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  const found = names.flatMap((name) => {
    const [, token, end] = /^([0-9a-f]{36})(\.journal|\.finished)$/.exec(name) ?? [];
    return token === undefined ? [] : { token, name, isFinished: end === finishedEnding };
  });
  return found.sort((a, b) => (a.name < b.name ? 1 : -1));
}

/** Removes journals that {@link Journal.keepFinished} kept. */
export async function removeFinished(folder: string, tokens: readonly string[]): Promise<void> {
  for (const token of tokens) await fs.rm(path.join(folder, token + finishedEnding), { force: true });
}

/** Returns the places in a journal, unchecked, to find out which calls it may affect. */
export async function readPlaces(folder: string, token: string): Promise<string[]> {
  const text = await fs.readFile(path.join(folder, token + openEnding), 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  });
  return Array.from(text.matchAll(/"(?:from|to|path)":("(?:[^"\\]|\\.)*")/g), ([, place = '""']) =>
    String(JSON.parse(place)),
  );
}
