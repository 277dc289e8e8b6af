import { mkdir, open, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { KojidOptions } from '@koji/core/config';
import { backendNames, type BackendName } from './backend.js';

/** This host's record of a buildroot: written before anything else is created, removed after everything else. */
export interface RootNote {
  /** The buildroot's id at the hub. */
  readonly id: number;
  /** The task that made it; null when that is not known. */
  readonly task: number | null;
  readonly name: string;
  readonly backend: BackendName;
  /** The buildroot's own folder. */
  readonly folder: string;
  /** The configuration that the back end's program reads; null if there is none. */
  readonly config: string | null;
  /** The folder that its root is a layer on; null if there is none. */
  readonly base: string | null;
}

type Places = Pick<KojidOptions, 'rootsdir' | 'workdir' | 'mockdir' | 'mockconfigdir'>;

/** The folder for buildroots that mock does not make, and for the notes on all of them. */
export function rootsFolder({ rootsdir, workdir }: Pick<Places, 'rootsdir' | 'workdir'>): string {
  return rootsdir ?? path.join(workdir, 'roots');
}

const notesFolder = (places: Places): string => path.join(rootsFolder(places), 'notes');
/** Where the note on a buildroot is. */
export const noteFile = (places: Places, id: number): string => path.join(notesFolder(places), `${id}.json`);

/** Writes the note on a buildroot, whole or not at all. */
export async function writeNote(places: Places, note: RootNote): Promise<void> {
  const file = noteFile(places, note.id);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(`${file}.part`, `${JSON.stringify(note, null, 2)}\n`);
  await rename(`${file}.part`, file);
}

/** Forgets a buildroot that nothing is left of. */
export async function removeNote(places: Places, id: number): Promise<void> {
  await rm(noteFile(places, id), { force: true });
}

/** The note on a buildroot; null when this host has none. */
export async function readNote(places: Places, id: number): Promise<RootNote | null> {
  const text = await readFile(noteFile(places, id), 'utf8').catch(() => null);
  return text === null ? null : parsed(text);
}

/** The notes on all buildroots of this host, in the order of their ids. */
export async function readNotes(places: Places): Promise<RootNote[]> {
  const names = await readdir(notesFolder(places)).catch(async (error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return adoptMockRoots(places);
  });
  const ids = names.flatMap((name) => (/^\d+\.json$/.test(name) ? [parseInt(name, 10)] : []));
  const notes = await Promise.all(ids.map((id) => readNote(places, id)));
  return notes.flatMap((note) => (note === null ? [] : [note])).sort((a, b) => a.id - b.id);
}

function parsed(text: string): RootNote | null {
  try {
    const { id, task, name, backend, folder, config, base } = JSON.parse(text) as Record<string, unknown>;
    const kind = backendNames.find((one) => one === backend);
    if (typeof id !== 'number' || typeof name !== 'string' || typeof folder !== 'string' || !kind)
      return null;
    return {
      id,
      name,
      folder,
      backend: kind,
      task: typeof task === 'number' ? task : null,
      config: typeof config === 'string' ? config : null,
      base: typeof base === 'string' ? base : null,
    };
  } catch {
    return null; // somebody else's file
  }
}

/** Writes notes on the buildroots of a kojid that had none yet: mock's configurations of them tell what they are. */
async function adoptMockRoots(places: Places): Promise<string[]> {
  const { mockconfigdir, mockdir } = places;
  const names = await readdir(mockconfigdir).catch(() => []);
  const found: string[] = [];
  for (const file of names.filter((one) => one.endsWith('.cfg'))) {
    const config = path.join(mockconfigdir, file);
    const head = await headOf(config);
    const id = /^# Koji buildroot id: (\d+)$/m.exec(head)?.[1];
    const name = /^# Koji buildroot name: ([^/\s]+)$/m.exec(head)?.[1];
    if (id === undefined || name === undefined || /^\.\.?$/.test(name)) continue;
    const about = { task: null, backend: 'mock', base: null } as const;
    await writeNote(places, { ...about, id: Number(id), name, folder: path.join(mockdir, name), config });
    found.push(`${id}.json`);
  }
  return found;
}

async function headOf(file: string): Promise<string> {
  const handle = await open(file, 'r').catch(() => null);
  if (handle === null) return '';
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
